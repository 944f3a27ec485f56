// SPDX-License-Identifier: GPL-3.0-or-later
// `safequant download` as a user meets it: the real program against a Hub on this machine, killed, interrupted and asked on a terminal.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <nlohmann/json.hpp>

#include "tests/support/hub_process.h"
#include "tests/support/tiny_model.h"

using namespace safequant::testing;
using nlohmann::json;

namespace {

constexpr int kLong = 60'000;
const QString kWeights = QStringLiteral("model.safetensors");

struct Result {
    int code = -1;
    QByteArray out, err;
};

/// The program with a terminal for its questions and messages; what it prints comes through a pipe.
class OnTerminal {
public:
    explicit OnTerminal(const QStringList& arguments) {
        m_terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (m_terminal < 0 || ::grantpt(m_terminal) != 0 || ::unlockpt(m_terminal) != 0) qFatal("there is no terminal");
        const QByteArray name = ::ptsname(m_terminal);
        m_process.setChildProcessModifier([name] {
            ::setsid();
            const int side = ::open(name.constData(), O_RDWR);
            ::ioctl(side, TIOCSCTTY, 0);
            ::dup2(side, STDIN_FILENO);
            ::dup2(side, STDERR_FILENO);
        });
        m_process.start(SAFEQUANT_PROGRAM, arguments);
    }
    ~OnTerminal() { ::close(m_terminal); }

    /// Everything shown so far, once `text` is among it; empty when it does not come.
    QByteArray shown(const QByteArray& text) {
        QElapsedTimer clock;
        for (clock.start(); clock.elapsed() < kLong && !m_shown.contains(text);) take();
        return m_shown.contains(text) ? m_shown : QByteArray();
    }
    void type(const QByteArray& text) { QCOMPARE(::write(m_terminal, text.constData(), size_t(text.size())), ssize_t(text.size())); }
    /// Code -1: a signal ended it; -2: it did not end.
    Result finish() {
        QElapsedTimer clock;
        for (clock.start(); clock.elapsed() < kLong && m_process.state() != QProcess::NotRunning;) take();
        const int code = m_process.state() != QProcess::NotRunning ? -2 : m_process.exitStatus() == QProcess::CrashExit ? -1 : m_process.exitCode();
        return {code, m_process.readAllStandardOutput(), m_shown};
    }

private:
    void take() {
        char piece[4096];
        for (ssize_t count = 0; (count = ::read(m_terminal, piece, sizeof piece)) > 0;) m_shown.append(piece, count);
        m_process.waitForFinished(50);
    }

    int m_terminal;
    QProcess m_process;
    QByteArray m_shown;
};

}  // namespace

class TestDownload : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::unique_ptr<HubProcess> m_hub;
    QString m_home;
    int m_homes = 0;

    QString repository() const { return m_folder.filePath("hub/org/tiny"); }
    void behave(const json& behaviour) { writeFile(repository() + "/.hub.json", QByteArray::fromStdString(behaviour.dump())); }
    std::unique_ptr<QProcess> start(const QStringList& arguments) {
        auto process = std::make_unique<QProcess>();
        process->start(SAFEQUANT_PROGRAM, arguments);
        return process;
    }
    Result run(const QStringList& arguments) {
        auto process = start(arguments);
        process->waitForFinished(kLong);
        return {process->exitStatus() == QProcess::NormalExit ? process->exitCode() : -1, process->readAllStandardOutput(), process->readAllStandardError()};
    }
    /// Bytes of the weights that came so far.
    qint64 begun() const {
        for (const QFileInfo& file : QDir(m_home + "/hub/models--org--tiny/blobs").entryInfoList({"*.incomplete"}, QDir::Files))
            if (file.fileName().size() > 60) return file.size();
        return 0;
    }
    std::vector<json> weightRequests() {
        std::vector<json> found;
        for (const auto& request : m_hub->requests())
            if (request["server"] == "cdn") found.push_back(request);
        return found;
    }

private slots:
    void initTestCase() {
        writeTinyModel(repository().toStdString());
        m_hub = std::make_unique<HubProcess>(m_folder.filePath("hub"));
    }
    void init() {
        behave({{"license", "apache-2.0"}});
        m_home = m_folder.filePath(QString("home%1").arg(m_homes++));
        useHub(m_hub->endpoint(), m_home);
        m_hub->requests();
    }

    void withoutATerminalItNeedsYes() {
        const auto refused = run({"download", "org/tiny", "--json"});
        QCOMPARE(refused.code, 2);
        QVERIFY2(refused.err.contains("apache-2.0") && refused.err.contains("model.safetensors") && refused.err.contains("free in") &&
                     refused.err.contains("add --yes"), refused.err.constData());
        const auto said = json::parse(refused.out.toStdString());
        QCOMPARE(said["plan"]["files"].size(), std::size_t{4});
        QVERIFY(said["error"]["message"].get<std::string>().find("--yes") != std::string::npos);
        QVERIFY(!QDir(m_home).exists());
        QVERIFY(weightRequests().empty());
        QCOMPARE(run({"download"}).code, 2);
        QCOMPARE(run({"download", "not-a-name"}).code, 3);
        const auto help = run({"download", "--help"});
        QVERIFY(help.code == 0 && help.out.contains("Examples") && help.out.contains("safequant download"));
    }

    void fetchesPrintsThePathAndIsOpenedByName() {
        const auto missing = run({"inspect", "org/tiny"});
        QCOMPARE(missing.code, 3);
        QVERIFY2(missing.err.contains("`safequant download org/tiny` fetches it"), missing.err.constData());
        const auto missingRun = run({"run", "--default", "--model", "org/tiny@v1.0", "--workspace", m_folder.filePath("workspace")});
        QCOMPARE(missingRun.code, 3);
        QVERIFY2(missingRun.err.contains("`safequant download org/tiny@v1.0` fetches it"), missingRun.err.constData());
        QVERIFY(m_hub->requests().empty());

        const auto fetched = run({"download", "org/tiny", "--yes"});
        QVERIFY2(fetched.code == 0, fetched.err.constData());
        const QString path = QString::fromUtf8(fetched.out).trimmed();
        QVERIFY(path.startsWith(m_home + "/hub/models--org--tiny/snapshots/"));
        QCOMPARE(readFile(path + '/' + kWeights), readFile(repository() + '/' + kWeights));
        QVERIFY(fetched.err.contains("download  "));
        QCOMPARE(run({"inspect", "org/tiny"}).code, 0);
        m_hub->requests();
        const auto again = run({"download", "org/tiny", "--json", "--progress", "none"});
        QCOMPARE(again.code, 0);
        QCOMPARE(json::parse(again.out.toStdString())["received_bytes"], json(0));
        QCOMPARE(json::parse(again.out.toStdString())["path"], json(path.toStdString()));
        QVERIFY(weightRequests().empty());
        // Another revision of the same commit needs a name only.
        QCOMPARE(run({"download", "org/tiny", "--revision", "v1.0"}).code, 0);
        QCOMPARE(run({"inspect", "org/tiny@v1.0"}).code, 0);
    }

    void progressAsJson() {
        const auto fetched = run({"download", "org/tiny", "--yes", "--progress", "json"});
        QCOMPARE(fetched.code, 0);
        const auto last = json::parse(fetched.err.trimmed().split('\n').last().toStdString());
        QCOMPARE(last["done_bytes"], last["total_bytes"]);
    }

    void killedInTheMiddleItGoesOn() {
        behave({{"slow", {{"model.safetensors", 150000}}}});
        auto killed = start({"download", "org/tiny", "--yes"});
        QTRY_VERIFY_WITH_TIMEOUT(begun() > 30000, kLong);
        killed->kill();
        QVERIFY(killed->waitForFinished(kLong));
        const qint64 kept = begun();
        QVERIFY(kept > 30000);
        QVERIFY(run({"inspect", "org/tiny"}).err.contains("`safequant download org/tiny`"));
        behave(json::object());
        m_hub->requests();
        const auto resumed = run({"download", "org/tiny", "--yes"});
        QVERIFY2(resumed.code == 0, resumed.err.constData());
        QVERIFY(resumed.err.contains("in the cache)"));
        const auto requests = weightRequests();
        QCOMPARE(requests.size(), std::size_t{1});
        QCOMPARE(requests[0]["range"].get<std::string>(), "bytes=" + std::to_string(kept) + "-");
        QCOMPARE(requests[0]["sent"].get<qint64>(), QFileInfo(repository() + '/' + kWeights).size() - kept);
        QCOMPARE(run({"inspect", "org/tiny"}).code, 0);
    }

    void interruptedOnceItKeepsWhatCame() {
        behave({{"slow", {{"model.safetensors", 50000}}}});
        auto stopped = start({"download", "org/tiny", "--yes"});
        QTRY_VERIFY_WITH_TIMEOUT(begun() > 10000, kLong);
        ::kill(pid_t(stopped->processId()), SIGINT);
        QVERIFY(stopped->waitForFinished(kLong));
        QCOMPARE(stopped->exitCode(), 75);
        const QByteArray said = stopped->readAllStandardError();
        QVERIFY2(said.contains("Stopping the download") && said.contains("What came is kept"), said.constData());
        QVERIFY(begun() > 10000);
    }

    void twoAtOnce() {
        behave({{"slow", {{"model.safetensors", 200000}}}});
        auto first = start({"download", "org/tiny", "--yes"});
        auto second = start({"download", "org/tiny", "--yes"});
        QVERIFY(first->waitForFinished(kLong) && second->waitForFinished(kLong));
        QCOMPARE(first->exitCode(), 0);
        QCOMPARE(second->exitCode(), 0);
        QCOMPARE(first->readAllStandardOutput(), second->readAllStandardOutput());
        QCOMPARE(weightRequests().size(), std::size_t{1});
        QCOMPARE(run({"inspect", "org/tiny"}).code, 0);
    }

    void aGgufFileIsChosen() {
        const QString folder = m_folder.filePath("hub/org/ggufs");
        QVERIFY(QDir().mkpath(folder));
        const QString model = QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf");
        QVERIFY(QFile::copy(model, folder + "/m-F16.gguf") && QFile::copy(model, folder + "/m-Q8_0.gguf"));
        const auto several = run({"download", "org/ggufs", "--yes"});
        QCOMPARE(several.code, 3);
        QVERIFY2(several.err.contains("m-F16.gguf") && several.err.contains("m-Q8_0.gguf") && several.err.contains("--file"), several.err.constData());
        const auto chosen = run({"download", "org/ggufs", "--file", "m-Q8_0.gguf", "--yes"});
        QVERIFY2(chosen.code == 0, chosen.err.constData());
        QCOMPARE(run({"inspect", QString::fromUtf8(chosen.out).trimmed()}).code, 0);
    }

    void errorsSayWhatToDo() {
        behave({{"gated", "auto"}, {"granted", {"good"}}});
        const auto gated = run({"download", "org/tiny", "--yes"});
        QCOMPARE(gated.code, 1);
        QVERIFY2(gated.err.contains("accept it at " + QByteArray::fromStdString(m_hub->endpoint()) + "/org/tiny"), gated.err.constData());
        qputenv("HF_TOKEN", "good");
        QCOMPARE(run({"download", "org/tiny", "--yes"}).code, 0);
        QCOMPARE(run({"download", "org/nothing", "--yes"}).code, 3);
        qputenv("HF_HUB_OFFLINE", "1");
        const auto offline = run({"download", "org/tiny", "--yes"});
        QCOMPARE(offline.code, 1);
        QVERIFY(offline.err.contains("HF_HUB_OFFLINE"));
    }

    void asksOnATerminal() {
        OnTerminal refused({"download", "org/tiny"});
        QVERIFY(!refused.shown("[y/N]").isEmpty());
        refused.type("n\n");
        const auto nothing = refused.finish();
        QCOMPARE(nothing.code, 1);
        QVERIFY2(nothing.err.contains("Nothing was downloaded"), nothing.err.constData());
        QVERIFY(!QDir(m_home).exists());

        OnTerminal agreed({"download", "org/tiny"});
        QVERIFY2(agreed.shown("[y/N]").contains("apache-2.0"), "the plan stands above the question");
        agreed.type("y\n");
        const auto fetched = agreed.finish();
        QVERIFY2(fetched.code == 0, fetched.err.constData());
        QVERIFY(fetched.out.contains("/snapshots/"));
        QCOMPARE(run({"inspect", "org/tiny"}).code, 0);

        // Ctrl-C at the question ends the program.
        m_home = m_folder.filePath("another");
        qputenv("HF_HOME", m_home.toUtf8());
        OnTerminal interrupted({"download", "org/tiny"});
        QVERIFY(!interrupted.shown("[y/N]").isEmpty());
        interrupted.type("\x03");
        QCOMPARE(interrupted.finish().code, -1);
        QVERIFY(!QDir(m_home).exists());
    }
};

QTEST_GUILESS_MAIN(TestDownload)
#include "test_download.moc"
