// SPDX-License-Identifier: GPL-3.0-or-later
// Engines as data: what ssh is told, what its words mean, what the settings keep, and whose paths are whose.
#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/engine/engineclient.h"
#include "app/workbench/engine/enginelist.h"
#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/engine/sshproblem.h"
#include "app/workbench/setup/runspec.h"

using namespace safequant;
using namespace safequant::workbench;

class TestEngineAddress : public QObject {
    Q_OBJECT

    static EngineAddress someEngine() {
        EngineAddress address = sshEngine(QStringLiteral("me@gpu-box"));
        address.name = QStringLiteral("GPU box");
        address.port = 2222;
        address.command = QStringLiteral("/opt/safequant serve");
        address.workspace = QStringLiteral("~/runs");
        return address;
    }

private slots:
    void sshIsToldToAskNothing() {
        const QStringList arguments = someEngine().sshArguments();
        QCOMPARE(arguments, (QStringList{"-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=10",
                                         "-p", "2222", "me@gpu-box", "--", "/opt/safequant serve"}));
        const QStringList plain = sshEngine(QStringLiteral("gpu-box")).sshArguments();
        QVERIFY(!plain.contains(QStringLiteral("-p")));
        QCOMPARE(plain.last(), QStringLiteral("safequant serve"));
    }

    void hostsThatSshWouldTakeForOptionsAreRefused() {
        for (const char* host : {"", "-oProxyCommand=touch /tmp/x", "two words", "line\nbreak"})
            QVERIFY2(!sshEngine(QString::fromLatin1(host)).problem().isEmpty(), host);
        QVERIFY(someEngine().problem().isEmpty());
        QVERIFY(localEngine().problem().isEmpty());
    }

    void settingsKeepEngines() {
        QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("settings.ini"));
        {
            AppSettings settings(file);
            EngineList list(&settings);
            QCOMPARE(list.engines().size(), std::size_t{1});
            QVERIFY(!list.chosen().remote());
            list.add(someEngine());
            QCOMPARE(list.engines()[list.add(sshEngine(QStringLiteral("GPU box")))].name, QStringLiteral("GPU box 2"));
            list.choose(list.engines()[1]);
            list.remove(0);
            QCOMPARE(list.engines().size(), std::size_t{3});
        }
        AppSettings settings(file);
        EngineList list(&settings);
        QCOMPARE(list.engines().size(), std::size_t{3});
        QVERIFY(list.engines()[1] == someEngine());
        QVERIFY(list.chosen() == someEngine());
        QCOMPARE(list.find(QStringLiteral("me@gpu-box")), std::size_t{1});
        QCOMPARE(list.find(QStringLiteral("nobody")), std::size_t{3});
        EngineAddress renamed = someEngine();
        renamed.name = QStringLiteral("Big one");
        list.replace(1, renamed);
        QVERIFY(list.chosen() == renamed);
        list.remove(1);
        QVERIFY(!list.chosen().remote());
        settings.set(Setting::Engines, QStringLiteral("[{\"name\": \"a\", \"kind\": \"carrier pigeon\"}, {\"name\": \"b\", \"kind\": \"ssh\", \"port\": \"x\"}, 7]"));
        QCOMPARE(EngineList(&settings).engines().size(), std::size_t{1});
        settings.set(Setting::Engines, QStringLiteral("{"));
        QCOMPARE(EngineList(&settings).engines().size(), std::size_t{1});
    }

    void foldersAreKeptForEachEngine() {
        QTemporaryDir folder;
        AppSettings settings(folder.filePath(QStringLiteral("settings.ini")));
        settings.setTextOf(Setting::LastModelFolder, {}, QStringLiteral("/here"));
        settings.setTextOf(Setting::LastModelFolder, QStringLiteral("me@gpu/box 1"), QStringLiteral("/there"));
        QCOMPARE(settings.text(Setting::LastModelFolder), QStringLiteral("/here"));
        QCOMPARE(settings.textOf(Setting::LastModelFolder, QStringLiteral("me@gpu/box 1")), QStringLiteral("/there"));
        QCOMPARE(settings.textOf(Setting::LastModelFolder, QStringLiteral("other")), QString());
    }

    void wordsOfSshAreExplained_data() {
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("line");
        QTest::addColumn<QString>("expected");
        QTest::addColumn<bool>("passing");
        QTest::newRow("name") << 255 << "ssh: Could not resolve hostname gpu-box: Name or service not known" << "No host named me@gpu-box" << true;
        QTest::newRow("refused") << 255 << "ssh: connect to host gpu-box port 22: Connection refused" << "refuses the connection" << true;
        QTest::newRow("silent") << 255 << "ssh: connect to host gpu-box port 22: Connection timed out" << "does not answer" << true;
        QTest::newRow("key") << 255 << "me@gpu-box: Permission denied (publickey,password)." << "ssh-copy-id me@gpu-box" << false;
        QTest::newRow("unknown host key") << 255 << "Host key verification failed." << "Connect once in a terminal" << false;
        QTest::newRow("changed host key") << 255 << "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @" << "ssh-keygen -R" << false;
        QTest::newRow("closed") << 255 << "Connection to gpu-box closed by remote host." << "closed by remote host" << true;
        QTest::newRow("wordless") << 255 << "" << "without a word" << true;
        QTest::newRow("no program") << 127 << "bash: line 1: /opt/safequant: No such file" << "/opt/safequant was not found on GPU box" << false;
        QTest::newRow("no right") << 126 << "bash: line 1: /opt/safequant: Permission denied" << "cannot be executed" << false;
        QTest::newRow("engine failed") << 9 << "out of luck" << "exit code 9. out of luck" << true;
    }
    void wordsOfSshAreExplained() {
        QFETCH(int, code);
        QFETCH(QString, line);
        QFETCH(QString, expected);
        const SshProblem problem = sshProblem(someEngine(), code, line.isEmpty() ? QStringList() : QStringList{line});
        QVERIFY2(problem.text.contains(expected), qPrintable(problem.text));
        QVERIFY2(!problem.text.contains(QLatin1Char('%')), qPrintable(problem.text));
        QTEST(problem.passing, "passing");
    }

    void pathsBelongToTheEnginesMachine() {
        EngineClient far(someEngine());
        // Names that exist here say nothing about the machine there.
        QTemporaryDir folder;
        const QString before = QDir::currentPath();
        QVERIFY(QDir(folder.path()).mkpath(QStringLiteral("org/name")) && QDir::setCurrent(folder.path()));
        QCOMPARE(modelPathOnEngine(far, QStringLiteral("org/name")), QStringLiteral("org/name"));
        QCOMPARE(modelPathOnEngine(far, QStringLiteral("builtin:adapters/eroded")), QStringLiteral("builtin:adapters/eroded"));
        QCOMPARE(modelPathOnEngine(far, QStringLiteral("/data//model.gguf")), QStringLiteral("/data/model.gguf"));
        QCOMPARE(pathOnEngine(far, QStringLiteral("/data/../runs")), QStringLiteral("/runs"));
        EngineClient here;
        QCOMPARE(modelPathOnEngine(here, QStringLiteral("org/name")), QDir::cleanPath(folder.filePath(QStringLiteral("org/name"))));
        QVERIFY(QDir::setCurrent(before));
        QCOMPARE(here.workspace().isEmpty(), false);
        QCOMPARE(far.workspace(), QStringLiteral("~/runs"));
    }

    void pathsOfASpecChangeTogether() {
        nlohmann::json spec{{"checkpoint", "m"}, {"adapters", {"a"}}, {"aligned", {{"checkpoint", "n"}, {"adapters", {"b"}}}},
                            {"prompts", {"p", {{"file", "q"}, {"format", "csv"}}, "builtin:default"}}};
        changePaths(
            spec, [](const std::string& name) { return "/models/" + name; }, [](const std::string& name) { return "/prompts/" + name; });
        const nlohmann::json wanted{{"checkpoint", "/models/m"}, {"adapters", {"/models/a"}}, {"aligned", {{"checkpoint", "/models/n"}, {"adapters", {"/models/b"}}}},
                                    {"prompts", {"/prompts/p", {{"file", "/prompts/q"}, {"format", "csv"}}, "builtin:default"}}};
        QVERIFY2(spec == wanted, spec.dump().c_str());
    }
};

QTEST_GUILESS_MAIN(TestEngineAddress)
#include "test_engineaddress.moc"
