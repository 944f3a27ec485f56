// SPDX-License-Identifier: GPL-3.0-or-later
// What belongs to the window itself: commands, tour, names for assistive technology; over a finished run of a tiny model.
#include <QAbstractItemModelTester>
#include <QAccessible>
#include <QAction>
#include <QDialog>
#include <QDockWidget>
#include <QJsonDocument>
#include <QJsonObject>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <cmath>

#include "app/workbench/appsettings.h"
#include "app/workbench/frame/commandmodel.h"
#include "app/workbench/frame/dockarea.h"
#include "app/workbench/frame/tour.h"
#include "app/workbench/layers/layerside.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"
#include "widgets/format.h"
#include "widgets/fuzzymatch.h"
#include "widgets/glossary.h"
#include "widgets/layerchart.h"
#include "widgets/projectionview.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "windowparts.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kShort = 20'000;

/// Every visible and enabled thing under `item` that can have the keyboard focus but has no name.
void collectUnnamed(QAccessibleInterface* item, const QString& path, QStringList& unnamed, int& focusable) {
    if (!item || item->state().invisible) return;
    const QString name = item->text(QAccessible::Name);
    const QObject* object = item->object();
    const QString here = path + QLatin1Char('/') + (object ? QString::fromLatin1(object->metaObject()->className()) : QString()) +
                         (object && !object->objectName().isEmpty() ? QLatin1Char('#') + object->objectName() : QString());
    if (item->state().focusable && !item->state().disabled && object && object->isWidgetType()) {
        ++focusable;
        if (name.isEmpty()) unnamed.append(here);
    }
    // Cells of tables have the names of their contents.
    if (item->tableInterface()) return;
    for (int i = 0; i < item->childCount(); ++i) collectUnnamed(item->child(i), here, unnamed, focusable);
}

}  // namespace

class TestWindow : public QObject {
    Q_OBJECT

private:
    tiny::Workspaces m_places;
    QTemporaryDir m_folder;
    QString m_workspace, m_run, m_other;
    std::unique_ptr<AppSettings> m_settings;
    std::unique_ptr<MainWindow> m_window;

    template <typename T>
    T* find(const char* name) { return named<T>(m_window.get(), name); }
    void openRun() {
        m_window->openPath(m_run);
        QTRY_COMPARE_WITH_TIMEOUT(m_window->session()->run()->phase(), RunController::Phase::Finished, kShort);
        QTRY_VERIFY_WITH_TIMEOUT(!m_window->session()->store()->blocksOf("quantized").empty(), kShort);
    }
    QLineEdit* openPalette() {
        QTest::keyClick(m_window.get(), Qt::Key_K, Qt::ControlModifier);
        auto* text = find<QLineEdit>("commandText");
        [&] { QTRY_VERIFY_WITH_TIMEOUT(text->hasFocus(), kShort); }();
        return text;
    }

    void makeWindow() { m_window = readyWindow(engineOptions(m_workspace), m_settings.get()); }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_workspace = m_places.next();
        const auto folder = tiny::makeRun(m_workspace, m_places.spec());
        tiny::finishRun(folder);
        m_run = QString::fromStdString(folder);
        // Another run of the same model, not in the workspace, so that the list of runs stays short.
        auto spec = m_places.spec();
        spec["name"] = "coarse";
        spec["quantization"]["default"]["weight_bits"] = 2;
        spec["stages"] = {"capture", "quantize"};
        spec.erase("export");
        const auto other = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(other);
        m_other = QString::fromStdString(other);
    }

    void init() {
        m_settings = std::make_unique<AppSettings>(m_folder.filePath(QStringLiteral("settings.ini")));
        makeWindow();
    }

    void cleanup() {
        m_window.reset();
        m_settings.reset();
        QFile::remove(m_folder.filePath(QStringLiteral("settings.ini")));
    }

    void fuzzyMatchPrefersWholeWordsAndStarts() {
        using widgets::fuzzyMatch;
        QVERIFY(!fuzzyMatch(QStringLiteral("xyz"), QStringLiteral("Quantize")));
        QVERIFY(!fuzzyMatch(QStringLiteral("ba"), QStringLiteral("ab")));
        QCOMPARE(fuzzyMatch(QStringLiteral("  "), QStringLiteral("ab"))->score, 0);
        QCOMPARE(fuzzyMatch(QStringLiteral("BLK"), QStringLiteral("Block 1"))->positions, (QList<int>{0, 1, 4}));
        // Neighbours beat scattered characters, also where the scattered ones come first.
        QCOMPARE(fuzzyMatch(QStringLiteral("run"), QStringLiteral("record unit run"))->positions, (QList<int>{12, 13, 14}));
        const auto score = [](const char* line) { return fuzzyMatch(QStringLiteral("exp"), QString::fromLatin1(line))->score; };
        QVERIFY(score("Export the model") > score("Open an export"));
        QVERIFY(score("Open an export") > score("Next step up"));
    }

    void commandsAreFoundRankedAndRemembered() {
        CommandModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        std::vector<Command> commands{{"a", "Open a run ...", "File", "Ctrl+O", {}}, {"b", "Quantize", "Run", {}, {}}, {"c", "Resume", "Run", {}, {}}};
        model.setCommands(commands, {"c"});
        QCOMPARE(model.rowCount(), 3);
        QCOMPARE(model.command(0)->key, QStringLiteral("c"));
        model.setFilter(QStringLiteral("run"));
        QCOMPARE(model.rowCount(), 1);
        QCOMPARE(model.index(0).data(CommandModel::MatchedRole).value<QList<int>>(), (QList<int>{7, 8, 9}));
        QCOMPARE(model.index(0).data(Qt::AccessibleTextRole).toString(), QStringLiteral("Open a run ..., Ctrl+O"));
        model.setFilter(QStringLiteral("nothing like it"));
        QCOMPARE(model.rowCount(), 0);
        QVERIFY(!model.command(0));
    }

    void paletteGoesToABlock() {
        openRun();
        QWidget* before = find<QWidget>("layerChart")->focusProxy();
        before->setFocus();
        auto* text = openPalette();
        QTest::keyClicks(text, QStringLiteral("block 2"));
        auto* list = find<QListView>("commandList");
        QCOMPARE(list->currentIndex().data().toString(), QStringLiteral("Block 2"));
        QTest::keyClick(text, Qt::Key_Return);
        QVERIFY(!find<QWidget>("commandPalette")->isVisible());
        QCOMPARE(m_window->findChild<LayersPage*>()->block(), 2);
        // What was used comes first the next time.
        openPalette();
        QCOMPARE(list->currentIndex().data().toString(), QStringLiteral("Block 2"));
    }

    void paletteTriggersActionsAndCloses() {
        openRun();
        auto* text = openPalette();
        QTest::keyClicks(text, QStringLiteral("answers"));
        QTest::keyClick(text, Qt::Key_Return);
        QCOMPARE(m_window->page(), Page::Answers);
        text = openPalette();
        QTest::keyClick(text, Qt::Key_Down);
        QCOMPARE(find<QListView>("commandList")->currentIndex().row(), 1);
        QTest::keyClick(text, Qt::Key_Up);
        QTest::keyClick(text, Qt::Key_Up);
        QCOMPARE(find<QListView>("commandList")->currentIndex().row(), find<QListView>("commandList")->model()->rowCount() - 1);
        QTest::keyClicks(text, QStringLiteral("zzzz"));
        QVERIFY(!find<QListView>("commandList")->isVisible());
        QTest::keyClick(text, Qt::Key_Return);
        QVERIFY(find<QWidget>("commandPalette")->isVisible());
        QTest::keyClick(text, Qt::Key_Escape);
        QVERIFY(!find<QWidget>("commandPalette")->isVisible());
    }

    void paletteOpensRunsFromTheStartPage() {
        QTRY_VERIFY_WITH_TIMEOUT(!m_window->session()->store()->hasRun(), kShort);
        QTRY_VERIFY_WITH_TIMEOUT([this] {
            auto* text = openPalette();
            QTest::keyClicks(text, QStringLiteral("open run:"));
            const bool there = find<QListView>("commandList")->model()->rowCount() == 1;
            if (!there) QTest::keyClick(text, Qt::Key_Escape);
            return there;
        }(), kShort);
        QTest::keyClick(find<QLineEdit>("commandText"), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(m_window->session()->store()->folder(), m_run, kShort);
    }

    void tourHasFourStepsAndIsOfferedOnce() {
        m_window->offerTour();
        openRun();
        auto* tour = find<Tour>("tour");
        QTRY_VERIFY_WITH_TIMEOUT(tour->isVisible(), kShort);
        auto* next = find<QPushButton>("tourNext");
        for (int step = 0; step < 4; ++step) {
            QCOMPARE(tour->step(), step);
            QVERIFY(tour->rect().contains(find<QWidget>("tourCard")->geometry()));
            QVERIFY(!tour->accessibleDescription().isEmpty());
            QCOMPARE(next->text(), step == 3 ? QStringLiteral("Done") : QStringLiteral("Next"));
            if (step == 1) QTest::keyClick(tour, Qt::Key_Right);
            else QTest::mouseClick(next, Qt::LeftButton);
        }
        QVERIFY(!tour->isVisible());
        QVERIFY(m_settings->flag(Setting::TourSeen));
        m_window->offerTour();
        openRun();
        QVERIFY(!tour->isVisible());
        find<QAction>("tour")->trigger();
        QVERIFY(tour->isVisible());
        QTest::keyClick(tour, Qt::Key_Escape);
        QVERIFY(!tour->isVisible());
    }

    /// One switch for chart, projection and table; another run over this one brings its line, its points and the difference.
    void probesAndOverlays() {
        openRun();
        auto* page = m_window->findChild<LayersPage*>();
        page->setBlock(2);
        auto* projection = find<widgets::ProjectionView>("projection");
        auto* table = find<widgets::PromptTableView>("prompts");
        const int prompt = [&] {
            [&] { QTRY_VERIFY_WITH_TIMEOUT(table->model()->rowCount() > 0, kShort); }();
            return table->model()->index(0, 0).data(widgets::PromptTableModel::PromptRole).toInt();
        }();
        const auto* model = m_window->session()->prompts();
        const auto score = [&] {
            return model->index(prompt, widgets::PromptTableModel::QuantizedScoreColumn).data(widgets::PromptTableModel::ScoreRole);
        };
        const auto scoreOf = [&](const char* probe) {
            const auto read = readProjection(m_run.toStdString(), 2, "probe", probe);
            const auto at = std::find(read->prompts.begin(), read->prompts.end(), prompt) - read->prompts.begin();
            return static_cast<double>(read->logitsQuantized[static_cast<std::size_t>(at)]);
        };
        page->setProbe(widgets::LayerChart::Probe::Transferred);
        QTRY_VERIFY_WITH_TIMEOUT(score().isValid() && std::abs(score().toDouble() - scoreOf("transferred")) < 1e-5, kShort);
        auto* probes = page->chart()->findChild<widgets::SegmentedControl*>();
        QVERIFY(probes);
        QTest::mouseClick(probes, Qt::LeftButton, {}, probes->segmentRect(0).center());
        QTRY_VERIFY_WITH_TIMEOUT(std::abs(score().toDouble() - scoreOf("refitted")) < 1e-5, kShort);
        QVERIFY(!m_settings->flag(Setting::ProbeTransferred));
        QVERIFY(table->model()->headerData(widgets::PromptTableModel::QuantizedScoreColumn, Qt::Horizontal, Qt::ToolTipRole).toString().startsWith(QStringLiteral("Refitted")));

        auto* bar = find<QLabel>("overlayText");
        QVERIFY(!bar->isVisible());
        QTRY_VERIFY_WITH_TIMEOUT(projection->tableText().contains(QLatin1Char('\n')), kShort);
        const QString own = projection->tableText();
        m_window->session()->overlay()->choose(m_other);
        QTRY_VERIFY_WITH_TIMEOUT(bar->isVisible() && bar->toolTip().contains(QStringLiteral("McNemar")), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(page->chart()->tableText().contains(QStringLiteral("coarse")), kShort);
        QTRY_VERIFY_WITH_TIMEOUT(projection->tableText() != own, kShort);
        auto* panes = find<widgets::SegmentedControl>("overlayPanes");
        QTest::mouseClick(panes, Qt::LeftButton, {}, panes->segmentRect(0).center());
        QTRY_COMPARE_WITH_TIMEOUT(projection->tableText(), own, kShort);
        // A run that cannot be read says why, and nothing else changes.
        m_window->session()->overlay()->choose(m_folder.path());
        QTRY_VERIFY_WITH_TIMEOUT(!m_window->session()->overlay()->problem().isEmpty(), kShort);
        QVERIFY(bar->isVisible());
        QTest::mouseClick(find<QToolButton>("overlayClose"), Qt::LeftButton);
        QTRY_VERIFY(!bar->isVisible());
        QVERIFY(!page->chart()->tableText().contains(QStringLiteral("coarse")));
    }

    /// A prompt of the run, tried as one's own, has the scores that the run has of it; a blank one cannot be placed.
    void ownPromptsArePlaced() {
        openRun();
        auto* page = m_window->findChild<LayersPage*>();
        page->setBlock(3);
        page->setProbe(widgets::LayerChart::Probe::Transferred);
        QTest::keyClick(m_window.get(), Qt::Key_T, Qt::ControlModifier);
        auto* text = find<QPlainTextEdit>("tryText");
        QTRY_VERIFY_WITH_TIMEOUT(text->hasFocus(), kShort);
        auto* place = find<QPushButton>("tryPlace");
        QVERIFY(!place->isEnabled());
        QTest::keyClicks(text, QStringLiteral("   "));
        QVERIFY(!place->isEnabled());
        const auto read = readProjection(m_run.toStdString(), 3, "probe");
        const auto* prompt = m_window->session()->prompt(read->prompts[5]);
        text->setPlainText(QString::fromStdString(prompt->text));
        QTest::keyClick(text, Qt::Key_Return, Qt::ControlModifier);
        auto* table = find<QTableView>("tryTable");
        QTRY_COMPARE_WITH_TIMEOUT(table->model()->rowCount(), 1, kShort);
        QCOMPARE(table->model()->index(0, 2).data().toString(), widgets::formatScore(static_cast<double>(read->logitsBase[5])));
        QCOMPARE(table->model()->index(0, 3).data().toString(), widgets::formatScore(static_cast<double>(read->logitsQuantized[5])));
        // Its mark lies where the run's own point does.
        const auto* projection = find<widgets::ProjectionView>("projection");
        const auto lineOf = [&](const QString& id) {
            const QStringList lines = projection->tableText().split(QLatin1Char('\n'));
            const auto found = std::find_if(lines.begin(), lines.end(), [&](const QString& line) { return line.startsWith(id + QLatin1Char('\t')); });
            return found == lines.end() ? QStringList() : found->split(QLatin1Char('\t'));
        };
        QTRY_COMPARE_WITH_TIMEOUT(lineOf(QStringLiteral("own 1")).size(), 9, kShort);
        const QStringList guest = lineOf(QStringLiteral("own 1")), own = lineOf(QString::fromStdString(prompt->id));
        QCOMPARE(own.size(), 9);
        for (const int column : {2, 3, 5, 6}) QVERIFY(std::abs(guest[column].toDouble() - own[column].toDouble()) < 2e-4);
        page->setBlock(0);
        const auto first = readProjection(m_run.toStdString(), 0, "probe");
        QTRY_COMPARE(table->model()->index(0, 2).data().toString(), widgets::formatScore(static_cast<double>(first->logitsBase[5])));
        table->setCurrentIndex(table->model()->index(0, 0));
        QTest::keyClick(table, Qt::Key_Delete);
        QTRY_COMPARE(table->model()->rowCount(), 0);
    }

    void termsAreExplained() {
        QStringList keys;
        for (const auto& term : widgets::glossary()) {
            keys.append(term.key);
            QVERIFY2(term.meaning.endsWith(QLatin1Char('.')) || term.meaning.endsWith(QLatin1Char('?')), qPrintable(term.key));
            QVERIFY2(!term.source.isEmpty(), qPrintable(term.key));
            QVERIFY(widgets::termToolTip(term.key).contains(term.source.toHtmlEscaped()));
        }
        QCOMPARE(keys.removeDuplicates(), 0);
        QVERIFY_EXCEPTION_THROWN(widgets::termToolTip(QStringLiteral("nothing")), std::out_of_range);
        auto* text = openPalette();
        QTest::keyClicks(text, QStringLiteral("what is: awq"));
        QTest::keyClick(text, Qt::Key_Return);
        auto* dialog = find<QDialog>("termsDialog");
        QTRY_VERIFY(dialog->isVisible());
        QVERIFY(find<QLabel>("termsText")->text().contains(QStringLiteral("2306.00978")));
        QTest::keyClicks(find<QLineEdit>("termsFilter"), QStringLiteral("no such words"));
        QCOMPARE(find<QListWidget>("termsList")->count(), 0);
        dialog->close();
    }

    void shortcutsAreChangedAndRemembered() {
        QTest::keyClick(m_window.get(), Qt::Key_Question, Qt::ControlModifier);
        auto* dialog = find<QDialog>("shortcutsDialog");
        QTRY_VERIFY(dialog->isVisible());
        const auto choose = [&](const char* words) {
            auto* filter = find<QLineEdit>("shortcutFilter");
            filter->clear();
            QTest::keyClicks(filter, QLatin1String(words));
            QCOMPARE(find<QTableView>("shortcutTable")->model()->rowCount(), 1);
            find<QTableView>("shortcutTable")->selectRow(0);
        };
        const auto press = [&](int key, Qt::KeyboardModifiers modifiers) {
            auto* keys = find<QKeySequenceEdit>("shortcutKeys");
            keys->setFocus();
            QTest::keyClick(keys, static_cast<Qt::Key>(key), modifiers);
            QTest::qWait(1200);  // The field waits for a second combination.
        };
        auto* run = find<QAction>("openRun");
        auto* exporting = find<QAction>("exportModel");
        choose("open a run");
        press(Qt::Key_U, Qt::ControlModifier | Qt::AltModifier);
        QCOMPARE(run->shortcut(), QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_U));
        // What typing needs, and what another action has, is said.
        press(Qt::Key_U, Qt::NoModifier);
        QVERIFY(find<QLabel>("shortcutSaid")->text().contains(QStringLiteral("typing")));
        press(Qt::Key_E, Qt::ControlModifier);
        QVERIFY2(find<QLabel>("shortcutSaid")->text().contains(QStringLiteral("Export the quantized model")), qPrintable(find<QLabel>("shortcutSaid")->text()));
        QCOMPARE(run->shortcut(), QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_U));
        QTest::mouseClick(find<QPushButton>("shortcutTake"), Qt::LeftButton);
        QCOMPARE(run->shortcut(), QKeySequence(Qt::CTRL | Qt::Key_E));
        QVERIFY(exporting->shortcut().isEmpty());
        dialog->close();
        // Another window begins with them; a name that no action has is kept for a version that has it.
        auto changed = QJsonDocument::fromJson(m_settings->text(Setting::Shortcuts).toUtf8()).object();
        QCOMPARE(changed.size(), 2);
        changed.insert(QStringLiteral("ofTomorrow"), QStringLiteral("Ctrl+Y"));
        m_window.reset();
        m_settings->set(Setting::Shortcuts, QString::fromUtf8(QJsonDocument(changed).toJson()));
        makeWindow();
        QCOMPARE(find<QAction>("openRun")->shortcut(), QKeySequence(Qt::CTRL | Qt::Key_E));
        QVERIFY(find<QAction>("exportModel")->shortcut().isEmpty());
        find<QAction>("shortcuts")->trigger();
        choose("quantized model");
        QTest::mouseClick(find<QPushButton>("shortcutAllStandard"), Qt::LeftButton);
        QCOMPARE(find<QAction>("exportModel")->shortcut(), QKeySequence(Qt::CTRL | Qt::Key_E));
        QCOMPARE(find<QAction>("commands")->shortcuts().size(), 2);
        find<QDialog>("shortcutsDialog")->close();
    }

    void panesThatWereNeverSeenAreNotRemembered() {
        m_window->close();
        QVERIFY(m_settings->bytes(Setting::LayersArrangement).isEmpty());
    }

    void everyLayoutFitsAndIsRemembered() {
        openRun();
        auto* page = m_window->findChild<LayersPage*>();
        for (const char* key : {"usual", "all", "below", "plots"}) {
            find<QAction>((std::string("layout_") + key).c_str())->trigger();
            const auto misplaced = [&] {
                QStringList wrong;
                for (const QDockWidget* pane : page->panes()->panes()) {
                    if (pane->isHidden() || !page->panes()->content(pane->objectName())->isVisible()) continue;
                    const QRect place(pane->widget()->mapTo(page->panes(), QPoint()), pane->widget()->size());
                    if (!page->panes()->rect().contains(place) || place.width() < pane->widget()->minimumSizeHint().width())
                        wrong.append(QStringLiteral("%1 at %2, %3 of %4 x %5").arg(pane->objectName()).arg(place.x()).arg(place.y()).arg(place.width()).arg(place.height()));
                }
                return wrong.join(QStringLiteral("; "));
            };
            QTRY_VERIFY2(misplaced().isEmpty(), qPrintable(QLatin1String(key) + QLatin1String(": ") + misplaced()));
            const QString shape = QString::fromLatin1(key);
            QVERIFY2(m_window->size() == QSize(1280, 800), qPrintable(QStringLiteral("%1: %2 x %3").arg(shape).arg(m_window->width()).arg(m_window->height())));
            const auto sizeOf = [&](const QString& pane) { return page->panes()->pane(pane)->size(); };
            if (shape == QLatin1String("usual")) QTRY_VERIFY2(std::abs(sizeOf(LayerSide::kPrompts).width() - 310) < 12, qPrintable(QString::number(sizeOf(LayerSide::kPrompts).width())));
            if (shape == QLatin1String("all")) QTRY_VERIFY(sizeOf(LayerSide::kPrompts).width() > 130 && sizeOf(LayerSide::kWhatIf).width() > 200);
            if (shape == QLatin1String("below")) QTRY_VERIFY(sizeOf(LayerSide::kPrompts).height() > 180 && sizeOf(LayersPage::kChart).height() > 200);
        }
        QVERIFY(page->panes()->pane(LayerSide::kPrompts)->isHidden());
        QTest::keyClick(m_window.get(), Qt::Key_F, Qt::ControlModifier);
        QTRY_VERIFY(find<QLineEdit>("promptFilter")->hasFocus());
        page->panes()->pane(LayerSide::kPrompts)->hide();
        m_window->close();
        m_window.reset();
        makeWindow();
        page = m_window->findChild<LayersPage*>();
        QVERIFY(page->panes()->pane(LayerSide::kPrompts)->isHidden());
        QVERIFY(!page->panes()->pane(LayersPage::kChart)->isHidden());
    }

    /// What a screen reader meets on every page has a name.
    void everythingThatTakesTheFocusHasAName() {
        QStringList unnamed;
        int focusable = 0;
        collectUnnamed(QAccessible::queryAccessibleInterface(m_window.get()), {}, unnamed, focusable);
        openRun();
        for (int page = 0; page < kPages; ++page) {
            m_window->setPage(static_cast<Page>(page));
            QTest::qWait(50);
            collectUnnamed(QAccessible::queryAccessibleInterface(m_window.get()), {}, unnamed, focusable);
        }
        unnamed.removeDuplicates();
        QVERIFY2(unnamed.isEmpty(), qPrintable(unnamed.join(QLatin1Char('\n'))));
        QVERIFY2(focusable > 60, qPrintable(QString::number(focusable)));
    }
};

QTEST_MAIN(TestWindow)
#include "test_window.moc"
