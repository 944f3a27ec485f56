// SPDX-License-Identifier: GPL-3.0-or-later
// Downloads from a Hub on this machine: what arrives, what is asked, and every way in which it goes wrong.
#include <sys/resource.h>

#include <QCryptographicHash>
#include <QDir>
#include <QTemporaryDir>
#include <QTest>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/hub_cache.h"
#include "core/hub/hub_download.h"
#include "tests/support/hub_process.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using namespace safequant::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const QString kWeights = QStringLiteral("model.safetensors");
constexpr std::chrono::seconds kSoon{20};

/// Of the requests, those that were answered with bytes of this file.
std::vector<json> bodiesOf(const std::vector<json>& requests, const std::string& file) {
    std::vector<json> found;
    for (const auto& request : requests)
        if (request["path"].get<std::string>().find(file) != std::string::npos && request["status"] != 302 && request["status"] != 307)
            found.push_back(request);
    return found;
}

}  // namespace

class TestHubDownload : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_model, m_home;
    std::unique_ptr<HubProcess> m_hub;
    HubSettings m_settings;
    int m_homes = 0;

    QString repository() const { return m_folder.filePath("hub/org/tiny"); }
    QString cache() const { return m_home + "/hub/models--org--tiny"; }
    void behave(const json& behaviour = json::object()) { writeFile(repository() + "/.hub.json", QByteArray::fromStdString(behaviour.dump())); }
    Expected<protocol::HubPlan> plan(const std::string& name = "org/tiny", const std::string& gguf = {}) {
        return planHubDownload(HubName::parseForm(name).value(), gguf, m_settings, {});
    }
    Expected<protocol::HubOutcome> download(const std::string& name = "org/tiny", const std::string& gguf = {}) {
        const auto planned = plan(name, gguf);
        if (!planned) return fail(planned.error());
        return downloadFromHub(*planned, m_settings, [](const protocol::HubProgress&) {}, {});
    }
    QString blobOf(const QString& file) {
        return cache() + "/blobs/" + QCryptographicHash::hash(readFile(repository() + '/' + file), QCryptographicHash::Sha256).toHex();
    }
    /// The error of a download, which must fail.
    Error errorOf(const Expected<protocol::HubOutcome>& outcome) { return outcome ? Error{ErrorKind::Failed, "it did not fail", {}} : outcome.error(); }

private slots:
    void initTestCase() {
        writeTinyModel(m_folder.filePath("model").toStdString());
        m_hub = std::make_unique<HubProcess>(m_folder.filePath("hub"));
    }

    /// A fresh repository and an empty cache for every test.
    void init() {
        QDir(m_folder.filePath("hub")).removeRecursively();
        QVERIFY(QDir().mkpath(repository()));
        for (const QString& name : QDir(m_folder.filePath("model")).entryList(QDir::Files))
            QVERIFY(QFile::copy(m_folder.filePath("model/" + name), repository() + '/' + name));
        writeFile(repository() + "/README.md", "# tiny");
        writeFile(repository() + "/pytorch_model.bin", "a pickle");
        m_home = m_folder.filePath(QString("home%1").arg(m_homes++));
        useHub(m_hub->endpoint(), m_home);
        m_settings = HubSettings::fromEnvironment().value();
        m_settings.retry = {4, 0.05, 2.0};
        m_settings.stallSeconds = 5;
        m_hub->requests();
    }

    void planTellsWithoutWriting() {
        behave({{"license", "apache-2.0"}});
        const auto planned = plan();
        QVERIFY2(planned.has_value(), planned ? "" : planned.error().describe().c_str());
        QCOMPARE(planned->license, std::string("apache-2.0"));
        QCOMPARE(planned->host, m_hub->endpoint().substr(7));
        QVERIFY(planned->gated.empty() && planned->file.empty() && planned->ggufs.empty());
        QCOMPARE(planned->files.size(), std::size_t{4});
        std::uint64_t bytes = 0;
        for (const auto& file : planned->files) {
            QCOMPARE(file.bytes, std::uint64_t(QFileInfo(repository() + '/' + QString::fromStdString(file.name)).size()));
            bytes += file.bytes;
        }
        QCOMPARE(planned->bytes, bytes);
        QCOMPARE(planned->missingBytes(), bytes);
        QVERIFY(planned->fits() && planned->availableBytes > 0);
        QVERIFY(!QDir(m_home).exists());
        QCOMPARE(m_hub->requests().size(), std::size_t{1});
    }

    void arrivesInTheCachesOwnLayout() {
        qputenv("HF_TOKEN", "good");
        m_settings.token = "good";
        std::vector<protocol::HubProgress> told;
        const auto planned = plan().value();
        const auto outcome = downloadFromHub(planned, m_settings, [&](const protocol::HubProgress& now) { told.push_back(now); }, {});
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        const QString snapshot = cache() + "/snapshots/" + QString::fromStdString(planned.commit);
        QCOMPARE(outcome->path, snapshot.toStdString());
        QCOMPARE(outcome->receivedBytes, planned.bytes);
        QCOMPARE(readFile(cache() + "/refs/main"), QByteArray::fromStdString(planned.commit));
        QCOMPARE(QDir(snapshot).entryList(QDir::Files), (QStringList{"config.json", kWeights, "tokenizer.json", "tokenizer_config.json"}));
        QStringList blobs;
        for (const QString& name : QDir(snapshot).entryList(QDir::Files)) {
            const QByteArray content = readFile(repository() + '/' + name);
            QCOMPARE(readFile(snapshot + '/' + name), content);
            const bool large = name == kWeights;
            const QByteArray hashed = large ? content : "blob " + QByteArray::number(content.size()) + '\0' + content;
            const QString hash = QCryptographicHash::hash(hashed, large ? QCryptographicHash::Sha256 : QCryptographicHash::Sha1).toHex();
            QCOMPARE(fs::read_symlink((snapshot + '/' + name).toStdString()).string(), "../../blobs/" + hash.toStdString());
            blobs.append(hash);
        }
        blobs.sort();
        QCOMPARE(QDir(cache() + "/blobs").entryList(QDir::Files, QDir::Name), blobs);
        QCOMPARE(told.back().doneBytes, planned.bytes);
        QCOMPARE(told.back().totalBytes, planned.bytes);
        for (std::size_t i = 1; i < told.size(); ++i) QVERIFY(told[i].doneBytes >= told[i - 1].doneBytes);

        const auto requests = m_hub->requests();
        bool tokenAtHub = false;
        for (const auto& request : requests) {
            QVERIFY2(request["server"] == "hub" || request["token"].is_null(), request.dump().c_str());
            QVERIFY(request["range"].is_null());
            QVERIFY(request["agent"].get<std::string>().starts_with("safequant-workbench/"));
            QVERIFY(request["path"].get<std::string>().find("README") == std::string::npos);
            QVERIFY(request["path"].get<std::string>().find(".bin") == std::string::npos);
            tokenAtHub = tokenAtHub || request["token"] == "good";
        }
        QVERIFY(tokenAtHub);
        QCOMPARE(bodiesOf(requests, "model.safetensors").size(), std::size_t{1});
        QCOMPARE(bodiesOf(requests, "model.safetensors").front()["server"], json("cdn"));

        const auto opened = openCheckpoint("org/tiny");
        QVERIFY2(opened.has_value(), opened ? "" : opened.error().describe().c_str());
        QCOMPARE((*opened)->path(), snapshot.toStdString());

        // A second time nothing but the listing is asked for.
        const auto again = plan().value();
        QCOMPARE(again.missingBytes(), std::uint64_t{0});
        const auto second = downloadFromHub(again, m_settings, [](const protocol::HubProgress&) {}, {});
        QCOMPARE(second->receivedBytes, std::uint64_t{0});
        QCOMPARE(second->path, outcome->path);
        QCOMPARE(m_hub->requests().size(), std::size_t{1});
    }

    void aNewCommitFetchesWhatChanged() {
        const auto first = download().value();
        QByteArray config = readFile(repository() + "/config.json");
        writeFile(repository() + "/config.json", config + "\n");
        m_hub->requests();
        const auto second = download().value();
        QVERIFY(second.path != first.path);
        QCOMPARE(second.receivedBytes, std::uint64_t(config.size() + 1));
        QVERIFY(bodiesOf(m_hub->requests(), "model.safetensors").empty());
        QCOMPARE(openCheckpoint("org/tiny").value()->path(), second.path);
        QVERIFY(fs::exists(first.path + "/config.json"));
    }

    void namesOfRevisions() {
        const auto tag = download("org/tiny@v1.0").value();
        QVERIFY(!QFile::exists(cache() + "/refs/main"));
        QCOMPARE(findInHubCache({"org/tiny", "v1.0"}).value(), tag.path);
        QVERIFY(download("org/tiny@refs/pr/3").has_value());
        QCOMPARE(findInHubCache({"org/tiny", "refs/pr/3"}).value(), tag.path);
        const std::string commit = fs::path(tag.path).filename();
        QVERIFY(download("org/tiny@" + commit).has_value());
        QVERIFY(!fs::exists(cache().toStdString() + "/refs/" + commit));
        const Error error = errorOf(download("org/tiny@v9"));
        QCOMPARE(error.kind, ErrorKind::NotFound);
        QVERIFY2(error.message.find("no revision \"v9\"") != std::string::npos, error.message.c_str());
    }

    void brokenConnectionsGoOnWhereTheyBroke() {
        behave({{"faults", {{"model.safetensors", {{{"drop_after", 40000}}, {{"drop_after", 30000}}, nullptr}}}}});
        const auto outcome = download();
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        const auto bodies = bodiesOf(m_hub->requests(), "model.safetensors");
        QCOMPARE(bodies.size(), std::size_t{3});
        QVERIFY(bodies[0]["range"].is_null());
        QCOMPARE(bodies[1]["range"], json("bytes=40000-"));
        QCOMPARE(bodies[2]["range"], json("bytes=70000-"));
        QCOMPARE(bodies[2]["status"], json(206));
        QCOMPARE(bodies[2]["sent"].get<qint64>(), QFileInfo(repository() + '/' + kWeights).size() - 70000);
        QVERIFY(openCheckpoint("org/tiny").has_value());
    }

    void aConnectionThatOnlyBreaksIsGivenUp() {
        json faults = json::array({{{"drop_after", 1000}}});
        for (int i = 0; i < 4; ++i) faults.push_back({{"drop_after", 0}});
        behave({{"faults", {{"model.safetensors", faults}}}});
        const Error error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Io);
        QVERIFY2(error.message.find("broke") != std::string::npos, error.message.c_str());
        // The faults are over: it goes on with what came.
        m_hub->requests();
        QVERIFY(download().has_value());
        QCOMPARE(bodiesOf(m_hub->requests(), "model.safetensors").front()["range"], json("bytes=1000-"));
    }

    void goesOnWithWhatIsThere_data() {
        QTest::addColumn<int>("kept");
        QTest::addColumn<bool>("ignoresRange");
        QTest::addColumn<QString>("range");
        QTest::newRow("half") << 50000 << false << "bytes=50000-";
        QTest::newRow("the server knows no ranges") << 50000 << true << "bytes=50000-";
        QTest::newRow("all of it") << -1 << false << "none";
        QTest::newRow("more than all") << 10'000'000 << false << "";
    }
    void goesOnWithWhatIsThere() {
        QFETCH(int, kept);
        QFETCH(bool, ignoresRange);
        QFETCH(QString, range);
        QByteArray content = readFile(repository() + '/' + kWeights);
        const auto size = content.size();
        if (kept > size) content.append(kept - size, 'x');
        else if (kept > 0) content.truncate(kept);
        QVERIFY(QDir().mkpath(cache() + "/blobs"));
        writeFile(blobOf(kWeights) + ".incomplete", content);
        behave({{"ignore_range", ignoresRange}});
        const auto planned = plan().value();
        QCOMPARE(planned.presentBytes, std::uint64_t(kept > size ? 0 : content.size()));
        m_hub->requests();
        const auto outcome = download();
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        const auto bodies = bodiesOf(m_hub->requests(), "model.safetensors");
        QCOMPARE(bodies.size(), std::size_t(range == "none" ? 0 : 1));
        if (range.startsWith("bytes")) QCOMPARE(bodies[0]["range"].get<std::string>(), range.toStdString());
        QCOMPARE(readFile(QString::fromStdString(outcome->path) + '/' + kWeights), readFile(repository() + '/' + kWeights));
        QVERIFY(!QFile::exists(blobOf(kWeights) + ".incomplete"));
    }

    void whatIsNotTheFileIsRemoved() {
        behave({{"corrupt", {"tokenizer.json"}}});
        Error error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Mismatch);
        QVERIFY2(error.message.find("tokenizer.json") != std::string::npos && error.message.find("Git hash") != std::string::npos, error.message.c_str());
        // A beginning that is another file's shows at the end.
        behave();
        const QString incomplete = blobOf(kWeights) + ".incomplete";
        writeFile(incomplete, QByteArray(5000, 'x'));
        error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Mismatch);
        QVERIFY2(error.message.find("SHA-256") != std::string::npos && error.message.find("removed") != std::string::npos, error.message.c_str());
        QVERIFY(!QFile::exists(incomplete) && !QFile::exists(blobOf(kWeights)));
        QVERIFY(!QDir(cache() + "/snapshots").exists() && !QDir(cache() + "/refs").exists());
        // Longer than listed.
        behave({{"sizes", {{"model.safetensors", 1000}}}});
        error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Mismatch);
        QVERIFY(error.message.find("longer") != std::string::npos);
        behave();
        QVERIFY(download().has_value());
    }

    void busyServersAreAskedAgain() {
        behave({{"faults", {{"api", {{{"status", 503}}, {{"status", 500}}, nullptr}},
                            {"model.safetensors", {{{"status", 429}, {"retry_after", 1}}, nullptr}},
                            {"config.json", {{{"status", 504}}, nullptr}}}}});
        std::vector<std::string> notes;
        const auto planned = plan();
        QVERIFY2(planned.has_value(), planned ? "" : planned.error().describe().c_str());
        const auto before = std::chrono::steady_clock::now();
        const auto outcome = downloadFromHub(*planned, m_settings, [&](const protocol::HubProgress& now) {
            if (!now.note.empty()) notes.push_back(now.note);
        }, {});
        QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        QVERIFY(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(950));
        QCOMPARE(notes.size(), std::size_t{2});
        QCOMPARE(notes[0], std::string("The server answers with error 504; trying again in 1 s."));
        QCOMPARE(notes[1], std::string("The server asks for fewer requests; trying again in 1 s."));
    }

    void serversThatStayBusyAreNamed_data() {
        QTest::addColumn<int>("status");
        QTest::addColumn<int>("patience");
        QTest::addColumn<int>("requests");
        QTest::addColumn<QString>("says");
        QTest::newRow("503") << 503 << 0 << 4 << "error 503";
        QTest::newRow("429") << 429 << 0 << 4 << "no more requests";
        QTest::newRow("an hour") << 429 << 3600 << 1 << "Try again in 3600 s";
    }
    void serversThatStayBusyAreNamed() {
        QFETCH(int, status);
        QFETCH(int, patience);
        QFETCH(int, requests);
        QFETCH(QString, says);
        json fault{{"status", status}};
        if (patience > 0) fault["retry_after"] = patience;
        behave({{"faults", {{"config.json", json::array({fault, fault, fault, fault, fault, fault})}}}});
        const Error error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Io);
        QVERIFY2(error.message.find(says.toStdString()) != std::string::npos, error.message.c_str());
        QCOMPARE(bodiesOf(m_hub->requests(), "config.json").size(), std::size_t(requests));
    }

    void gatedModelsSayHowToGetIn() {
        behave({{"gated", "manual"}, {"granted", {"good"}}, {"license", "llama3"}});
        QCOMPARE(plan()->gated, std::string("manual"));
        QVERIFY(!plan()->hasToken);
        Error error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Failed);
        const std::string page = m_hub->endpoint() + "/org/tiny";
        QVERIFY2(error.message.find("accept it at " + page) != std::string::npos && error.message.find("set HF_TOKEN") != std::string::npos,
                 error.message.c_str());
        m_settings.token = "other";
        m_settings.tokenPlace = "HF_TOKEN";
        error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Failed);
        QVERIFY2(error.message.find("is not open to the token of HF_TOKEN") != std::string::npos, error.message.c_str());
        m_settings.token = "stale";
        error = errorOf(download());
        QVERIFY2(error.message.find("does not accept the token of HF_TOKEN") != std::string::npos, error.message.c_str());
        m_settings.token = "good";
        QVERIFY(download().has_value());
    }

    void whatIsNotThereIsNamed() {
        Error error = errorOf(download("org/tinny"));
        QCOMPARE(error.kind, ErrorKind::NotFound);
        QVERIFY2(error.message.find("did you mean \"org/tiny\"?") != std::string::npos && error.message.find("HF_TOKEN") != std::string::npos,
                 error.message.c_str());
        m_settings.token = "good";
        m_settings.tokenPlace = "/token";
        error = errorOf(download("nobody/nothing"));
        QCOMPARE(error.kind, ErrorKind::NotFound);
        QVERIFY2(error.message.find("the token of /token may read.") != std::string::npos, error.message.c_str());
        behave({{"hidden", {"config.json"}}});
        error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::NotFound);
        QVERIFY2(error.message.find("no file \"config.json\"") != std::string::npos, error.message.c_str());
        QFile::remove(repository() + '/' + kWeights);
        error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Unsupported);
        QVERIFY2(error.message.find("pickle") != std::string::npos, error.message.c_str());
        QCOMPARE(error.context, m_hub->endpoint() + "/org/tiny");
    }

    void pagesOfProxiesAreNoData() {
        behave({{"faults", {{"api", {{{"page", true}}}}}}});
        Error error = errorOf(download());
        QCOMPARE(error.kind, ErrorKind::Io);
        QVERIFY2(error.message.find("web page") != std::string::npos && error.message.find("proxy") != std::string::npos, error.message.c_str());
        behave({{"faults", {{"model.safetensors", {{{"page", true}}}}}}});
        error = errorOf(download());
        QVERIFY2(error.message.find("web page") != std::string::npos, error.message.c_str());
        QVERIFY(download().has_value());
    }

    void noNetworkIsSaidAtOnce() {
        HubSettings away = m_settings;
        away.endpoint = "http://127.0.0.1:9";
        const auto before = std::chrono::steady_clock::now();
        auto planned = planHubDownload({"org/tiny"}, {}, away, {});
        QCOMPARE(planned.error().kind, ErrorKind::Io);
        QVERIFY2(planned.error().message.find("No connection to 127.0.0.1:9") != std::string::npos, planned.error().message.c_str());
        QVERIFY(std::chrono::steady_clock::now() - before < kSoon);
        away.endpoint = "http://nowhere.invalid";
        planned = planHubDownload({"org/tiny"}, {}, away, {});
        QVERIFY2(planned.error().message.find("nowhere.invalid cannot be found") != std::string::npos, planned.error().message.c_str());
        m_settings.offline = true;
        planned = plan();
        QVERIFY(planned.error().message.find("HF_HUB_OFFLINE") != std::string::npos);
        QVERIFY(m_hub->requests().empty());
    }

    void fullDisksAreSaid() {
        behave({{"sizes", {{"model.safetensors", std::uint64_t{1} << 60}}}});
        const auto planned = plan().value();
        QVERIFY(!planned.fits());
        Error error = errorOf(downloadFromHub(planned, m_settings, [](const protocol::HubProgress&) {}, {}));
        QCOMPARE(error.kind, ErrorKind::Io);
        QVERIFY2(error.message.find("HF_HUB_CACHE") != std::string::npos, error.message.c_str());
        QVERIFY(!QDir(m_home).exists());
        // A limit on the length of files stands for a disk that others fill meanwhile.
        behave();
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        QCOMPARE(::getrlimit(RLIMIT_FSIZE, &before), 0);
        const rlimit little{50000, before.rlim_max};
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &little), 0);
        error = errorOf(download());
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &before), 0);
        QCOMPARE(error.kind, ErrorKind::Io);
        QVERIFY2(error.message.find("no room for more") != std::string::npos && error.message.find("kept") != std::string::npos, error.message.c_str());
        QCOMPARE(QFileInfo(blobOf(kWeights) + ".incomplete").size(), qint64{50000});
        m_hub->requests();
        QVERIFY(download().has_value());
        QCOMPARE(bodiesOf(m_hub->requests(), "model.safetensors").front()["range"], json("bytes=50000-"));
    }

    void stopsAtOnceAndGoesOn() {
        behave({{"slow", {{"model.safetensors", 100000}}}});
        const auto planned = plan().value();
        std::stop_source stop;
        std::uint64_t reached = 0;
        Expected<protocol::HubOutcome> outcome;
        std::chrono::steady_clock::time_point asked;
        outcome = downloadFromHub(planned, m_settings, [&](const protocol::HubProgress& now) {
            if (now.file != "model.safetensors" || now.doneBytes < 60000 || stop.stop_requested()) return;
            reached = now.doneBytes;
            asked = std::chrono::steady_clock::now();
            stop.request_stop();
        }, stop.get_token());
        QCOMPARE(errorOf(outcome).kind, ErrorKind::Cancelled);
        QVERIFY(std::chrono::steady_clock::now() - asked < std::chrono::seconds(3));
        QVERIFY(reached > 0);
        const qint64 kept = QFileInfo(blobOf(kWeights) + ".incomplete").size();
        QVERIFY(kept > 0 && kept < QFileInfo(repository() + '/' + kWeights).size());
        const auto missing = openCheckpoint("org/tiny");
        QCOMPARE(missing.error().kind, ErrorKind::NotFound);
        QVERIFY2(missing.error().hint.find("`safequant download org/tiny`") != std::string::npos, missing.error().describe().c_str());
        behave();
        m_hub->requests();
        QVERIFY(download().has_value());
        const auto bodies = bodiesOf(m_hub->requests(), "model.safetensors");
        QCOMPARE(bodies.size(), std::size_t{1});
        QCOMPARE(bodies[0]["range"].get<std::string>(), "bytes=" + std::to_string(kept) + "-");
    }

    void twoAtOnceFetchOnce() {
        behave({{"slow", {{"model.safetensors", 300000}}}});
        const auto planned = plan().value();
        m_hub->requests();
        Expected<protocol::HubOutcome> outcomes[2];
        bool waited[2] = {false, false};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 2; ++i)
                threads.emplace_back([&, i] {
                    outcomes[i] = downloadFromHub(planned, m_settings, [&](const protocol::HubProgress& now) {
                        waited[i] = waited[i] || now.note.find("Another program") != std::string::npos;
                    }, {});
                });
        }
        for (const auto& outcome : outcomes) QVERIFY2(outcome.has_value(), outcome ? "" : outcome.error().describe().c_str());
        QCOMPARE(outcomes[0]->path, outcomes[1]->path);
        QCOMPARE(outcomes[0]->receivedBytes + outcomes[1]->receivedBytes, planned.bytes);
        QVERIFY(waited[0] || waited[1]);
        QCOMPARE(bodiesOf(m_hub->requests(), "model.safetensors").size(), std::size_t{1});
        QVERIFY(openCheckpoint("org/tiny").has_value());
    }

    void ggufFilesAreChosen() {
        const QByteArray model = readFile(QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf"));
        const QString folder = m_folder.filePath("hub/org/ggufs");
        QVERIFY(QDir().mkpath(folder));
        writeFile(folder + "/m-Q8_0.gguf", model);
        const auto one = download("org/ggufs").value();
        QVERIFY(one.path.ends_with("/m-Q8_0.gguf"));
        QVERIFY(openCheckpoint("org/ggufs").has_value());
        writeFile(folder + "/m-F16.gguf", model + "x");
        const auto planned = plan("org/ggufs").value();
        QVERIFY(planned.files.empty());
        QCOMPARE(planned.ggufs.size(), std::size_t{2});
        QCOMPARE(downloadFromHub(planned, m_settings, [](const protocol::HubProgress&) {}, {}).error().kind, ErrorKind::BadInput);
        QCOMPARE(plan("org/ggufs", "m-Q8.gguf").error().kind, ErrorKind::NotFound);
        const auto chosen = download("org/ggufs", "m-Q8_0.gguf").value();
        QVERIFY(chosen.path.ends_with("/m-Q8_0.gguf"));
        QCOMPARE(chosen.receivedBytes, std::uint64_t{0});
        QVERIFY(openCheckpoint(chosen.path).has_value());
    }

    void shardedModelsArriveWhole() {
        QFile::rename(repository() + '/' + kWeights, repository() + "/model-00001-of-00001.safetensors");
        writeFile(repository() + "/consolidated.safetensors", "the same again");
        const auto names = openCheckpoint(m_folder.filePath("model").toStdString()).value();
        json index{{"metadata", json::object()}, {"weight_map", json::object()}};
        for (const auto& tensor : names->tensors()) index["weight_map"][tensor.name] = "model-00001-of-00001.safetensors";
        writeFile(repository() + "/model.safetensors.index.json", QByteArray::fromStdString(index.dump()));
        QVERIFY(download().has_value());
        QVERIFY(openCheckpoint("org/tiny").has_value());
        QVERIFY(bodiesOf(m_hub->requests(), "consolidated").empty());
    }

    void plansThatLeadElsewhereAreRefused() {
        const auto good = plan().value();
        const auto refused = [&](auto change) {
            auto planned = good;
            change(planned);
            const auto outcome = downloadFromHub(planned, m_settings, [](const protocol::HubProgress&) {}, {});
            return !outcome && outcome.error().kind == ErrorKind::BadInput && !QDir(m_home).exists();
        };
        QVERIFY(refused([](auto& p) { p.files[0].name = "../../evil"; }));
        QVERIFY(refused([](auto& p) { p.files[0].hash = "../evil"; }));
        QVERIFY(refused([](auto& p) { p.commit = "../evil"; }));
        QVERIFY(refused([](auto& p) { p.revision = "../../evil"; }));
        QVERIFY(refused([](auto& p) { p.repository = "../evil"; }));
        QVERIFY(refused([](auto& p) { p.files.clear(); }));
    }

    void halfASnapshotSaysWhatFetchesTheRest() {
        QVERIFY(download().has_value());
        const std::string snapshot = findInHubCache({"org/tiny"}).value();
        fs::remove(snapshot + "/model.safetensors");
        fs::remove(blobOf(kWeights).toStdString());
        const auto opened = openCheckpoint("org/tiny");
        QCOMPARE(opened.error().kind, ErrorKind::NotFound);
        QVERIFY2(opened.error().hint.find("`safequant download org/tiny` fetches what is missing") != std::string::npos, opened.error().describe().c_str());
        QVERIFY(download().has_value());
        QVERIFY(openCheckpoint("org/tiny").has_value());
    }
};

QTEST_GUILESS_MAIN(TestHubDownload)
#include "test_hub_download.moc"
