// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QFontMetricsF>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <cmath>
#include <limits>

#include "widgets/barlist.h"
#include "widgets/colorscale.h"
#include "widgets/figuretable.h"
#include "widgets/heatmap.h"
#include "widgets/parallelplot.h"
#include "widgets/theme.h"
#include "widgets/xyplot.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

const double kNone = std::numeric_limits<double>::quiet_NaN();

void hover(QWidget* widget, const QPointF& position) {
    QMouseEvent move(QEvent::MouseMove, position, widget->mapToGlobal(position), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
    QApplication::sendEvent(widget, &move);
}

/// Lightness as the eye sees it in grey, by the contrast with black.
double lightness(const QColor& color) { return Theme::contrast(color, Qt::black); }

HeatMapData mapOf(int rows, int columns) {
    HeatMapData data;
    data.rows = rows;
    data.columns = columns;
    data.table.columns = QStringList{"row", "column", "value"};
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column) {
            data.values.push_back(double(row * columns + column) / (rows * columns - 1));
            data.table.rows.push_back({row, column, data.values.back()});
        }
    for (int row = 0; row < rows; ++row) data.rowNumbers.push_back(row);
    for (int column = 0; column < columns; ++column) data.columnNumbers.push_back(column);
    return data;
}

HoverCard headed(const QString& heading) {
    HoverCard card;
    card.heading = heading;
    return card;
}

}  // namespace

class TestFigures : public QObject {
    Q_OBJECT

private slots:
    void parallelLinesAreMarkedAndGreyed() {
        ParallelPlot plot("Runs");
        plot.setEmptyText("Nothing.");
        plot.resize(600, 400);
        QVERIFY(!plot.grab().isNull());
        const auto content = [&] {
            std::vector<ParallelAxis> axes{{"harm", "lower is better", 0.0, 1.0, false, {}}, {"perplexity", {}, 10.0, 1000.0, true, {}}, {"time", {}, 0.0, 60.0, false, {}}};
            std::vector<ParallelLine> lines{{&ThemeColors::accent, false, {0.1, 10.0, 30.0}, headed("good")},
                                            {&ThemeColors::accent, false, {0.9, 100.0, 60.0}, headed("bad")},
                                            {&ThemeColors::base, true, {0.5, kNone, kNone}, headed("base")}};
            plot.setContent(std::move(axes), std::move(lines), {{"run"}, {{"good"}, {"bad"}, {"base"}}});
        };
        content();
        plot.show();
        QCOMPARE(plot.itemCount(), 3);
        QCOMPARE(plot.kept(), 3);
        // Half of a logarithmic axis is the geometric mean.
        QVERIFY(std::abs(plot.positionOf(1, 100.0).y() - (plot.positionOf(1, 10.0).y() + plot.positionOf(1, 1000.0).y()) / 2.0) < 1e-9);
        // A drag along an axis marks what is wanted of it.
        const QPointF top = plot.positionOf(0, 0.6), bottom = plot.positionOf(0, 0.0);
        QSignalSpy ranges(&plot, &ParallelPlot::rangesChanged);
        QTest::mousePress(&plot, Qt::LeftButton, {}, top.toPoint());
        QMouseEvent move(QEvent::MouseMove, bottom, plot.mapToGlobal(bottom), Qt::NoButton, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(&plot, &move);
        QTest::mouseRelease(&plot, Qt::LeftButton, {}, bottom.toPoint());
        QVERIFY(ranges.count() > 0 && plot.range(0).has_value());
        QVERIFY(std::abs(plot.range(0)->high - 0.6) < 0.01 && plot.range(0)->low < 0.01);
        QVERIFY(plot.keeps(0) && !plot.keeps(1) && plot.keeps(2));
        // What was not measured on a marked axis does not keep its range; ranges outlive new numbers on the same axes.
        plot.setRange(1, Interval{10.0, 500.0});
        content();
        QCOMPARE(plot.kept(), 1);
        // Keys pass by what is greyed, and move ranges.
        plot.setFocus();
        QSignalSpy chosen(&plot, &ParallelPlot::chosen);
        QTest::keyClick(&plot, Qt::Key_Down);
        QTest::keyClick(&plot, Qt::Key_Down);
        QCOMPARE(chosen.count(), 1);
        QCOMPARE(plot.accessibleDescription(), QString("good"));
        // A click on a marked axis takes its range away, Escape all.
        QTest::mouseClick(&plot, Qt::LeftButton, {}, plot.positionOf(0, 0.9).toPoint());
        QVERIFY(!plot.range(0).has_value());
        QTest::keyClick(&plot, Qt::Key_Escape);
        QVERIFY(!plot.anyRange());
        QTest::keyClick(&plot, Qt::Key_Right);
        QTest::keyClick(&plot, Qt::Key_Right);
        QTest::keyClick(&plot, Qt::Key_Down, Qt::ShiftModifier);
        QVERIFY(plot.range(2).has_value() && std::abs(plot.range(2)->high - 57.0) < 1e-9);
        QTest::keyClick(&plot, Qt::Key_Up, Qt::ShiftModifier | Qt::ControlModifier);
        QVERIFY(std::abs(plot.range(2)->low - 3.0) < 1e-9);
        // A line is met between its axes.
        plot.clearRanges();
        QTest::mouseClick(&plot, Qt::LeftButton, {}, ((plot.positionOf(0, 0.9) + plot.positionOf(1, 100.0)) / 2.0).toPoint());
        QCOMPARE(plot.current(), 1);
        // Another set of axes begins without ranges.
        plot.setRange(0, Interval{0.0, 0.1});
        plot.setContent({{"other", {}, 0.0, 1.0, false, {}}}, {{&ThemeColors::accent, false, {0.5}, headed("one")}}, {{"run"}, {{"one"}}});
        QVERIFY(!plot.anyRange() && !plot.grab().isNull());
    }

    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        applyTheme(*qApp, Theme::Mode::Light);
    }
    void init() { Theme::instance().setMode(Theme::Mode::Light); }

    /// In every theme values are told apart by lightness alone, which is all that grey paper and some eyes keep.
    void scalesAreMonotoneInLightness() {
        for (const ThemeColors& colors : {Theme::light(), Theme::dark(), Theme::highContrast(false), Theme::highContrast(true)}) {
            const double direction = colors.dark ? 1.0 : -1.0;
            double last = lightness(sequentialColor(0.0, colors)), positive = lightness(divergingColor(0.0, colors)), negative = positive;
            for (int i = 1; i <= 40; ++i) {
                const double next = lightness(sequentialColor(i / 40.0, colors));
                QVERIFY2((next - last) * direction > 0.0, qPrintable(QString("step %1, dark %2, contrast %3").arg(i).arg(colors.dark).arg(colors.highContrast)));
                last = next;
                const double up = lightness(divergingColor(i / 40.0, colors)), down = lightness(divergingColor(-i / 40.0, colors));
                QVERIFY((up - positive) * direction > 0.0 && (down - negative) * direction > 0.0);
                positive = up;
                negative = down;
            }
            QVERIFY(Theme::contrast(sequentialColor(0.0, colors), sequentialColor(1.0, colors)) > 7.0);
            QVERIFY(divergingColor(0.6, colors) != divergingColor(-0.6, colors));
            for (double share = 0.0; share <= 1.0; share += 0.05) {
                const QColor cell = sequentialColor(share, colors);
                QVERIFY(Theme::contrast(inkOn(cell, colors), cell) >= 3.0);
            }
        }
        QCOMPARE(sequentialColor(7.0, Theme::light()), sequentialColor(1.0, Theme::light()));
    }

    void tablesAreTextAndCsv() {
        const FigureTable table{{"name", "value", "count"}, {{"a \"b\", c", 0.125, 3}, {"=1+1", kNone, qlonglong(4)}}};
        QCOMPARE(table.text(), QString("name\tvalue\tcount\na \"b\", c\t0.125\t3\n=1+1\t\t4\n"));
        QCOMPARE(table.csv(), QString("name,value,count\r\n\"a \"\"b\"\", c\",0.125,3\r\n =1+1,,4\r\n"));
        FigureTableModel model;
        model.setTable(table);
        QCOMPARE(model.rowCount(), 2);
        QCOMPARE(model.index(0, 1).data().toString(), QString("0.125"));
        QCOMPARE(model.index(1, 1).data().toString(), QString());
        QCOMPARE(model.index(0, 1).data(FigureTableModel::SortRole).toDouble(), 0.125);
        QCOMPARE(model.headerData(2, Qt::Horizontal, Qt::DisplayRole).toString(), QString("count"));
    }

    void heatMapColoursCells() {
        HeatMap map("Map");
        map.resize(500, 400);
        map.setEmptyText("Nothing yet");
        (void)map.grab();
        QCOMPARE(map.accessibleDescription(), QString("Nothing yet"));
        map.setScale(0.0, 1.0, false, "share", [](double value) { return QString::number(value, 'f', 2); });
        map.setData(mapOf(12, 12));
        const QImage image = map.grab().toImage();
        const auto colorAt = [&](int row, int column) { return image.pixelColor(map.cellRect(row, column).topLeft().toPoint() + QPoint(2, 2)); };
        QCOMPARE(colorAt(0, 0), sequentialColor(0.0, Theme::current()));
        QCOMPARE(colorAt(11, 11), sequentialColor(1.0, Theme::current()));
        const auto middle = sequentialColor(double(6 * 12 + 3) / 143.0, Theme::current());
        QCOMPARE(colorAt(6, 3), middle);
        Theme::instance().setMode(Theme::Mode::Dark);
        const QImage dark = map.grab().toImage();
        QCOMPARE(dark.pixelColor(map.cellRect(11, 11).topLeft().toPoint() + QPoint(2, 2)), sequentialColor(1.0, Theme::dark()));
    }

    void heatMapRowsMayHaveNames() {
        HeatMap map("Map");
        map.resize(500, 200);
        map.setData(mapOf(3, 5));
        auto data = mapOf(3, 5);
        data.rowNames = QStringList{"q", "k", "a name that needs far more room"};
        map.setData(std::move(data));
        const double left = map.cellRect(0, 0).left();
        const QFontMetricsF metrics(Theme::font(TextRole::Small));
        QVERIFY(left > metrics.horizontalAdvance("a name that needs far more room"));
        QVERIFY(map.rect().contains(map.cellRect(2, 4).toRect()));
        // The name is drawn before its row.
        const QImage image = map.grab().toImage();
        const QRect before(0, int(map.cellRect(2, 0).top()), int(left) - 2, int(map.cellRect(2, 0).height()));
        int inked = 0;
        for (int y = before.top(); y < before.bottom(); ++y)
            for (int x = before.left(); x < before.right(); ++x) inked += image.pixelColor(x, y) != image.pixelColor(1, 1) ? 1 : 0;
        QVERIFY(inked > 50);
    }

    void heatMapCellsAreReachedByKeysAndPointer() {
        HeatMap map("Map");
        map.resize(500, 400);
        map.setData(mapOf(4, 5));
        map.setCards([](int row, int column) { return headed(QString("row %1 column %2").arg(row).arg(column)); });
        QSignalSpy chosen(&map, &HeatMap::chosen);
        QTest::keyClick(&map, Qt::Key_Right);
        QCOMPARE(map.current(), 0);
        for (const auto& [key, cell] : {std::pair(Qt::Key_Right, 1), {Qt::Key_Down, 6}, {Qt::Key_Left, 5}, {Qt::Key_Left, 5}, {Qt::Key_Up, 0}, {Qt::Key_Up, 0},
                                        {Qt::Key_End, 19}, {Qt::Key_Down, 19}, {Qt::Key_Right, 19}, {Qt::Key_Home, 0}}) {
            QTest::keyClick(&map, key);
            QCOMPARE(map.current(), cell);
        }
        QCOMPARE(map.accessibleDescription(), QString("row 0 column 0"));
        QTest::mouseClick(&map, Qt::LeftButton, {}, map.cellRect(2, 3).center().toPoint());
        QCOMPARE(map.current(), 13);
        QCOMPARE(chosen.last().first().toInt(), 13);
        QCOMPARE(map.accessibleDescription(), QString("row 2 column 3"));
        QTest::mouseClick(&map, Qt::LeftButton, {}, QPoint(map.width() - 3, 3));
        QCOMPARE(map.current(), 13);
        hover(&map, map.cellRect(1, 1).center());
        (void)map.grab();
        QTest::keyClick(&map, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(QApplication::clipboard()->text(), map.table().text());
        // A smaller map has no such cell.
        map.setData(mapOf(2, 2));
        QCOMPARE(map.current(), -1);
    }

    void barsSayTheirSideAndAreChosen() {
        BarList list("Bars");
        list.setHeads("dimension", "weight", "difference");
        std::vector<BarItem> items{{"17", 2.0, "+2.0", "+1", headed("Dimension 17"), 17}, {"3", -1.0, "-1.0", "0", headed("Dimension 3"), 3}};
        list.setItems(items, {{"dimension", "weight"}, {{17, 2.0}, {3, -1.0}}});
        list.resize(400, list.sizeHint().height());
        const QImage image = list.grab().toImage();
        // Bars of both signs begin at a line in the middle of their room.
        const auto extent = [&](int row) {
            int first = -1, last = -1;
            for (int x = 0; x < image.width(); ++x)
                if (image.pixelColor(x, row) == Theme::current().accent) {
                    if (first < 0) first = x;
                    last = x;
                }
            return std::pair(first, last);
        };
        const auto [upFirst, upLast] = extent(24 + 10);
        const auto [downFirst, downLast] = extent(24 + 30);
        QVERIFY(upFirst > 0 && downFirst > 0);
        QVERIFY(std::abs(downLast - upFirst) <= 2);
        QVERIFY(std::abs(double(upLast - upFirst) / double(downLast - downFirst) - 2.0) < 0.1);
        QTest::keyClick(&list, Qt::Key_Down);
        QTest::keyClick(&list, Qt::Key_Down);
        QCOMPARE(list.current(), 1);
        QCOMPARE(list.item(list.current()).key, 3);
        QCOMPARE(list.accessibleDescription(), QString("Dimension 3"));
        QTest::mouseClick(&list, Qt::LeftButton, {}, QPoint(100, 24 + 5));
        QCOMPARE(list.current(), 0);
    }

    void pointsStandWhereTheirNumbersAre() {
        XyPlot plot("Plot");
        plot.resize(500, 320);
        plot.setAxes({"x", 0.0, 10.0, false, {}}, {"y", 1.0, 100.0, true, {}});
        XySeries points{"runs", &ThemeColors::accent, XySeries::Kind::Points, XySeries::Mark::Disc, false, {{2.0, 1.0}, {4.0, 10.0}, {6.0, kNone}, {8.0, 100.0}},
                        {}, {}, {}, {headed("a"), headed("b"), headed("c"), headed("d")}};
        plot.setSeries({points}, {{"x", "y"}, {{2.0, 1.0}}});
        // The point without a number is no item.
        QCOMPARE(plot.itemCount(), 3);
        QCOMPARE(plot.itemOf(0, 2), -1);
        const QPointF first = plot.itemPosition(0), middle = plot.itemPosition(1), last = plot.itemPosition(2);
        QVERIFY(std::abs((first.x() + last.x()) / 2.0 - (middle.x() + (last.x() - first.x()) / 6.0)) < 1e-9);
        // A tenth and ten times are equally far on a logarithmic axis.
        QVERIFY(std::abs((first.y() - middle.y()) - (middle.y() - last.y())) < 1e-9);
        QSignalSpy chosen(&plot, &XyPlot::chosen), activated(&plot, &XyPlot::activated);
        QTest::mouseClick(&plot, Qt::LeftButton, {}, last.toPoint());
        QCOMPARE(plot.current(), 2);
        QTest::keyClick(&plot, Qt::Key_Left);
        QCOMPARE(plot.current(), 1);
        QTest::keyClick(&plot, Qt::Key_Return);
        QCOMPARE(activated.count(), 1);
        QCOMPARE(activated.first().first().toInt(), 1);
        QCOMPARE(chosen.count(), 2);
        QCOMPARE(plot.accessibleDescription(), QString("b"));
    }

    void figuresAreSaved() {
        QTemporaryDir folder;
        HeatMap map("A map");
        map.resize(420, 330);
        map.setData(mapOf(4, 5));
        Theme::instance().setMode(Theme::Mode::Dark);
        for (const char* name : {"map.svg", "map.pdf", "map.png"}) QCOMPARE(map.save(folder.filePath(name)), QString());
        QFile svg(folder.filePath("map.svg"));
        QVERIFY(svg.open(QIODevice::ReadOnly));
        QXmlStreamReader reader(&svg);
        int shapes = 0, images = 0;
        while (!reader.atEnd()) {
            reader.readNext();
            if (!reader.isStartElement()) continue;
            shapes += reader.name() == QLatin1String("rect") || reader.name() == QLatin1String("path") ? 1 : 0;
            images += reader.name() == QLatin1String("image") ? 1 : 0;
        }
        QVERIFY2(!reader.hasError(), qPrintable(reader.errorString()));
        QVERIFY(shapes > 20 && images == 0);
        QFile pdf(folder.filePath("map.pdf"));
        QVERIFY(pdf.open(QIODevice::ReadOnly));
        QVERIFY(pdf.readAll().startsWith("%PDF"));
        // On paper in the light theme's colours, whatever the window has.
        const QImage png(folder.filePath("map.png"));
        QCOMPARE(png.size(), QSize(840, 660));
        QCOMPARE(png.pixelColor(2, 2), Theme::light().plot);
        QVERIFY(map.save(folder.filePath("map.gif")).contains(".svg"));
        QVERIFY(!map.save("/proc/none/map.svg").isEmpty());
        QVERIFY(!map.save("/proc/none/map.png").isEmpty());
        QVERIFY(!map.save("/proc/none/map.pdf").isEmpty());
    }
};

QTEST_MAIN(TestFigures)
#include "test_figures.moc"
