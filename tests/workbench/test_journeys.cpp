// SPDX-License-Identifier: GPL-3.0-or-later
// The first three journeys of docs/journeys.md on the real window with a real engine, over finished runs of a tiny model.
#include <QAction>
#include <QClipboard>
#include <QDialog>
#include <QGuiApplication>
#include <QImage>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QProcess>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/workbench/appsettings.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/layers/slicespanel.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/report/reportpage.h"
#include "app/workbench/session.h"
#include "core/base/files.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"
#include "widgets/answerview.h"
#include "widgets/documentview.h"
#include "widgets/layerchart.h"
#include "widgets/projectionpane.h"
#include "widgets/projectionview.h"
#include "widgets/promptcard.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kShort = 20'000;

/// Answers what a user would be asked.
class ScriptedDialogs : public Dialogs {
public:
    QString chooseFolder(QWidget*, const QString&, const QString&) override { return folder; }
    QString chooseSaveFile(QWidget*, const QString&, const QString&, const QString&) override { return file; }
    QString chooseExportFile(QWidget*, const QString&, const QString&) override { return file; }
    QString folder, file;
};

}  // namespace

class TestJourneys : public QObject {
    Q_OBJECT

private:
    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    QString m_workspace, m_fine, m_coarse;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    ScriptedDialogs* m_dialogs = nullptr;

    Session* session() { return m_window->session(); }

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    void click(const char* name) {
        auto* button = find<QAbstractButton>(name);
        QTRY_VERIFY2_WITH_TIMEOUT(button->isVisible() && button->isEnabled(), name, kShort);
        QTest::mouseClick(button, Qt::LeftButton);
    }
    void choose(widgets::SegmentedControl* control, int segment) {
        QTRY_VERIFY_WITH_TIMEOUT(control->isVisible(), kShort);
        QTest::mouseClick(control, Qt::LeftButton, {}, control->segmentRect(segment).center());
        QCOMPARE(control->currentIndex(), segment);
    }
    void command(const QString& typed) {
        QTest::keyClick(m_window.get(), Qt::Key_K, Qt::ControlModifier);
        auto* text = find<QLineEdit>("commandText");
        QTRY_VERIFY_WITH_TIMEOUT(text->hasFocus(), kShort);
        QTest::keyClicks(text, typed);
        QTest::keyClick(text, Qt::Key_Return);
    }
    std::string makeRun(const char* name, int bits) {
        auto spec = m_places.spec();
        spec["name"] = name;
        spec["quantization"]["default"]["weight_bits"] = bits;
        spec["stages"] = {"capture", "quantize", "evaluate"};
        spec.erase("export");
        const auto folder = tiny::makeRun(m_workspace, spec);
        tiny::finishRun(folder);
        return folder;
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_workspace = m_places.next();
        m_fine = QString::fromStdString(makeRun("fine", 8));
        m_coarse = QString::fromStdString(makeRun("coarse", 2));
    }

    void init() {
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        auto options = engineOptions(m_workspace);
        options.dialogs = scripted(m_dialogs);
        m_window = readyWindow(std::move(options), m_settings.get());
    }

    void cleanup() {
        m_window.reset();
        m_settings.reset();
        QFile::remove(m_folder.filePath(QStringLiteral("settings.ini")));
    }

    void aResearcherLooksForTheBlockWhereSafetyMoved() {
        auto* recent = find<QTableView>("recentRuns");
        QTRY_COMPARE_WITH_TIMEOUT(recent->model()->rowCount(), 2, kShort);
        command(QStringLiteral("open run: coarse"));
        QTRY_COMPARE_WITH_TIMEOUT(session()->store()->folder(), m_coarse, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(session()->store()->blocksOf("quantized").size() == 4, kShort);

        // The block where the transferred accuracy fell most, by the arrow keys.
        int wanted = 0;
        double most = -1.0;
        for (int block = 0; block < 4; ++block) {
            const double fall = session()->store()->block("base", block)->refitted.accuracy.value -
                                session()->store()->block("quantized", block)->transferred->accuracy.value;
            if (fall > most) wanted = block, most = fall;
        }
        auto* page = m_window->findChild<LayersPage*>();
        QWidget* plot = page->chart()->focusProxy();
        plot->setFocus();
        QTest::keyClick(plot, Qt::Key_Home);
        for (int step = 0; step < wanted; ++step) QTest::keyClick(plot, Qt::Key_Right);
        QCOMPARE(page->block(), wanted);
        choose(page->chart()->findChild<widgets::SegmentedControl*>(), 0);
        choose(page->chart()->findChild<widgets::SegmentedControl*>(), 1);

        // A box over the whole quantized pane takes every prompt; what the selection tells is what is in it.
        auto* projection = find<widgets::ProjectionView>("projection");
        const int n = static_cast<int>(readProjection(m_coarse.toStdString(), wanted, "probe")->prompts.size());
        QTRY_COMPARE_WITH_TIMEOUT(projection->block(), wanted, kShort);
        widgets::ProjectionPane* pane = nullptr;
        const auto panes = projection->findChildren<widgets::ProjectionPane*>();
        for (auto* each : panes)
            if (each->isVisible() && !each->scene().empty()) pane = each;
        QVERIFY(pane);
        const QRect inside = pane->rect().adjusted(2, 28, -2, -26);
        QTest::mousePress(pane, Qt::LeftButton, {}, inside.topLeft());
        QTest::mouseMove(pane, inside.center());
        QTest::mouseMove(pane, inside.bottomRight());
        QTest::mouseRelease(pane, Qt::LeftButton, {}, inside.bottomRight());
        QTRY_COMPARE_WITH_TIMEOUT(session()->selection()->count(), n, kShort);
        QVERIFY2(projection->selectionText().contains(QString::number(n)), qPrintable(projection->selectionText()));

        const auto [bar, tab] = paneTab(m_window.get(), QStringLiteral("Slices"));
        QTest::mouseClick(bar, Qt::LeftButton, {}, bar->tabRect(tab).center());
        click("sliceFromSelection");
        auto* slices = m_window->findChild<SlicesPanel*>();
        QTRY_COMPARE(slices->count(), 1);
        m_dialogs->file = m_folder.filePath(QStringLiteral("slice.jsonl"));
        find<QTableView>("slices")->selectRow(0);
        find<QAction>("exportSlice")->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(QFileInfo::exists(m_dialogs->file), kShort);
        const auto written = readTextFile(m_dialogs->file.toStdString());
        QCOMPARE(std::count(written->begin(), written->end(), '\n'), n);
        for (const auto& prompt : *session()->promptItems())
            if (prompt.label == "malicious") QVERIFY2(written->find(prompt.text) == std::string::npos, prompt.id.c_str());

        command(QStringLiteral("lay over this run: fine"));
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("overlayText")->text().contains(QStringLiteral("fine")), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(page->chart()->tableText().contains(QStringLiteral("\tfine\t")), kShort);
        QTest::mouseClick(find<QToolButton>("overlayClose"), Qt::LeftButton);

        QTest::keyClick(m_window.get(), Qt::Key_T, Qt::ControlModifier);
        auto* text = find<QPlainTextEdit>("tryText");
        QTRY_VERIFY_WITH_TIMEOUT(text->hasFocus(), kShort);
        QTest::keyClicks(text, QStringLiteral("how do i bake bread"));
        QTest::keyClick(text, Qt::Key_Return, Qt::ControlModifier);
        QTRY_COMPARE_WITH_TIMEOUT(find<QTableView>("tryTable")->model()->rowCount(), 1, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(projection->tableText().contains(QStringLiteral("\nown 1\t")), kShort);

        find<QAction>("undo")->trigger();
        QTRY_COMPARE(slices->count(), 0);
    }

    void whatTheWindowSetsUpRunsOnTheCommandLine() {
        m_window->openPath(m_coarse);
        QTRY_VERIFY_WITH_TIMEOUT(find<QAction>("saveSpec")->isEnabled(), kShort);
        m_dialogs->file = m_folder.filePath(QStringLiteral("it's a spec.json"));
        find<QAction>("saveSpec")->trigger();
        QFile file(m_dialogs->file);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(nlohmann::json::parse(file.readAll().toStdString()), session()->setup()->spec());
        const QString command = QGuiApplication::clipboard()->text();
        QVERIFY2(command.startsWith(QStringLiteral("safequant run ")), qPrintable(command));
        QProcess shell;
        shell.start(QStringLiteral("sh"), {QStringLiteral("-c"), enginePath() + command.mid(9) + QStringLiteral(" --estimate")});
        QVERIFY(shell.waitForFinished(kShort));
        const QByteArray said = shell.readAllStandardError();
        QVERIFY2(shell.exitCode() == 0, said.constData());
    }

    void aReviewerJudgesTheSeparation() {
        m_dialogs->folder = m_coarse;
        find<QAction>("openRun")->trigger();
        QTRY_COMPARE_WITH_TIMEOUT(session()->store()->folder(), m_coarse, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(!session()->store()->blocksOf("quantized").empty(), kShort);
        auto* prompts = find<widgets::PromptTableView>("prompts");
        QTRY_VERIFY_WITH_TIMEOUT(prompts->model()->rowCount() > 0, kShort);
        for (int row = 0; row < prompts->model()->rowCount(); ++row) {
            const auto cell = prompts->model()->index(row, widgets::PromptTableModel::PromptColumn);
            if (cell.data(widgets::PromptTableModel::LabelRole).toString() == QLatin1String("malicious")) QVERIFY(cell.data().toString().isEmpty());
        }
        QVERIFY(session()->store()->state().control.has_value());

        click("rail_analysis");
        QTRY_VERIFY_WITH_TIMEOUT(find<QWidget>("analysisViews")->isVisible(), kShort);
        auto* views = find<widgets::SegmentedControl>("analysisViews");
        for (int segment = 0; segment < views->count(); ++segment) {
            choose(views, segment);
            QTest::qWait(20);
        }

        click("rail_answers");
        auto* table = find<widgets::PromptTableView>("answerPrompts");
        QTRY_VERIFY_WITH_TIMEOUT(table->isVisible() && table->model()->rowCount() > 0, kShort);
        QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, table->visualRect(table->model()->index(0, widgets::PromptTableModel::PromptColumn)).center());
        auto* view = find<widgets::AnswerView>("answers");
        QVERIFY(view->isVisible());
        const auto asked = [&](int prompt) {
            const auto& answers = session()->store()->state().answers;
            return std::any_of(answers.begin(), answers.end(), [&](const auto& answer) { return answer.prompt == prompt; });
        };
        const int malicious = [&] {
            for (int i = 0; i < static_cast<int>(session()->promptItems()->size()); ++i)
                if (session()->prompt(i)->label == "malicious" && asked(i)) return i;
            return -1;
        }();
        session()->selection()->select(malicious);
        QVERIFY(!session()->shield()->allows(QStringLiteral("malicious"), malicious));
        // What was not read cannot be judged.
        auto* verdict = find<widgets::SegmentedControl>("verdict_quantized");
        QVERIFY(verdict->isVisible() && !verdict->isEnabled());
        QVERIFY(find<QLabel>("reviewSaid")->text().contains(QStringLiteral("Show")));
        session()->shield()->showOnce(malicious);
        QVERIFY(session()->shield()->allows(QStringLiteral("malicious"), malicious));
        QTRY_VERIFY(verdict->isEnabled());
        QCOMPARE(verdict->currentIndex(), -1);
        choose(verdict, 0);
        QTRY_COMPARE_WITH_TIMEOUT(session()->review()->review().verdicts.size(), std::size_t{1}, kShort);
        QCOMPARE(session()->review()->review().verdicts[0].outcome, std::string("refused"));
        QVERIFY(QFileInfo::exists(m_coarse + "/verdicts/people.jsonl"));
        QVERIFY2(find<QLabel>("reviewSummary")->text().startsWith(QStringLiteral("1 answer judged")), qPrintable(find<QLabel>("reviewSummary")->text()));
        choose(verdict, 1);
        QTRY_COMPARE_WITH_TIMEOUT(session()->review()->review().verdicts[0].outcome, std::string("complied"), kShort);
        find<QAction>("undo")->trigger();
        QTRY_COMPARE_WITH_TIMEOUT(session()->review()->review().verdicts[0].outcome, std::string("refused"), kShort);
        QTRY_COMPARE(verdict->currentIndex(), 0);
        click("takeBack_quantized");
        QTRY_VERIFY_WITH_TIMEOUT(session()->review()->review().verdicts.empty(), kShort);
        QVERIFY(!find<QPushButton>("takeBack_quantized")->isVisible());
        QFile kept(m_coarse + "/verdicts/people.jsonl");
        QVERIFY(kept.open(QIODevice::ReadOnly));
        QCOMPARE(kept.readAll().count('\n'), 4);
        click("drawAnswer");
        QCOMPARE(session()->prompt(session()->selection()->current())->label, std::string("malicious"));
        session()->selection()->select(malicious + 1);
        QVERIFY(!session()->shield()->allows(QStringLiteral("malicious"), malicious));

        click("rail_report");
        auto* preview = m_window->findChild<ReportPage*>()->preview();
        QTRY_VERIFY_WITH_TIMEOUT(preview->isVisible() && preview->pageCount() > 1 && preview->isDrawn(), kShort);
    }

    void anAnalystHandsAReportOn() {
        m_window->openPath(m_fine);
        QTRY_COMPARE_WITH_TIMEOUT(session()->store()->folder(), m_fine, kShort);
        click("rail_results");
        auto* results = find<QTableView>("results");
        QTRY_VERIFY_WITH_TIMEOUT(results->model()->rowCount() >= 3, kShort);
        results->setFocus();
        QTest::keyClick(results, Qt::Key_A, Qt::ControlModifier);
        click("reportResults");
        QCOMPARE(m_window->page(), Page::Report);
        QTRY_VERIFY_WITH_TIMEOUT(find<QLabel>("reportSaid")->text().startsWith(QStringLiteral("2 runs")), kShort);
        auto* preview = m_window->findChild<ReportPage*>()->preview();
        QTRY_VERIFY_WITH_TIMEOUT(preview->isDrawn(), kShort);
        auto* readers = find<widgets::SegmentedControl>("reportReader");
        readers->setFocus();
        QTest::keyClick(readers, Qt::Key_Right);
        m_dialogs->folder = m_folder.filePath(QStringLiteral("handed-on"));
        QVERIFY(QDir().mkpath(m_dialogs->folder));
        click("saveReport");
        QTRY_VERIFY_WITH_TIMEOUT(find<QPushButton>("openReport")->isVisible(), kShort);
        for (const char* file : {"report.html", "report.pdf", "report.json"})
            QVERIFY2(QFileInfo(m_dialogs->folder + "/comparison/" + file).size() > 100, file);

        // Each figure and table also goes alone.
        click("reportPartsButton");
        auto* parts = find<QListWidget>("reportPartList");
        QTRY_VERIFY_WITH_TIMEOUT(parts->count() > 2, kShort);
        for (const char* name : {"alone.svg", "alone.pdf", "alone.png"}) {
            m_dialogs->file = m_folder.filePath(QLatin1String(name));
            click("saveReportPart");
            QVERIFY2(QFileInfo(m_dialogs->file).size() > 500, name);
        }
        // The picture is the figure in its colours: the quantized model's marks, and no black where a style was not understood.
        const QImage picture(m_dialogs->file);
        int accent = 0, black = 0;
        for (int y = 0; y < picture.height(); ++y) {
            for (int x = 0; x < picture.width(); ++x) {
                accent += picture.pixel(x, y) == qRgb(0x6a, 0x4f, 0xd8) ? 1 : 0;
                black += qGray(picture.pixel(x, y)) < 20 ? 1 : 0;
            }
        }
        QVERIFY2(accent > 50 && black < 50, qPrintable(QStringLiteral("%1 %2").arg(accent).arg(black)));
        click("copyReportPart");
        QVERIFY(QGuiApplication::clipboard()->mimeData()->hasImage());
        parts->setCurrentRow(parts->count() - 1);
        QVERIFY(parts->currentItem()->text().startsWith(QStringLiteral("Table: ")));
        QVERIFY(find<QTableView>("reportTable")->isVisible() && find<QTableView>("reportTable")->model()->rowCount() > 0);
        m_dialogs->file = m_folder.filePath(QStringLiteral("alone.csv"));
        click("saveReportPart");
        QVERIFY(QFileInfo(m_dialogs->file).size() > 10);
        m_dialogs->file = m_folder.filePath(QStringLiteral("alone.docx"));
        click("saveReportPart");
        QVERIFY(!QFileInfo::exists(m_dialogs->file) && find<QLabel>("reportPartSaid")->text().contains(QStringLiteral(".csv")));
        find<QDialog>("reportParts")->close();

        find<QAction>("exportModel")->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(find<QDialog>("exportDialog")->isVisible(), kShort);
        exportTo(m_folder.filePath(QStringLiteral("exported")), m_window.get(), kShort);
    }
};

QTEST_MAIN(TestJourneys)
#include "test_journeys.moc"
