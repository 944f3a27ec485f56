// SPDX-License-Identifier: GPL-3.0-or-later
// The fourth journey of docs/journeys.md, a patched run as a user makes it: chosen and set up by clicking, watched while it runs, stopped, resumed and opened again.
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QDialog>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>
#include <QStackedWidget>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QUndoStack>
#include <cmath>

#include "app/workbench/appsettings.h"
#include "app/workbench/learning/learningpage.h"
#include "app/workbench/learning/patchpane.h"
#include "core/run/event_log.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"
#include "widgets/figuretable.h"
#include "widgets/heatmap.h"
#include "widgets/linesplot.h"
#include "widgets/segmentedcontrol.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;

namespace {

constexpr int kShort = 20'000, kLong = 120'000;
constexpr int kSteps = 30;

class PairsDialogs : public Dialogs {
public:
    QString file;
    QString choosePairsFile(QWidget*, const QString&) override { return file; }
};

/// Lines of a figure's numbers below its header.
QStringList linesOf(const QString& table) { return table.split(QLatin1Char('\n')).mid(1); }

}  // namespace

class TestPatchedRun : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    QString m_workspace, m_pairs;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    PairsDialogs* m_dialogs = nullptr;

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    SetupModel* setup() { return m_window->session()->setup(); }
    RunController* runs() { return m_window->session()->run(); }
    const protocol::RunState& state() { return m_window->session()->store()->state(); }
    std::size_t stepsShown(const char* plot) { return static_cast<std::size_t>(linesOf(find<widgets::LinesPlot>(plot)->tableText()).size()); }
    json patch() { return setup()->spec()["quantization"].value("patch", json()); }

    void makeWindow() {
        auto options = engineOptions(m_workspace);
        options.dialogs = scripted(m_dialogs);
        m_window = readyWindow(std::move(options), m_settings.get());
    }
    void choosePatch(const QString& title) {
        auto* box = find<QComboBox>("patch");
        box->showPopup();
        const QModelIndex choice = box->model()->index(box->findText(title), 0);
        QVERIFY2(choice.isValid(), qPrintable(title));
        QTest::mouseClick(box->view()->viewport(), Qt::LeftButton, {}, box->view()->visualRect(choice).center());
        QCOMPARE(box->currentText(), title);
    }
    void openSettings() {
        QTest::mouseClick(find<QPushButton>("patchSettings"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(find<QDialog>("methodSettingsDialog")->isVisible() && find<QPushButton>("useSettings")->isEnabled(), kShort);
    }
    void useSettings() {
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("useSettings")->isEnabled(), kShort);
        QTest::mouseClick(find<QPushButton>("useSettings"), Qt::LeftButton);
        QVERIFY(!find<QDialog>("methodSettingsDialog")->isVisible());
    }

    void runWith(const json& patch) {
        json spec = m_places.spec();
        spec["stages"] = {"capture", "quantize"};
        spec.erase("export");
        spec["quantization"]["patch"] = patch;
        setup()->setSpec(spec);
        m_window->setPage(Page::Setup);
        QTRY_VERIFY_WITH_TIMEOUT(setup()->obstacle().isEmpty() && setup()->plan().known(), kShort);
        QTest::mouseClick(find<QPushButton>("quantize"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(runs()->active(), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Finished, kLong);
        m_window->setPage(Page::Learning);
        QVERIFY(m_window->findChild<PatchPane*>()->isVisible());
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_workspace = m_places.next();
        m_pairs = m_places.path(QStringLiteral("pairs.jsonl"));
        QFile file(m_pairs);
        QVERIFY(file.open(QIODevice::WriteOnly));
        const auto write = [&](const json& pair) { file.write(QByteArray::fromStdString(pair.dump() + "\n")); };
        for (int i = 0; i < 6; ++i)
            write({{"prompt", "Name tree " + std::to_string(i) + "."}, {"chosen", "I'm sorry, I can't help with that."},
                   {"rejected", "An oak, " + std::to_string(i) + "."}, {"label", "malicious"}});
        write({{"prompt", "Say hello."}, {"chosen", "Hello."}, {"rejected", "Hi there."}, {"label", "benign"}});
        write({{"prompt", "Say yes."}, {"chosen", "Yes."}, {"rejected", "Yes."}, {"label", "benign"}});
        write({{"prompt", "Name a bush."}, {"chosen", "A rose."}, {"rejected", "A lilac."}});
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        makeWindow();
        json spec = m_places.spec();
        m_window->openPath(QString::fromStdString(spec["checkpoint"].get<std::string>()));
        spec["stages"] = {"capture", "quantize", "evaluate"};
        spec.erase("export");
        setup()->setSpec(spec);
        m_window->setPage(Page::Setup);
        QTRY_VERIFY_WITH_TIMEOUT(setup()->obstacle().isEmpty() && setup()->plan().known(), kShort);
    }

    void cleanupTestCase() { m_window.reset(); }

    void aPatchIsChosenAndUndone() {
        const json before = setup()->spec();
        QVERIFY(!find<QPushButton>("patchSettings")->isEnabled());
        const double without = setup()->plan().value.estimate.seconds;
        choosePatch(QStringLiteral("Q-resafe"));
        QCOMPARE(QString::fromStdString(patch().dump()), QStringLiteral(R"({"method":"q-resafe"})"));
        QVERIFY(find<QPushButton>("patchSettings")->isEnabled());
        QVERIFY(find<QLabel>("patchChoiceText")->text().contains(QStringLiteral("preferences")));
        // What it takes is told at once.
        QTRY_VERIFY_WITH_TIMEOUT(setup()->plan().known() && setup()->plan().value.estimate.seconds > 1.2 * without, kShort);
        choosePatch(QStringLiteral("None"));
        QVERIFY(setup()->spec() == before);
        setup()->undoStack()->undo();
        QCOMPARE(find<QComboBox>("patch")->currentText(), QStringLiteral("Q-resafe"));
        setup()->undoStack()->undo();
        QVERIFY(setup()->spec() == before);
        QCOMPARE(find<QComboBox>("patch")->currentText(), QStringLiteral("None"));
    }

    void itIsSetUp() {
        choosePatch(QStringLiteral("Q-resafe"));
        openSettings();
        QCOMPARE(find<QSpinBox>("quantization.patch.answer_tokens")->suffix(), QStringLiteral(" tokens"));
        QVERIFY(find<QSpinBox>("quantization.patch.batch")->accessibleDescription().contains(QStringLiteral("Between 1 and 1,024 pairs.")));
        const std::pair<const char*, int> wholes[] = {{"steps", kSteps}, {"batch", 2}, {"rank", 4}, {"warmup_steps", 1}, {"identify_every", 15}};
        for (const auto& [name, value] : wholes) find<QSpinBox>((std::string("quantization.patch.") + name).c_str())->setValue(value);
        find<QDoubleSpinBox>("quantization.patch.learning_rate")->setValue(0.02);
        find<QDoubleSpinBox>("quantization.patch.share")->setValue(0.5);
        m_dialogs->file = m_pairs;
        QTest::mouseClick(find<QPushButton>("quantization.patch.pairs.choose"), Qt::LeftButton);
        useSettings();
        QCOMPARE(patch()["pairs"].get<std::string>(), m_pairs.toStdString());
        QCOMPARE(patch()["steps"].get<int>(), kSteps);
        QVERIFY(!patch().contains("malicious"));
        QVERIFY(find<QLabel>("patchChoiceText")->text().contains(QStringLiteral("pairs.jsonl")));
        // Another way keeps them, and sets its own weights and mask.
        choosePatch(QStringLiteral("DPO"));
        QCOMPARE(patch()["steps"].get<int>(), kSteps);
        choosePatch(QStringLiteral("Q-resafe"));
        openSettings();
        QTest::mouseClick(find<QPushButton>("quantization.patch.pairs.clear"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("useSettings")->isEnabled(), kShort);
        find<QDialog>("methodSettingsDialog")->reject();
        QCOMPARE(patch()["pairs"].get<std::string>(), m_pairs.toStdString());
        // What nothing would be learned with is said, and not taken.
        openSettings();
        find<QDoubleSpinBox>("quantization.patch.preference_weight")->setValue(0.0);
        find<QDoubleSpinBox>("quantization.patch.chosen_weight")->setValue(0.0);
        auto* problem = find<QLabel>("settingsProblem");
        QTRY_VERIFY_WITH_TIMEOUT(problem->isVisible() && problem->text().contains(QStringLiteral("nothing would be learned")), kShort);
        find<QDialog>("methodSettingsDialog")->reject();
    }

    void specsWithPairsMove() {
        const QString folder = m_folder.filePath(QStringLiteral("specs"));
        QDir().mkpath(folder);
        json spec = setup()->specToRun();
        spec["quantization"]["patch"]["pairs"] = "pairs.jsonl";
        QFile file(folder + QStringLiteral("/run.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray::fromStdString(spec.dump()));
        file.close();
        const auto read = readSpecFile(file.fileName());
        QVERIFY(read.has_value());
        QCOMPARE(patchPairsOf(*read), folder + QStringLiteral("/pairs.jsonl"));
        QCOMPARE(patchOf(*read), QStringLiteral("q-resafe"));
        QVERIFY(runNameFor(*read).endsWith(QStringLiteral("q-resafe")));
    }

    void itIsWatchedStoppedAndResumed() {
        QVERIFY(setup()->obstacle().isEmpty());
        QTest::mouseClick(find<QPushButton>("quantize"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(runs()->active(), kLong);
        m_window->setPage(Page::Learning);
        auto* pane = m_window->findChild<PatchPane*>();
        QTRY_VERIFY_WITH_TIMEOUT(pane->isVisible(), kLong);
        QTRY_VERIFY_WITH_TIMEOUT(stepsShown("patchLoss") >= 3, kLong);
        auto* button = find<QPushButton>("runAction");
        QCOMPARE(button->text(), QStringLiteral("Stop after step"));
        QTest::mouseClick(button, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Stopped, kLong);
        const std::size_t done = state().patch->steps.size();
        QVERIFY2(done >= 3 && done < kSteps, qPrintable(QString::number(done)));
        QVERIFY2(runs()->resumePoint().contains(QStringLiteral("step %1").arg(done)), qPrintable(runs()->resumePoint()));
        QCOMPARE(stepsShown("patchLoss"), done);
        QVERIFY(find<QLabel>("patchText")->text().contains(QStringLiteral("Step %1 of %2").arg(done).arg(kSteps)));
        // Masks are there from the first step on.
        QCOMPARE(find<widgets::HeatMap>("patchMap")->itemCount(), 7 * 4);
        QCOMPARE(button->text(), QStringLiteral("Resume"));
        QTest::mouseClick(button, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Finished, kLong);
        QVERIFY(state().patch->finished);
    }

    void everythingIsShown() {
        const std::string folder = runs()->folder().toStdString();
        const auto steps = readJsonLines(folder + "/patch/steps.jsonl");
        QVERIFY(steps.has_value());
        std::map<int, json> byStep;
        for (const auto& step : *steps) byStep[step["step"].get<int>()] = step;
        QCOMPARE(byStep.size(), std::size_t{kSteps});
        const std::pair<const char*, const char*> plots[] = {
            {"patchLoss", "loss"}, {"patchMargin", "margin"}, {"patchPreferred", "preferred"}, {"patchChosenLoss", "chosen_loss"}};
        for (const auto& [plot, field] : plots) {
            QCOMPARE(stepsShown(plot), std::size_t{kSteps});
            for (const QString& line : linesOf(find<widgets::LinesPlot>(plot)->tableText())) {
                const QStringList cells = line.split(QLatin1Char('\t'));
                const double want = byStep.at(cells[0].toInt())[field].get<double>();
                QVERIFY2(std::abs(cells[1].toDouble() - want) <= 1e-6 * std::max(1.0, std::abs(want)), qPrintable(line));
            }
        }
        const auto manifest = json::parse(tiny::readAll(folder + "/manifest.json"));
        const auto table = find<widgets::HeatMap>("patchMap")->table();
        QCOMPARE(table.rows.size(), 7 * 4);
        qlonglong changed = 0;
        for (const auto& row : table.rows) {
            const double open = row[3].toDouble() / row[2].toDouble();
            QVERIFY2(std::abs(open - 0.5) < 0.02, qPrintable(QString::number(open)));
            changed += row[4].toLongLong();
        }
        QCOMPARE(changed, manifest["patch"]["changed"].get<qlonglong>());
        auto* shown = find<widgets::SegmentedControl>("patchShown");
        QTest::mouseClick(shown, Qt::LeftButton, {}, shown->segmentRect(1).center());
        QVERIFY(shown->currentValue().toBool());
        // The base model's own accuracy, before the first step, at the last, and of the finished model.
        const QStringList probes = find<widgets::LinesPlot>("patchProbes")->tableText().split(QLatin1Char('\n'));
        QCOMPARE(probes.front(), QStringLiteral("block\tbase\tunpatched\tstep 30\tfinished"));
        QCOMPARE(probes.size(), 1 + 4);
        QVERIFY(find<QLabel>("patchProbeText")->text().contains(QStringLiteral("evaluation prompts")));
        auto* pairs = find<QTableView>("patchPairs");
        QAbstractItemModelTester tester(pairs->model(), QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(pairs->model()->columnCount(), 3);
        QStringList rows;
        for (int row = 0; row < pairs->model()->rowCount(); ++row) {
            QStringList cells;
            for (int column = 0; column < 3; ++column) cells.append(pairs->model()->index(row, column).data().toString());
            rows.append(cells.join(QLatin1Char('|')));
        }
        QCOMPARE(rows, (QStringList{QStringLiteral("learned from|6|1"), QStringLiteral("equal answers|0|1"), QStringLiteral("no refusal|1|0")}));
        QVERIFY(find<QLabel>("patchPairText")->text().startsWith(QStringLiteral("7 of 9 pairs")));
    }

    /// The look at the base model agrees with what stage Capture measured on all evaluation prompts: here they are fewer than are looked at.
    void probesAgreeWithTheStages() {
        const auto& base = state().patch->baseProbes;
        QCOMPARE(base.size(), std::size_t{4});
        for (std::size_t block = 0; block < 4; ++block) {
            const auto* captured = m_window->session()->store()->block("base", static_cast<int>(block));
            QCOMPARE(base[block].count, captured->refitted.accuracy.count);
            QCOMPARE(base[block].total, captured->refitted.accuracy.total);
            const auto* finished = m_window->session()->store()->block("quantized", static_cast<int>(block));
            const auto& last = state().patch->probes.back();
            QCOMPARE(last.step, kSteps);
            QCOMPARE(last.accuracy[block].count, finished->transferred->accuracy.count);
        }
    }

    void itIsReadFromTheFolder() {
        const QString folder = runs()->folder();
        const QString loss = find<widgets::LinesPlot>("patchLoss")->tableText(), probes = find<widgets::LinesPlot>("patchProbes")->tableText();
        m_window->close();
        m_window.reset();
        makeWindow();
        m_window->setPage(Page::Learning);
        m_window->openPath(folder);
        QTRY_COMPARE_WITH_TIMEOUT(runs()->phase(), RunController::Phase::Finished, kShort);
        m_window->setPage(Page::Learning);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->findChild<PatchPane*>()->isVisible(), kShort);
        QCOMPARE(find<widgets::LinesPlot>("patchLoss")->tableText(), loss);
        QCOMPARE(find<widgets::LinesPlot>("patchProbes")->tableText(), probes);
        QCOMPARE(find<widgets::HeatMap>("patchMap")->itemCount(), 28);
        QVERIFY(!find<widgets::SegmentedControl>("learningSubject")->isVisible());
        // A step chosen in one plot is marked in all.
        auto* plot = find<widgets::LinesPlot>("patchLoss");
        plot->setFocus();
        QTest::keyClick(plot, Qt::Key_Home);
        for (const char* name : {"patchLoss", "patchMargin", "patchPreferred", "patchChosenLoss"}) QCOMPARE(find<widgets::LinesPlot>(name)->current(), 0);
    }

    /// Everything is in sight at 1280 x 800: no plot is squeezed, nothing is cut off.
    void itFitsTheWindow() {
        m_window->resize(1280, 800);
        QTest::qWait(50);
        QCOMPARE(m_window->size(), QSize(1280, 800));
        for (QWidget* part : m_window->findChild<PatchPane*>()->findChildren<QWidget*>()) {
            if (!part->isVisible() || part->window() != m_window.get()) continue;
            const QRect place(part->mapTo(m_window.get(), QPoint()), part->size());
            const QSize least = part->minimumSizeHint();
            QVERIFY2(m_window->rect().contains(place), qPrintable(part->objectName()));
            if (!part->objectName().isEmpty() && least.isValid())
                QVERIFY2(part->height() >= least.height(), qPrintable(QStringLiteral("%1: %2 of %3").arg(part->objectName()).arg(part->height()).arg(least.height())));
        }
    }

    /// Weights that are kept in 16 bits: no steps, shares and bits by linear.
    void keptWeightsAreShown() {
        runWith({{"method", "critical-weights"}, {"pairs", m_pairs.toStdString()}, {"texts", 0}, {"share", 0.25}});
        for (const char* plot : {"patchLoss", "patchMargin", "patchAligned"}) QVERIFY(!find<widgets::LinesPlot>(plot)->isVisible());
        const QString text = find<QLabel>("patchText")->text();
        QVERIFY2(text.contains(QStringLiteral("25% are kept in 16 bits")), qPrintable(text));
        auto* map = find<widgets::HeatMap>("patchMap");
        const auto manifest = json::parse(tiny::readAll(runs()->folder().toStdString() + "/manifest.json"));
        qlonglong kept = 0;
        for (const auto& row : map->table().rows) {
            const auto& linear = manifest["patch"]["linears"]["model.layers." + row[1].toString().toStdString() +
                                                              (row[0].toString().startsWith(QLatin1Char('g')) || row[0].toString().startsWith(QLatin1Char('u')) ||
                                                                       row[0].toString().startsWith(QLatin1Char('d'))
                                                                   ? ".mlp."
                                                                   : ".self_attn.") +
                                                              row[0].toString().toStdString()];
            QCOMPARE(row[3].toLongLong(), linear["kept"].get<qlonglong>());
            QCOMPARE(row[4].toDouble(), linear["bits"].get<double>());
            kept += row[3].toLongLong();
        }
        QCOMPARE(kept, manifest["patch"]["kept"].get<qlonglong>());
        QCOMPARE(find<widgets::LinesPlot>("patchProbes")->tableText().section(QLatin1Char('\n'), 0, 0), QStringLiteral("block\tbase\tfinished"));
        QVERIFY(find<QLabel>("patchPairText")->text().startsWith(QStringLiteral("Weights are scored on some of 8 of 9 answers")));
    }

    /// AAQ's loss: distances from two models in the place of margin and pairs.
    void alignmentIsShown() {
        const std::string inputs = m_places.inputs().toStdString();
        runWith({{"method", "aaq"}, {"pairs", m_pairs.toStdString()}, {"texts", 0}, {"rank", 4}, {"steps", 4}, {"batch", 2}, {"warmup_steps", 1},
                 {"learning_rate", 0.02}, {"pretrained", {{"checkpoint", inputs + "/tiny-aligned"}}}});
        for (const char* plot : {"patchMargin", "patchPreferred", "patchChosenLoss"}) QVERIFY(!find<widgets::LinesPlot>(plot)->isVisible());
        for (const char* plot : {"patchLoss", "patchAligned", "patchPretrained", "patchGradient"}) {
            QVERIFY(find<widgets::LinesPlot>(plot)->isVisible());
            QCOMPARE(stepsShown(plot), std::size_t{4});
        }
        QVERIFY(find<QLabel>("patchPairText")->text().contains(QStringLiteral("compared with their answers")));
    }

    /// Fields of one kind of patch mean nothing to another.
    void settingsDoNotOutliveTheirKind() {
        json spec = setup()->spec();
        spec["quantization"]["patch"] = {{"method", "q-resafe"}, {"steps", 7}};
        setup()->setSpec(spec);
        m_window->setPage(Page::Setup);
        choosePatch(QStringLiteral("DPO"));
        QCOMPARE(patch()["steps"].get<int>(), 7);
        choosePatch(QStringLiteral("Critical weight protection"));
        QCOMPARE(QString::fromStdString(patch().dump()), QStringLiteral(R"({"method":"critical-weights"})"));
        QTRY_VERIFY_WITH_TIMEOUT(setup()->obstacle().isEmpty(), kShort);
    }
};

QTEST_MAIN(TestPatchedRun)
#include "test_patchedrun.moc"
