// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QSlider>
#include <QTest>
#include <QToolButton>
#include <QWheelEvent>
#include <ctime>

#include "samples.h"
#include "widgets/blockscrubber.h"
#include "widgets/contentshield.h"
#include "widgets/layerchart.h"
#include "widgets/linesplot.h"
#include "widgets/projectionview.h"
#include "widgets/selectionmodel.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

/// CPU milliseconds of this thread.
double cpuMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e3 + double(now.tv_nsec) * 1e-6;
}

void hover(QWidget* widget, const QPointF& position, Qt::MouseButtons buttons = Qt::NoButton) {
    QMouseEvent move(QEvent::MouseMove, position, widget->mapToGlobal(position), Qt::NoButton, buttons, Qt::NoModifier);
    QApplication::sendEvent(widget, &move);
}

/// Number of pixels close to a colour.
int pixels(const QImage& image, const QColor& color) {
    int count = 0;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            const QColor pixel = image.pixelColor(x, y);
            count += std::abs(pixel.red() - color.red()) + std::abs(pixel.green() - color.green()) +
                             std::abs(pixel.blue() - color.blue()) < 24
                         ? 1
                         : 0;
        }
    }
    return count;
}

QWidget* paneOf(ProjectionView& view, const QPoint& position) { return view.childAt(position); }

}  // namespace

class TestPlots : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        applyTheme(*qApp, Theme::Mode::Light);
    }
    void init() { Theme::instance().setMode(Theme::Mode::Light); }
    void layerChartIsEmptyAtFirst();
    void layerChartChoosesBlocks();
    void layerChartShowsExactNumbers();
    void layerChartGrowsLive();
    void layerChartRecolours();
    void layerChartSwitchesProbes();
    void scrubberGoesThroughBlocks();
    void scrubberPlays();
    void scrubberSaysWhetherItFollows();
    void projectionSelects();
    void projectionBox();
    void projectionKeys();
    void projectionZoomAndAxes();
    void linesPlotChoosesPlacesWithValues();
    void projectionNeverTellsHiddenText();
    void projectionRecolours();
    void handlersAreShort();
};

void TestPlots::layerChartIsEmptyAtFirst() {
    LayerChart chart;
    chart.resize(700, 320);
    chart.setEmptyText("Nothing here yet");
    const QImage image = chart.grab().toImage();
    QVERIFY(pixels(image, Theme::current().muted) > 20);
    QCOMPARE(chart.currentBlock(), -1);
    QSignalSpy chosen(&chart, &LayerChart::blockChosen);
    QTest::keyClick(chart.focusProxy(), Qt::Key_Right);
    QTest::mouseClick(chart.focusProxy(), Qt::LeftButton);
    QCOMPARE(chosen.count(), 0);
    QCOMPARE(chart.focusProxy()->accessibleDescription(), QString("Nothing here yet"));
}

void TestPlots::layerChartChoosesBlocks() {
    LayerChart chart;
    chart.resize(800, 340);
    chart.setBlockCount(30);
    for (int block = 0; block < 30; ++block) {
        if (block != 4) {
            chart.setBlock(samples::block("base", block, 30));
        }
    }
    chart.show();
    (void)chart.grab();
    QWidget* plot = chart.focusProxy();
    QSignalSpy chosen(&chart, &LayerChart::blockChosen);
    QTest::keyClick(plot, Qt::Key_End);
    QCOMPARE(chart.currentBlock(), 29);
    QTest::keyClick(plot, Qt::Key_Home);
    QCOMPARE(chart.currentBlock(), 0);
    for (int step = 0; step < 4; ++step) {
        QTest::keyClick(plot, Qt::Key_Right);
    }
    QCOMPARE(chart.currentBlock(), 5);
    QTest::keyClick(plot, Qt::Key_Left);
    QCOMPARE(chart.currentBlock(), 3);
    QCOMPARE(chosen.count(), 7);
    chart.setCurrentBlock(8);
    QCOMPARE(chosen.count(), 7);
    QTest::mouseClick(plot, Qt::LeftButton, {}, QPoint(plot->width() / 2, plot->height() / 3));
    QCOMPARE(chosen.count(), 8);
    const int block = chosen.last().first().toInt();
    QVERIFY2(block > 8 && block < 20, qPrintable(QString::number(block)));
    QTest::mouseClick(plot, Qt::LeftButton, {}, QPoint(56, plot->height() / 3));
    QCOMPARE(chart.currentBlock(), 0);
}

void TestPlots::linesPlotChoosesPlacesWithValues() {
    LinesPlot plot("Losses");
    plot.resize(600, 240);
    plot.setPlaces(4, "epoch", 1);
    plot.setEmptyText("Nothing yet");
    QVERIFY(pixels(plot.grab().toImage(), Theme::current().muted) > 20);
    QCOMPARE(plot.accessibleDescription(), QString("Nothing yet"));
    const double none = std::numeric_limits<double>::quiet_NaN();
    plot.setSeries({{"benign", &ThemeColors::benign, {0.5, none, 0.25, none}, false},
                    {"malicious", &ThemeColors::malicious, {0.75, none, 0.5}, true}});
    plot.setValues("loss", [](double loss) { return QString::number(loss, 'f', 2); });
    const QImage image = plot.grab().toImage();
    QVERIFY(pixels(image, Theme::current().benign) > 20);
    QVERIFY(pixels(image, Theme::current().malicious) > 20);
    QSignalSpy chosen(&plot, &LinesPlot::chosen);
    QTest::keyClick(&plot, Qt::Key_End);
    QCOMPARE(plot.current(), 2);
    QTest::keyClick(&plot, Qt::Key_Left);
    QCOMPARE(plot.current(), 0);
    QTest::mouseClick(&plot, Qt::LeftButton, {}, QPoint(plot.xAxis->coordToPixel(2), plot.height() / 2));
    QCOMPARE(plot.current(), 2);
    QTest::mouseClick(&plot, Qt::LeftButton, {}, QPoint(plot.xAxis->coordToPixel(1.3), plot.height() / 2));
    QCOMPARE(plot.current(), 2);
    QCOMPARE(chosen.count(), 3);
    (void)plot.grab();
    QVERIFY(plot.accessibleDescription().contains("Epoch 3"));
    QVERIFY(plot.accessibleDescription().contains("0.25"));
    QCOMPARE(plot.tableText(), QString("epoch\tbenign\tmalicious\n1\t0.5\t0.75\n3\t0.25\t0.5"));
    // Where the room at the ends is for values alone, the plot has what names would take.
    LinesPlot narrow("Loss", nullptr, LinesPlot::kRoomForValues);
    narrow.resize(600, 240);
    (void)narrow.grab();
    QCOMPARE(narrow.axisRect()->width(), plot.axisRect()->width() + LinesPlot::kRoomForNames - LinesPlot::kRoomForValues);
}

void TestPlots::layerChartShowsExactNumbers() {
    LayerChart chart;
    chart.setBlockCount(12);
    chart.setBlock(samples::block("base", 9, 12));
    chart.setBlock(samples::block("quantized", 9, 12));
    const QString text = chart.blockText(9);
    const auto base = samples::block("base", 9, 12).refitted;
    QVERIFY(text.contains(QString::number(base.nonZeros)));
    QVERIFY(text.contains(QString::number(base.auc, 'f', 3)));
    QVERIFY(text.contains("asked 4, got 8"));
    const QStringList lines = chart.tableText().split('\n');
    QCOMPARE(lines.size(), 3);
    QVERIFY(lines[1].startsWith("9\tbase\trefitted\t" + QString::number(base.accuracy.value, 'f', 4)));
    (void)chart.grab();
    chart.setCurrentBlock(9);
    (void)chart.grab();
    QVERIFY(chart.focusProxy()->accessibleDescription().startsWith("Block 9"));
}

void TestPlots::layerChartGrowsLive() {
    LayerChart chart;
    chart.resize(800, 340);
    chart.setBlockCount(30);
    chart.setRunningStage("capture");
    chart.setBlock(samples::block("base", 0, 30));
    const QImage one = chart.grab().toImage();
    for (int block = 1; block < 20; ++block) {
        chart.setBlock(samples::block("base", block, 30));
    }
    const QImage many = chart.grab().toImage();
    QVERIFY(pixels(many, Theme::current().base) > pixels(one, Theme::current().base) + 200);
    QVERIFY(pixels(many, Theme::current().accent) < 1200);
    chart.clear();
    QVERIFY(pixels(chart.grab().toImage(), Theme::current().base) < pixels(many, Theme::current().base) / 2);
}

void TestPlots::layerChartRecolours() {
    LayerChart chart;
    chart.resize(800, 340);
    chart.setBlockCount(10);
    for (int block = 0; block < 10; ++block) {
        chart.setBlock(samples::block("quantized", block, 10));
    }
    chart.show();
    QVERIFY(pixels(chart.grab().toImage(), Theme::light().accent) > 300);
    Theme::instance().setMode(Theme::Mode::Dark);
    const QImage dark = chart.grab().toImage();
    QVERIFY(pixels(dark, Theme::dark().accent) > 300);
    QVERIFY(pixels(dark, Theme::dark().plot) > dark.width() * dark.height() / 2);
}

void TestPlots::layerChartSwitchesProbes() {
    LayerChart chart;
    chart.setBlockCount(12);
    chart.setBlock(samples::block("quantized", 6, 12));
    QSignalSpy changed(&chart, &LayerChart::probeChanged);
    const QString refitted = chart.blockText(6);
    chart.setProbe(LayerChart::Probe::Transferred);
    QVERIFY(chart.blockText(6) != refitted);
    QVERIFY(chart.blockText(6).contains("52%"));
    QCOMPARE(chart.probe(), LayerChart::Probe::Transferred);
    QSignalSpy hard(&chart, &LayerChart::hardBenignShownChanged);
    chart.setHardBenignShown(true);
    QCOMPARE(hard.count(), 1);
    QVERIFY(chart.hardBenignShown());
}

void TestPlots::scrubberGoesThroughBlocks() {
    BlockScrubber scrubber;
    scrubber.resize(700, 26);
    scrubber.show();
    auto* slider = scrubber.findChild<QSlider*>("blockSlider");
    QVERIFY(!slider->isEnabled());
    scrubber.setBlocks(30, {0, 1, 2, 5, 6});
    scrubber.setCurrent(2);
    QSignalSpy chosen(&scrubber, &BlockScrubber::blockChosen);
    slider->setFocus();
    QTest::keyClick(slider, Qt::Key_Right);
    QCOMPARE(scrubber.current(), 2);
    QTest::keyClick(slider, Qt::Key_PageUp);
    QCOMPARE(scrubber.current(), 6);
    QTest::keyClick(slider, Qt::Key_Left);
    QCOMPARE(scrubber.current(), 5);
    QTest::keyClick(slider, Qt::Key_End);
    QCOMPARE(scrubber.current(), 6);
    QTest::keyClick(slider, Qt::Key_Home);
    QCOMPARE(scrubber.current(), 0);
    QCOMPARE(slider->value(), 0);
    QCOMPARE(chosen.count(), 4);
    QCOMPARE(slider->accessibleDescription(), QString("Block 0 of 30"));
    // The handle stands under its block of a chart of the same width.
    LayerChart chart;
    chart.resize(700, 320);
    chart.setBlockCount(30);
    for (int block = 0; block < 30; ++block) {
        chart.setBlock(samples::block("base", block, 30));
    }
    chart.show();
    (void)chart.grab();
    const auto* plot = qobject_cast<QCustomPlot*>(chart.focusProxy());
    const double span = slider->width() - 16.0;
    for (const int block : {0, 13, 29}) {
        const double handle = slider->x() + 8.0 + span * block / 29.0;
        QVERIFY(std::abs(plot->mapTo(&chart, QPoint(0, 0)).x() + plot->xAxis->coordToPixel(block) - handle) < 2.0);
    }
}

void TestPlots::scrubberPlays() {
    BlockScrubber scrubber;
    scrubber.resize(700, 26);
    scrubber.show();
    scrubber.setBlocks(6, {0, 1, 3, 4});
    scrubber.setCurrent(1);
    scrubber.setSpeed(4.0);
    QCOMPARE(scrubber.interval(), 125);
    QList<int> blocks;
    connect(&scrubber, &BlockScrubber::blockChosen, this, [&](int block) { blocks << block; });
    QTest::mouseClick(scrubber.findChild<QToolButton*>("playBlocks"), Qt::LeftButton);
    QVERIFY(scrubber.playing());
    QTRY_VERIFY(!scrubber.playing());
    QCOMPARE(blocks, (QList<int>{3, 4}));
    // From the last it begins anew, and waits for what is not in sight yet.
    blocks.clear();
    scrubber.setWaiting(true);
    QTest::keyClick(scrubber.findChild<QSlider*>("blockSlider"), Qt::Key_Space);
    QTest::qWait(400);
    QCOMPARE(blocks, QList<int>{0});
    scrubber.setWaiting(false);
    QTRY_COMPARE(blocks, (QList<int>{0, 1, 3}));
    QTest::keyClick(scrubber.findChild<QSlider*>("blockSlider"), Qt::Key_Left);
    QVERIFY(!scrubber.playing());
}

void TestPlots::scrubberSaysWhetherItFollows() {
    BlockScrubber scrubber;
    scrubber.resize(700, 26);
    scrubber.show();
    auto* follow = scrubber.findChild<QToolButton*>("followNewest");
    QVERIFY(!follow->isVisible());
    scrubber.setFollowing(true, true);
    QVERIFY(follow->isVisible() && follow->isChecked());
    QSignalSpy follows(&scrubber, &BlockScrubber::followRequested);
    QSignalSpy stays(&scrubber, &BlockScrubber::stayRequested);
    QTest::mouseClick(follow, Qt::LeftButton);
    QCOMPARE(stays.count(), 1);
    QTest::mouseClick(follow, Qt::LeftButton);
    QCOMPARE(follows.count(), 1);
}

struct Projection {
    SelectionModel selection;
    ContentShield shield;
    std::shared_ptr<const std::vector<protocol::PromptItem>> prompts = samples::prompts(40, 40, 20);
    protocol::ProjectionResult result = samples::projection(*prompts, 17, "probe", true);
    ProjectionView view;

    Projection() {
        view.resize(900, 460);
        view.setPrompts(prompts);
        view.setSelectionModel(&selection);
        view.setContentShield(&shield);
        view.setProjection(result);
        view.show();
        (void)view.grab();
    }
    void click(int prompt, Qt::KeyboardModifiers modifiers = {}) {
        const QPoint position = view.pointPosition("base", prompt).toPoint();
        QWidget* pane = paneOf(view, position);
        QTest::mouseClick(pane, Qt::LeftButton, modifiers, pane->mapFrom(&view, position));
    }
    /// A prompt that is alone in its place, so that a click is unambiguous.
    int lonely(const std::string& label) const {
        int best = -1;
        double bestDistance = 0.0;
        for (const int prompt : result.prompts) {
            if ((*prompts)[std::size_t(prompt)].label != label) {
                continue;
            }
            double nearest = 1e9;
            for (const int other : result.prompts) {
                if (other != prompt) {
                    const QPointF delta = view.pointPosition("base", prompt) - view.pointPosition("base", other);
                    nearest = std::min(nearest, QPointF::dotProduct(delta, delta));
                }
            }
            if (nearest > bestDistance) {
                bestDistance = nearest;
                best = prompt;
            }
        }
        return best;
    }
};

void TestPlots::projectionSelects() {
    Projection scene;
    const int first = scene.lonely("malicious");
    const int second = scene.lonely("benign");
    scene.click(first);
    QCOMPARE(scene.selection.selected(), QList<int>{first});
    scene.click(second, Qt::ControlModifier);
    QCOMPARE(scene.selection.count(), 2);
    QCOMPARE(scene.selection.current(), second);
    const QImage greyed = scene.view.grab().toImage();
    scene.click(second);
    QCOMPARE(scene.selection.selected(), QList<int>{second});
    const QImage coloured = scene.view.grab().toImage();
    QVERIFY(pixels(coloured, Theme::blend(Theme::current().malicious, Theme::current().plot, 0.8)) >
            pixels(greyed, Theme::blend(Theme::current().malicious, Theme::current().plot, 0.8)) + 100);
    QWidget* pane = paneOf(scene.view, scene.view.pointPosition("base", first).toPoint());
    QTest::mouseClick(pane, Qt::LeftButton, {}, QPoint(pane->width() - 3, 30));
    QVERIFY(scene.selection.isEmpty());
}

void TestPlots::projectionBox() {
    Projection scene;
    const int prompt = scene.lonely("malicious");
    const QPoint centre = scene.view.pointPosition("quantized", prompt).toPoint();
    QWidget* pane = paneOf(scene.view, centre);
    const QPoint local = pane->mapFrom(&scene.view, centre);
    QTest::mousePress(pane, Qt::LeftButton, {}, local - QPoint(25, 25));
    hover(pane, local, Qt::LeftButton);
    hover(pane, local + QPoint(25, 25), Qt::LeftButton);
    QVERIFY(!scene.view.grab().isNull());
    QTest::mouseRelease(pane, Qt::LeftButton, {}, local + QPoint(25, 25));
    QVERIFY(scene.selection.contains(prompt));
    // Positions are known to a pixel: points on the very edge of the box may go either way.
    const QRectF box(centre - QPoint(25, 25), QSizeF(50, 50));
    for (const int other : scene.result.prompts) {
        const QPointF position = scene.view.pointPosition("quantized", other);
        const bool inside = box.adjusted(2, 2, -2, -2).contains(position);
        const bool outside = !box.adjusted(-2, -2, 2, 2).contains(position);
        QVERIFY(!inside || scene.selection.contains(other));
        QVERIFY(!outside || !scene.selection.contains(other));
    }
}

void TestPlots::projectionKeys() {
    Projection scene;
    QWidget* pane = scene.view.focusProxy();
    QSignalSpy activated(&scene.view, &ProjectionView::promptActivated);
    QTest::keyClick(pane, Qt::Key_Right);
    const int first = scene.selection.current();
    QVERIFY(first >= 0);
    double x = scene.view.pointPosition("base", first).x();
    for (int step = 0; step < 20; ++step) {
        QTest::keyClick(pane, Qt::Key_Down);
        const double next = scene.view.pointPosition("base", scene.selection.current()).x();
        QVERIFY(next >= x);
        x = next;
    }
    QTest::keyClick(pane, Qt::Key_Left);
    QTest::keyClick(pane, Qt::Key_Return);
    QCOMPARE(activated.last().first().toInt(), scene.selection.current());
    QTest::keyClick(pane, Qt::Key_Escape);
    QVERIFY(scene.selection.isEmpty());
}

void TestPlots::projectionZoomAndAxes() {
    Projection scene;
    const int prompt = scene.result.prompts.front();
    const QPointF before = scene.view.pointPosition("base", prompt);
    QVERIFY(!before.isNull());
    protocol::ProjectionResult same = scene.result;
    same.quantized.values.clear();
    scene.view.setProjection(same);
    QCOMPARE(scene.view.pointPosition("base", prompt), before);
    QVERIFY(scene.view.pointPosition("quantized", prompt).isNull());
    scene.view.setProjection(scene.result);
    QCOMPARE(scene.view.pointPosition("base", prompt), before);
    QWidget* pane = scene.view.focusProxy();
    QWheelEvent wheel(QPointF(100, 100), pane->mapToGlobal(QPointF(100, 100)), {}, QPoint(0, 240), Qt::NoButton, Qt::NoModifier,
                      Qt::NoScrollPhase, false);
    QApplication::sendEvent(pane, &wheel);
    QVERIFY(scene.view.pointPosition("base", prompt) != before);
    scene.view.setProjection(scene.result);
    QVERIFY(scene.view.pointPosition("base", prompt) != before);
    QTest::mouseDClick(pane, Qt::LeftButton, {}, QPoint(pane->width() - 3, 27));
    QCOMPARE(scene.view.pointPosition("base", prompt), before);
    QSignalSpy kinds(&scene.view, &ProjectionView::kindChosen);
    scene.view.setKind("pca");
    QCOMPARE(kinds.count(), 0);
    QCOMPARE(scene.view.kind(), QString("pca"));
}

void TestPlots::projectionNeverTellsHiddenText() {
    Projection scene;
    const int prompt = scene.lonely("malicious");
    scene.click(prompt);
    QWidget* pane = scene.view.focusProxy();
    const auto told = [&] {
        QString all = scene.view.tableText();
        const auto widgets = scene.view.findChildren<QWidget*>();
        for (const QWidget* widget : widgets) {
            all += widget->accessibleName() + widget->accessibleDescription() + widget->toolTip();
        }
        return all.contains("SECRETWORD");
    };
    QVERIFY(!told());
    const QPointF local = pane->mapFrom(&scene.view, scene.view.pointPosition("base", prompt).toPoint());
    hover(pane, local);
    const QImage hidden = scene.view.grab().toImage();
    scene.shield.showOnce(prompt);
    QVERIFY(told());
    QVERIFY(scene.view.grab().toImage() != hidden);
    scene.shield.hide();
    QVERIFY(!told());
    QCOMPARE(scene.view.grab().toImage(), hidden);
}

void TestPlots::projectionRecolours() {
    Projection scene;
    const auto benign = [](const ThemeColors& colors) { return Theme::blend(colors.benign, colors.plot, 0.8); };
    QVERIFY(pixels(scene.view.grab().toImage(), benign(Theme::light())) > 200);
    Theme::instance().setMode(Theme::Mode::Dark);
    QVERIFY(pixels(scene.view.grab().toImage(), benign(Theme::dark())) > 200);
}

void TestPlots::handlersAreShort() {
    // 50 ms of CPU time is where a window begins to feel stuck.
    constexpr double kLimit = 50.0;
    LayerChart chart;
    chart.resize(1200, 500);
    chart.setBlockCount(80);
    chart.show();
    (void)chart.grab();
    double longest = 0.0;
    for (int block = 0; block < 80; ++block) {
        const double start = cpuMilliseconds();
        chart.setBlock(samples::block("base", block, 80));
        chart.setBlock(samples::block("quantized", block, 80));
        QApplication::processEvents();
        longest = std::max(longest, cpuMilliseconds() - start);
    }
    qInfo("longest block: %.1f ms", longest);
    QVERIFY2(longest < kLimit, qPrintable(QString("a block took %1 ms").arg(longest)));

    const auto prompts = samples::prompts(520, 520, 100);
    ProjectionView view;
    SelectionModel selection;
    view.resize(1200, 600);
    view.setPrompts(prompts);
    view.setSelectionModel(&selection);
    view.show();
    (void)view.grab();
    const auto projection = samples::projection(*prompts, 3, "probe", true);
    double start = cpuMilliseconds();
    view.setProjection(projection);
    QApplication::processEvents();
    longest = cpuMilliseconds() - start;
    start = cpuMilliseconds();
    selection.setSelection({0, 2, 4, 6});
    QApplication::processEvents();
    longest = std::max(longest, cpuMilliseconds() - start);
    qInfo("longest projection: %.1f ms", longest);
    QVERIFY2(longest < kLimit, qPrintable(QString("a projection took %1 ms").arg(longest)));
}

QTEST_MAIN(TestPlots)
#include "test_plots.moc"
