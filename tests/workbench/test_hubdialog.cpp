// SPDX-License-Identifier: GPL-3.0-or-later
// Downloading a model in the dialog that opens models: a real engine, a Hub on this machine, keys and clicks.
#include <signal.h>

#include <QComboBox>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/openmodeldialog.h"
#include "tests/support/hub_process.h"
#include "tests/support/tiny_model.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using namespace safequant::testing;
using nlohmann::json;

namespace {
constexpr int kShort = 60'000;
}

class TestHubDialog : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::unique_ptr<HubProcess> m_hub;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<OpenModelDialog> m_dialog;

    template <typename T>
    T* find(const char* name) { return named<T>(m_dialog.get(), name); }
    QPushButton* action() { return find<QPushButton>("hubAction"); }
    QString status() { return find<QLabel>("hubStatus")->text(); }
    bool offered() { return action()->isVisible(); }
    void type(const QString& text) {
        auto* path = find<QLineEdit>("modelPath");
        path->selectAll();
        QTest::keyClicks(path, text);
    }
    void click(QPushButton* button) {
        QVERIFY(button->isVisible() && button->isEnabled());
        QTest::mouseClick(button, Qt::LeftButton);
    }
    void behave(const QString& repository, const json& behaviour) {
        writeFile(m_folder.filePath("models/org/" + repository + "/.hub.json"), QByteArray::fromStdString(behaviour.dump()));
    }
    QString blobs(const QString& repository) { return m_folder.filePath("hub/models--org--" + repository + "/blobs"); }
    /// Types a name that the cache lacks and asks the Hub about it.
    void plan(const QString& name) {
        type("org/" + name);
        QTRY_VERIFY_WITH_TIMEOUT(offered(), kShort);
        click(action());
        QTRY_VERIFY_WITH_TIMEOUT(!status().startsWith("Asking"), kShort);
    }

private slots:
    void initTestCase() {
        for (const char* name : {"slow", "gated", "large", "closing", "dying"}) writeTinyModel(m_folder.filePath("models/org/" + QString(name)).toStdString());
        m_hub = std::make_unique<HubProcess>(m_folder.filePath("models"));
        useHub(m_hub->endpoint(), m_folder.path());
        m_settings = std::make_unique<AppSettings>(m_folder.filePath("settings.ini"));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath("workspace"), m_settings.get(), std::make_unique<Dialogs>());
        m_session->client()->start();
        waitForEngine(m_session->client());
    }
    void init() {
        m_dialog = std::make_unique<OpenModelDialog>(m_session.get());
        m_dialog->prepare();
        m_dialog->open();
        m_hub->requests();
    }

    void nothingIsAskedBeforeAClick() {
        QVERIFY(!offered());
        type("/nowhere/model.gguf");
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("modelSummary")->text().contains("/nowhere"), kShort);
        QVERIFY(!offered());
        type("org/slow");
        QTRY_VERIFY_WITH_TIMEOUT(offered(), kShort);
        QCOMPARE(action()->text(), QString("Look for it on the Hub"));
        QVERIFY(status().contains("Nothing is asked of the network"));
        QVERIFY(m_hub->requests().empty());
        // Another text takes the offer away.
        type("/nowhere/else.gguf");
        QVERIFY(!offered());
    }

    void planDownloadStopGoOnOpen() {
        behave("slow", {{"license", "apache-2.0"}, {"slow", {{"model.safetensors", 120000}}}});
        plan("slow");
        const QString facts = find<QLabel>("hubFacts")->text();
        QVERIFY2(facts.contains("Licence: apache-2.0") && facts.contains("4 files") && facts.contains("free") && facts.contains(m_folder.path()),
                 qPrintable(facts));
        QVERIFY2(action()->text().startsWith("Download ") && action()->text().endsWith(" from " + QString::fromStdString(m_hub->endpoint().substr(7))),
                 qPrintable(action()->text()));
        QCOMPARE(m_hub->requests().size(), std::size_t{1});
        QVERIFY(!QDir(blobs("slow")).exists());

        click(action());
        QVERIFY(find<QProgressBar>("hubProgress")->isVisible());
        QVERIFY(!find<QLineEdit>("modelPath")->isEnabled());
        QTRY_VERIFY_WITH_TIMEOUT(status().contains("/s") && status().contains("left") && status().contains("model.safetensors"), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(find<QProgressBar>("hubProgress")->value() > 100, kShort);
        click(find<QPushButton>("hubStop"));
        QTRY_VERIFY_WITH_TIMEOUT(status().startsWith("Stopped."), kShort);
        QVERIFY2(status().contains("are kept"), qPrintable(status()));
        QVERIFY(find<QLineEdit>("modelPath")->isEnabled() && !find<QProgressBar>("hubProgress")->isVisible());
        QVERIFY(!find<QPushButton>("openChosenModel")->isEnabled());
        QCOMPARE(QDir(blobs("slow")).entryList({"*.incomplete"}, QDir::Files).size(), 1);

        behave("slow", json::object());
        m_hub->requests();
        QSignalSpy chosen(m_dialog.get(), &OpenModelDialog::chosen);
        click(action());
        QTRY_COMPARE_WITH_TIMEOUT(chosen.count(), 1, kShort);
        QCOMPARE(chosen[0][0].toString(), QString("org/slow"));
        QVERIFY(!m_dialog->isVisible());
        bool resumed = false;
        for (const auto& request : m_hub->requests()) resumed = resumed || (request["server"] == "cdn" && !request["range"].is_null());
        QVERIFY(resumed);
    }

    void errorsStandInPlace() {
        type("org/slwo");
        QTRY_VERIFY_WITH_TIMEOUT(offered(), kShort);
        click(action());
        QTRY_VERIFY_WITH_TIMEOUT(status().contains("did you mean \"org/slow\"?"), kShort);
        QCOMPARE(action()->text(), QString("Try again"));

        behave("gated", {{"gated", "manual"}, {"license", "llama3"}});
        plan("gated");
        QVERIFY(find<QLabel>("hubFacts")->text().contains("Open only to those who accepted its licence"));
        click(action());
        QTRY_VERIFY_WITH_TIMEOUT(status().contains("accept it at " + QString::fromStdString(m_hub->endpoint()) + "/org/gated"), kShort);
        QVERIFY(action()->isEnabled());

        behave("large", {{"sizes", {{"model.safetensors", std::uint64_t{1} << 50}}}});
        plan("large");
        QVERIFY2(status().contains("too little free space"), qPrintable(status()));
        QVERIFY(!action()->isEnabled());
    }

    void aGgufIsChosenAndOpenedByPath() {
        const QString folder = m_folder.filePath("models/org/ggufs");
        const QString model = QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf");
        QVERIFY(QDir().mkpath(folder) && QFile::copy(model, folder + "/m-F16.gguf") && QFile::copy(model, folder + "/m-Q8_0.gguf"));
        plan("ggufs");
        auto* choice = find<QComboBox>("hubFile");
        QVERIFY(choice->isVisible() && !choice->accessibleName().isEmpty());
        QCOMPARE(choice->count(), 2);
        QCOMPARE(choice->currentIndex(), -1);
        QVERIFY(!action()->isEnabled());
        choice->setFocus();
        QTest::keyClick(choice, Qt::Key_End);
        QTRY_VERIFY_WITH_TIMEOUT(action()->text().startsWith("Download ") && action()->isEnabled(), kShort);
        QSignalSpy chosen(m_dialog.get(), &OpenModelDialog::chosen);
        click(action());
        QTRY_COMPARE_WITH_TIMEOUT(chosen.count(), 1, kShort);
        QVERIFY2(chosen[0][0].toString().endsWith("/m-Q8_0.gguf"), qPrintable(chosen[0][0].toString()));
    }

    void closingStopsAndKeeps() {
        behave("closing", {{"slow", {{"model.safetensors", 60000}}}});
        plan("closing");
        click(action());
        QTRY_VERIFY_WITH_TIMEOUT(find<QProgressBar>("hubProgress")->value() > 100, kShort);
        QTest::keyClick(m_dialog.get(), Qt::Key_Escape);
        QVERIFY(!m_dialog->isVisible());
        // The request for the weights ends long before all of them came.
        qint64 sent = -1;
        const auto ended = [&] {
            for (const auto& request : m_hub->requests())
                if (request["server"] == "cdn") sent = request["sent"].get<qint64>();
            return sent >= 0;
        };
        QTRY_VERIFY_WITH_TIMEOUT(ended(), kShort);
        const qint64 whole = QFileInfo(m_folder.filePath("models/org/closing/model.safetensors")).size();
        QVERIFY2(sent < whole, qPrintable(QStringLiteral("%1 of %2").arg(sent).arg(whole)));
        QCOMPARE(QDir(blobs("closing")).entryList({"*.incomplete"}, QDir::Files).size(), 1);
    }

    void anEngineThatDiesIsSaid() {
        behave("dying", {{"slow", {{"model.safetensors", 60000}}}});
        plan("dying");
        click(action());
        QTRY_VERIFY_WITH_TIMEOUT(status().contains("model.safetensors"), kShort);
        ::kill(pid_t(m_session->client()->processId()), SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(status().contains("killed"), kShort);
        waitForEngine(m_session->client());
        behave("dying", json::object());
        QSignalSpy chosen(m_dialog.get(), &OpenModelDialog::chosen);
        click(action());
        QTRY_COMPARE_WITH_TIMEOUT(chosen.count(), 1, kShort);
    }
};

QTEST_MAIN(TestHubDialog)
#include "test_hubdialog.moc"
