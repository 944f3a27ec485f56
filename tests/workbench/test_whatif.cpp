// SPDX-License-Identifier: GPL-3.0-or-later
// What if a block were quantized otherwise, as a user asks it on the Layers page, with a real engine and a finished run of a tiny model.
#include <QCheckBox>
#include <QStandardItemModel>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/layers/whatifpanel.h"
#include "app/workbench/session.h"
#include "tests/support/tiny_model.h"
#include "widgets/format.h"
#include "widgets/projectionview.h"
#include "widgets/segmentedcontrol.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

class TestWhatIfPanel : public QObject {
    Q_OBJECT

    static constexpr int kLong = 60'000;

    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<LayersPage> m_page;
    json m_spec;

    template <typename T>
    T* find(const char* name) { return named<T>(m_page.get(), name); }
    WhatIfPanel* panel() { return find<WhatIfPanel>("whatIf"); }
    QString text(const char* name) { return find<QLabel>(name)->text(); }
    void clickSegment(const char* name, const QVariant& value) {
        auto* control = find<widgets::SegmentedControl>(name);
        int index = 0;
        while (index < control->count() && control->segmentValue(index) != value) ++index;
        QVERIFY(index < control->count());
        QTest::mouseClick(control, Qt::LeftButton, {}, control->segmentRect(index).center());
    }
    void showSide(const QString& name) {
        const auto [bar, tab] = paneTab(m_page.get(), name);
        QVERIFY(bar);
        QTest::mouseClick(bar, Qt::LeftButton, {}, bar->tabRect(tab).center());
    }
    /// Waits for refined numbers of a scheme.
    void waitFor(const QString& scheme) {
        QTRY_VERIFY2_WITH_TIMEOUT(panel()->shown() && panel()->shown()->refined && QString::fromStdString(panel()->shown()->scheme) == scheme,
                                  qPrintable(text("whatIfStatus")), kLong);
    }
    QString points() { return m_page->projection()->tableText(); }

private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        const std::string model = m_folder.filePath(QStringLiteral("model")).toStdString();
        const std::string prompts = m_folder.filePath(QStringLiteral("prompts.jsonl")).toStdString();
        safequant::testing::writeTinyModel(model);
        safequant::testing::writeTinyPrompts(prompts, 24);
        m_spec = {{"name", "tiny"},
                  {"checkpoint", model},
                  {"prompts", {prompts}},
                  {"stages", {"capture", "quantize"}},
                  {"quantization", {{"default", {{"weight_bits", 4}, {"group_size", 32}, {"symmetric", false}, {"activation_bits", 16}}}}}};
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath(QStringLiteral("workspace")), m_settings.get(), std::make_unique<Dialogs>());
        m_session->client()->start();
        waitForEngine(m_session->client());
        m_page = std::make_unique<LayersPage>(m_session.get());
        m_page->resize(1030, 720);
        m_page->show();
        m_session->setup()->setSpec(m_spec);
        m_session->run()->start(m_spec);
        QTRY_COMPARE_WITH_TIMEOUT(m_session->run()->phase(), RunController::Phase::Finished, kLong);
        m_page->setKind(QStringLiteral("lda"));
        m_page->setBlock(1);
        QTRY_VERIFY_WITH_TIMEOUT(points().count(QLatin1Char('\n')) > 10, kLong);
        QTRY_VERIFY_WITH_TIMEOUT(m_session->setup()->checkpoint().known(), kLong);
    }

    /// The setup's scheme at first, which is the run's own: both columns say the same.
    void theRunsOwnScheme() {
        QVERIFY(!panel()->shown());
        const QString before = points();
        showSide(QStringLiteral("What if"));
        waitFor(QStringLiteral("W4A16 g32 asymmetric"));
        QCOMPARE(text("whatIfValue0"), text("whatIfRunValue0"));
        QCOMPARE(text("whatIfValue1"), text("whatIfRunValue1"));
        QVERIFY(text("whatIfValue2").startsWith(text("whatIfRunValue2")));
        QCOMPARE(text("whatIfValue2"), widgets::formatRate(panel()->shown()->transferred.accuracy));
        QCOMPARE(text("whatIfValue3"), widgets::formatRate(panel()->shown()->refined->refitted.accuracy));
        QVERIFY2(text("whatIfDifferences").contains(QStringLiteral("To the run's W4A16 g32 asymmetric: 0.0 [0.0, 0.0] points")),
                 qPrintable(text("whatIfDifferences")));
        // Errors of the quantized blocks before it are left out, and so the points are others.
        QVERIFY(points() != before);
        QVERIFY(text("whatIfBasis").contains(QStringLiteral("base model's")));
    }

    void otherBitsAndTheWayBack() {
        m_page->setBlock(0);
        waitFor(QStringLiteral("W4A16 g32 asymmetric"));
        const QString four = points();
        const QString error = text("whatIfValue1");
        clickSegment("whatIf-weightBits", 2);
        waitFor(QStringLiteral("W2A16 g32 asymmetric"));
        QVERIFY(points() != four && text("whatIfValue1") != error);
        QCOMPARE(text("whatIfRunValue1"), error);
        QCOMPARE(panel()->title(), QStringLiteral("What if: W2A16 g32 asymmetric"));
        // In block 0 the run's own scheme gives what the run measured.
        find<QCheckBox>("whatIfDraw")->click();
        QCOMPARE(points(), four);
        QVERIFY(!panel()->shown());
        find<QCheckBox>("whatIfDraw")->click();
        QVERIFY(points() != four);
        clickSegment("whatIf-activationBits", 8);
        waitFor(QStringLiteral("W2A8 g32 asymmetric"));
        find<QCheckBox>("whatIf-symmetric")->click();
        waitFor(QStringLiteral("W2A8 g32 symmetric"));
        // The scheme goes along to another block.
        m_page->setBlock(2);
        waitFor(QStringLiteral("W2A8 g32 symmetric"));
        QCOMPARE(panel()->shown()->block, 2);
    }

    void anotherMethod() {
        auto* methods = find<QComboBox>("whatIfMethod");
        const auto choose = [&](const char* id) {
            methods->setCurrentIndex(methods->findData(QLatin1String(id)));
            emit methods->activated(methods->currentIndex());
        };
        const QString rounded = text("whatIfValue1");
        choose("gptq");
        QTRY_VERIFY_WITH_TIMEOUT(text("whatIfBasis").contains(QStringLiteral("GPTQ")) && text("whatIfValue1") != rounded, kLong);
        QVERIFY(panel()->title().contains(QStringLiteral("GPTQ")));
        // What takes minutes over a block cannot be chosen.
        const auto* items = qobject_cast<QStandardItemModel*>(methods->model());
        QVERIFY(!items->item(methods->findData(QStringLiteral("awq")))->isEnabled());
        QVERIFY(items->item(methods->findData(QStringLiteral("smoothquant")))->isEnabled());
        choose("rtn");
        QTRY_COMPARE_WITH_TIMEOUT(text("whatIfValue1"), rounded, kLong);
    }

    void intoTheSetupAndBack() {
        const json before = m_session->setup()->spec();
        QTest::mouseClick(find<QPushButton>("whatIfUseBlock"), Qt::LeftButton);
        const auto rules = rulesOf(m_session->setup()->spec());
        QCOMPARE(rules.size(), std::size_t{1});
        QCOMPARE(rules[0].pattern, QStringLiteral("^model\\.layers\\.2\\."));
        QCOMPARE(rules[0].scheme.describe(), QStringLiteral("W2A8 g32 symmetric"));
        const auto planned = [&](std::size_t linear) {
            const auto& plan = m_session->setup()->plan();
            return plan.known() ? QString::fromStdString(plan.value.linears[linear].actual) : QString();
        };
        QTRY_COMPARE_WITH_TIMEOUT(planned(14), QStringLiteral("W2A8 g32 symmetric"), kLong);
        QCOMPARE(planned(13), QStringLiteral("W4A16 g32 asymmetric"));
        QTest::mouseClick(find<QPushButton>("whatIfUseAll"), Qt::LeftButton);
        QCOMPARE(defaultSchemeOf(m_session->setup()->spec()).describe(), QStringLiteral("W2A8 g32 symmetric"));
        QVERIFY(rulesOf(m_session->setup()->spec()).empty());
        m_session->setup()->undoStack()->undo();
        QCOMPARE(rulesOf(m_session->setup()->spec()), rules);
        m_session->setup()->undoStack()->undo();
        QVERIFY(m_session->setup()->spec() == before);
    }

    void leavingShowsTheRunAgain() {
        QVERIFY(panel()->shown());
        const QString tried = points();
        showSide(QStringLiteral("Prompts"));
        QTRY_VERIFY(!panel()->shown());
        QTRY_VERIFY_WITH_TIMEOUT(points() != tried, kLong);
    }

    /// An engine that cannot give numbers says why, in place.
    void aRunThatIsGone() {
        showSide(QStringLiteral("What if"));
        waitFor(QStringLiteral("W2A8 g32 symmetric"));
        const QString run = m_session->store()->folder();
        QVERIFY(QFile::rename(run + QStringLiteral("/blocks/base-001.h5"), run + QStringLiteral("/blocks/gone")));
        m_page->setBlock(1);
        QTRY_VERIFY2_WITH_TIMEOUT(text("whatIfStatus").contains(QStringLiteral("not captured")), qPrintable(text("whatIfStatus")), kLong);
        QVERIFY(!panel()->shown());
        QVERIFY(QFile::rename(run + QStringLiteral("/blocks/gone"), run + QStringLiteral("/blocks/base-001.h5")));
    }
};

QTEST_MAIN(TestWhatIfPanel)
#include "test_whatif.moc"
