// SPDX-License-Identifier: GPL-3.0-or-later
// An assessment's matrix and its findings, on invented numbers.
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QListView>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "assessmentsample.h"
#include "widgets/colorscale.h"
#include "widgets/findingdelegate.h"
#include "widgets/findingsmodel.h"
#include "widgets/matrixmap.h"
#include "widgets/theme.h"
#include "widgets/xyplot.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

/// Two methods, the first of which no column makes a difference to, the second at two bit widths on three columns.
MatrixMapData smallMatrix() {
    MatrixMapData data;
    data.rows = {{"Round to nearest", "4 bit"}, {"AWQ", "8 bit"}, {"AWQ", "4 bit"}};
    data.columns = {"I", "II", "III"};
    data.columnTexts = {"Benign chats", "Identity shift", "Malicious prompts"};
    data.better = "better -20";
    data.worse = "+20 worse";
    const auto add = [&](int row, int column, int span, MatrixCell::State state, double tone) {
        MatrixCell cell;
        cell.row = row, cell.column = column, cell.span = span, cell.state = state, cell.tone = tone;
        cell.value = QString::number(100.0 * tone);
        cell.interval = "[1, 2]";
        cell.note = "a note";
        cell.card.heading = QString("cell %1 %2").arg(row).arg(column);
        data.cells.push_back(cell);
    };
    add(0, 0, 3, MatrixCell::State::Measured, 1.0);
    add(1, 0, 1, MatrixCell::State::Measured, -1.0);
    add(1, 1, 1, MatrixCell::State::Waiting, 0.0);
    add(1, 2, 1, MatrixCell::State::Running, 0.0);
    add(2, 0, 1, MatrixCell::State::Failed, 0.0);
    add(2, 1, 1, MatrixCell::State::Stopped, 0.0);
    add(2, 2, 1, MatrixCell::State::NotMeasured, 0.0);
    data.table = {{"method", "change"}, {{QString("AWQ"), 0.5}}};
    return data;
}

QColor cornerOf(const QImage& image, const QRectF& place) { return image.pixelColor(place.topLeft().toPoint() + QPoint(4, 2)); }

}  // namespace

class TestAssessmentWidgets : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(*qApp, Theme::Mode::Light); }
    void cleanup() { Theme::instance().setMode(Theme::Mode::Light); }

    void findingsObeyTheContract() {
        FindingsModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const auto state = samples::assessment();
        model.setState(state);
        QCOMPARE(model.rowCount(), int(state.findings.size()));
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
        model.setState(state);
        QCOMPARE(reset.count(), 0);
        const QModelIndex first = model.index(0);
        QCOMPARE(first.data(FindingsModel::KindRole).toString(), QString("hidden danger"));
        const auto& cell = state.cells[std::size_t(first.data(FindingsModel::CellRole).toInt())];
        const QString title = QString::fromStdString(cellTitle(cell));
        QCOMPARE(first.data(FindingsModel::TitleRole).toString(), title);
        const QString change = first.data(FindingsModel::ChangeRole).toString();
        QVERIFY2(change.startsWith("Harmful score +") && !change.contains(title) && !change.endsWith("hidden danger"), qPrintable(change));
        // What is spoken has everything.
        for (const QString& part : {title, QString("hidden danger"), change}) QVERIFY(first.data(Qt::DisplayRole).toString().contains(part));
        QVERIFY(first.data(Qt::AccessibleDescriptionRole).toString().startsWith("Complied with "));
        QCOMPARE(model.rowOf(first.data(FindingsModel::CellRole).toInt()), 0);
        QCOMPARE(model.rowOf(1000), -1);
        // A finding of a cell there is not is left out.
        auto broken = state;
        broken.findings.front().cell = 1000;
        model.setState(broken);
        QCOMPARE(model.rowCount(), int(state.findings.size()) - 1);
        model.setState({});
        QCOMPARE(model.rowCount(), 0);
    }

    void aFindingIsAsHighAsItsWordsNeed() {
        FindingsModel model;
        model.setState(samples::assessment());
        QListView view;
        FindingDelegate delegate;
        view.setModel(&model);
        view.setItemDelegate(&delegate);
        const auto heightAt = [&](int width) {
            view.resize(width, 400);
            view.show();
            QStyleOptionViewItem option;
            option.widget = &view;
            return delegate.sizeHint(option, model.index(0)).height();
        };
        QVERIFY(heightAt(300) > heightAt(900));
        (void)view.grab();
    }

    void cellsAreDrawnByWhatTheyAre() {
        MatrixMap map("Matrix");
        map.setData(smallMatrix());
        map.resize(700, 260);
        for (const auto mode : {Theme::Mode::Light, Theme::Mode::Dark}) {
            Theme::instance().setMode(mode);
            const ThemeColors& colors = Theme::current();
            const QImage image = map.grab().toImage();
            QCOMPARE(cornerOf(image, map.cellRect(0)), divergingColor(1.0, colors));
            QCOMPARE(cornerOf(image, map.cellRect(1)), divergingColor(-1.0, colors));
            QCOMPARE(cornerOf(image, map.cellRect(3)), colors.accentBackground);
            for (const int item : {4, 5, 6}) QCOMPARE(cornerOf(image, map.cellRect(item)), colors.plot);
            // Values on the strongest colours can be read.
            for (const double tone : {-1.0, -0.6, -0.2, 0.0, 0.2, 0.6, 1.0})
                QVERIFY(Theme::contrast(inkOn(divergingColor(tone, colors), colors), divergingColor(tone, colors)) >= 4.0);
        }
        QVERIFY(map.cellRect(0).width() > 3.0 * map.cellRect(1).width());
        // Methods stand apart.
        QVERIFY(map.cellRect(1).top() - map.cellRect(0).bottom() > map.cellRect(4).top() - map.cellRect(1).bottom());
    }

    void keysGoOverCellsOfAnyWidth() {
        MatrixMap map("Matrix");
        map.setData(smallMatrix());
        map.resize(700, 260);
        QSignalSpy chosen(&map, &MatrixMap::chosen);
        QTest::keyClick(&map, Qt::Key_Down);
        QCOMPARE(map.current(), 0);
        for (const auto& [key, item] : {std::pair(Qt::Key_Down, 1), {Qt::Key_Right, 2}, {Qt::Key_Down, 5}, {Qt::Key_Right, 6}, {Qt::Key_Right, 6}, {Qt::Key_Up, 3}, {Qt::Key_Up, 0}, {Qt::Key_Up, 0}}) {
            QTest::keyClick(&map, key);
            QCOMPARE(map.current(), item);
        }
        QTest::mouseClick(&map, Qt::LeftButton, {}, map.cellRect(4).center().toPoint());
        QCOMPARE(chosen.last().first().toInt(), 4);
        QCOMPARE(map.accessibleDescription(), QString("cell 2 0"));
        QTest::keyClick(&map, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(QApplication::clipboard()->text(), map.table().text());
        map.setData({});
        QCOMPARE(map.current(), -1);
        (void)map.grab();
    }

    void aMatrixIsSavedAsItIsSeen() {
        QTemporaryDir folder;
        MatrixMap map("Matrix");
        map.setData(smallMatrix());
        map.resize(700, 260);
        const QString path = folder.filePath("matrix.svg");
        QCOMPARE(map.save(path), QString());
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray svg = file.readAll();
        for (const char* text : {"Round to nearest", "Identity shift", "[1, 2]", "a note"}) QVERIFY2(svg.contains(text), text);
    }

    void marksOfAPlotHaveSizes() {
        XyPlot plot("Plot");
        plot.resize(400, 300);
        XySeries series;
        series.kind = XySeries::Kind::Points;
        series.mark = XySeries::Mark::Disc;
        series.points = {{0.25, 0.5}, {0.75, 0.5}};
        series.sizes = {3.0, 8.0};
        series.cards.resize(2);
        plot.setSeries({series}, {});
        const QImage image = plot.grab().toImage();
        const auto filled = [&](int item, double away) { return image.pixelColor((plot.itemPosition(item) + QPointF(away, 0.0)).toPoint()) == Theme::current().accent; };
        QVERIFY(filled(0, 1.0) && !filled(0, 6.0));
        QVERIFY(filled(1, 6.0) && !filled(1, 11.0));
    }
};

QTEST_MAIN(TestAssessmentWidgets)
#include "test_assessment_widgets.moc"
