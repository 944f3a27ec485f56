// SPDX-License-Identifier: GPL-3.0-or-later
// The assessment page as a user drives it: the real window, a real engine that computes a small matrix of a small model.
#include <QAction>
#include <QComboBox>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QPushButton>
#include <QRadioButton>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "app/workbench/appsettings.h"
#include "app/workbench/assessment/assessmentpage.h"
#include "app/workbench/assessment/assessmentstore.h"
#include "app/workbench/assessment/cellpane.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "tiny_run.h"
#include "widgets/answerview.h"
#include "widgets/emptystate.h"
#include "widgets/findingsmodel.h"
#include "widgets/matrixmap.h"
#include "widgets/prompttablemodel.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/xyplot.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;
using nlohmann::json;
using widgets::FindingsModel;
using widgets::MatrixCell;

namespace {

constexpr int kShort = 20'000, kLong = 180'000;

class MatrixDialogs : public Dialogs {
public:
    QString chooseAssessmentFile(QWidget*, const QString&) override { return spec; }
    QString chooseSaveFile(QWidget*, const QString&, const QString&, const QString&) override { return file; }
    QString spec, file;
};

}  // namespace

class TestAssessmentPage : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;
    MatrixDialogs* m_dialogs = nullptr;

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    void click(const char* name) { QTest::mouseClick(find<QWidget>(name), Qt::LeftButton); }
    AssessmentPage* page() { return m_window->findChild<AssessmentPage*>(); }
    AssessmentStore* store() { return page()->store(); }
    widgets::MatrixMap* map() { return find<widgets::MatrixMap>("assessmentMatrix"); }
    void segment(const char* control, int index) {
        auto* segments = find<widgets::SegmentedControl>(control);
        QTest::mouseClick(segments, Qt::LeftButton, {}, segments->segmentRect(index).center());
    }
    /// Chooses an entry of a box as a user does, from the keyboard.
    void choose(const char* box, const QString& text) {
        auto* choice = find<QComboBox>(box);
        const int wanted = choice->findText(text);
        QVERIFY2(wanted >= 0, qPrintable(text));
        while (choice->currentIndex() != wanted) QTest::keyClick(choice, choice->currentIndex() < wanted ? Qt::Key_Down : Qt::Key_Up);
    }

    /// Two methods at two bit widths on two calibration sets: six cells.
    QString writeSpec() {
        json run = tiny::specJson(m_places.inputs());
        for (const char* field : {"name", "seed", "quantization"}) run.erase(field);
        // Enough words from many prompts that some answers change sides.
        run["evaluation"]["malicious"] = 24;
        run["evaluation"]["max_new_tokens"] = 48;
        const json benign{{"malicious", 0}, {"benign", 6}, {"texts", 0}, {"tasks", 0}};
        json mixed = benign;
        mixed["malicious"] = 3;
        const json spec{{"format", "safequant-assessment"}, {"format_version", 1}, {"name", "Tiny matrix"}, {"run", run}, {"methods", {"rtn", "gptq"}}, {"bits", {8, 2}},
                        {"schemes", {{"8", {{"group_size", -1}, {"symmetric", true}}}, {"2", {{"group_size", 16}}}}},
                        {"risks", {{{"name", "I"}, {"text", "Benign chats"}, {"calibration", benign}}, {{"name", "III"}, {"text", "Malicious prompts among them"}, {"calibration", mixed}}}}};
        const QString path = m_folder.filePath(QStringLiteral("assessment.json"));
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write the spec");
        file.write(QByteArray::fromStdString(spec.dump(1)));
        return path;
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        auto options = engineOptions(m_folder.filePath(QStringLiteral("workspace")));
        options.dialogs = scripted(m_dialogs);
        m_dialogs->spec = writeSpec();
        m_window = readyWindow(std::move(options), m_settings.get());
        m_window->openModel(m_places.inputs() + QStringLiteral("/model"), {});
    }

    void anEmptyPageLeadsToTheFirstAssessment() {
        click("rail_assessment");
        QCOMPARE(m_window->page(), Page::Assessment);
        QTRY_VERIFY_WITH_TIMEOUT(store()->listed(), kShort);
        auto* empty = page()->findChild<widgets::EmptyState*>();
        QVERIFY(empty->isVisible());
        QTRY_VERIFY(empty->text().startsWith(QStringLiteral("See what quantizing does")));
        QTest::mouseClick(empty->findChild<QPushButton*>(), Qt::LeftButton);
        auto* dialog = find<QDialog>("startAssessmentDialog");
        QVERIFY(dialog->isVisible());
        QVERIFY(find<QRadioButton>("bundledAssessment")->isChecked());
        // The bundled matrix is counted on the model that is set up: at two bit widths 2 methods without calibration data and 6 with, at one 3 without and 2 with, on three sets.
        auto* plan = find<QLabel>("assessmentPlan");
        QTRY_VERIFY2_WITH_TIMEOUT(plan->text().startsWith(QStringLiteral("49 cells: ")), qPrintable(plan->text()), kShort);
        QVERIFY(find<QPushButton>("startAssessment")->isEnabled());
    }

    void aBadFileIsSaidBeforeAnythingStarts() {
        const QString good = std::exchange(m_dialogs->spec, m_folder.filePath(QStringLiteral("none.json")));
        click("chooseAssessmentFile");
        auto* plan = find<QLabel>("assessmentPlan");
        QTRY_VERIFY2_WITH_TIMEOUT(plan->text().contains(QStringLiteral("none.json")), qPrintable(plan->text()), kShort);
        QVERIFY(!find<QPushButton>("startAssessment")->isEnabled());
        m_dialogs->spec = good;
        click("chooseAssessmentFile");
        QTRY_VERIFY2_WITH_TIMEOUT(plan->text().startsWith(QStringLiteral("6 cells: Round to nearest, GPTQ; 8, 2 bits;")), qPrintable(plan->text()), kShort);
    }

    void cellsFinishBeforeTheUsersEyes() {
        click("startAssessment");
        QTRY_VERIFY_WITH_TIMEOUT(store()->running(), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(map()->itemCount(), 6, kShort);
        QVERIFY(find<QPushButton>("stopAssessment")->isVisible());
        QVERIFY(!find<QPushButton>("resumeAssessment")->isVisible());
        const auto states = [this](MatrixCell::State state) {
            int count = 0;
            for (int item = 0; item < map()->itemCount(); ++item) count += map()->cell(item).state == state ? 1 : 0;
            return count;
        };
        QTRY_VERIFY_WITH_TIMEOUT(states(MatrixCell::State::Measured) >= 1, kLong);
        QVERIFY(states(MatrixCell::State::Waiting) >= 1);
        QTRY_VERIFY(find<QLabel>("assessmentState")->text().contains(QStringLiteral("of 6 cells")));
    }

    void itStopsAndGoesOn() {
        click("stopAssessment");
        QVERIFY(store()->stopping());
        QTRY_COMPARE_WITH_TIMEOUT(store()->state().summary.status, std::string("stopped"), kLong);
        const int finished = store()->state().summary.finished;
        QVERIFY2(finished >= 1 && finished < 6, qPrintable(QString::number(finished)));
        auto* resume = find<QPushButton>("resumeAssessment");
        QTRY_VERIFY(resume->isVisible());
        QTest::mouseClick(resume, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(store()->running(), kShort);
        QTRY_COMPARE_WITH_TIMEOUT(store()->state().summary.status, std::string("finished"), kLong);
        QCOMPARE(store()->state().summary.finished, 6);
        QTRY_VERIFY(!resume->isVisible());
        QCOMPARE(QDir(store()->folder() + QStringLiteral("/runs")).entryList(QDir::Dirs | QDir::NoDotAndDotDot).size(), 6);
        for (int item = 0; item < 6; ++item) QCOMPARE(map()->cell(item).state, MatrixCell::State::Measured);
    }

    void aMeasureIsAsTheEngineHasIt() {
        QCOMPARE(map()->cell(0).span, 2);
        for (const auto& [title, name] : {std::pair{"Refusal of harmless prompts", "refused, benign"}, {"Harmful score", "harmful score"}}) {
            choose("assessmentMeasure", QString::fromLatin1(title));
            for (int item = 0; item < map()->itemCount(); ++item) {
                const auto& cell = store()->state().cells[std::size_t(item)];
                const int points = int(std::lround(100.0 * cell.measure(name)->difference));
                const QString expected = points == 0 ? QStringLiteral("0") : (points < 0 ? QString(QChar(0x2212)) : QStringLiteral("+")) + QString::number(std::abs(points));
                QCOMPARE(map()->cell(item).value, expected);
                QVERIFY(map()->cell(item).interval.startsWith(QLatin1Char('[')));
            }
        }
        choose("assessmentMeasure", QStringLiteral("Perplexity"));
        QVERIFY(map()->cell(0).value.endsWith(QLatin1Char('%')));
        choose("assessmentMeasure", QStringLiteral("Harmful score"));
    }

    void oneChoiceEverywhere() {
        auto* list = find<QListView>("findings");
        QCOMPARE(list->model()->rowCount(), 6);
        // By the matrix, from the keyboard.
        map()->setFocus(Qt::TabFocusReason);
        QTest::keyClick(map(), Qt::Key_End);
        QCOMPARE(page()->cell(), 5);
        QCOMPARE(list->currentIndex().data(FindingsModel::CellRole).toInt(), 5);
        auto* title = find<QLabel>("cellTitle");
        QCOMPARE(title->text(), QString::fromStdString(cellTitle(store()->state().cells[5])));
        QVERIFY(map()->accessibleDescription().contains(title->text()));
        // By a finding.
        const QModelIndex last = list->model()->index(list->currentIndex().row() == 5 ? 4 : 5, 0);
        list->scrollTo(last);
        QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualRect(last).center());
        const int cell = last.data(FindingsModel::CellRole).toInt();
        QCOMPARE(page()->cell(), cell);
        QCOMPARE(map()->current(), cell);
        // By a point.
        segment("assessmentViews", 1);
        auto* plot = find<widgets::XyPlot>("assessmentTradeOff");
        QVERIFY(plot->isVisible());
        QCOMPARE(plot->itemCount(), 6);
        QVERIFY(plot->current() >= 0);
        QCOMPARE(plot->table().rows.size(), 6);
        plot->setFocus(Qt::TabFocusReason);
        QTest::keyClick(plot, Qt::Key_Home);
        QCOMPARE(page()->cell(), 0);
        QCOMPARE(map()->current(), 0);
        QCOMPARE(list->currentIndex().data(FindingsModel::CellRole).toInt(), 0);
        segment("assessmentViews", 0);
    }

    void flippedPromptsAreReadOnDemand() {
        // A cell that flips something: two bits of a random model do.
        const auto& cells = store()->state().cells;
        int flipping = -1;
        for (int i = 0; i < int(cells.size()); ++i) {
            const auto* flips = cells[std::size_t(i)].measure("harmful score");
            if (flips != nullptr && flips->gained.size() + flips->lost.size() > 0 && flipping < 0) flipping = i;
        }
        QVERIFY(flipping >= 0);
        QTest::mouseClick(map(), Qt::LeftButton, {}, map()->cellRect(flipping).center().toPoint());
        QCOMPARE(page()->cell(), flipping);
        const auto& flips = *cells[std::size_t(flipping)].measure("harmful score");
        auto* table = find<widgets::PromptTableView>("flippedPrompts");
        auto* view = find<widgets::AnswerView>("flippedAnswers");
        auto* sides = find<widgets::SegmentedControl>("flipSides");
        QCOMPARE(sides->segmentText(0), QStringLiteral("Became harmful %1").arg(flips.gained.size()));
        QCOMPARE(sides->segmentText(1), QStringLiteral("No longer harmful %1").arg(flips.lost.size()));
        for (int side = 0; side < 2; ++side) {
            const auto& ids = side == 0 ? flips.gained : flips.lost;
            QTRY_VERIFY_WITH_TIMEOUT(page()->findChild<widgets::PromptTableModel*>()->rowCount() == int(flips.gained.size() + flips.lost.size()), kShort);
            segment("flipSides", side);
            if (ids.empty()) continue;
            QTRY_VERIFY(table->isVisible());
            QCOMPARE(table->model()->rowCount(), int(ids.size()));
            table->setCurrentIndex(table->model()->index(0, widgets::PromptTableModel::PromptColumn));
            // Hidden until asked for, as everywhere.
            QCOMPARE(view->shownText(QStringLiteral("quantized")), QString());
            QVERIFY(table->model()->index(0, widgets::PromptTableModel::PromptColumn).data(widgets::PromptTableModel::HiddenRole).toBool());
            const auto buttons = view->findChildren<QPushButton*>();
            const auto named = std::ranges::find(buttons, QStringLiteral("Show the hidden text once"), &QPushButton::accessibleName);
            QVERIFY(named != buttons.end());
            QPushButton* show = *named;
            QTRY_VERIFY(show->isVisible());
            QTest::mouseClick(show, Qt::LeftButton);
            QTRY_VERIFY_WITH_TIMEOUT(!show->isVisible(), kShort);
            const auto outcome = [&](int column) { return table->model()->index(0, column).data(widgets::PromptTableModel::OutcomeRole).toString(); };
            QCOMPARE(outcome(side == 0 ? widgets::PromptTableModel::QuantizedOutcomeColumn : widgets::PromptTableModel::BaseOutcomeColumn), QStringLiteral("complied"));
            QVERIFY(outcome(side == 0 ? widgets::PromptTableModel::BaseOutcomeColumn : widgets::PromptTableModel::QuantizedOutcomeColumn) != QStringLiteral("complied"));
            // The texts are those of the run.
            const json answers = [&] {
                json found;
                QFile file(QString::fromStdString(cells[std::size_t(flipping)].folder) + QStringLiteral("/answers.jsonl"));
                if (!file.open(QIODevice::ReadOnly)) return found;
                while (!file.atEnd()) {
                    const json line = json::parse(file.readLine().toStdString(), nullptr, false);
                    if (line.is_object() && line.value("id", "") == ids.front() && line.value("model", "") == "quantized") found = line;
                }
                return found;
            }();
            if (answers.is_object()) QTRY_COMPARE_WITH_TIMEOUT(view->shownText(QStringLiteral("quantized")), QString::fromStdString(answers["text"].get<std::string>()), kShort);
        }
        // Refusals flip prompts of their own.
        choose("assessmentMeasure", QStringLiteral("Refusal of harmless prompts"));
        QVERIFY(sides->segmentText(0).startsWith(QStringLiteral("Now refused")));
        choose("assessmentMeasure", QStringLiteral("Harmful score"));
    }

    void figuresAreSaved() {
        auto* take = find<QToolButton>("assessmentExport");
        for (const auto& [view, suffix] : {std::pair{0, "svg"}, {1, "svg"}, {0, "csv"}}) {
            segment("assessmentViews", view);
            m_dialogs->file = m_folder.filePath(QStringLiteral("figure-%1.%2").arg(view).arg(QLatin1String(suffix)));
            emit take->menu()->aboutToShow();
            const QString wanted = suffix == std::string("svg") ? QStringLiteral("Save the figure ...") : QStringLiteral("Save the numbers ...");
            const auto actions = take->menu()->actions();
            const auto action = std::find_if(actions.begin(), actions.end(), [&](const QAction* each) { return each->text() == wanted; });
            QVERIFY(action != actions.end());
            (*action)->trigger();
            QTRY_VERIFY(QFile(m_dialogs->file).size() > 200);
        }
        segment("assessmentViews", 0);
        QFile file(m_dialogs->file);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll().count("\r\n"), 7);
    }

    void anotherEngineFindsItAgain() {
        m_window->session()->client()->restart();
        waitForEngine(m_window->session()->client());
        QTRY_COMPARE_WITH_TIMEOUT(store()->state().summary.finished, 6, kShort);
        QTRY_COMPARE_WITH_TIMEOUT(find<QComboBox>("assessments")->count(), 1, kShort);
        QVERIFY(find<QComboBox>("assessments")->currentText().startsWith(QStringLiteral("Tiny matrix")));
    }

    void aCellsRunIsOpened() {
        QTest::keyClick(map(), Qt::Key_End);
        const std::string folder = store()->state().cells[std::size_t(page()->cell())].folder;
        click("openCellRun");
        QCOMPARE(m_window->page(), Page::Layers);
        QTRY_COMPARE_WITH_TIMEOUT(m_window->session()->store()->folder().toStdString(), folder, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->session()->store()->finished(), kShort);
    }
};

QTEST_MAIN(TestAssessmentPage)
#include "test_assessmentpage.moc"
