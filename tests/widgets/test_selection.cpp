// SPDX-License-Identifier: GPL-3.0-or-later
// Selecting points with the tools on the real widgets.
#include <QApplication>
#include <QImage>
#include <QMouseEvent>
#include <QPolygonF>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <QWheelEvent>
#include <cmath>
#include <set>

#include "samples.h"
#include "widgets/cloudmoves.h"
#include "widgets/contentshield.h"
#include "widgets/projectionpane.h"
#include "widgets/projectionview.h"
#include "widgets/prompttablemodel.h"
#include "widgets/prompttableview.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/selectionmodel.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

void move(QWidget* widget, const QPointF& position, Qt::MouseButtons buttons, Qt::KeyboardModifiers modifiers = {}) {
    QMouseEvent event(QEvent::MouseMove, position, widget->mapToGlobal(position), Qt::NoButton, buttons, modifiers);
    QApplication::sendEvent(widget, &event);
}

/// The view with its two panes, and gestures on the first.
struct Scene {
    SelectionModel selection;
    ContentShield shield;
    std::shared_ptr<const std::vector<protocol::PromptItem>> prompts;
    protocol::ProjectionResult result;
    ProjectionView view;
    ProjectionPane* base;
    ProjectionPane* quantized;
    ProjectionPane* both;

    explicit Scene(int perLabel = 60)
        : prompts(samples::prompts(perLabel, perLabel, perLabel / 2)), result(samples::projection(*prompts, 17, "probe", true)) {
        view.resize(900, 460);
        view.setPrompts(prompts);
        view.setSelectionModel(&selection);
        view.setContentShield(&shield);
        view.setProjection(result);
        view.show();
        (void)view.grab();
        const auto panes = view.findChildren<ProjectionPane*>();
        base = panes[0];
        quantized = panes[1];
        both = panes[2];
    }
    QString label(int prompt) const { return QString::fromStdString((*prompts)[std::size_t(prompt)].label); }
    QPointF placeOf(int prompt) const { return base->positionOf(prompt); }
    void drag(const std::vector<QPointF>& path, Qt::KeyboardModifiers modifiers = {}) {
        QTest::mousePress(base, Qt::LeftButton, modifiers, path.front().toPoint());
        for (const QPointF& place : path) {
            move(base, place, Qt::LeftButton, modifiers);
        }
        QTest::mouseRelease(base, Qt::LeftButton, modifiers, path.back().toPoint());
    }
    void click(const QPointF& place, Qt::KeyboardModifiers modifiers = {}) {
        QTest::mouseClick(base, Qt::LeftButton, modifiers, place.toPoint());
    }
    /// Prompts whose points are in a polygon of pixels of the first pane.
    QList<int> within(const std::vector<QPointF>& corners) const {
        const QPolygonF polygon(QList<QPointF>(corners.begin(), corners.end()));
        QList<int> inside;
        for (const int prompt : result.prompts) {
            if (polygon.containsPoint(placeOf(prompt), Qt::OddEvenFill)) {
                inside << prompt;
            }
        }
        std::sort(inside.begin(), inside.end());
        return inside;
    }
    /// "3 of 75 selected: 1 malicious, 2 benign", counted here.
    QString expected(const QList<int>& chosen) const {
        QStringList parts;
        for (const auto& [name, text] : {std::pair("malicious", "malicious"), std::pair("benign", "benign"), std::pair("hard_benign", "hard benign")}) {
            const auto count = std::count_if(chosen.begin(), chosen.end(), [&](int prompt) { return label(prompt) == QLatin1String(name); });
            if (count > 0) {
                parts << QStringLiteral("%1 %2").arg(count).arg(QLatin1String(text));
            }
        }
        const QString head = QStringLiteral("%1 of %2 selected").arg(chosen.size()).arg(result.prompts.size());
        return parts.isEmpty() ? head : head + QStringLiteral(": ") + parts.join(QStringLiteral(", "));
    }
};

}  // namespace

class TestSelection : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QLocale::setDefault(QLocale::c());
        applyTheme(*qApp, Theme::Mode::Light);
    }

    void lassoSelectsWhatItEncloses() {
        Scene scene;
        scene.view.setTool(SelectionTool::Lasso);
        std::vector<QPointF> path;
        const QPointF centre = scene.placeOf(scene.result.prompts.front());
        for (int step = 0; step <= 60; ++step) {
            const double angle = step * 2.0 * M_PI / 60.0;
            path.push_back((centre + QPointF(70.0 * std::cos(angle), 55.0 * std::sin(angle) + 8.0 * std::sin(5.0 * angle))).toPoint());
        }
        QTest::mousePress(scene.base, Qt::LeftButton, {}, path.front().toPoint());
        for (const QPointF& place : path) {
            move(scene.base, place, Qt::LeftButton);
        }
        const QList<int> inside = scene.within(path);
        QVERIFY(inside.size() > 3);
        // Said while it is drawn, selected when it ends.
        QCOMPARE(scene.view.selectionText(), scene.expected(inside));
        QVERIFY(scene.selection.isEmpty());
        QTest::mouseRelease(scene.base, Qt::LeftButton, {}, path.back().toPoint());
        QCOMPARE(scene.selection.selected(), inside);
        QCOMPARE(scene.view.selectionText(), scene.expected(inside));
    }

    void polygonIsClickedAndClosed() {
        Scene scene;
        QSignalSpy activated(&scene.view, &ProjectionView::promptActivated);
        scene.view.setTool(SelectionTool::Polygon);
        const std::vector<QPointF> corners{{60, 60}, {300, 80}, {260, 260}, {90, 240}};
        for (const QPointF& corner : corners) {
            move(scene.base, corner, Qt::NoButton);
            scene.click(corner);
        }
        const QList<int> inside = scene.within(corners);
        QVERIFY(inside.size() > 5);
        QCOMPARE(scene.view.selectionText(), scene.expected(inside));
        // A corner too many is taken back.
        scene.click({20, 30});
        QVERIFY(scene.view.selectionText() != scene.expected(inside));
        QTest::keyClick(scene.base, Qt::Key_Backspace);
        move(scene.base, corners.back(), Qt::NoButton);
        QCOMPARE(scene.view.selectionText(), scene.expected(inside));
        QTest::keyClick(scene.base, Qt::Key_Return);
        QCOMPARE(scene.selection.selected(), inside);
        QCOMPARE(activated.count(), 0);

        const std::vector<QPointF> triangle{{60, 60}, {300, 80}, {260, 260}};
        scene.click(triangle[0]);
        scene.click(triangle[1]);
        scene.click(triangle[2]);
        QTest::mouseDClick(scene.base, Qt::LeftButton, {}, triangle[2].toPoint());
        QCOMPARE(scene.selection.selected(), scene.within(triangle));
        // Backspace beyond the first corner ends it.
        scene.click(corners[0]);
        QTest::keyClick(scene.base, Qt::Key_Backspace);
        QVERIFY(!scene.base->pendingCounts());
        QCOMPARE(scene.selection.selected(), scene.within(triangle));
    }

    void modifiersAddAndTakeAway() {
        Scene scene;
        const auto box = [&](const QPointF& from, const QPointF& to, Qt::KeyboardModifiers modifiers) {
            scene.drag({from, (from + to) / 2.0, to}, modifiers);
        };
        const QPointF a(70, 60), b(210, 200), c(150, 120), d(330, 280);
        const QList<int> first = scene.within({a, {b.x(), a.y()}, b, {a.x(), b.y()}});
        const QList<int> second = scene.within({c, {d.x(), c.y()}, d, {c.x(), d.y()}});
        std::set<int> either(first.begin(), first.end()), rest = either;
        for (const int prompt : second) {
            either.insert(prompt);
            rest.erase(prompt);
        }
        QVERIFY(rest.size() > 2 && either.size() > rest.size() + 2 && rest.size() < std::size_t(first.size()));
        box(a, b, {});
        QCOMPARE(scene.selection.selected(), first);
        box(c, d, Qt::ControlModifier);
        const QList<int> added = scene.selection.selected();
        QVERIFY(std::set<int>(added.begin(), added.end()) == either);
        box(a, b, {});
        QTest::mousePress(scene.base, Qt::LeftButton, Qt::AltModifier, c.toPoint());
        move(scene.base, (c + d) / 2.0, Qt::LeftButton, Qt::AltModifier);
        move(scene.base, d, Qt::LeftButton, Qt::AltModifier);
        const QList<int> expected(rest.begin(), rest.end());
        QCOMPARE(scene.view.selectionText(), scene.expected(expected));
        QTest::mouseRelease(scene.base, Qt::LeftButton, Qt::AltModifier, d.toPoint());
        QCOMPARE(scene.selection.selected(), expected);
        box(a, b, {});
        box(c, d, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(scene.selection.selected(), expected);
    }

    void escapeCancelsThenClears() {
        Scene scene;
        scene.selection.setSelection({scene.result.prompts[0], scene.result.prompts[1]});
        scene.view.setTool(SelectionTool::Polygon);
        scene.click({60, 60});
        scene.click({200, 60});
        QVERIFY(scene.base->pendingCounts());
        QTest::keyClick(scene.base, Qt::Key_Escape);
        QVERIFY(!scene.base->pendingCounts());
        QCOMPARE(scene.selection.count(), 2);
        QTest::keyClick(scene.base, Qt::Key_Escape);
        QVERIFY(scene.selection.isEmpty());
        scene.view.setTool(SelectionTool::Box);
        QTest::mousePress(scene.base, Qt::LeftButton, {}, QPoint(60, 60));
        move(scene.base, {200, 200}, Qt::LeftButton);
        QVERIFY(scene.base->pendingCounts());
        QTest::keyClick(scene.base, Qt::Key_Escape);
        QTest::mouseRelease(scene.base, Qt::LeftButton, {}, QPoint(200, 200));
        QVERIFY(scene.selection.isEmpty());
    }

    void onlyWhatIsInSightIsSelected() {
        Scene scene;
        QTest::keyClick(scene.base, Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(scene.selection.count(), int(scene.result.prompts.size()));
        for (int step = 0; step < 4; ++step) {
            QTest::keyClick(scene.base, Qt::Key_Plus);
        }
        QList<int> visible;
        const QRectF plot = QRectF(scene.base->rect()).adjusted(0, 24, 0, -22);
        for (const int prompt : scene.result.prompts) {
            if (plot.contains(scene.placeOf(prompt))) {
                visible << prompt;
            }
        }
        std::sort(visible.begin(), visible.end());
        QVERIFY(visible.size() > 3 && visible.size() < qsizetype(scene.result.prompts.size()) - 10);
        QTest::keyClick(scene.base, Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(scene.selection.selected(), visible);
        scene.selection.clear();
        // A box that leaves the pane takes nothing from beyond its edge.
        scene.drag({{3, 27}, {100, 100}, {scene.base->width() + 200.0, scene.base->height() + 200.0}});
        const QList<int> boxed = scene.selection.selected();
        QVERIFY(!boxed.isEmpty());
        for (const int prompt : boxed) {
            QVERIFY(visible.contains(prompt));
        }
    }

    void toolsAreChosenByButtonAndLetter() {
        Scene scene;
        scene.view.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&scene.view));
        scene.base->setFocus();
        auto* lasso = scene.view.findChild<QToolButton*>(QStringLiteral("tool%1").arg(int(SelectionTool::Lasso)));
        auto* pan = scene.view.findChild<QToolButton*>(QStringLiteral("tool%1").arg(int(SelectionTool::Pan)));
        QVERIFY(lasso != nullptr && pan != nullptr);
        QTest::keyClick(scene.base, Qt::Key_L);
        QVERIFY(lasso->isChecked());
        QTest::mouseClick(pan, Qt::LeftButton);
        QVERIFY(pan->isChecked() && !lasso->isChecked());
        const int prompt = scene.result.prompts.front();
        const QPointF before = scene.placeOf(prompt);
        scene.drag({{150, 150}, {170, 160}, {190, 170}});
        QVERIFY(scene.selection.isEmpty());
        QVERIFY((scene.placeOf(prompt) - before - QPointF(40, 20)).manhattanLength() < 1e-6);
        scene.click(scene.placeOf(prompt));
        QCOMPARE(scene.selection.count(), 1);
        QTest::keyClick(scene.base, Qt::Key_P);
        scene.drag({{10, 30}, {170, 160}, {190, 170}});
        QVERIFY(scene.selection.count() <= 1);
    }

    void arrowsWithShiftAddPoints() {
        Scene scene;
        QTest::keyClick(scene.base, Qt::Key_Right);
        QTest::keyClick(scene.base, Qt::Key_Right);
        const int first = scene.selection.current();
        QTest::keyClick(scene.base, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(scene.base, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(scene.selection.count(), 3);
        QVERIFY(scene.selection.contains(first));
        QVERIFY(scene.placeOf(scene.selection.current()).x() >= scene.placeOf(first).x());
    }

    void cardsArePinnedUntilClosed() {
        Scene scene;
        PromptTableModel outcomes;
        outcomes.setPrompts(scene.prompts);
        outcomes.setAnswers(samples::answers(*scene.prompts));
        scene.view.setOutcomes(&outcomes);
        int prompt = -1;
        for (const int candidate : scene.result.prompts) {
            if (scene.label(candidate) == QLatin1String("benign") && !outcomes.outcome("quantized", candidate).isEmpty()) {
                prompt = candidate;
            }
        }
        QVERIFY(prompt >= 0);
        scene.selection.select(prompt);
        const QString card = scene.base->accessibleDescription();
        const auto row = std::find(scene.result.prompts.begin(), scene.result.prompts.end(), prompt) - scene.result.prompts.begin();
        const auto score = [](float value) { return QLocale().toString(std::abs(double(value)), 'f', 1); };
        QVERIFY2(card.contains(QString::fromStdString((*scene.prompts)[std::size_t(prompt)].text)), qPrintable(card));
        QVERIFY(card.contains(QStringLiteral("Benign · evaluation")));
        QVERIFY(card.contains(score(scene.result.logitsBase[std::size_t(row)])));
        QVERIFY(card.contains(score(scene.result.logitsQuantized[std::size_t(row)])));
        QVERIFY(card.contains(QStringLiteral("outcome")));
        scene.selection.clear();

        scene.click(scene.placeOf(prompt));
        const int clicked = scene.selection.current();
        QVERIFY(clicked >= 0);
        QCOMPARE(scene.base->pinned(), clicked);
        move(scene.base, {3, 27}, Qt::NoButton);
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(scene.base, &leave);
        const QImage pinned = scene.base->grab().toImage();
        // It goes with the keyboard, and a click on a point of the other pane takes it over.
        QTest::keyClick(scene.base, Qt::Key_Right);
        QVERIFY(scene.selection.current() != clicked);
        QCOMPARE(scene.base->pinned(), scene.selection.current());
        QTest::mouseClick(scene.quantized, Qt::LeftButton, {}, scene.quantized->positionOf(prompt).toPoint());
        QVERIFY(scene.quantized->pinned() >= 0);
        QCOMPARE(scene.base->pinned(), -1);
        QTest::keyClick(scene.quantized, Qt::Key_Escape);
        QCOMPARE(scene.quantized->pinned(), -1);
        QVERIFY(!scene.selection.isEmpty());
        QTest::keyClick(scene.quantized, Qt::Key_Escape);
        QVERIFY(scene.selection.isEmpty());
        // The cross closes it, and a click on the card is not one on the points below.
        scene.click(scene.placeOf(prompt));
        QApplication::sendEvent(scene.base, &leave);
        QCOMPARE(scene.base->grab().toImage(), pinned);
        QTest::mouseClick(scene.base, Qt::LeftButton, {}, scene.base->cardRect().center().toPoint());
        QCOMPARE(scene.selection.current(), clicked);
        QCOMPARE(scene.base->pinned(), clicked);
        QTest::mouseClick(scene.base, Qt::LeftButton, {}, HoverCard::closeMark(scene.base->cardRect()).center().toPoint());
        QCOMPARE(scene.base->pinned(), -1);
        QCOMPARE(scene.selection.current(), clicked);
        QVERIFY(scene.base->grab().toImage() != pinned);
    }

    void overlaidModelsShareAPane() {
        Scene scene;
        auto* arrangement = scene.view.findChild<SegmentedControl*>(QStringLiteral("arrangement"));
        QSignalSpy chosen(&scene.view, &ProjectionView::overlaidChosen);
        QTest::mouseClick(arrangement, Qt::LeftButton, {}, arrangement->segmentRect(1).center());
        QCOMPARE(chosen.count(), 1);
        QVERIFY(scene.view.overlaid());
        (void)scene.view.grab();
        QVERIFY(scene.both->isVisible() && !scene.base->isVisible() && !scene.quantized->isVisible());
        QCOMPARE(scene.view.focusProxy(), scene.both);
        // Axis 1 of both is the same: pixels differ as the coordinates do.
        const int prompt = scene.result.prompts[3];
        const double shift = double(scene.result.quantized.values[6]) - double(scene.result.base.values[6]);
        const double perUnit = scene.both->width() / scene.both->range().width();
        const double moved = scene.both->positionOf(prompt).x() - scene.both->positionOf(prompt, true).x();
        QVERIFY(std::abs(moved - shift * perUnit) < 1e-6);
        QCOMPARE(scene.both->scene().arrows(), PointScene::Arrows::All);

        double sum = 0.0;
        int count = 0;
        for (std::size_t row = 0; row < scene.result.prompts.size(); ++row) {
            if (scene.label(scene.result.prompts[row]) == QLatin1String("malicious")) {
                sum += double(scene.result.quantized.values[2 * row]) - double(scene.result.base.values[2 * row]);
                ++count;
            }
        }
        QVERIFY(-sum / count > 0.1 && -sum / count < 1.0);
        const QString said = QStringLiteral("malicious %1%2").arg(QChar(0x2212)).arg(QString::number(-sum / count, 'f', 3));
        QVERIFY2(scene.view.movementText().contains(said), qPrintable(scene.view.movementText()));
        // Either end of an arrow selects its prompt.
        const QPointF open = scene.both->positionOf(prompt, true), filled = scene.both->positionOf(prompt);
        for (const QPointF& end : {open, filled}) {
            scene.selection.clear();
            const QPoint corner(3, 3);
            QTest::mousePress(scene.both, Qt::LeftButton, {}, end.toPoint() - corner * 3);
            move(scene.both, end, Qt::LeftButton);
            move(scene.both, end.toPoint() + corner * 3, Qt::LeftButton);
            QTest::mouseRelease(scene.both, Qt::LeftButton, {}, end.toPoint() + corner * 3);
            QVERIFY(scene.selection.contains(prompt));
        }
        protocol::ProjectionResult alone = scene.result;
        alone.quantized.values.clear();
        alone.logitsQuantized.clear();
        scene.view.setProjection(alone);
        QCOMPARE(scene.both->scene().arrows(), PointScene::Arrows::None);
        QVERIFY(scene.view.movementText().isEmpty());
        QVERIFY(!scene.view.pointPosition("base", prompt).isNull());
        QVERIFY(scene.view.pointPosition("quantized", prompt).isNull());
    }

    /// Labels' mean movements are arrows, in the quantized model's picture or in both models'.
    void cloudsMove() {
        Scene scene;
        protocol::ProjectionResult projection = scene.result;
        projection.aligned = {{2, 2}, {4.0F, 1.0F, -4.0F, 1.0F}};
        const std::vector<CloudMove> moves = cloudMoves(projection, *scene.prompts);
        QVERIFY(!moves.empty());
        int count = 0;
        for (const CloudMove& move : moves) {
            count += move.count;
            QPointF from, to;
            for (std::size_t row = 0; row < projection.prompts.size(); ++row) {
                if (scene.label(projection.prompts[row]) == move.label) {
                    from += QPointF(double(projection.base.values[2 * row]), double(projection.base.values[2 * row + 1])) / move.count;
                    to += QPointF(double(projection.quantized.values[2 * row]), double(projection.quantized.values[2 * row + 1])) / move.count;
                }
            }
            QVERIFY((from - move.from).manhattanLength() < 1e-6 && (to - move.to).manhattanLength() < 1e-6);
            QCOMPARE(move.aligned.has_value(), move.label != QLatin1String("hard_benign"));
        }
        QCOMPARE(count, int(projection.prompts.size()));
        QCOMPARE(moves.front().aligned->x(), moves.front().label == QLatin1String("malicious") ? 4.0 : -4.0);

        // The diamonds are in sight, and change the quantized model's picture alone.
        scene.view.setProjection(projection);
        const QImage base = scene.base->grab().toImage(), quantized = scene.quantized->grab().toImage();
        QVERIFY(scene.base->range().contains(QPointF(4.0, 1.0)) && scene.base->range().contains(QPointF(-4.0, 1.0)));
        QVERIFY(scene.view.movementText().contains(QStringLiteral("diamonds")));
        scene.view.setProjection(scene.result);
        QVERIFY(!scene.view.movementText().contains(QStringLiteral("diamonds")));
        QVERIFY(scene.base->grab().toImage() == base);
        QVERIFY(scene.quantized->grab().toImage() != quantized);
        projection.kind = "tsne";
        QVERIFY(cloudMoves(projection, *scene.prompts).empty());
        projection.kind = "probe";
        projection.probe = "refitted";
        QVERIFY(cloudMoves(projection, *scene.prompts).empty());
        projection.probe = "transferred";
        projection.quantized.values.clear();
        QVERIFY(cloudMoves(projection, *scene.prompts).empty());
    }

    void manyArrowsAreTheSelections() {
        Scene scene(500);
        scene.view.setOverlaid(true);
        (void)scene.view.grab();
        QVERIFY(scene.result.prompts.size() > PointScene::kMostArrows);
        QCOMPARE(scene.both->scene().arrows(), PointScene::Arrows::OfSelection);
        const auto labels = scene.view.findChildren<QLabel*>();
        QVERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* label) { return label->text().contains("arrows: selection only"); }));
        const QImage bare = scene.both->grab().toImage();
        scene.selection.select(scene.result.prompts[5]);
        QVERIFY(scene.both->grab().toImage() != bare);
    }

    void densityStandsForManyPoints() {
        const auto prompts = samples::prompts(25000, 25000, 0);
        const auto result = samples::projection(*prompts, 3, "probe", false);
        QVERIFY(result.prompts.size() > PointScene::kMostMarks);
        ProjectionView view;
        view.resize(900, 460);
        view.setPrompts(prompts);
        view.setProjection(result);
        view.show();
        (void)view.grab();
        auto* pane = view.findChildren<ProjectionPane*>().first();
        const auto subtitle = [&] {
            const auto labels = view.findChildren<QLabel*>();
            for (const QLabel* label : labels) {
                if (label->text().contains("base model")) return label->text();
            }
            return QString();
        };
        QVERIFY(pane->scene().dense());
        QVERIFY2(subtitle().contains(QStringLiteral("%1 points, density").arg(QLocale().toString(qulonglong(result.prompts.size())))), qPrintable(subtitle()));
        QTest::keyClick(pane, Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(view.selectionModel()->count(), int(result.prompts.size()));
        view.selectionModel()->clear();
        std::size_t inSight = result.prompts.size();
        for (int step = 0; step < 12 && inSight > PointScene::kMostMarks; ++step) {
            QTest::keyClick(pane, Qt::Key_Plus);
            inSight = pane->scene().index().count(pane->range());
            QCOMPARE(pane->scene().dense(), inSight > PointScene::kMostMarks);
            (void)pane->grab();
        }
        QVERIFY(!pane->scene().dense());
        QVERIFY(!subtitle().contains("density"));
        const QPointF middle = QRectF(pane->rect()).center();
        move(pane, middle, Qt::NoButton);
        QVERIFY(pane->scene().rowAt(middle) >= 0);
    }

    void slicesRingTheirPoints() {
        Scene scene;
        const auto ringed = [&](const QColor& color) {
            const QImage image = scene.base->grab().toImage();
            int count = 0;
            for (int y = 0; y < image.height(); ++y) {
                for (int x = 0; x < image.width(); ++x) {
                    count += image.pixelColor(x, y) == color ? 1 : 0;
                }
            }
            return count;
        };
        PromptSlice slice;
        slice.name = "near";
        slice.mark = 1;
        slice.prompts = QList<int>(scene.result.prompts.begin(), scene.result.prompts.begin() + 6);
        QCOMPARE(ringed(sliceColor(1)), 0);
        scene.view.setSlices({slice});
        QVERIFY(ringed(sliceColor(1)) > 60);
        slice.shown = false;
        scene.view.setSlices({slice});
        QCOMPARE(ringed(sliceColor(1)), 0);
    }

    void tableRangesWithShift() {
        Scene scene;
        PromptTableModel model;
        model.setPrompts(scene.prompts);
        PromptTableView table;
        table.setPromptModel(&model);
        table.setSelectionLink(&scene.selection);
        table.resize(500, 500);
        table.show();
        const auto at = [&](int row) { return table.visualRect(table.model()->index(row, PromptTableModel::PromptColumn)).center(); };
        QTest::mouseClick(table.viewport(), Qt::LeftButton, {}, at(2));
        QTest::mouseClick(table.viewport(), Qt::LeftButton, Qt::ShiftModifier, at(6));
        QCOMPARE(scene.selection.selected(), (QList<int>{2, 3, 4, 5, 6}));
        QTest::mouseClick(table.viewport(), Qt::LeftButton, Qt::ControlModifier, at(9));
        QCOMPARE(scene.selection.selected(), (QList<int>{2, 3, 4, 5, 6, 9}));
    }
};

QTEST_MAIN(TestSelection)
#include "test_selection.moc"
