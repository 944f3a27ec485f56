// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of a method's settings as a user drives it, with a real engine.
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/methodsettingsdialog.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

class TestMethodSettingsDialog : public QObject {
    Q_OBJECT

    static constexpr int kShort = 20'000;

    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<MethodSettingsDialog> m_dialog;

    SetupModel* setup() { return m_session->setup(); }
    template <typename T>
    T* find(const char* name) { return named<T>(m_dialog.get(), name); }
    template <typename T>
    T* field(const std::string& name) {
        return find<T>(("quantization.learning." + name).c_str());
    }
    bool usable() { return find<QPushButton>("useSettings")->isEnabled(); }
    void open(const QString& method) {
        setup()->setMethod(method);
        m_dialog->prepare();
        m_dialog->open();
        QTRY_VERIFY_WITH_TIMEOUT(usable(), kShort);
    }
    void use() {
        QTRY_VERIFY_WITH_TIMEOUT(usable(), kShort);
        QTest::mouseClick(find<QPushButton>("useSettings"), Qt::LeftButton);
        QVERIFY(!m_dialog->isVisible());
    }

private slots:
    void initTestCase() {
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath(QStringLiteral("workspace")), m_settings.get(), std::make_unique<Dialogs>());
        m_session->client()->start();
        waitForEngine(m_session->client());
        setup()->setSpec(defaultRunSpec(QStringLiteral("/model.gguf")));
        m_dialog = std::make_unique<MethodSettingsDialog>(setup(), m_session->dialogs());
    }

    void whatIsLeftAloneStaysOut() {
        open(QStringLiteral("q-realign"));
        const json before = setup()->spec();
        use();
        QVERIFY(setup()->spec() == before);
    }

    /// Choosing an objective moves the weights it sets, and leaves alone what the user gave.
    void standardsFollowTheObjective() {
        open(QStringLiteral("q-realign"));
        field<QSpinBox>("late_epochs")->setValue(7);
        QCOMPARE(field<QDoubleSpinBox>("probe_malicious_weight")->value(), 0.0);
        auto* objective = field<QComboBox>("objective");
        objective->setCurrentIndex(objective->findText(QStringLiteral("published"), Qt::MatchContains));
        QVERIFY(!usable());
        QTRY_COMPARE_WITH_TIMEOUT(field<QDoubleSpinBox>("probe_malicious_weight")->value(), 1.0, kShort);
        use();
        const json learning = setup()->spec()["quantization"]["learning"];
        QCOMPARE(QString::fromStdString(learning.dump()), QStringLiteral(R"({"late_epochs":7,"objective":"published"})"));
        setup()->undoStack()->undo();
        QVERIFY(!setup()->spec()["quantization"].contains("learning"));
        setup()->undoStack()->redo();
    }

    /// Opened again it shows what the spec says; back at its standard a field leaves the spec.
    void standardsLeaveTheSpec() {
        m_dialog->prepare();
        m_dialog->open();
        QTRY_VERIFY_WITH_TIMEOUT(usable(), kShort);
        QCOMPARE(field<QSpinBox>("late_epochs")->value(), 7);
        QTest::mouseClick(find<QPushButton>("resetSettings"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(field<QSpinBox>("late_epochs")->value() != 7, kShort);
        use();
        QVERIFY(!setup()->spec()["quantization"].contains("learning"));
    }

    void everyMethodHasItsOwn() {
        open(QStringLiteral("gptq"));
        find<QDoubleSpinBox>("quantization.options.damping")->setValue(0.05);
        auto* rotation = find<QComboBox>("quantization.rotation");
        rotation->setCurrentIndex(2);
        use();
        QCOMPARE(QString::fromStdString(setup()->spec()["quantization"]["options"].dump()), QStringLiteral(R"({"damping":0.05})"));
        QCOMPARE(setup()->spec()["quantization"]["rotation"]["heads"], json(false));
        // Another method knows nothing of the damping, and is rotated all the same.
        open(QStringLiteral("rtn"));
        QVERIFY(!setup()->spec()["quantization"].contains("options"));
        QCOMPARE(find<QComboBox>("quantization.rotation")->currentIndex(), 2);
        m_dialog->reject();
    }

    /// Methods with tuning show what they are tuned by, small rates among it, and leave nothing behind for the next method.
    void tuningIsEditedAlike() {
        open(QStringLiteral("llm-qat"));
        auto* rate = find<QDoubleSpinBox>("quantization.tuning.learning_rate");
        QCOMPARE(rate->value(), 5e-5);
        rate->setValue(2e-5);
        find<QSpinBox>("quantization.tuning.generated")->setValue(64);
        use();
        QCOMPARE(QString::fromStdString(setup()->spec()["quantization"]["tuning"].dump()), QStringLiteral(R"({"generated":64,"learning_rate":2e-05})"));
        open(QStringLiteral("qlora"));
        QVERIFY(!setup()->spec()["quantization"].contains("tuning"));
        find<QSpinBox>("quantization.tuning.rank")->setValue(8);
        use();
        QCOMPARE(QString::fromStdString(setup()->spec()["quantization"]["tuning"].dump()), QStringLiteral(R"({"rank":8})"));
        open(QStringLiteral("rtn"));
        QVERIFY(!setup()->spec()["quantization"].contains("tuning"));
        m_dialog->reject();
    }

    void cancelChangesNothing() {
        const json before = setup()->spec();
        m_dialog->prepare();
        m_dialog->open();
        QTRY_VERIFY_WITH_TIMEOUT(usable(), kShort);
        find<QComboBox>("quantization.rotation")->setCurrentIndex(0);
        m_dialog->reject();
        QVERIFY(setup()->spec() == before);
    }

    void aBrokenSpecIsSaid() {
        setup()->edit(QStringLiteral("break"), [](json& spec) { spec["seed"] = -1; });
        m_dialog->prepare();
        m_dialog->open();
        auto* problem = find<QLabel>("settingsProblem");
        QTRY_VERIFY_WITH_TIMEOUT(problem->isVisible(), kShort);
        QVERIFY2(problem->text().contains(QStringLiteral("Seed must be")), qPrintable(problem->text()));
        QVERIFY(!usable());
        m_dialog->reject();
    }
};

QTEST_MAIN(TestMethodSettingsDialog)
#include "test_methodsettingsdialog.moc"
