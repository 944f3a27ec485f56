// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog that opens models as a user drives it: a real engine, checkpoints and adapters of the test suite, keys and clicks.
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/openmodeldialog.h"
#include "app/workbench/setup/setuppanel.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kShort = 20'000;
const QString kData = QStringLiteral(SAFEQUANT_TEST_DATA "/adapters/");

class ScriptedDialogs : public Dialogs {
public:
    QString chooseFolder(QWidget*, const QString&, const QString&) override { return folder; }
    QString folder;
};

}  // namespace

class TestOpenModelDialog : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    ScriptedDialogs* m_dialogs = nullptr;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<OpenModelDialog> m_dialog;

    template <typename T>
    T* find(const char* name) { return named<T>(m_dialog.get(), name); }
    bool canOpen() { return find<QPushButton>("openChosenModel")->isEnabled(); }
    QString summary() { return find<QLabel>("modelSummary")->text(); }
    void type(const QString& text) {
        auto* path = find<QLineEdit>("modelPath");
        path->selectAll();
        QTest::keyClicks(path, text);
    }
    void addAdapter(const QString& folder) {
        m_dialogs->folder = folder;
        QTest::mouseClick(find<QPushButton>("addAdapter"), Qt::LeftButton);
    }

private slots:
    void initTestCase() {
        // A cache as the Hugging Face programs keep one, with one model in it.
        const QString model = m_folder.filePath(QStringLiteral("hub/models--org--tiny"));
        QVERIFY(QDir().mkpath(model + QStringLiteral("/refs")) && QDir().mkpath(model + QStringLiteral("/snapshots")));
        QFile reference(model + QStringLiteral("/refs/main"));
        QVERIFY(reference.open(QIODevice::WriteOnly));
        reference.write("0123abc");
        reference.close();
        QVERIFY(QFile::link(kData + QStringLiteral("llama"), model + QStringLiteral("/snapshots/0123abc")));
        qunsetenv("HF_HUB_CACHE");
        qputenv("HF_HOME", m_folder.path().toUtf8());

        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath(QStringLiteral("workspace")), m_settings.get(), scripted(m_dialogs));
        m_session->client()->start();
        waitForEngine(m_session->client());
        m_dialog = std::make_unique<OpenModelDialog>(m_session.get());
        m_dialog->prepare();
        m_dialog->open();
    }

    void nothingIsOpenedUnseen() {
        QVERIFY(!canOpen());
        type(QStringLiteral("/nowhere/model.gguf"));
        QTRY_VERIFY_WITH_TIMEOUT(summary().contains(QStringLiteral("/nowhere/model.gguf")), kShort);
        QVERIFY(!canOpen());
    }

    void aFolderShowsWhatItHolds() {
        type(kData + QStringLiteral("llama"));
        QVERIFY(!canOpen());
        QTRY_VERIFY_WITH_TIMEOUT(canOpen(), kShort);
        QVERIFY2(summary().startsWith(QStringLiteral("Llama family")), qPrintable(summary()));
        QVERIFY(find<QLabel>("modelFamilyFacts")->text().contains(QStringLiteral("Attention: every position before")));
    }

    void adaptersStackInTheirOrder() {
        addAdapter(kData + QStringLiteral("plain"));
        QVERIFY(!canOpen());
        QTRY_VERIFY_WITH_TIMEOUT(canOpen(), kShort);
        addAdapter(kData + QStringLiteral("second"));
        QTRY_VERIFY_WITH_TIMEOUT(canOpen(), kShort);
        addAdapter(m_folder.path());
        QTRY_VERIFY_WITH_TIMEOUT(summary().contains(QStringLiteral("adapter_config.json")), kShort);
        QVERIFY(!canOpen());
        const auto removers = m_dialog->findChildren<QPushButton*>();
        for (auto* button : removers)
            if (button->isVisible() && button->accessibleName() == QStringLiteral("Take adapter %1 away").arg(QFileInfo(m_folder.path()).fileName()))
                QTest::mouseClick(button, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(canOpen(), kShort);
    }

    void namesInTheCacheStayNames() {
        type(QStringLiteral("org/missing"));
        QTRY_VERIFY_WITH_TIMEOUT(summary().contains(QStringLiteral("holds org/tiny")), kShort);
        QVERIFY2(!summary().contains(QLatin1Char(0x60)), qPrintable(summary()));
        QVERIFY(!canOpen());
        type(QStringLiteral("org/tiny"));
        QTRY_VERIFY_WITH_TIMEOUT(canOpen(), kShort);
        QSignalSpy chosen(m_dialog.get(), &OpenModelDialog::chosen);
        QTest::keyClick(find<QLineEdit>("modelPath"), Qt::Key_Return);
        QTRY_COMPARE(chosen.count(), 1);
        QVERIFY(!m_dialog->isVisible());
        QCOMPARE(chosen[0][0].toString(), QStringLiteral("org/tiny"));
        QCOMPARE(chosen[0][1].toStringList(), (QStringList{kData + QStringLiteral("plain"), kData + QStringLiteral("second")}));
    }

    void theSetupTakesBothAndUndoes() {
        auto* setup = m_session->setup();
        SetupPanel panel(setup, m_dialogs);
        setup->setModel(QStringLiteral("org/tiny"), {});
        QTRY_VERIFY_WITH_TIMEOUT(setup->checkpoint().known(), kShort);
        setup->setModel(QStringLiteral("org/tiny"), {kData + QStringLiteral("plain")});
        QTRY_COMPARE_WITH_TIMEOUT(setup->checkpoint().value.adapters, (std::vector<std::string>{(kData + QStringLiteral("plain")).toStdString()}), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(setup->checkpoint().known(), kShort);
        QCOMPARE(checkpointOf(setup->spec()), QStringLiteral("org/tiny"));
        QVERIFY(panel.findChild<QLabel*>(QStringLiteral("familyFacts"))->text().contains(QStringLiteral("Rotary: theta")));
        setup->undoStack()->undo();
        QVERIFY(!setup->spec().contains("adapters"));
    }
};

QTEST_MAIN(TestOpenModelDialog)
#include "test_openmodeldialog.moc"
