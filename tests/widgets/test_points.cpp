// SPDX-License-Identifier: GPL-3.0-or-later
// What points of a projection are found and drawn with, against independent computations.
#include <QImage>
#include <QPainter>
#include <QPolygonF>
#include <QTest>
#include <cmath>
#include <random>

#include "widgets/densitymap.h"
#include "widgets/markstamp.h"
#include "widgets/pointindex.h"
#include "widgets/polygon.h"
#include "widgets/selectionshape.h"

using namespace safequant::widgets;

namespace {

std::vector<QPointF> cloud(int count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0.0, 1.0);
    std::vector<QPointF> points;
    for (int point = 0; point < count; ++point) {
        points.emplace_back(noise(random) + (point % 2 == 0 ? 2.0 : -2.0), 0.2 * noise(random));
    }
    return points;
}

}  // namespace

class TestPoints : public QObject {
    Q_OBJECT
private slots:
    void orientationIsExact() {
        // Points one last bit apart beside the line through (12, 12) and (24, 24): the plain formula gives wrong signs here.
        const QPointF a(12.0, 12.0), b(24.0, 24.0);
        const double step = std::ldexp(1.0, -53);
        int wrong = 0;
        for (int x = 0; x < 128; ++x) {
            for (int y = 0; y < 128; ++y) {
                const QPointF point(0.5 + x * step, 0.5 + y * step);
                const double sign = orientation(a, b, point);
                const int left = point.y() > point.x() ? 1 : point.y() < point.x() ? -1 : 0;
                QCOMPARE(sign > 0.0 ? 1 : sign < 0.0 ? -1 : 0, left);
                const double plain = (b.x() - a.x()) * (point.y() - a.y()) - (b.y() - a.y()) * (point.x() - a.x());
                wrong += (plain > 0.0 ? 1 : plain < 0.0 ? -1 : 0) != left ? 1 : 0;
            }
        }
        QVERIFY(wrong > 100);
    }

    void polygonsShareNoPointAndLoseNone() {
        // A square cut along a diagonal, with points on it, on the cut and on the outline.
        const std::vector<QPointF> square{{0, 0}, {9, 0}, {9, 9}, {0, 9}};
        const std::vector<QPointF> lower{{0, 0}, {9, 0}, {9, 9}}, upper{{0, 0}, {9, 9}, {0, 9}};
        int held = 0;
        for (int x = -1; x <= 10; ++x) {
            for (int y = -1; y <= 10; ++y) {
                const QPointF point(x, y);
                QCOMPARE(int(polygonContains(lower, point)) + int(polygonContains(upper, point)), int(polygonContains(square, point)));
                held += polygonContains(square, point) ? 1 : 0;
            }
        }
        QCOMPARE(held, 81);
    }

    void polygonsAreEvenOdd() {
        std::vector<QPointF> star;
        for (int corner = 0; corner < 5; ++corner) {
            const double angle = corner * 4.0 * M_PI / 5.0;
            star.emplace_back(std::sin(angle), std::cos(angle));
        }
        QVERIFY(!polygonContains(star, QPointF(0.0, 0.0)));
        QVERIFY(polygonContains(star, QPointF(0.0, 0.8)));
        QVERIFY(!polygonContains({{0, 0}, {1, 1}}, QPointF(0.5, 0.5)));
        const QPolygonF reference(QList<QPointF>(star.begin(), star.end()));
        for (const QPointF& point : cloud(4000, 3)) {
            const QPointF near = point * 0.4;
            QCOMPARE(polygonContains(star, near), reference.containsPoint(near, Qt::OddEvenFill));
        }
    }

    void indexFindsWhatLookingAtAllFinds_data() {
        QTest::addColumn<int>("count");
        QTest::addColumn<double>("flatness");
        QTest::newRow("none") << 0 << 1.0;
        QTest::newRow("one") << 1 << 1.0;
        QTest::newRow("some") << 300 << 1.0;
        QTest::newRow("many") << 9000 << 1.0;
        QTest::newRow("on a line") << 2000 << 0.0;
    }

    void indexFindsWhatLookingAtAllFinds() {
        QFETCH(int, count);
        QFETCH(double, flatness);
        std::vector<QPointF> points = cloud(count, 5);
        for (QPointF& point : points) {
            point.setY(point.y() * flatness);
        }
        const PointIndex index(points);
        QCOMPARE(index.size(), points.size());
        std::mt19937 random(9);
        std::uniform_real_distribution<double> place(-5.0, 5.0);
        std::size_t found = 0;
        for (int round = 0; round < 200; ++round) {
            const QRectF area = QRectF(QPointF(place(random), place(random) * 0.2), QPointF(place(random), place(random) * 0.2)).normalized();
            std::size_t inside = 0;
            for (const QPointF& point : points) {
                inside += PointIndex::holds(area, point) ? 1 : 0;
            }
            QCOMPARE(index.count(area), inside);
            std::size_t visited = 0;
            index.visit(area, [&](int point, const QPointF& at) {
                QCOMPARE(at, points[std::size_t(point)]);
                ++visited;
            });
            QCOMPARE(visited, inside);
            found += inside;
            const QPointF pointer(place(random), place(random) * 0.2);
            double least = 1.0;
            int nearest = -1;
            for (std::size_t point = 0; point < points.size(); ++point) {
                const double x = (points[point].x() - pointer.x()) / 0.3, y = (points[point].y() - pointer.y()) / 0.1;
                if (x * x + y * y < least) {
                    least = x * x + y * y;
                    nearest = int(point);
                }
            }
            QCOMPARE(index.nearest(pointer, 0.3, 0.1), nearest);
        }
        QVERIFY(count < 300 || found > 1000);
    }

    void shapesHoldWhatTheirOutlineHolds() {
        const std::vector<QPointF> points = cloud(5000, 11);
        const PointIndex index(points);
        const QRectF visible(QPointF(-3.2, -0.4), QPointF(3.0, 0.5));
        std::mt19937 random(13);
        std::uniform_real_distribution<double> across(-4.0, 4.0), up(-0.7, 0.7), small(-0.3, 0.3);
        int inside = 0;
        const auto changed = [&inside](int, bool in) { inside += in ? 1 : -1; };
        const auto check = [&](const SelectionShape& shape, const std::vector<QPointF>& outline, const QRectF& sight) {
            int expected = 0;
            for (std::size_t point = 0; point < points.size(); ++point) {
                const bool wanted = PointIndex::holds(sight, points[point]) && polygonContains(outline, points[point]);
                QCOMPARE(shape.contains(int(point)), wanted);
                expected += wanted ? 1 : 0;
            }
            QCOMPARE(inside, expected);
        };
        SelectionShape shape;
        QPointF pen(0.0, 0.0);
        shape.begin(SelectionShape::Kind::Lasso, &index, visible, pen, changed);
        for (int step = 0; step < 400; ++step) {
            pen += QPointF(small(random), 0.2 * small(random));
            shape.moveTo(step % 40 == 0 ? QPointF(across(random), up(random)) : pen);
            if (step % 20 == 0) {
                check(shape, shape.corners(), visible);
            }
        }
        check(shape, shape.corners(), visible);
        QVERIFY(inside > 100);
        const QRectF other(QPointF(-1.0, -0.2), QPointF(5.0, 0.9));
        shape.setVisible(other);
        check(shape, shape.corners(), other);

        inside = 0;
        shape.begin(SelectionShape::Kind::Polygon, &index, visible, QPointF(-2.5, -0.3), changed);
        for (int corner = 0; corner < 12; ++corner) {
            for (int step = 0; step < 5; ++step) {
                shape.moveTo(QPointF(across(random), up(random)));
            }
            check(shape, shape.corners(), visible);
            shape.addCorner();
            if (corner % 4 == 3) {
                QVERIFY(shape.removeCorner());
                check(shape, shape.corners(), visible);
            }
        }
        while (shape.removeCorner()) {
            check(shape, shape.corners(), visible);
        }
        QCOMPARE(shape.corners().size(), std::size_t(2));
        QCOMPARE(inside, 0);

        shape.begin(SelectionShape::Kind::Box, &index, visible, QPointF(0.3, 0.1), changed);
        for (int step = 0; step < 60; ++step) {
            const QPointF corner = step % 2 == 0 ? QPointF(across(random), up(random)) : shape.corners().back() + QPointF(small(random), 0.1 * small(random));
            shape.moveTo(corner);
            const QRectF box = QRectF(QPointF(0.3, 0.1), corner).normalized();
            int expected = 0;
            for (std::size_t point = 0; point < points.size(); ++point) {
                const bool wanted = PointIndex::holds(visible, points[point]) && PointIndex::holds(box, points[point]);
                QCOMPARE(shape.contains(int(point)), wanted);
                expected += wanted ? 1 : 0;
            }
            QCOMPARE(inside, expected);
        }
    }

    void densityIsCountedAndBlurred() {
        // One point and, far from it, eight: against a threefold box done by hand.
        DensityMap map(QRectF(0, 0, 120, 80), 1);
        map.add(0, QPointF(20.5, 20.5));
        for (int point = 0; point < 8; ++point) {
            map.add(0, QPointF(80.1, 50.9));
        }
        map.add(0, QPointF(-1.0, 5.0));
        map.add(0, QPointF(121.0, 5.0));
        std::vector<double> kernel{1.0};
        for (int box = 0; box < 3; ++box) {
            std::vector<double> wider(kernel.size() + 4, 0.0);
            for (std::size_t at = 0; at < kernel.size(); ++at) {
                for (std::size_t offset = 0; offset < 5; ++offset) {
                    wider[at + offset] += kernel[at] / 5.0;
                }
            }
            kernel = wider;
        }
        const int reach = int(kernel.size() / 2);
        const QImage image = map.image({QColor(200, 100, 50)}, {0.9});
        QCOMPARE(image.size(), QSize(60, 40));
        const double peak = 8.0 * kernel[std::size_t(reach)] * kernel[std::size_t(reach)];
        for (int y = 0; y < 40; ++y) {
            for (int x = 0; x < 60; ++x) {
                const auto weight = [&](int column, int row) {
                    const int dx = x - column + reach, dy = y - row + reach;
                    const bool out = dx < 0 || dy < 0 || dx > 2 * reach || dy > 2 * reach;
                    return out ? 0.0 : kernel[std::size_t(dx)] * kernel[std::size_t(dy)];
                };
                const double density = weight(10, 10) + 8.0 * weight(40, 25);
                const double share = density / peak < 1e-6 ? 0.0 : density / peak;
                QVERIFY2(std::abs(qAlpha(image.pixel(x, y)) - 255.0 * 0.9 * std::cbrt(share)) < 6.0,
                         qPrintable(QStringLiteral("%1 %2: %3 against %4").arg(x).arg(y).arg(qAlpha(image.pixel(x, y))).arg(255.0 * 0.9 * std::cbrt(share))));
            }
        }
    }

    void stampsLookAsDrawn_data() {
        QTest::addColumn<double>("ratio");
        QTest::newRow("1") << 1.0;
        QTest::newRow("1.5") << 1.5;
        QTest::newRow("2") << 2.0;
    }

    void stampsLookAsDrawn() {
        QFETCH(double, ratio);
        const auto draw = [](QPainter* painter, const QPointF& centre) {
            painter->setPen(QPen(QColor(20, 90, 160), 1.2));
            painter->setBrush(QColor(200, 60, 10));
            painter->drawEllipse(centre, 4.0, 3.0);
        };
        const MarkStamp stamp(5.0, 0.8, ratio, draw);
        for (const QPointF& centre : {QPointF(20.0, 20.0), QPointF(14.5, 21.25), QPointF(0.5, 39.0), QPointF(38.75, 2.0)}) {
            const QPointF onGrid(std::round(centre.x() * ratio * 4.0) / 4.0 / ratio, std::round(centre.y() * ratio * 4.0) / 4.0 / ratio);
            QImage stamped(QSize(40, 40) * ratio, QImage::Format_ARGB32_Premultiplied);
            stamped.fill(QColor(230, 240, 250));
            QImage drawn = stamped;
            const QRect clip = QRect(0, 0, int(40 * ratio), int(30 * ratio));
            stamp.put(&stamped, clip, centre);
            QPainter painter(&drawn);
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setClipRect(clip);
            painter.setOpacity(0.8);
            painter.scale(ratio, ratio);
            draw(&painter, onGrid);
            painter.end();
            for (int y = 0; y < drawn.height(); ++y) {
                for (int x = 0; x < drawn.width(); ++x) {
                    const QColor one = stamped.pixelColor(x, y), other = drawn.pixelColor(x, y);
                    // Two translucent layers blended one after the other round twice.
                    QVERIFY(std::abs(one.red() - other.red()) + std::abs(one.green() - other.green()) + std::abs(one.blue() - other.blue()) <= 12);
                }
            }
        }
    }
};

QTEST_MAIN(TestPoints)
#include "test_points.moc"
