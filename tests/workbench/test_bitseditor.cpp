// SPDX-License-Identifier: GPL-3.0-or-later
// Bits as bars, and a budget, as a user drives them, with a real engine and a tiny model.
#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/appsettings.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/bitseditor.h"
#include "app/workbench/setup/bitspage.h"
#include "tests/support/tiny_model.h"
#include "widgets/bitschart.h"
#include "widgets/lineartableview.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

class TestBitsEditor : public QObject {
    Q_OBJECT

    static constexpr int kLong = 60'000;

    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<Session> m_session;
    std::unique_ptr<BitsPage> m_page;
    json m_spec;

    SetupModel* setup() { return m_session->setup(); }
    template <typename T>
    T* find(const char* name) { return named<T>(m_page.get(), name); }
    widgets::BitsChart* chart() { return find<widgets::BitsChart>("bitsChart"); }
    QString text(const char* name) { return find<QLabel>(name)->text(); }
    /// Bits that the spec asks for a linear.
    int bitsOf(const QString& linear) { return schemesOf(setup()->spec(), {linear}).front().weightBits; }
    QString linear(int block, const char* suffix) { return QStringLiteral("model.layers.%1.%2").arg(block).arg(QLatin1String(suffix)); }
    /// Mean bits of the engine's plan, by weights.
    double plannedBits() {
        const auto& linears = setup()->plan().value.linears;
        const auto& checkpoint = setup()->checkpoint().value;
        double bits = 0.0, weights = 0.0;
        for (std::size_t i = 0; i < linears.size(); ++i) {
            const double size = double(checkpoint.linearRows[i]) * checkpoint.linearCols[i];
            bits += size * linears[i].bitsPerWeight;
            weights += size;
        }
        return bits / weights;
    }
    /// Waits until the engine's plan is of the spec as it is; the sum that the window makes must be the same.
    void waitForPlan() {
        QTRY_VERIFY2_WITH_TIMEOUT(setup()->plan().known() && text("bitsSize").startsWith(QLocale().toString(plannedBits(), 'f', 2) + QLatin1Char(' ')),
                                  qPrintable(text("bitsSize")), kLong);
    }
    void drag(int bar, int fromBits, int toBits) {
        // A bar's top is where its bits are on the scale; bars of other bits tell the scale.
        const QRectF area = chart()->barRect(bar);
        const double unit = area.height() / fromBits;
        const QPoint start(int(area.center().x()), int(area.top() + 2));
        const QPoint end(start.x(), int(area.bottom() - unit * toBits));
        QTest::mousePress(chart(), Qt::LeftButton, {}, start);
        for (int step = 1; step <= 6; ++step) {
            const QPointF at = QPointF(start) + (QPointF(end) - QPointF(start)) * step / 6.0;
            QMouseEvent move(QEvent::MouseMove, at, chart()->mapToGlobal(at), Qt::NoButton, Qt::LeftButton, Qt::NoModifier);
            QApplication::sendEvent(chart(), &move);
        }
        QTest::mouseRelease(chart(), Qt::LeftButton, {}, end);
    }

private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        const std::string model = m_folder.filePath(QStringLiteral("model")).toStdString();
        const std::string prompts = m_folder.filePath(QStringLiteral("prompts.jsonl")).toStdString();
        safequant::testing::writeTinyModel(model);
        safequant::testing::writeTinyPrompts(prompts, 24);
        m_spec = {{"checkpoint", model},
                  {"prompts", {prompts}},
                  {"stages", {"capture", "quantize"}},
                  {"quantization",
                   {{"default", {{"weight_bits", 4}, {"group_size", 32}, {"symmetric", false}, {"activation_bits", 16}}}, {"rules", json::array()}}}};
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        m_session = std::make_unique<Session>(enginePath(), m_folder.filePath(QStringLiteral("workspace")), m_settings.get(), std::make_unique<Dialogs>());
        m_session->client()->start();
        waitForEngine(m_session->client());
        m_page = std::make_unique<BitsPage>(setup(), m_session->store(), m_session->client());
        m_page->resize(960, 700);
        m_page->show();
    }

    void init() {
        setup()->setSpec(m_spec);
        QTRY_VERIFY_WITH_TIMEOUT(chart()->barCount() > 0, kLong);
        waitForPlan();
        for (int block = 0; block < 3; ++block) chart()->setOpen(block, false);
        chart()->selectBars({});
        find<QCheckBox>("keepFused")->setChecked(true);
    }

    void dragging() {
        QCOMPARE(chart()->barCount(), 3);
        QCOMPARE(chart()->barBits(1), 4.0);
        const int undoable = setup()->undoStack()->count();
        drag(1, 4, 8);
        QCOMPARE(chart()->barBits(1), 8.0);
        QCOMPARE(chart()->barBits(0), 4.0);
        QCOMPARE(bitsOf(linear(1, "mlp.up_proj")), 8);
        // One drag is one step back.
        QCOMPARE(setup()->undoStack()->count(), undoable + 1);
        // What the model takes follows at once, and the engine's plan agrees.
        const QString now = text("bitsSize");
        QVERIFY(!now.startsWith(QStringLiteral("4.6")));
        waitForPlan();
        QCOMPARE(text("bitsSize"), now);
        setup()->undoStack()->undo();
        QVERIFY(setup()->spec() == m_spec);
        setup()->undoStack()->redo();
        QCOMPARE(chart()->barBits(1), 8.0);
    }

    void keys() {
        chart()->setFocus();
        QTest::keyClick(chart(), Qt::Key_Home);
        QTest::keyClick(chart(), Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(chart()->selectedBars(), (QList<int>{0, 1}));
        QTest::keyClick(chart(), Qt::Key_Up);
        QCOMPARE(chart()->barBits(0), 5.0);
        QCOMPARE(chart()->barBits(1), 5.0);
        QCOMPARE(chart()->barBits(2), 4.0);
        QTest::keyClick(chart(), Qt::Key_3);
        QCOMPARE(chart()->barBits(1), 3.0);
        QTest::keyClick(chart(), Qt::Key_Down);
        QTest::keyClick(chart(), Qt::Key_Down);
        QCOMPARE(chart()->barBits(1), 2.0);
        QTest::keyClick(chart(), Qt::Key_0);
        QCOMPARE(chart()->barBits(0), 16.0);
        QTest::keyClick(chart(), Qt::Key_Down);
        QCOMPARE(chart()->barBits(0), 8.0);
        QTest::keyClick(chart(), Qt::Key_A, Qt::ControlModifier);
        QTest::keyClick(chart(), Qt::Key_6);
        QCOMPARE(chart()->barBits(2), 6.0);
        QVERIFY(chart()->accessibleDescription().contains(QStringLiteral("6 bits")));
    }

    void openedBlocks() {
        chart()->selectBars({1});
        chart()->setFocus();
        QTest::keyClick(chart(), Qt::Key_Return);
        QVERIFY(chart()->isOpen(1));
        QCOMPARE(chart()->barCount(), 6);
        QCOMPARE(chart()->barName(1), QStringLiteral("block 1 q, k, v"));
        QCOMPARE(chart()->barName(3), QStringLiteral("block 1 gate, up"));
        chart()->selectBars({3});
        QTest::keyClick(chart(), Qt::Key_8);
        QCOMPARE(bitsOf(linear(1, "mlp.gate_proj")), 8);
        QCOMPARE(bitsOf(linear(1, "mlp.up_proj")), 8);
        QCOMPARE(bitsOf(linear(1, "mlp.down_proj")), 4);
        find<QCheckBox>("keepFused")->click();
        QCOMPARE(chart()->barCount(), 9);
        chart()->selectBars({1});
        QTest::keyClick(chart(), Qt::Key_2);
        QCOMPARE(bitsOf(linear(1, "self_attn.q_proj")), 2);
        QCOMPARE(bitsOf(linear(1, "self_attn.k_proj")), 4);
        const QString table = chart()->tableText();
        QVERIFY2(table.contains(QStringLiteral("block 1 q: 2 bits")) && table.count(QLatin1Char('\n')) == 8, qPrintable(table));
    }

    /// The table of linears keeps to the lock, too.
    void theTableKeepsFusedLinearsTogether() {
        auto* table = find<widgets::LinearTableView>("linears");
        table->selectRow(1);
        table->setSelectedBits(7);
        QCOMPARE(bitsOf(linear(0, "self_attn.k_proj")), 7);
        QCOMPARE(bitsOf(linear(0, "self_attn.q_proj")), 7);
        QCOMPARE(bitsOf(linear(0, "self_attn.v_proj")), 7);
        QCOMPARE(bitsOf(linear(0, "self_attn.o_proj")), 4);
        table->clearSelectedOverrides();
        QCOMPARE(bitsOf(linear(0, "self_attn.q_proj")), 4);
        QVERIFY(rulesOf(setup()->spec()).empty());
    }

    void presets() {
        auto* presets = find<QComboBox>("bitsPresets");
        presets->setCurrentIndex(2);
        emit presets->activated(2);
        QCOMPARE(rulesOf(setup()->spec()).size(), std::size_t{1});
        QCOMPARE(rulesOf(setup()->spec())[0].pattern, QStringLiteral("mlp\\.down_proj$"));
        QCOMPARE(bitsOf(linear(2, "mlp.down_proj")), 8);
        presets->setCurrentIndex(4);
        emit presets->activated(4);
        QCOMPARE(bitsOf(linear(2, "mlp.up_proj")), 8);
        QCOMPARE(bitsOf(linear(1, "mlp.up_proj")), 4);
        emit presets->activated(1);
        QVERIFY(rulesOf(setup()->spec()).empty());
        setup()->undoStack()->undo();
        QCOMPARE(bitsOf(linear(2, "mlp.up_proj")), 8);
    }

    void budgetInBits() {
        find<QDoubleSpinBox>("budgetTarget")->setValue(5.0);
        QTest::mouseClick(find<QPushButton>("budgetSolve"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(text("budgetOutcome").contains(QStringLiteral("above the best possible")), qPrintable(text("budgetOutcome")), kLong);
        QVERIFY(setup()->spec() != m_spec);
        waitForPlan();
        QVERIFY2(plannedBits() <= 5.0 + 1e-9 && plannedBits() > 4.7, qPrintable(QString::number(plannedBits(), 'g', 12)));
        for (int block = 0; block < 3; ++block) {
            QCOMPARE(bitsOf(linear(block, "self_attn.q_proj")), bitsOf(linear(block, "self_attn.v_proj")));
            QCOMPARE(bitsOf(linear(block, "mlp.gate_proj")), bitsOf(linear(block, "mlp.up_proj")));
        }
        QVERIFY(chart()->tableText().contains(QStringLiteral("weight error")));
        QVERIFY(setup()->undoStack()->undoText().contains(QStringLiteral("budget")));
        setup()->undoStack()->undo();
        QVERIFY(setup()->spec() == m_spec);
        // A budget that holds nothing says what it takes.
        find<QDoubleSpinBox>("budgetTarget")->setValue(2.0);
        QTest::mouseClick(find<QPushButton>("budgetSolve"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(text("budgetOutcome").contains(QStringLiteral("Allow more")), qPrintable(text("budgetOutcome")), kLong);
    }

    void budgetInMegabytes() {
        auto* unit = find<QComboBox>("budgetUnit");
        unit->setCurrentIndex(1);
        emit unit->activated(1);
        const auto bytes = setup()->plan().value.estimate.exportBytes;
        QCOMPARE(find<QDoubleSpinBox>("budgetTarget")->value(), std::round(double(bytes) / 1e4) / 100.0);
        QVERIFY(!find<QComboBox>("budgetMeasure")->isEnabled());
        unit->setCurrentIndex(0);
        emit unit->activated(0);
        QCOMPARE(find<QDoubleSpinBox>("budgetTarget")->value(), std::round(plannedBits() * 100.0) / 100.0);
    }

    /// With a run of the model, by what rounding does to outputs.
    void budgetByOutputs() {
        m_session->run()->start(m_spec);
        QTRY_COMPARE_WITH_TIMEOUT(m_session->run()->phase(), RunController::Phase::Finished, kLong);
        auto* measure = find<QComboBox>("budgetMeasure");
        QTRY_VERIFY_WITH_TIMEOUT(measure->isEnabled(), kLong);
        measure->setCurrentIndex(1);
        find<QDoubleSpinBox>("budgetTarget")->setValue(4.75);
        QTest::mouseClick(find<QPushButton>("budgetSolve"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(text("budgetOutcome").contains(QStringLiteral("errors of outputs")), qPrintable(text("budgetOutcome")), kLong);
        waitForPlan();
        QVERIFY2(plannedBits() <= 4.75 + 1e-9, qPrintable(QString::number(plannedBits(), 'g', 12)));
        QVERIFY2(chart()->tableText().contains(QStringLiteral("output error")), qPrintable(chart()->tableText()));
    }
};

QTEST_MAIN(TestBitsEditor)
#include "test_bitseditor.moc"
