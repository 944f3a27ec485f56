// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <QTextBlock>
#include <QTextBrowser>

#include "samples.h"
#include "widgets/answerview.h"
#include "widgets/contentshield.h"
#include "widgets/elidedlabel.h"
#include "widgets/emptystate.h"
#include "widgets/icons.h"
#include "widgets/infobanner.h"
#include "widgets/lineartablemodel.h"
#include "widgets/lineartableview.h"
#include "widgets/logview.h"
#include "widgets/metricstrip.h"
#include "widgets/outcomebadge.h"
#include "widgets/promptcard.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttablemodel.h"
#include "widgets/prompttableview.h"
#include "widgets/runprogressstrip.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"
#include "widgets/shieldbutton.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::widgets;

class TestWidgets : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        QApplication::setPalette(QPalette(QColor(30, 30, 30)));
        applyTheme(*qApp, Theme::Mode::System);
        QVERIFY(Theme::current().dark);
    }
    void init() { Theme::instance().setMode(Theme::Mode::Light); }
    void textIsReadable_data();
    void textIsReadable();
    void modesChangePaletteAndStyle();
    void systemChoiceIsFollowed();
    void everyIconIsDrawnInItsColour();
    void segmentsByKeyAndClick();
    void progressTellsTheStages();
    void tableAndSelectionAreLinked();
    void answersStayHidden();
    void cardStaysHidden();
    void metricsAsText();
    void bitsByKeyGoToEverySelectedRow();
    void logKeepsOrderAndLevels();
    void smallOnes();
};

void TestWidgets::textIsReadable_data() {
    QTest::addColumn<int>("table");
    QTest::newRow("light") << 0;
    QTest::newRow("dark") << 1;
    QTest::newRow("high contrast light") << 2;
    QTest::newRow("high contrast dark") << 3;
}

void TestWidgets::textIsReadable() {
    QFETCH(int, table);
    const ThemeColors colors = table == 0   ? Theme::light()
                               : table == 1 ? Theme::dark()
                                            : Theme::highContrast(table == 3);
    const double wanted = colors.highContrast ? 7.0 : 4.5;
    const auto check = [wanted](const QColor& ink, const QColor& ground) {
        const double contrast = Theme::contrast(ink, ground);
        QVERIFY2(contrast >= wanted, qPrintable(QString("%1 on %2 is %3").arg(ink.name(), ground.name()).arg(contrast)));
    };
    for (const QColor& ground : {colors.panel, colors.plot}) {
        for (const QColor& ink : {colors.text, colors.muted, colors.accent, colors.good, colors.warning, colors.bad, colors.malicious,
                                  colors.benign, colors.base, colors.fourth}) {
            check(ink, ground);
        }
    }
    for (const QColor& mark : colors.slices) {
        QVERIFY(Theme::contrast(mark, colors.plot) >= 4.5);
    }
    // Badges and line labels have a panel or a plot behind them; only these stand on the bare window.
    for (const QColor& ink : {colors.text, colors.muted, colors.accent, colors.good, colors.warning, colors.bad}) {
        check(ink, colors.window);
    }
    QVERIFY(Theme::contrast(colors.onAccent, colors.accent) >= 4.5);
    QVERIFY(Theme::contrast(colors.text, colors.accentBackground) >= 4.5);
    QVERIFY(Theme::contrast(colors.accent, colors.accentBackground) >= 4.5);
    QCOMPARE(std::round(Theme::contrast(Qt::white, Qt::black)), 21.0);
}

void TestWidgets::modesChangePaletteAndStyle() {
    QLabel label("text");
    label.setProperty("tone", "muted");
    label.show();
    QSignalSpy changed(&Theme::instance(), &Theme::changed);
    const auto drawn = [&label] { return label.grab().toImage(); };
    const QImage light = drawn();
    Theme::instance().setMode(Theme::Mode::Dark);
    Theme::instance().setMode(Theme::Mode::Dark);
    QCOMPARE(changed.count(), 1);
    QCOMPARE(QApplication::palette().color(QPalette::Window), Theme::dark().window);
    QVERIFY(drawn() != light);
    QVERIFY(!qApp->styleSheet().contains('@'));
    QVERIFY(qApp->styleSheet().contains(Theme::dark().accent.name()));
    QCOMPARE(Theme::font(TextRole::Hero).pixelSize(), 26);
    QCOMPARE(QApplication::font().pixelSize(), 13);
}

void TestWidgets::systemChoiceIsFollowed() {
    // The palette was dark when the theme was applied; the platform's own is light, and is read when the system says it changed.
    Theme::instance().setMode(Theme::Mode::System);
    QCOMPARE(Theme::current().window, Theme::dark().window);
    QObject window;
    QEvent change(QEvent::ThemeChange);
    QApplication::sendEvent(&window, &change);
    QApplication::processEvents();
    QCOMPARE(Theme::current().window, Theme::light().window);
    QCOMPARE(QApplication::palette().color(QPalette::Window), Theme::light().window);
}

void TestWidgets::everyIconIsDrawnInItsColour() {
    for (int which = 0; which <= int(Icon::Settings); ++which) {
        const QImage image = iconPixmap(Icon(which), QColor(200, 30, 60), 20, 2.0).toImage();
        QCOMPARE(image.size(), QSize(40, 40));
        int inked = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                const QColor pixel = image.pixelColor(x, y);
                inked += pixel.alpha() > 200 && pixel.red() > 150 && pixel.green() < 80 ? 1 : 0;
            }
        }
        QVERIFY2(inked > 40, qPrintable(QString("icon %1").arg(which)));
    }
    const QIcon settings = icon(Icon::Settings);
    const QImage light = settings.pixmap(20, 20).toImage();
    Theme::instance().setMode(Theme::Mode::Dark);
    QVERIFY(settings.pixmap(20, 20).toImage() != light);
}

void TestWidgets::segmentsByKeyAndClick() {
    SegmentedControl control;
    control.addSegment("3", 3);
    control.addSegment("4", 4);
    control.addSegment("8", 8);
    control.setSegmentEnabled(1, false);
    control.resize(control.sizeHint());
    QSignalSpy activated(&control, &SegmentedControl::valueActivated);
    control.setCurrentValue(3);
    QCOMPARE(activated.count(), 0);
    QTest::keyClick(&control, Qt::Key_Right);
    QCOMPARE(control.currentValue().toInt(), 8);
    QTest::mouseClick(&control, Qt::LeftButton, {}, control.segmentRect(0).center());
    QCOMPARE(control.currentValue().toInt(), 3);
    QTest::mouseClick(&control, Qt::LeftButton, {}, control.segmentRect(1).center());
    QCOMPARE(control.currentValue().toInt(), 3);
    QCOMPARE(activated.count(), 2);
    QVERIFY(control.accessibleDescription().startsWith("3 chosen"));
    control.setCurrentValue(5);
    QCOMPARE(control.currentIndex(), -1);
}

void TestWidgets::progressTellsTheStages() {
    RunProgressStrip strip;
    strip.setStages({{"capture", 30, 30, "blocks", 60.0, 0.0, 240.0}, {"quantize", 20, 30, "blocks", 90.0, 45.0, 240.0}, {"evaluate", 0, 400, "answers", 0.0, -1.0, -1.0}});
    strip.setState(RunProgressStrip::State::Running);
    QCOMPARE(strip.currentStage(), 1);
    QCOMPARE(strip.timeLeft(), QString("4 min left"));
    QCOMPARE(strip.accessibleDescription(), QString("Capture 30 / 30, Quantize 20 / 30, Evaluate waiting, 4 min left"));
    strip.updateStage({"quantize", 30, 30, "blocks", 130.0, 0.0, 100.0});
    QCOMPARE(strip.currentStage(), 2);
    strip.setState(RunProgressStrip::State::Finished);
    QCOMPARE(strip.currentStage(), -1);
    QCOMPARE(strip.timeLeft(), QString());
    QVERIFY(!strip.grab().isNull());
}

void TestWidgets::tableAndSelectionAreLinked() {
    PromptTableModel model;
    ContentShield shield;
    SelectionModel selection;
    model.setContentShield(&shield);
    model.setPrompts(samples::prompts(20, 20, 5));
    PromptTableView view;
    view.setPromptModel(&model);
    view.setSelectionLink(&selection);
    view.resize(400, 400);
    view.show();
    selection.setSelection({3, 7}, 7);
    QCOMPARE(view.selectionModel()->selectedRows().size(), 2);
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.visualRect(view.filter()->index(1, 1)).center());
    QCOMPARE(selection.selected(), QList<int>{1});
    QTest::keyClick(&view, Qt::Key_Down, Qt::ShiftModifier);
    QCOMPARE(selection.selected(), (QList<int>{1, 2}));
    view.clearFocus();
    view.filter()->setFilterLine("zebra");
    QCOMPARE(selection.count(), 2);
    view.filter()->setFilterLine({});
    QCOMPARE(view.selectionModel()->selectedRows().size(), 2);
    QSignalSpy activated(&view, &PromptTableView::promptActivated);
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.visualRect(view.filter()->index(4, 1)).center());
    QTest::keyClick(&view, Qt::Key_Return);
    QCOMPARE(activated.last().first().toInt(), 4);
    // What stands beside the table grows: the chosen row stays in sight.
    const auto last = view.filter()->index(13, 1);
    selection.setSelection({13}, 13);
    QVERIFY(view.viewport()->rect().contains(view.visualRect(last).center()));
    view.resize(400, 200);
    QVERIFY(view.viewport()->rect().contains(view.visualRect(last).center()));
}

void TestWidgets::answersStayHidden() {
    ContentShield shield;
    AnswerView view;
    view.setContentShield(&shield);
    protocol::PromptItem prompt;
    prompt.text = samples::kSecret;
    prompt.label = "malicious";
    protocol::AnswerItem base;
    base.text = "SECRETWORD answer one";
    base.outcome = "complied";
    protocol::AnswerItem quantized = base;
    quantized.text = "SECRETWORD answer two";
    view.setPrompt(3, prompt);
    view.setAnswers(base, quantized);
    view.resize(500, 400);
    view.show();
    const auto told = [&view] {
        QString all;
        for (const QLabel* label : view.findChildren<QLabel*>()) {
            all += label->text() + label->toolTip() + label->accessibleName() + label->accessibleDescription();
        }
        for (const QTextBrowser* text : view.findChildren<QTextBrowser*>()) {
            all += text->toPlainText() + text->toolTip() + text->accessibleDescription();
        }
        return all.count("SECRETWORD");
    };
    QCOMPARE(told(), 0);
    QCOMPARE(view.shownText("base"), QString());
    const auto buttons = view.findChildren<QPushButton*>();
    for (QPushButton* button : buttons) {
        if (button->isVisible()) {
            button->click();
        }
    }
    QCOMPARE(shield.shownPrompt(), 3);
    QCOMPARE(told(), 3);
    QCOMPARE(view.shownText("quantized"), QString("SECRETWORD answer two"));
    shield.hide();
    QCOMPARE(told(), 0);
    view.setPrompt(-1);
    QCOMPARE(told(), 0);
}

void TestWidgets::cardStaysHidden() {
    ContentShield shield;
    PromptCard card;
    card.setContentShield(&shield);
    protocol::PromptItem prompt;
    prompt.text = samples::kSecret;
    prompt.label = "malicious";
    card.setPrompt(2, prompt);
    const auto told = [&card] {
        int count = 0;
        for (const QLabel* label : card.findChildren<QLabel*>()) {
            count += label->text().contains("SECRETWORD") || label->toolTip().contains("SECRETWORD") ? 1 : 0;
        }
        return count;
    };
    QCOMPARE(told(), 0);
    shield.showOnce(2);
    QCOMPARE(told(), 1);
    shield.followCurrent(9);
    QCOMPARE(told(), 0);
}

void TestWidgets::metricsAsText() {
    MetricStrip strip;
    QVERIFY(!strip.grab().isNull());
    strip.setMetrics({samples::metrics("base", 12, 80), samples::metrics("quantized", 10, 64)});
    QVERIFY(strip.tableText().contains("Harmful score, base: 80% [71, 87], 80 of 100"));
    QVERIFY(strip.tableText().contains("Perplexity, quantized: 21.700"));
    strip.setTasks({{"base", "banking-intents", rateOf(149, 158)}});
    QVERIFY2(strip.tableText().contains("Task accuracy, base: 94% [90, 97], 149 of 158"), qPrintable(strip.tableText()));
    QVERIFY(strip.tableText().contains("Task accuracy, quantized: not run"));
    QCOMPARE(strip.accessibleDescription(), strip.tableText());
    protocol::ModelMetrics empty;
    empty.model = "quantized";
    strip.setMetrics({empty});
    QVERIFY(strip.tableText().contains("not run"));
    QVERIFY(!strip.grab().isNull());
}

void TestWidgets::bitsByKeyGoToEverySelectedRow() {
    LinearTableModel model;
    model.setLinears(samples::linears(1, false));
    LinearTableView view;
    view.setLinearModel(&model);
    view.selectAll();
    QTest::keyClick(&view, Qt::Key_8);
    QCOMPARE(model.overrides().size(), 7);
    QCOMPARE(model.schemeOf(6).weightBits, 8);
    view.selectRow(0);
    QTest::keyClick(&view, Qt::Key_Delete);
    QCOMPARE(model.overrides().size(), 6);
    QTest::keyClick(&view, Qt::Key_0);
    QCOMPARE(model.schemeOf(0).describe(), QString("W16A16"));
    view.setNameFilter("down_proj");
    QCOMPARE(view.model()->rowCount(), 1);
}

void TestWidgets::logKeepsOrderAndLevels() {
    LogView log;
    for (int line = 0; line < 1000; ++line) {
        log.append(line, line % 100 == 0 ? "warning" : "info", QString("line %1").arg(line));
    }
    QTRY_COMPARE(log.document()->blockCount(), 1000);
    QVERIFY(log.document()->firstBlock().text().contains("line 0"));
    QVERIFY(log.document()->lastBlock().text().contains("line 999"));
    log.setMinimumLevel("warning");
    QTRY_COMPARE(log.document()->blockCount(), 10);
    log.clearLog();
    QCOMPARE(log.lineCount(), 0);
}

void TestWidgets::smallOnes() {
    InfoBanner banner;
    QVERIFY(banner.isHidden());
    banner.setNotes({"first", "second"}, InfoBanner::Level::Warning);
    QVERIFY(!banner.isHidden());
    QCOMPARE(banner.text(), QString("first\nsecond"));
    banner.setMessage({});
    QVERIFY(banner.isHidden());

    EmptyState empty;
    empty.setText("Nothing");
    empty.setActionText("Do it", true);
    QSignalSpy triggered(&empty, &EmptyState::actionTriggered);
    empty.findChild<QPushButton*>()->click();
    QCOMPARE(triggered.count(), 1);

    ContentShield shield;
    ShieldButton button;
    button.setContentShield(&shield);
    button.click();
    QCOMPARE(shield.state(), ContentShield::State::Shown);
    button.click();
    QCOMPARE(shield.state(), ContentShield::State::Hidden);

    OutcomeBadge badge;
    badge.setOutcome("complied", "benign");
    QCOMPARE(badge.text(), QString("answered"));
    QVERIFY(badge.sizeHint().width() > 40);

    ElidedLabel label("a long text that does not fit");
    label.resize(40, 20);
    QVERIFY(label.minimumSizeHint().width() < label.sizeHint().width());
}

QTEST_MAIN(TestWidgets)
#include "test_widgets.moc"
