// SPDX-License-Identifier: GPL-3.0-or-later
// The default run as a user drives it: the real window, a real engine, the real example model, clicks and keys.
#include <signal.h>

#include <QAction>
#include <QDialog>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSlider>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QTextBrowser>
#include <QToolButton>

#include "app/workbench/appsettings.h"
#include "app/workbench/frame/runbanner.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/report/reportpage.h"
#include "app/workbench/results/resultspage.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/setuppanel.h"
#include "watchedapplication.h"
#include "widgets/answerview.h"
#include "widgets/documentview.h"
#include "widgets/infobanner.h"
#include "widgets/layerchart.h"
#include "widgets/projectionview.h"
#include "widgets/promptcard.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using Phase = RunController::Phase;

namespace {

constexpr int kShort = 10'000;
constexpr int kLong = 180'000;

/// Processes whose command line runs this folder.
QList<pid_t> processesOf(const QString& folder) {
    QList<pid_t> pids;
    const QStringList entries = QDir(QStringLiteral("/proc")).entryList(QDir::Dirs);
    for (const QString& entry : entries) {
        QFile file(QStringLiteral("/proc/%1/cmdline").arg(entry));
        bool number = false;
        const int pid = entry.toInt(&number);
        if (!number || !file.open(QIODevice::ReadOnly)) continue;
        const QList<QByteArray> words = file.readAll().split('\0');
        if (words.contains("run") && words.contains(folder.toUtf8())) pids.append(pid);
    }
    return pids;
}

/// Answers the questions a user would be asked.
class ScriptedDialogs : public Dialogs {
public:
    CloseAnswer askClose(QWidget*, const QString&) override {
        ++asked;
        return answer;
    }
    QString chooseFolder(QWidget*, const QString&, const QString&) override { return folder; }
    int asked = 0;
    QString folder;
    CloseAnswer answer = CloseAnswer::Cancel;
};

}  // namespace

class TestDefaultRun : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    ScriptedDialogs* m_dialogs = nullptr;
    QString m_firstRun;
    bool m_failed = false;

    Session* session() { return m_window->session(); }
    RunController* run() { return session()->run(); }
    RunStore* store() { return session()->store(); }
    EngineClient* engine() { return session()->client(); }

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    void click(const char* name) {
        auto* button = find<QAbstractButton>(name);
        QTRY_VERIFY_WITH_TIMEOUT(button->isVisible() && button->isEnabled(), kShort);
        QTest::mouseClick(button, Qt::LeftButton);
    }
    void showPane(const QString& title) {
        const auto [bar, tab] = paneTab(m_window.get(), title);
        QVERIFY(bar);
        QTest::mouseClick(bar, Qt::LeftButton, {}, bar->tabRect(tab).center());
    }
    /// The plot inside the layer chart: what a mouse hits.
    QWidget* plot() {
        const auto children = find<widgets::LayerChart>("layerChart")->findChildren<QWidget*>();
        for (auto* child : children) {
            if (child->inherits("safequant::widgets::LayerPlot")) return child;
        }
        return nullptr;
    }

private slots:
    /// Each step goes on from the one before: after a failure the rest would only repeat it.
    void init() { QVERIFY2(!m_failed, "an earlier step failed"); }
    void cleanup() { m_failed = m_failed || QTest::currentTestFailed(); }

    void initTestCase() {
        QVERIFY2(QFileInfo(modelPath()).isFile(), qPrintable(modelPath() + QStringLiteral(" is missing; run.sh and test.sh fetch it")));
        QVERIFY(m_folder.isValid());
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        auto options = engineOptions(m_folder.filePath(QStringLiteral("workspace")));
        options.exampleModel = modelPath();
        options.exampleSpec = smallRunSpec(writePrompts(m_folder.path(), 16), 6, 16);
        options.dialogs = scripted(m_dialogs);
        m_window = readyWindow(std::move(options), m_settings.get());
    }

    void exampleStartsTheRun() {
        click("openExample");
        static_cast<WatchedApplication*>(qApp)->watch(true);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Running, kShort);
        QCOMPARE(m_window->page(), Page::Layers);
        m_firstRun = store()->folder();
        QTRY_VERIFY_WITH_TIMEOUT(store()->blocksOf("base").size() >= 3, kLong);
        QCOMPARE(store()->blockCount(), 30);
    }

    void layersAreChosenByClickAndKeys() {
        auto* chart = find<widgets::LayerChart>("layerChart");
        auto* page = m_window->findChild<LayersPage*>();
        QVERIFY(plot());
        QTest::mouseClick(plot(), Qt::LeftButton, {}, QPoint(70, plot()->height() / 3));
        QTRY_VERIFY_WITH_TIMEOUT(chart->currentBlock() >= 0, kShort);
        plot()->setFocus();
        QTest::keyClick(plot(), Qt::Key_Home);
        QCOMPARE(page->block(), 0);
        QTest::keyClick(plot(), Qt::Key_Right);
        QCOMPARE(page->block(), 1);
        QTest::keyClick(plot(), Qt::Key_Left);
        QCOMPARE(page->block(), 0);
        auto* projection = find<widgets::ProjectionView>("projection");
        QTRY_COMPARE_WITH_TIMEOUT(projection->block(), 0, kShort);
        // The run's evaluation prompts, and no others, have scores.
        int evaluation = 0;
        for (const auto& prompt : *session()->promptItems()) evaluation += prompt.split == "evaluation" ? 1 : 0;
        QVERIFY(evaluation > 0);
        QTRY_COMPARE_WITH_TIMEOUT(find<QTableView>("prompts")->model()->rowCount(), evaluation, kShort);
    }

    void newestBlockIsFollowedAgain() {
        auto* page = m_window->findChild<LayersPage*>();
        auto* follow = find<QToolButton>("followNewest");
        QTRY_VERIFY(follow->isVisible());
        QVERIFY(!follow->isChecked());
        QCOMPARE(page->block(), 0);
        click("followNewest");
        QVERIFY(follow->isChecked());
        QVERIFY(page->block() > 0);
        const int shown = page->block();
        QTRY_VERIFY_WITH_TIMEOUT(page->block() != shown, kLong);
        QCOMPARE(find<QSlider>("blockSlider")->value(), page->block());
    }

    void maliciousTextShowsAfterOneClick() {
        int malicious = -1;
        for (int i = 0; i < static_cast<int>(session()->promptItems()->size()); ++i) {
            const auto* prompt = session()->prompt(i);
            if (prompt->label == "malicious" && prompt->split == "evaluation") malicious = i;
        }
        session()->selection()->select(malicious);
        const QString text = QString::fromStdString(session()->prompt(malicious)->text);
        auto* card = find<widgets::PromptCard>("promptCard");
        const auto shown = [card, &text] {
            const auto labels = card->findChildren<QLabel*>();
            return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) { return label->isVisible() && label->text().contains(text); });
        };
        QVERIFY(!shown());
        const auto buttons = card->findChildren<QPushButton*>();
        QCOMPARE(buttons.size(), 1);
        QTRY_VERIFY(buttons.first()->isVisible());
        QTest::mouseClick(buttons.first(), Qt::LeftButton);
        QTRY_VERIFY(shown());
        session()->selection()->select(malicious == 0 ? 1 : 0);
        QVERIFY(!session()->shield()->allows(QStringLiteral("malicious"), malicious));
    }

    void closingAsksAndCanBeTakenBack() {
        m_dialogs->answer = Dialogs::CloseAnswer::Cancel;
        QVERIFY(!m_window->close());
        QCOMPARE(m_dialogs->asked, 1);
        QVERIFY(m_window->isVisible());
    }

    void stopsAfterTheBlockAndResumes() {
        auto* action = find<QPushButton>("runAction");
        QCOMPARE(action->text(), QStringLiteral("Stop after block"));
        click("runAction");
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Stopped, kLong);
        const auto done = store()->blocksOf("base").size();
        QTRY_VERIFY(find<QLabel>("resumable")->text().startsWith(QStringLiteral("Resumable at block")));
        QTRY_COMPARE(action->text(), QStringLiteral("Resume"));
        click("runAction");
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Running, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(store()->blocksOf("base").size() > done, kLong);
        QCOMPARE(store()->folder(), m_firstRun);
    }

    void deadEngineIsSaidAndTheRunGoesOn() {
        const qint64 first = engine()->processId();
        QCOMPARE(::kill(static_cast<pid_t>(first), SIGKILL), 0);
        auto* banner = find<widgets::InfoBanner>("banner");
        QTRY_VERIFY_WITH_TIMEOUT(banner->isVisible() && banner->text().contains(QStringLiteral("engine"), Qt::CaseInsensitive), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(engine()->state(), EngineClient::State::Ready, kShort);
        QVERIFY(engine()->processId() != first);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Running, kShort);
        const auto sequence = store()->state().sequence;
        QTRY_VERIFY_WITH_TIMEOUT(store()->state().sequence > sequence, kLong);
    }

    void deadRunIsOfferedForResuming() {
        const QList<pid_t> pids = processesOf(m_firstRun);
        QCOMPARE(pids.size(), 1);
        QCOMPARE(::kill(pids.first(), SIGKILL), 0);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Interrupted, kShort);
        auto* banner = find<widgets::InfoBanner>("banner");
        QTRY_VERIFY(banner->isVisible());
        QPushButton* resume = nullptr;
        const auto buttons = banner->findChildren<QPushButton*>();
        for (auto* button : buttons) {
            if (button->text() == QLatin1String("Resume")) resume = button;
        }
        QVERIFY(resume);
        QTRY_VERIFY(resume->isVisible());
        QTest::mouseClick(resume, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Running, kShort);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Finished, kLong);
        QCOMPARE(store()->blocksOf("base").size(), 30U);
        QCOMPARE(store()->blocksOf("quantized").size(), 30U);
        QVERIFY(store()->metricsOf("quantized"));
    }

    void quantizedStandsBesideBase() {
        auto* page = m_window->findChild<LayersPage*>();
        page->setBlock(17);
        auto* projection = find<widgets::ProjectionView>("projection");
        QTRY_COMPARE_WITH_TIMEOUT(projection->block(), 17, kShort);
        const int prompt = find<widgets::PromptTableView>("prompts")->model()->index(0, 0).data(widgets::PromptTableModel::PromptRole).toInt();
        QVERIFY(!projection->pointPosition(QStringLiteral("base"), prompt).isNull());
        QTRY_VERIFY_WITH_TIMEOUT(!projection->pointPosition(QStringLiteral("quantized"), prompt).isNull(), kShort);
    }

    void blocksAreScrubbedAndModelsOverlaid() {
        auto* page = m_window->findChild<LayersPage*>();
        auto* slider = find<QSlider>("blockSlider");
        slider->setFocus();
        QTest::keyClick(slider, Qt::Key_Left);
        QCOMPARE(page->block(), 16);
        QCOMPARE(find<widgets::LayerChart>("layerChart")->currentBlock(), 16);
        QTest::keyClick(slider, Qt::Key_Right);
        auto* projection = find<widgets::ProjectionView>("projection");
        QTRY_COMPARE_WITH_TIMEOUT(projection->block(), 17, kShort);
        auto* arrangement = find<widgets::SegmentedControl>("arrangement");
        QTest::mouseClick(arrangement, Qt::LeftButton, {}, arrangement->segmentRect(1).center());
        QVERIFY(projection->overlaid());
        QVERIFY(m_settings->flag(Setting::ProjectionOverlaid));
        QVERIFY(projection->movementText().contains(QStringLiteral("malicious")));
        QTest::mouseClick(arrangement, Qt::LeftButton, {}, arrangement->segmentRect(0).center());
        QVERIFY(!find<QToolButton>("followNewest")->isVisible());
    }

    void slicesAreUndoneFromTheMenu() {
        session()->selection()->setSelection({0, 2, 4});
        showPane(QStringLiteral("Slices"));
        click("sliceFromSelection");
        QCOMPARE(session()->slices()->slices().size(), 1U);
        QTest::keyClick(m_window.get(), Qt::Key_Z, Qt::ControlModifier);
        QVERIFY(session()->slices()->slices().empty());
        showPane(QStringLiteral("Prompts"));
        session()->selection()->clear();
    }

    void answersStandSideBySide() {
        click("rail_answers");
        auto* table = find<widgets::PromptTableView>("answerPrompts");
        QTRY_VERIFY(table->isVisible());
        QTRY_COMPARE_WITH_TIMEOUT(table->model()->rowCount(), 18, kShort);
        int row = 0;
        while (table->model()->index(row, 0).data(widgets::PromptTableModel::LabelRole).toString() != QLatin1String("benign")) ++row;
        const QRect cell = table->visualRect(table->model()->index(row, widgets::PromptTableModel::PromptColumn));
        QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, cell.center());
        auto* view = find<widgets::AnswerView>("answers");
        QTRY_VERIFY_WITH_TIMEOUT(!view->shownText(QStringLiteral("base")).isEmpty(), kShort);
        QVERIFY(!view->shownText(QStringLiteral("quantized")).isEmpty());
    }

    void otherBitsQuantizeAgain() {
        QTest::keyClick(m_window.get(), Qt::Key_2, Qt::ControlModifier);
        QTRY_COMPARE(m_window->page(), Page::Layers);
        auto* bits = find<widgets::SegmentedControl>("weightBits");
        QTRY_VERIFY(bits->isVisible());
        QTest::mouseClick(bits, Qt::LeftButton, {}, bits->segmentRect(6).center());
        QCOMPARE(defaultSchemeOf(session()->setup()->spec()).weightBits, 8);
        QTest::keyClick(m_window.get(), Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE(defaultSchemeOf(session()->setup()->spec()).weightBits, 4);
        QTest::keyClick(m_window.get(), Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_COMPARE(defaultSchemeOf(session()->setup()->spec()).weightBits, 8);
        click("quantize");
        QTRY_VERIFY_WITH_TIMEOUT(store()->folder() != m_firstRun, kShort);
        QTRY_COMPARE_WITH_TIMEOUT(run()->phase(), Phase::Finished, kLong);
        QCOMPARE(store()->block("quantized", 0)->linears.front().actualBits, 8);
    }

    /// Two finished runs of one model: three rows, of which the two quantized ones are compared with the model itself.
    void resultsCompareBothRuns() {
        click("rail_results");
        auto* table = find<QTableView>("results");
        QTRY_COMPARE_WITH_TIMEOUT(table->model()->rowCount(), 3, kShort);
        auto* pairs = find<QTableView>("comparison");
        QTRY_VERIFY_WITH_TIMEOUT(pairs->model()->rowCount() > 0, kShort);
        const int alone = pairs->model()->rowCount();
        table->selectAll();
        QTRY_VERIFY_WITH_TIMEOUT(pairs->model()->rowCount() > alone, kShort);
        QVERIFY(m_window->findChild<ResultsPage*>()->tableText().contains(QStringLiteral("W8A16")));
        click("reportResults");
        QVERIFY(m_window->page() == Page::Report);
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("reportSaid")->text().startsWith(QStringLiteral("2 runs")), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->findChild<ReportPage*>()->preview()->isDrawn(), kShort);
        click("reportBack");
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("reportSaid")->text().isEmpty(), kShort);
        click("rail_learning");
        QVERIFY(m_window->page() == Page::Learning);
        click("rail_layers");
    }

    /// The page shows the report on paper, for another reader when asked, and writes it where the user says.
    void reportIsShownAndSaved() {
        click("rail_report");
        auto* preview = m_window->findChild<ReportPage*>()->preview();
        QTRY_VERIFY_WITH_TIMEOUT(preview->isVisible() && preview->pageCount() > 1 && preview->isDrawn(), kShort);
        const int pages = preview->pageCount();
        QTest::keyClick(preview, Qt::Key_End);
        QTRY_VERIFY_WITH_TIMEOUT(preview->isDrawn(), kShort);
        QTest::keyClick(preview, Qt::Key_Plus);
        QVERIFY(preview->zoom() > 1.0);
        QTRY_VERIFY_WITH_TIMEOUT(preview->isDrawn(), kShort);
        auto* readers = find<widgets::SegmentedControl>("reportReader");
        readers->setFocus();
        QTest::keyClick(readers, Qt::Key_Right);
        QCOMPARE(readers->currentValue().toString(), QStringLiteral("researcher"));
        QTRY_VERIFY_WITH_TIMEOUT(preview->pageCount() > pages, kShort);
        m_dialogs->folder = m_folder.filePath(QStringLiteral("handed-on"));
        QVERIFY(QDir().mkpath(m_dialogs->folder));
        click("saveReport");
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("openReport")->isVisible(), kShort);
        for (const char* file : {"report.html", "report.pdf", "report.json", "tables/comparison.csv", "tables/linears.csv", "figures/refitted.svg"})
            QVERIFY2(QFileInfo(m_dialogs->folder + "/report/" + file).size() > 100, file);
        // Where nothing can be written, the page says so.
        m_dialogs->folder = QStringLiteral("/proc");
        click("saveReport");
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("reportSaid")->text().contains(QStringLiteral("/proc/report")), kShort);
        QVERIFY(!find<QPushButton>("openReport")->isVisible());
        click("rail_layers");
    }

    void exportWritesAFolder() {
        QTRY_VERIFY(find<QAction>("exportModel")->isEnabled());
        QTest::keyClick(m_window.get(), Qt::Key_E, Qt::ControlModifier);
        QTRY_VERIFY(m_window->findChild<QDialog*>(QStringLiteral("exportDialog")));
        auto* dialog = find<QDialog>("exportDialog");
        QTRY_VERIFY(dialog->isVisible());
        const QString target = m_folder.filePath(QStringLiteral("exported"));
        exportTo(target, m_window.get(), kLong);
        QVERIFY(!QDir(target).entryList({QStringLiteral("*.safetensors")}).isEmpty());
        m_window->activateWindow();
        QTRY_VERIFY(m_window->isActiveWindow());
    }

    /// Handlers take 30 ms at most where nothing else runs (bench_workbench measures stalls); what computes this long does not belong in one.
    void noHandlerComputesLong() {
        auto* app = static_cast<WatchedApplication*>(qApp);
        app->watch(false);
        qInfo("longest handler: %.1f ms CPU (%s); %.1f ms wall (%s)", app->longestCpu().milliseconds,
              qPrintable(app->longestCpu().what), app->longestWall().milliseconds, qPrintable(app->longestWall().what));
        QVERIFY(app->longestCpu().milliseconds > 0.0);
        QVERIFY2(app->longestCpu().milliseconds < 200.0, qPrintable(app->longestCpu().what));
    }

    void recentRunsAreListedAndOpened() {
        QTest::keyClick(m_window.get(), Qt::Key_N, Qt::ControlModifier);
        auto* recent = find<QTableView>("recentRuns");
        QTRY_COMPARE_WITH_TIMEOUT(recent->model()->rowCount(), 2, kShort);
        QTest::mouseClick(recent->viewport(), Qt::LeftButton, {}, recent->visualRect(recent->model()->index(1, 0)).center());
        QTRY_COMPARE_WITH_TIMEOUT(store()->folder(), m_firstRun, kShort);
        QTRY_COMPARE(run()->phase(), Phase::Finished);
        QCOMPARE(defaultSchemeOf(session()->setup()->spec()).weightBits, 4);
    }

    void closingKeepsGeometryAndTheme() {
        // Qt 6.8 restores no window larger than the screen, and the one without a display has 800 by 800 pixels.
        const auto narrowest = [this] { return m_window->resize(790, 700), m_window->width(); };
        const int withPanel = narrowest();
        find<QAction>("setupPanel")->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(narrowest() < withPanel, kShort);
        const QSize size = m_window->size();
        QVERIFY(m_window->close());
        QCOMPARE(m_dialogs->asked, 1);
        m_window.reset();
        auto options = engineOptions(m_folder.filePath(QStringLiteral("workspace")));
        MainWindow again(options, m_settings.get());
        again.show();
        QCOMPARE(again.size(), size);
        QVERIFY(!again.findChild<SetupPanel*>()->isVisible());
    }
};

int main(int argc, char** argv) {
    safequant::workbench::WatchedApplication application(argc, argv);
    TestDefaultRun test;
    return QTest::qExec(&test, argc, argv);
}

#include "test_defaultrun.moc"
