// SPDX-License-Identifier: GPL-3.0-or-later
// An engine on another machine as a user has one: the real window, a real ssh to a real server, a real engine behind it. The other
// machine is this one.
#include <signal.h>

#include <QAction>
#include <QElapsedTimer>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/engine/enginesdialog.h"
#include "app/workbench/files/fileupload.h"
#include "app/workbench/files/remotefiledialog.h"
#include "app/workbench/frame/runbanner.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/report/reportpage.h"
#include "app/workbench/session.h"
#include "core/base/files.h"
#include "sshserver.h"
#include "tests/support/tiny_model.h"
#include "widgets/documentview.h"
#include "widgets/elidedlabel.h"
#include "widgets/logview.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using State = EngineClient::State;
using Phase = RunController::Phase;

namespace {

constexpr int kShort = 90'000;
constexpr int kLong = 180'000;
constexpr int kBlocks = 12;

class LocalAnswers : public Dialogs {
public:
    QString chooseLocalFolder(QWidget*, const QString&, const QString&) override { return folder; }
    QStringList chooseLocalPromptFiles(QWidget*, const QString&) override { return files; }
    QString folder;
    QStringList files;
};

QString readAll(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

}  // namespace

class TestRemoteEngine : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    SshServer m_server;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    LocalAnswers* m_dialogs = nullptr;
    QString m_run;

    Session* session() { return m_window->session(); }
    EngineClient* client() { return session()->client(); }
    RunStore* store() { return session()->store(); }
    QString path(const char* name) const { return m_folder.filePath(QString::fromLatin1(name)); }
    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    QString engineText() { return find<QLabel>("engineState")->text(); }
    QString rightText() { return find<QLabel>("resumable")->text(); }
    QString bannerText() { return m_window->findChild<RunBanner*>()->text(); }

    EngineAddress far() const {
        EngineAddress address = sshEngine(QStringLiteral("far"));
        address.command = enginePath() + QStringLiteral(" serve");
        address.workspace = path("workspace");
        return address;
    }
    nlohmann::json spec(const char* model) const {
        return {{"format", "safequant-run-spec"},
                {"format_version", 1},
                {"name", "far run"},
                {"checkpoint", path(model).toStdString()},
                {"prompts", {path("prompts.jsonl").toStdString()}},
                {"quantization", {{"default", {{"weight_bits", 4}, {"group_size", 32}}}}},
                {"probe", {{"folds", 3}, {"path_length", 12}}},
                {"evaluation", {{"malicious", 3}, {"benign", 2}, {"hard_benign", 1}, {"max_new_tokens", 4}, {"perplexity_tokens", 256}}}};
    }
    /// The problem of an engine that cannot be used.
    QString problemOf(const EngineAddress& address) {
        EngineClient other(address);
        other.start();
        const bool failed = QTest::qWaitFor([&] { return other.state() == State::Failed; }, kShort);
        return failed ? other.problem() : QStringLiteral("[test] it did not fail");
    }
    template <typename T>
    Expected<T> ask(const QString& method, const nlohmann::json& params) {
        std::optional<Expected<T>> answer;
        client()->request<T>(method, params, this, [&](Expected<T> result) { answer = std::move(result); });
        if (!QTest::qWaitFor([&] { return answer.has_value(); }, kShort)) return fail(ErrorKind::Failed, "[test] no answer in time");
        return std::move(*answer);
    }
    void dropConnection() { QCOMPARE(::kill(static_cast<pid_t>(client()->processId()), SIGKILL), 0); }

private slots:
    void initTestCase() {
        const QString obstacle = m_server.prepare();
        if (!obstacle.isEmpty()) QSKIP(qPrintable(obstacle));
        qputenv("SAFEQUANT_SSH", m_server.ssh().toUtf8());
        testing::writeTinyModel(path("small").toStdString());
        testing::TinyModelOptions large;
        large.hidden = 128;
        large.intermediate = 256;
        large.blocks = kBlocks;
        testing::writeTinyModel(path("large").toStdString(), large);
        testing::writeTinyPrompts(path("prompts.jsonl").toStdString(), 16);
        m_settings = std::make_unique<AppSettings>(path("settings.ini"));
        EngineList engines(m_settings.get());
        engines.add(far());
        engines.choose(far());
        MainWindowOptions options;
        options.dialogs = scripted(m_dialogs);
        m_window = shownWindow(options, m_settings.get());
    }

    void theChosenEngineIsConnectedAndNamed() {
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        QVERIFY(client()->remote());
        QVERIFY(client()->info().pid != client()->processId());
        QVERIFY(QString::fromStdString(client()->info().home).startsWith(QLatin1Char('/')));
        QTRY_VERIFY_WITH_TIMEOUT(client()->latency() >= 0, kShort);
        QVERIFY2(engineText().contains(QStringLiteral("Engine on far")) && engineText().contains(QStringLiteral("ms away")), qPrintable(engineText()));
        QCOMPARE(rightText(), QStringLiteral("Models and prompts are on far"));
        QVERIFY(find<QLabel>("machine")->text().startsWith(QStringLiteral("far: ")));
    }

    void aRunGoesOnAcrossALostConnectionWithoutAGap() {
        m_window->startRun(spec("large"));
        QTRY_COMPARE_WITH_TIMEOUT(session()->run()->phase(), Phase::Running, kShort);
        m_run = store()->folder();
        QVERIFY2(m_run.startsWith(path("workspace")), qPrintable(m_run));
        QVERIFY(!find<QAction>("runFolder")->isEnabled());
        QTRY_VERIFY_WITH_TIMEOUT(store()->blocksOf("base").size() >= 2, kLong);
        const auto enginePid = client()->info().pid;
        const auto before = store()->state().sequence;
        QSignalSpy again(session()->run(), &RunController::reattached);
        dropConnection();
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Restarting, kShort);
        QVERIFY2(engineText().contains(QStringLiteral("Connection to far lost, trying again in 1 s")), qPrintable(engineText()));
        QVERIFY2(bannerText().contains(QStringLiteral("a run there goes on")), qPrintable(bannerText()));
        QTRY_COMPARE_WITH_TIMEOUT(again.count(), 1, kShort);
        QVERIFY(client()->info().pid != enginePid);
        QTRY_COMPARE_WITH_TIMEOUT(store()->state().summary.status, std::string("finished"), kLong);
        QVERIFY(store()->state().sequence > before);
        // What the window pieced together is what the run folder tells, and that has no gap.
        const QStringList lines = readAll(m_run + QStringLiteral("/events.jsonl")).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
        QCOMPARE(store()->state().sequence, static_cast<std::uint64_t>(lines.size()));
        const auto fresh = ask<protocol::RunState>(QStringLiteral("run/open"), {{"folder", m_run.toStdString()}});
        QVERIFY(fresh.has_value());
        QCOMPARE(QString::fromStdString(protocol::toJson(store()->state()).dump()), QString::fromStdString(protocol::toJson(*fresh).dump()));
        QCOMPARE(store()->blocksOf("quantized").size(), std::size_t{kBlocks});
        QVERIFY2(bannerText().contains(QStringLiteral("is there again")) || bannerText().contains(QStringLiteral("note")) || !store()->state().notes.empty(),
                 qPrintable(bannerText()));
    }

    void theFarEngineMayDie() {
        const auto before = client()->info().pid;
        QSignalSpy lost(client(), &EngineClient::died);
        QCOMPARE(::kill(static_cast<pid_t>(before), SIGKILL), 0);
        QTRY_COMPARE_WITH_TIMEOUT(lost.count(), 1, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(client()->state() == State::Ready && client()->info().pid != before, kShort);
        QCOMPARE(store()->folder(), m_run);
    }

    void waitsGrowWhileTheHostIsAway() {
        m_server.stop();
        QList<int> waits;
        const auto watch = connect(client(), &EngineClient::stateChanged, this, [&](State state) {
            if (state == State::Restarting) waits.append(qRound(client()->retryIn() / 1000.0));
        });
        client()->restart();
        // The old server process may still have answered; from now on nothing does.
        QTRY_VERIFY_WITH_TIMEOUT(client()->state() == State::Restarting || client()->state() == State::Failed, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(waits.size() >= 3, kShort);
        disconnect(watch);
        QCOMPARE(waits.mid(0, 3), (QList<int>{1, 2, 4}));
        QVERIFY2(client()->problem().contains(QStringLiteral("refuses the connection")), qPrintable(client()->problem()));
        QVERIFY2(find<QLabel>("engineState")->toolTip().contains(QStringLiteral("refuses")), qPrintable(find<QLabel>("engineState")->toolTip()));
        // What is asked meanwhile is answered with the reason, not never.
        QVERIFY(m_server.start());
        client()->restart();
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        QTRY_COMPARE_WITH_TIMEOUT(store()->folder(), m_run, kShort);
    }

    void aSilentConnectionDoesNotHoldTheWindow() {
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        const auto stalled = static_cast<pid_t>(client()->processId());
        QCOMPARE(::kill(stalled, SIGSTOP), 0);
        QElapsedTimer clock;
        clock.start();
        client()->restart();
        QVERIFY2(clock.elapsed() < 1000, qPrintable(QString::number(clock.elapsed())));
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        // It is put away in the end.
        QTRY_VERIFY_WITH_TIMEOUT(::kill(stalled, 0) != 0, kShort);
    }

    void problemsAreSaidInWords_data() {
        QTest::addColumn<QString>("host");
        QTest::addColumn<int>("port");
        QTest::addColumn<QString>("command");
        QTest::addColumn<QString>("expected");
        const QString engine = enginePath() + QStringLiteral(" serve");
        QTest::newRow("host") << "no-such-host.invalid" << 0 << engine << "No host named no-such-host.invalid is known";
        QTest::newRow("refused") << "far" << 1 << engine << "refuses the connection";
        QTest::newRow("key") << "strange" << 0 << engine << "does not accept your key";
        QTest::newRow("host key") << "unseen" << 0 << engine << "does not know the host key";
        QTest::newRow("command") << "far" << 0 << "no-such-safequant serve" << "no-such-safequant was not found on far";
        QTest::newRow("login message") << "far" << 0 << "echo 'Welcome to the cluster'; " + engine << QStringLiteral("Welcome to the cluster");
        QTest::newRow("another program") << "far" << 0 << "echo 'I am no engine'" << QStringLiteral("I am no engine");
        QTest::newRow("version") << "far" << 0 << QStringLiteral("FAKE_ENGINE=wrong_version " SAFEQUANT_BINARY_DIR "/tests/workbench/fake_engine") << "protocol version 99";
        QTest::newRow("option") << "-oProxyCommand=true" << 0 << engine << "no name of a host";
    }
    void problemsAreSaidInWords() {
        QFETCH(QString, host);
        QFETCH(int, port);
        QFETCH(QString, command);
        QFETCH(QString, expected);
        EngineAddress address = sshEngine(host);
        address.port = port;
        address.command = command;
        const QString problem = problemOf(address);
        QVERIFY2(problem.contains(expected), qPrintable(problem));
    }

    void filesThereAreChosenByKeyboard() {
        RemoteFileDialog dialog(client(), RemoteFileDialog::What::File, QStringLiteral("Open a model"), {QStringLiteral("JSON"), {".json"}}, {});
        dialog.setFolder(m_folder.path());
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        auto* table = dialog.findChild<QTableWidget*>(QStringLiteral("remoteFiles"));
        auto* line = dialog.findChild<QLineEdit*>(QStringLiteral("remotePath"));
        auto* status = dialog.findChild<QLabel*>(QStringLiteral("remoteStatus"));
        QTRY_COMPARE_WITH_TIMEOUT(dialog.folder(), m_folder.path(), kShort);
        // prompts.jsonl and settings.ini are of another kind.
        QCOMPARE(table->rowCount(), 3);
        QCOMPARE(table->item(0, 0)->text(), QStringLiteral("large"));
        QCOMPARE(table->item(1, 0)->text(), QStringLiteral("small"));
        table->setCurrentCell(1, 0);
        QTest::keyClick(table, Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(dialog.folder(), path("small"), kShort);
        QCOMPARE(line->text(), path("small"));
        QVERIFY(table->rowCount() >= 2);
        QTest::keyClick(table, Qt::Key_Backspace);
        QTRY_COMPARE_WITH_TIMEOUT(dialog.folder(), m_folder.path(), kShort);
        QCOMPARE(table->currentRow(), 1);
        line->selectAll();
        QTest::keyClicks(line, QStringLiteral("nowhere"));
        QTest::keyClick(line, Qt::Key_Return);
        QTRY_VERIFY2_WITH_TIMEOUT(status->text().contains(QStringLiteral("no such folder")), qPrintable(status->text()), kShort);
        QVERIFY(dialog.isVisible());
        line->selectAll();
        QTest::keyClicks(line, QStringLiteral("small/config.json"));
        QTest::keyClick(line, Qt::Key_Return);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog.isVisible(), kShort);
        QCOMPARE(dialog.chosen(), QStringList{path("small") + QStringLiteral("/config.json")});
    }

    void aFolderThatIsGoneGivesWayToTheHome() {
        RemoteFileDialog dialog(client(), RemoteFileDialog::What::Folder, QStringLiteral("Open a run"), {}, {});
        dialog.setFolder(path("gone"));
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        QTRY_COMPARE_WITH_TIMEOUT(dialog.folder(), QString::fromStdString(client()->info().home), kShort);
        QTest::mouseClick(dialog.findChild<QPushButton*>(QStringLiteral("remoteWorkspace")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(dialog.folder(), path("workspace"), kShort);
        QTest::mouseClick(dialog.findChild<QPushButton*>(QStringLiteral("chooseRemote")), Qt::LeftButton);
        QCOMPARE(dialog.chosen(), QStringList{path("workspace")});
    }

    void promptsOfThisMachineAreCopiedThere() {
        QByteArray content;
        for (int i = 0; content.size() < 700'000; ++i) content += QByteArray::number(i) + ": how do I bake bread?\n";
        QFile file(path("mine.txt"));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
        file.close();
        m_dialogs->files = {path("mine.txt")};
        // The dialog runs its own loop, as it does for a user.
        QTimer::singleShot(0, this, [this] {
            auto* dialog = qobject_cast<RemoteFileDialog*>(QApplication::activeModalWidget());
            if (!dialog) return;
            if (!QTest::qWaitFor([&] { return !dialog->folder().isEmpty(); }, kShort)) dialog->reject();
            QTest::mouseClick(dialog->findChild<QPushButton*>(QStringLiteral("copyFromHere")), Qt::LeftButton);
        });
        const QStringList chosen = session()->dialogs()->choosePromptFiles(m_window.get(), path("workspace"));
        QCOMPARE(chosen.size(), 1);
        QVERIFY2(chosen.first().startsWith(path("workspace") + QStringLiteral("/uploads/")) && chosen.first().endsWith(QStringLiteral("/mine.txt")),
                 qPrintable(chosen.first()));
        QCOMPARE(readAll(chosen.first()).toUtf8(), content);
        // The same file again is the same file there.
        FileUpload again(client(), path("mine.txt"));
        QSignalSpy done(&again, &FileUpload::finished);
        QSignalSpy steps(&again, &FileUpload::progressed);
        again.start();
        QTRY_COMPARE_WITH_TIMEOUT(done.count(), 1, kShort);
        QCOMPARE(done.first().first().toString(), chosen.first());
        QCOMPARE(steps.count(), 1);
        QFile big(path("big.txt"));
        QVERIFY(big.open(QIODevice::WriteOnly) && big.resize(static_cast<qint64>(protocol::kMaxUploadBytes) + 1));
        FileUpload refused(client(), path("big.txt"));
        QSignalSpy failed(&refused, &FileUpload::failed);
        refused.start();
        QCOMPARE(failed.count(), 1);
        QVERIFY(failed.first().first().toString().contains(QStringLiteral("scp")));
    }

    void aReportOfTheFarRunIsSavedHere() {
        m_window->setPage(Page::Report);
        auto* page = m_window->findChild<ReportPage*>();
        auto* save = find<QPushButton>("saveReportHere");
        QTRY_VERIFY_WITH_TIMEOUT(save->isVisible() && save->isEnabled(), kLong);
        m_dialogs->folder = path("here");
        QSignalSpy written(page, &ReportPage::written);
        QTest::mouseClick(save, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(written.count(), 1, kLong);
        const QString here = path("here") + QStringLiteral("/report");
        QCOMPARE(written.first().first().toString(), here + QStringLiteral("/report.html"));
        const auto there = ask<protocol::ReportFiles>(QStringLiteral("report/write"), {{"folders", {m_run.toStdString()}}, {"template", "reviewer"},
                                                                                       {"show_text", false}, {"target", path("there").toStdString()}});
        QVERIFY(there && there->files.size() > 4);
        for (const auto& file : there->files) {
            const QString name = QString::fromStdString(file).mid(path("there").size());
            // A page tells when it was made; the tables do not.
            if (name.startsWith(QStringLiteral("/tables"))) QCOMPARE(readAll(here + name), readAll(QString::fromStdString(file)));
            QVERIFY2(QFile::exists(here + name), qPrintable(name));
        }
        QVERIFY2(find<QLabel>("reportSaid")->text().contains(QStringLiteral("on this machine")), qPrintable(find<QLabel>("reportSaid")->text()));
    }

    void enginesAreAddedTestedAndChosen() {
        find<QAction>("engines")->trigger();
        auto* dialog = m_window->findChild<EnginesDialog*>();
        QVERIFY(dialog && dialog->isVisible());
        auto* said = dialog->findChild<QLabel*>(QStringLiteral("engineTest"));
        const auto button = [&](const char* name) { return dialog->findChild<QPushButton*>(QString::fromLatin1(name)); };
        const auto type = [&](const char* name, const QString& text) {
            auto* field = dialog->findChild<QLineEdit*>(QString::fromLatin1(name));
            field->selectAll();
            QTest::keyClicks(field, text);
        };
        QVERIFY(!button("useEngine")->isEnabled());
        QTest::mouseClick(button("addEngine"), Qt::LeftButton);
        QVERIFY(!button("testEngine")->isEnabled());
        type("engineHost", QStringLiteral("far"));
        type("engineName", QStringLiteral("Second"));
        type("engineCommand", QStringLiteral("no-such-safequant serve"));
        QTest::mouseClick(button("testEngine"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(said->text().contains(QStringLiteral("was not found on Second")), qPrintable(said->text()), kShort);
        type("engineCommand", enginePath() + QStringLiteral(" serve"));
        type("engineWorkspace", path("second"));
        QTest::mouseClick(button("testEngine"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(said->text().startsWith(QStringLiteral("Connected: safequant ")) && said->text().contains(QStringLiteral("ms away")), qPrintable(said->text()), kShort);
        QTest::mouseClick(button("useEngine"), Qt::LeftButton);
        QVERIFY(!dialog->isVisible());
        QVERIFY(!store()->hasRun());
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        QCOMPARE(client()->address().name, QStringLiteral("Second"));
        QCOMPARE(EngineList(m_settings.get()).chosen().workspace, path("second"));
        QVERIFY(engineText().contains(QStringLiteral("Second")));
    }

    void anotherEngineClosesARunThatGoesOn() {
        m_window->startRun(spec("large"));
        QTRY_VERIFY_WITH_TIMEOUT(session()->run()->phase() == Phase::Running && !store()->blocksOf("base").empty(), kLong);
        const QString folder = store()->folder();
        // However long the other engine takes, the run is not over by then.
        const auto process = static_cast<pid_t>(readAll(folder + QStringLiteral("/lock")).trimmed().toInt());
        QVERIFY(process > 0);
        QCOMPARE(::kill(process, SIGSTOP), 0);
        m_window->useEngine(localEngine(enginePath(), path("second")));
        QVERIFY(!store()->hasRun());
        QTRY_COMPARE_WITH_TIMEOUT(client()->state(), State::Ready, kShort);
        QCOMPARE(rightText(), QStringLiteral("Nothing leaves this machine"));
        QVERIFY(engineText().contains(QStringLiteral("this machine")));
        // The engine of this machine finds it, still at work.
        m_window->openPath(folder);
        QTRY_COMPARE_WITH_TIMEOUT(session()->run()->phase(), Phase::Running, kShort);
        QCOMPARE(::kill(process, SIGCONT), 0);
        QTRY_COMPARE_WITH_TIMEOUT(store()->state().summary.status, std::string("finished"), kLong);
        QVERIFY(find<QAction>("runFolder")->isEnabled());
    }

    void cleanupTestCase() {
        m_window.reset();
        m_server.stop();
    }
};

QTEST_MAIN(TestRemoteEngine)
#include "test_remoteengine.moc"
