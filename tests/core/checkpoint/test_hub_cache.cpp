// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/hub_cache.h"
#include "small_files.h"

using namespace safequant;
using namespace safequant::test;

namespace {

namespace fs = std::filesystem;

/// A cache with the tiny Llama "org/tiny" at two commits, "main" being the first.
void makeCache(const std::string& cache) {
    const std::string model = cache + "/models--org--tiny";
    for (const char* commit : {"aaaa1111", "bbbb2222"}) {
        fs::create_directories(model + "/snapshots/" + commit);
        writeBytes(model + "/snapshots/" + commit + "/config.json", tinyConfig().dump());
        writeBytes(model + "/snapshots/" + commit + "/model.safetensors", safetensorsOf(tinyWeights()));
    }
    fs::create_directories(model + "/refs/refs/pr");
    writeBytes(model + "/refs/main", "aaaa1111\n");
    writeBytes(model + "/refs/refs/pr/3", "bbbb2222");
    writeBytes(model + "/refs/broken", "../../..");
}

}  // namespace

class TestHubCache : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::string path(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

private slots:
    void init() {
        for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) qunsetenv(name);
        qputenv("HOME", m_folder.path().toUtf8());
    }

    void readsNames() {
        const auto name = HubName::parse("meta-llama/Llama-2-7b-hf");
        QVERIFY(name.has_value());
        QCOMPARE(name->repository, std::string("meta-llama/Llama-2-7b-hf"));
        QCOMPARE(name->revision, std::string("main"));
        QCOMPARE(HubName::parse("a/b@v1.0")->revision, std::string("v1.0"));
        QCOMPARE(HubName::parse("a/b@refs/pr/3")->revision, std::string("refs/pr/3"));
        for (const char* text : {"", "a", "/a/b", "a/b/c", "../b", "a/..", "./b", "a/b@", "a/b@../x", "a/b@/etc",
                                 "a/b c", "~/b", "a//b", "models/x.gguf", "a/model.safetensors"})
            QVERIFY2(!HubName::parse(text).has_value(), text);
        // What exists is meant as a path.
        fs::create_directories(path("here/now"));
        const auto before = fs::current_path();
        fs::current_path(path(""));
        const bool named = HubName::parse("here/now").has_value();
        fs::current_path(before);
        QVERIFY(!named);
        QCOMPARE(absoluteModelPath("a/b"), std::string("a/b"));
        QCOMPARE(absoluteModelPath("x.gguf"), (fs::current_path() / "x.gguf").string());
        QCOMPARE(absoluteModelPath("here/now", path("")), (fs::path(path("")) / "here/now").lexically_normal().string());
        QCOMPARE(absoluteModelPath("here/later", path("")), std::string("here/later"));
    }

    void looksWhereHuggingFaceDoes_data() {
        QTest::addColumn<QString>("variable");
        QTest::addColumn<QString>("value");
        QTest::addColumn<QString>("cache");
        QTest::newRow("home") << ""
                              << ""
                              << "/.cache/huggingface/hub";
        QTest::newRow("XDG_CACHE_HOME") << "XDG_CACHE_HOME"
                                        << "/xdg"
                                        << "/xdg/huggingface/hub";
        QTest::newRow("HF_HOME") << "HF_HOME"
                                 << "/hf"
                                 << "/hf/hub";
        QTest::newRow("HF_HUB_CACHE") << "HF_HUB_CACHE"
                                      << "/cache"
                                      << "/cache";
    }
    void looksWhereHuggingFaceDoes() {
        QFETCH(QString, variable);
        QFETCH(QString, value);
        QFETCH(QString, cache);
        if (!variable.isEmpty()) qputenv(variable.toUtf8(), (m_folder.path() + value).toUtf8());
        const std::string folder = (m_folder.path() + cache).toStdString();
        makeCache(folder);
        const auto opened = openCheckpoint("org/tiny");
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        QCOMPARE((*opened)->path(), folder + "/models--org--tiny/snapshots/aaaa1111");
        for (const char* revision : {"bbbb2222", "refs/pr/3"})
            QCOMPARE(findInHubCache({"org/tiny", revision}).value(), folder + "/models--org--tiny/snapshots/bbbb2222");
        fs::remove_all(folder);
    }

    void saysWhatIsThere() {
        const std::string cache = path("cache");
        qputenv("HF_HUB_CACHE", QByteArray::fromStdString(cache));
        auto missing = openCheckpoint("org/other");
        QVERIFY(!missing.has_value());
        QCOMPARE(missing.error().kind, ErrorKind::NotFound);
        QCOMPARE(missing.error().context, cache);
        QVERIFY(missing.error().message.find("holds no models") != std::string::npos);
        makeCache(cache);
        QVERIFY(openCheckpoint("org/other").error().message.find("holds org/tiny") != std::string::npos);
        // A download that was begun is no model yet.
        fs::create_directories(cache + "/models--org--begun/blobs");
        fs::create_directories(cache + "/models--org--begun/snapshots");
        missing = openCheckpoint("org/begun");
        QVERIFY2(missing.error().message.find("no model of that name in the local Hugging Face cache, which holds org/tiny.") != std::string::npos,
                 missing.error().message.c_str());
        missing = openCheckpoint("org/tiny@cccc");
        QCOMPARE(missing.error().kind, ErrorKind::NotFound);
        QVERIFY2(missing.error().message.find("it has aaaa1111, bbbb2222") != std::string::npos,
                 missing.error().message.c_str());
        const auto broken = openCheckpoint("org/tiny@broken");
        QCOMPARE(broken.error().kind, ErrorKind::BadInput);
        QVERIFY(broken.error().context.ends_with("refs/broken"));
    }
};

QTEST_GUILESS_MAIN(TestHubCache)
#include "test_hub_cache.moc"
