// SPDX-License-Identifier: GPL-3.0-or-later
// The analysis page as a user drives it: the real window, a real engine, finished runs of a small model.
#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/workbench/analysis/analysispage.h"
#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/results/resultspage.h"
#include "app/workbench/session.h"
#include "core/run/probe_analysis.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"
#include "widgets/barlist.h"
#include "widgets/emptystate.h"
#include "widgets/heatmap.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/parallelplot.h"
#include "widgets/xyplot.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kShort = 20'000;

class ScriptedDialogs : public Dialogs {
public:
    QString chooseSaveFile(QWidget*, const QString&, const QString& path, const QString&) override {
        proposed = path;
        return file;
    }
    QString file, proposed;
};

}  // namespace

class TestAnalysisPage : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    std::vector<std::string> m_runs;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    ScriptedDialogs* m_dialogs = nullptr;

    AnalysisPage* page() { return m_window->findChild<AnalysisPage*>(); }
    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    /// The one of many that is seen.
    template <typename T>
    T* seen(const char* name) {
        const auto all = m_window->findChildren<T*>(QString::fromLatin1(name));
        for (T* each : all)
            if (each->isVisible()) return each;
        qFatal("no %s is visible", name);
    }
    void choose(const char* control, const QVariant& value) {
        auto* segments = find<widgets::SegmentedControl>(control);
        for (int i = 0; i < segments->count(); ++i)
            if (segments->segmentValue(i) == value) return QTest::mouseClick(segments, Qt::LeftButton, {}, segments->segmentRect(i).center());
        qFatal("%s has no such segment", control);
    }
    /// The one action of a menu of "Copy or save" with this text.
    QAction* action(const QString& menu, const QString& text) {
        const auto entries = seen<QToolButton>("analysisExport")->menu()->actions();
        for (QAction* entry : entries) {
            if (menu.isEmpty() ? entry->text() == text : entry->text() == menu && !entry->menu()) return entry;
            if (!entry->menu() || entry->text() != menu) continue;
            const auto inner = entry->menu()->actions();
            for (QAction* each : inner)
                if (each->text() == text) return each;
        }
        qFatal("there is no %s", qPrintable(text));
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        const QString workspace = m_folder.filePath(QStringLiteral("workspace"));
        for (const int bits : {4, 8, 2}) {
            auto spec = tiny::specJson(m_places.inputs());
            spec["name"] = std::to_string(bits) + " bits";
            spec["quantization"]["default"]["weight_bits"] = bits;
            m_runs.push_back(tiny::makeRun(workspace, spec));
            tiny::finishRun(m_runs.back());
        }
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        auto options = engineOptions(workspace);
        options.dialogs = scripted(m_dialogs);
        m_window = readyWindow(std::move(options), m_settings.get());
        m_window->openPath(QString::fromStdString(m_runs[0]));
        QTRY_VERIFY_WITH_TIMEOUT(m_window->session()->store()->finished(), kShort);
    }

    void probesAreShownByBlock() {
        QTest::mouseClick(find<QToolButton>("rail_analysis"), Qt::LeftButton);
        QCOMPARE(m_window->page(), Page::Analysis);
        auto* bars = find<widgets::BarList>("probeWeights");
        auto* map = find<widgets::HeatMap>("probeSimilarity");
        QTRY_VERIFY_WITH_TIMEOUT(map->itemCount() == 16, kShort);
        find<QSpinBox>("analysisBlock")->setValue(1);
        QCOMPARE(page()->block(), 1);
        const auto expected = readProbeWeights(m_runs[0], "base", 1);
        QTRY_COMPARE_WITH_TIMEOUT(bars->itemCount(), int(expected->weights.size()), kShort);
        for (int i = 0; i < bars->itemCount(); ++i) {
            QCOMPARE(bars->item(i).key, expected->weights[std::size_t(i)].dimension);
            QCOMPARE(bars->item(i).value, expected->weights[std::size_t(i)].weight);
        }
        // Keys move over the map, and its row is the block.
        map->setFocus();
        QTest::keyClick(map, Qt::Key_Down);
        QTRY_COMPARE(page()->block(), 2);
        QVERIFY(map->accessibleDescription().contains(QStringLiteral("2")));
        QTest::keyClick(m_window.get(), Qt::Key_BracketLeft, Qt::ControlModifier);
        QCOMPARE(page()->block(), 1);
        choose("probeModel", QStringLiteral("quantized"));
        const auto quantized = readProbeWeights(m_runs[0], "quantized", 1);
        QTRY_COMPARE_WITH_TIMEOUT(bars->itemCount(), int(quantized->weights.size()), kShort);
        QVERIFY(bars->itemCount() == 0 || bars->item(0).value == quantized->weights[0].weight);
    }

    void transferIsATableToo() {
        choose("analysisViews", QStringLiteral("transfer"));
        auto* base = find<widgets::HeatMap>("transfer_base");
        auto* quantized = find<widgets::HeatMap>("transfer_quantized");
        QTRY_VERIFY_WITH_TIMEOUT(base->itemCount() == 16 && quantized->itemCount() == 16, kShort);
        const auto expected = measureProbeTransfer(m_runs[0], "quantized");
        const auto table = quantized->table();
        for (int cell = 0; cell < 16; ++cell) QCOMPARE(table.rows[cell][3].toULongLong(), qulonglong(expected->correct[std::size_t(cell)]));
        auto* kind = seen<widgets::SegmentedControl>("analysisKind");
        QTest::mouseClick(kind, Qt::LeftButton, {}, kind->segmentRect(1).center());
        auto* numbers = seen<QTableView>("analysisTable");
        QCOMPARE(numbers->model()->rowCount(), 16);
        auto* source = seen<QComboBox>("analysisSource");
        source->setCurrentIndex(1);
        emit source->activated(1);
        QCOMPARE(numbers->model()->index(5, 3).data().toULongLong(), qulonglong(expected->correct[5]));
        QTest::mouseClick(kind, Qt::LeftButton, {}, kind->segmentRect(0).center());
        action(quantized->accessibleName(), QStringLiteral("Copy the numbers"))->trigger();
        QCOMPARE(QApplication::clipboard()->text(), table.text());
        choose("transferMeasure", true);
        QVERIFY(QTest::qWaitFor([&] { return base->isVisible(); }, kShort));
    }

    void figuresAndNumbersAreSaved() {
        auto* map = find<widgets::HeatMap>("transfer_base");
        m_dialogs->file = m_folder.filePath(QStringLiteral("map.pdf"));
        action(map->accessibleName(), QStringLiteral("Save the figure ..."))->trigger();
        QVERIFY(QFileInfo(m_dialogs->file).size() > 500);
        QVERIFY(m_dialogs->proposed.endsWith(QStringLiteral(".svg")));
        QVERIFY(seen<QLabel>("analysisSaid")->text().contains(QStringLiteral("map.pdf")));
        m_dialogs->file = m_folder.filePath(QStringLiteral("numbers"));
        action(map->accessibleName(), QStringLiteral("Save the numbers ..."))->trigger();
        QFile csv(m_dialogs->file + QStringLiteral(".csv"));
        QVERIFY(csv.open(QIODevice::ReadOnly));
        QCOMPARE(QString::fromUtf8(csv.readAll()), map->table().csv());
        m_dialogs->file = QStringLiteral("/proc/none/map.svg");
        action(map->accessibleName(), QStringLiteral("Save the figure ..."))->trigger();
        QVERIFY(seen<QLabel>("analysisSaid")->text().contains(QStringLiteral("cannot be written")));
    }

    void calibrationHasCurvesAndCounts() {
        choose("analysisViews", QStringLiteral("calibration"));
        auto* curve = find<widgets::XyPlot>("reliability");
        auto* summary = find<QTableView>("calibrationSummary");
        QTRY_COMPARE_WITH_TIMEOUT(summary->model()->rowCount(), 3, kShort);
        const auto expected = measureProbeCalibration(m_runs[0], page()->block(), 10);
        const auto filled = [&](int probe, int binning) {
            const auto& bins = expected->probes[std::size_t(probe)].curves[std::size_t(binning)].bins;
            return int(std::count_if(bins.begin(), bins.end(), [](const auto& bin) { return bin.malicious.total > 0; }));
        };
        QCOMPARE(curve->itemCount(), filled(0, 0));
        choose("calibrationBins", QStringLiteral("count"));
        QCOMPARE(curve->itemCount(), filled(0, 1));
        choose("calibrationProbe", QStringLiteral("transferred"));
        QCOMPARE(curve->itemCount(), filled(2, 1));
        const auto& caught = expected->probes[2].maliciousCaught;
        QVERIFY(summary->model()->index(2, 4).data().toString().endsWith(QStringLiteral("%1/%2").arg(caught.count).arg(caught.total)));
        QVERIFY(find<widgets::XyPlot>("roc")->itemCount() > 1);
    }

    void linearsShowWeightsAndMeasuredInputs() {
        choose("analysisViews", QStringLiteral("linears"));
        auto* weights = find<widgets::XyPlot>("weightsHistogram");
        QTRY_VERIFY_WITH_TIMEOUT(weights->itemCount() > 100, kShort);
        find<QCheckBox>("logCounts")->click();
        QVERIFY(weights->itemCount() > 100);
        choose("weightsUnit", true);
        QCOMPARE(weights->itemCount(), 16);
        auto* channels = find<widgets::XyPlot>("inputChannels");
        QCOMPARE(channels->itemCount(), 0);
        QTest::mouseClick(find<QPushButton>("measureInputs"), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(channels->itemCount(), 48, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(!find<QPushButton>("measureInputs")->isVisible(), kShort);
        auto* role = find<QComboBox>("linearRole");
        role->setCurrentIndex(0);
        QTRY_COMPARE_WITH_TIMEOUT(channels->itemCount(), 32, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(!weights->table().rows.isEmpty() && weights->table().rows[0].value(0).toString().endsWith(QStringLiteral("q_proj")), kShort);
    }

    void sensitivityIsSorted() {
        choose("analysisViews", QStringLiteral("sensitivity"));
        auto* bars = find<widgets::BarList>("sensitivityBars");
        QTRY_COMPARE_WITH_TIMEOUT(bars->itemCount(), 28, kShort);
        double largest = 0.0;
        for (const auto& block : m_window->session()->store()->state().blocks)
            for (const auto& linear : block.linears) largest = std::max(largest, linear.relativeError);
        QCOMPARE(bars->item(0).value, largest);
        for (int i = 1; i < bars->itemCount(); ++i) QVERIFY(bars->item(i).value <= bars->item(i - 1).value);
        choose("sensitivityUnit", true);
        QCOMPARE(bars->itemCount(), 4);
        bars->setFocus();
        QTest::keyClick(bars, Qt::Key_Home);
        QCOMPARE(page()->block(), bars->item(0).key);
        // A run that learned nothing has no losses to go to.
        QVERIFY(!find<QPushButton>("analysisLosses")->isEnabled());
    }

    void tradeOffOpensRuns() {
        choose("analysisViews", QStringLiteral("trade-off"));
        auto* plot = find<widgets::XyPlot>("tradeOff");
        // Three quantized models and the one they came from.
        QTRY_COMPARE_WITH_TIMEOUT(plot->itemCount(), 4, kShort);
        QVERIFY(!find<QPushButton>("tradeOffOpen")->isEnabled());
        find<QComboBox>("tradeOffX")->setCurrentIndex(5);
        emit find<QComboBox>("tradeOffX")->activated(5);
        QCOMPARE(plot->itemCount(), 4);
        QCOMPARE(plot->table().columns[3], QStringLiteral("size on disk"));
        int chosen = -1;
        for (int i = 0; i < plot->table().rows.size(); ++i)
            if (plot->table().rows[i][0].toString() == QStringLiteral("2 bits")) chosen = i;
        QVERIFY(chosen >= 0);
        plot->setFocus();
        QTest::keyClick(plot, Qt::Key_Home);
        for (int step = 0; step < 4 && !plot->accessibleDescription().startsWith(QStringLiteral("2 bits")); ++step) QTest::keyClick(plot, Qt::Key_Right);
        QVERIFY(plot->accessibleDescription().startsWith(QStringLiteral("2 bits")));
        // All measures: the same models as lines, the same one chosen; marked ranges are counted.
        choose("tradeOffKind", tr("All"));
        auto* parallel = find<widgets::ParallelPlot>("parallel");
        QTRY_VERIFY(parallel->isVisible());
        QCOMPARE(parallel->itemCount(), 4);
        QVERIFY(parallel->accessibleDescription().startsWith(QStringLiteral("2 bits")));
        QVERIFY(parallel->table().columns.contains(QStringLiteral("perplexity")) && parallel->table().columns.contains(QStringLiteral("time of quantizing")));
        QVERIFY(!find<QComboBox>("tradeOffX")->isVisible());
        parallel->setFocus();
        // Another one, wherever this one stands.
        QTest::keyClick(parallel, Qt::Key_End);
        if (parallel->accessibleDescription().startsWith(QStringLiteral("2 bits"))) QTest::keyClick(parallel, Qt::Key_Home);
        QVERIFY(!parallel->accessibleDescription().startsWith(QStringLiteral("2 bits")));
        parallel->setRange(0, Interval{-1.0, -0.5});
        QCOMPARE(parallel->kept(), 0);
        const auto labels = page()->findChildren<QLabel*>();
        QVERIFY(std::any_of(labels.begin(), labels.end(), [](auto* label) { return label->text().contains(QStringLiteral("0 of 4 models")); }));
        parallel->clearRanges();
        parallel->setFocus();
        for (int line = 0; line < 4 && !parallel->accessibleDescription().startsWith(QStringLiteral("2 bits")); ++line) QTest::keyClick(parallel, line == 0 ? Qt::Key_Home : Qt::Key_Down);
        QVERIFY(parallel->accessibleDescription().startsWith(QStringLiteral("2 bits")));
        QTest::mouseClick(find<QPushButton>("tradeOffResults"), Qt::LeftButton);
        QCOMPARE(m_window->page(), Page::Results);
        auto* table = find<QTableView>("results");
        QTRY_VERIFY_WITH_TIMEOUT(table->selectionModel()->selectedRows().size() == 1 &&
                                     table->selectionModel()->selectedRows().first().data().toString() == QStringLiteral("2 bits"),
                                 kShort);
        m_window->setPage(Page::Analysis);
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("tradeOffOpen")->isEnabled(), kShort);
        QTest::mouseClick(find<QPushButton>("tradeOffOpen"), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(m_window->session()->store()->folder(), QString::fromStdString(m_runs[2]), kShort);
    }

    /// Views follow the run that is open, and say what is missing where there is none.
    void anotherRunIsShown() {
        m_window->setPage(Page::Analysis);
        choose("analysisViews", QStringLiteral("linears"));
        choose("weightsUnit", true);
        QTRY_COMPARE_WITH_TIMEOUT(find<widgets::XyPlot>("weightsHistogram")->itemCount(), 4, kShort);
        QVERIFY(find<QPushButton>("measureInputs")->isVisible());
        m_window->session()->run()->close();
        for (const char* view : {"probes", "transfer", "calibration", "linears", "sensitivity"}) {
            choose("analysisViews", QString::fromLatin1(view));
            QTRY_VERIFY_WITH_TIMEOUT(([&] {
                                         const auto all = page()->findChildren<widgets::EmptyState*>();
                                         return std::any_of(all.begin(), all.end(), [](auto* state) { return state->isVisible() && !state->text().isEmpty(); });
                                     }()),
                                     kShort);
        }
    }
};

QTEST_MAIN(TestAnalysisPage)
#include "test_analysispage.moc"
