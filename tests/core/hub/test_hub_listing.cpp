// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked, of whom, and which files of a repository a model needs; no network.
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <fstream>

#include "core/checkpoint/hub_cache.h"
#include "core/hub/hub_listing.h"
#include "core/hub/hub_settings.h"
#include "core/hub/url.h"

using namespace safequant;
using nlohmann::json;

namespace {

const std::string kCommit(40, 'c');
const std::string kUrl = "http://hub/api";

json answerOf(const QStringList& names) {
    json siblings = json::array();
    for (const QString& name : names)
        siblings.push_back({{"rfilename", name.toStdString()}, {"size", 7}, {"blobId", std::string(40, 'a')}});
    return {{"sha", kCommit}, {"siblings", siblings}};
}

HubListing listingOf(const QStringList& names) { return HubListing::parse(answerOf(names).dump(), kUrl).value(); }

Expected<std::vector<std::string>> needed(const QStringList& names, const std::string& gguf = {}, const json& index = {}) {
    return neededFiles(listingOf(names), gguf, [&](const protocol::HubFile&) { return Expected<std::string>(index.dump()); });
}

QString joined(const Expected<std::vector<std::string>>& names) {
    if (!names) return QString::fromStdString("error: " + names.error().message);
    QStringList list;
    for (const auto& name : *names) list.append(QString::fromStdString(name));
    return list.join(' ');
}

}  // namespace

class TestHubListing : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

private slots:
    void init() {
        for (const char* name : {"HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "SSL_CERT_FILE"}) qunsetenv(name);
        qputenv("HF_HOME", m_folder.path().toUtf8());
    }

    void readsTheEnvironment() {
        auto settings = HubSettings::fromEnvironment().value();
        QCOMPARE(settings.endpoint, std::string("https://huggingface.co"));
        QCOMPARE(settings.host(), std::string("huggingface.co"));
        QCOMPARE(settings.cache, m_folder.path().toStdString() + "/hub");
        QVERIFY(settings.token.empty() && settings.tokenPlace.empty() && !settings.offline);

        const std::string tokenFile = m_folder.path().toStdString() + "/token";
        std::ofstream(tokenFile) << " hf_file \r\n";
        settings = HubSettings::fromEnvironment().value();
        QCOMPARE(settings.token, std::string("hf_file"));
        QCOMPARE(settings.tokenPlace, tokenFile);
        const std::string elsewhere = m_folder.path().toStdString() + "/elsewhere";
        std::ofstream(elsewhere) << "hf_elsewhere";
        qputenv("HF_TOKEN_PATH", QByteArray::fromStdString(elsewhere));
        QCOMPARE(HubSettings::fromEnvironment()->token, std::string("hf_elsewhere"));
        // What would begin another line of the request's head is gone.
        qputenv("HF_TOKEN", "hf_variable\r\nX-Other: 1");
        settings = HubSettings::fromEnvironment().value();
        QCOMPARE(settings.token, std::string("hf_variableX-Other:1"));
        QCOMPARE(settings.tokenPlace, std::string("HF_TOKEN"));

        qputenv("HF_ENDPOINT", "http://localhost:8080/hub//");
        settings = HubSettings::fromEnvironment().value();
        QCOMPARE(settings.endpoint, std::string("http://localhost:8080/hub"));
        QCOMPARE(settings.host(), std::string("localhost:8080"));
        for (const char* on : {"1", "true", "ON", "Yes"}) {
            qputenv("HF_HUB_OFFLINE", on);
            QVERIFY(HubSettings::fromEnvironment()->offline);
        }
        qputenv("HF_HUB_OFFLINE", "0");
        QVERIFY(!HubSettings::fromEnvironment()->offline);
        for (const char* bad : {"huggingface", "ftp://huggingface.co", "file:///etc", "http://"}) {
            qputenv("HF_ENDPOINT", bad);
            const auto broken = HubSettings::fromEnvironment();
            QVERIFY2(!broken.has_value(), bad);
            QVERIFY(broken.error().context.ends_with(bad));
        }
    }

    void tellsHostsApart() {
        const auto hub = Url::parse("https://Hub.example/path");
        QVERIFY(hub.has_value());
        QVERIFY(hub == Url::parse("https://hub.example:443/other?x=1"));
        for (const char* other : {"http://hub.example/", "https://hub.example:8443/", "https://cdn.hub.example/", "https://hub.example.evil/",
                                  "https://hub.example@evil/"})
            QVERIFY2(Url::parse(other).has_value() && hub != Url::parse(other), other);
        QCOMPARE(escapedSegment("refs/pr/3 ?#%"), std::string("refs%2Fpr%2F3%20%3F%23%25"));
        QCOMPARE(escapedPath("Q4/a b+c.gguf"), std::string("Q4/a%20b%2Bc.gguf"));
    }

    void readsListings() {
        json answer = answerOf({"config.json"});
        answer["siblings"].push_back({{"rfilename", "model.safetensors"}, {"size", 135}, {"blobId", std::string(40, 'b')},
                                      {"lfs", {{"sha256", std::string(64, 'd')}, {"size", 5'000'000'000}, {"pointerSize", 135}}}});
        answer["cardData"] = {{"license", "other"}, {"license_name", "llama3"}};
        answer["gated"] = "manual";
        const auto listing = HubListing::parse(answer.dump(), kUrl).value();
        QCOMPARE(listing.commit, kCommit);
        QCOMPARE(listing.license, std::string("llama3"));
        QCOMPARE(listing.gated, std::string("manual"));
        QCOMPARE(listing.find("model.safetensors")->hash, std::string(64, 'd'));
        QCOMPARE(listing.find("model.safetensors")->bytes, std::uint64_t{5'000'000'000});
        QCOMPARE(listing.find("config.json")->hash, std::string(40, 'a'));
        QVERIFY(listing.find("other") == nullptr);
        answer["cardData"] = nullptr;
        answer["gated"] = false;
        answer["tags"] = {"gguf", "license:mit"};
        QCOMPARE(HubListing::parse(answer.dump(), kUrl)->license, std::string("mit"));
        QVERIFY(HubListing::parse(answer.dump(), kUrl)->gated.empty());
    }

    void refusesBrokenListings_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("says");
        const auto row = [](const char* name, const json& answer, const char* says) { QTest::newRow(name) << QString::fromStdString(answer.dump()) << says; };
        QTest::newRow("no JSON") << "{\"sha\": " << "";
        row("a list", json::array(), "no commit");
        row("no commit", {{"siblings", json::array()}}, "no commit");
        json odd = answerOf({"a"});
        odd["sha"] = "../../../../etc";
        row("a commit that is a path", odd, "no commit");
        for (const char* name : {"../evil", "/etc/passwd", "a/../../b", "a//b", "", ".", "a\\b", "a\nb"})
            row(("name " + std::string(name)).c_str(), answerOf({name}), "leads elsewhere");
        odd = answerOf({"a"});
        odd["siblings"][0]["blobId"] = "../x";
        row("a hash that is a path", odd, "size or hash");
        odd = answerOf({"a"});
        odd["siblings"][0].erase("size");
        row("no size", odd, "size or hash");
        odd["siblings"][0]["size"] = -1;
        row("a negative size", odd, "size or hash");
        odd = answerOf({"a"});
        odd["siblings"][0] = "a";
        row("a file that is a text", odd, "leads elsewhere");
    }
    void refusesBrokenListings() {
        QFETCH(QString, text);
        QFETCH(QString, says);
        const auto listing = HubListing::parse(text.toStdString(), kUrl);
        QVERIFY(!listing.has_value());
        QCOMPARE(listing.error().kind, ErrorKind::BadInput);
        QCOMPARE(listing.error().context, kUrl);
        QVERIFY2(listing.error().message.find(says.toStdString()) != std::string::npos, listing.error().message.c_str());
    }

    void choosesWhatIsRead() {
        const QStringList llama{".gitattributes", "README.md", "config.json", "generation_config.json", "model.safetensors", "onnx/model.onnx",
                                "onnx/model.safetensors", "pytorch_model.bin", "special_tokens_map.json", "tokenizer.json", "tokenizer.model",
                                "tokenizer_config.json", "vocab.json", "merges.txt", "chat_template.jinja", "training_args.bin"};
        QCOMPARE(joined(needed(llama)), QString("config.json generation_config.json special_tokens_map.json tokenizer.json tokenizer_config.json "
                                                "chat_template.jinja model.safetensors"));
        QCOMPARE(joined(needed({"config.json", "model.safetensors", "tokenizer.model"})), QString("config.json tokenizer.model model.safetensors"));
        QCOMPARE(joined(needed({"config.json", "merges.txt", "model.safetensors", "vocab.json"})),
                 QString("config.json merges.txt vocab.json model.safetensors"));
        QCOMPARE(joined(needed({"config.json", "model.safetensors", "qwen.tiktoken", "vocab.json"})), QString("config.json qwen.tiktoken model.safetensors"));
        QCOMPARE(joined(needed({"config.json", "quantize_config.json", "gptq_model-4bit.safetensors"})),
                 QString("config.json quantize_config.json gptq_model-4bit.safetensors"));
        QCOMPARE(joined(needed({"README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"})),
                 QString("adapter_config.json adapter_model.safetensors"));
    }

    void takesTheShardsOfTheIndexAlone() {
        const QStringList names{"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                                "model.safetensors.index.json"};
        const json index{{"weight_map", {{"a", "model-00002-of-00002.safetensors"}, {"b", "model-00001-of-00002.safetensors"}}}};
        QCOMPARE(joined(needed(names, {}, index)), QString("config.json model.safetensors.index.json model-00001-of-00002.safetensors "
                                                           "model-00002-of-00002.safetensors"));
        QVERIFY(joined(needed({"config.json", "model.safetensors.index.json"}, {}, index)).contains("no file \"model-00002-of-00002.safetensors\""));
        QVERIFY(joined(needed(names, {}, {{"weight_map", {{"a", "../consolidated.safetensors"}}}})).contains("no file"));
        QVERIFY(joined(needed(names, {}, {{"weight_map", 1}})).contains("weight_map"));
        QVERIFY(joined(needed({"config.json", "a.safetensors", "b.safetensors"})).contains("several safetensors files"));
    }

    void choosesGgufs() {
        const QStringList several{"Q8/m-Q8-00001-of-00002.gguf", "Q8/m-Q8-00002-of-00002.gguf", "m-Q4.gguf", "mmproj-F16.gguf", "README.md"};
        const auto ggufs = ggufsOf(listingOf(several));
        QCOMPARE(ggufs.size(), std::size_t{2});
        QCOMPARE(ggufs[0].file, std::string("Q8/m-Q8-00001-of-00002.gguf"));
        QCOMPARE(ggufs[0].parts, 2);
        QCOMPARE(ggufs[0].bytes, std::uint64_t{14});
        QCOMPARE(joined(needed(several)), QString());
        QCOMPARE(joined(needed(several, "m-Q4.gguf")), QString("m-Q4.gguf"));
        for (const char* part : {"Q8/m-Q8-00001-of-00002.gguf", "Q8/m-Q8-00002-of-00002.gguf"})
            QCOMPARE(joined(needed(several, part)), QString("Q8/m-Q8-00001-of-00002.gguf Q8/m-Q8-00002-of-00002.gguf"));
        QVERIFY(joined(needed(several, "m-Q5.gguf")).contains("did you mean \"m-Q4.gguf\"?"));
        QVERIFY(joined(needed({"config.json", "model.safetensors"}, "x.gguf")).contains("no GGUF files"));
        QVERIFY(joined(needed({"m-00001-of-00002.gguf"}, "m-00001-of-00002.gguf")).contains("no file \"m-00002-of-00002.gguf\""));
        QCOMPARE(joined(needed({"only.gguf", "config.json"})), QString("only.gguf"));
        // A folder's weights come first, a GGUF file when it is asked for.
        const QStringList both{"config.json", "model.safetensors", "m.gguf"};
        QCOMPARE(joined(needed(both)), QString("config.json model.safetensors"));
        QCOMPARE(joined(needed(both, "m.gguf")), QString("m.gguf"));
    }

    void leavesPicklesAlone() {
        for (const char* pickle : {"pytorch_model.bin", "consolidated.00.pth", "model.pt", "model.ckpt"}) {
            const auto names = needed({"config.json", pickle});
            QCOMPARE(names.error().kind, ErrorKind::Unsupported);
            QVERIFY(names.error().message.find(pickle) != std::string::npos && names.error().message.find("pickle") != std::string::npos);
        }
        QCOMPARE(needed({"README.md"}).error().kind, ErrorKind::NotFound);
        QVERIFY(joined(needed({"unet.safetensors"})).contains("no config.json"));
    }
};

QTEST_GUILESS_MAIN(TestHubListing)
#include "test_hub_listing.moc"
