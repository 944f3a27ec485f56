// SPDX-License-Identifier: GPL-3.0-or-later
// Frames of the projection while it is panned and zoomed, by number of points, and what a pointer move costs. The baseline draws as
// the projection did before it had stamps and density: every point with QPainter, its label looked up by name. Both draw the same two
// panes of 590 x 500 pixels with the same points and axes, one after the other. Times are the CPU time of the one thread that draws: what
// the clock says on a machine with nothing else to do. Needs QT_QPA_PLATFORM=offscreen without a display.
#include <QApplication>
#include <QMouseEvent>
#include <QPainter>
#include <QPixmap>
#include <QWheelEvent>
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <random>

#include "widgets/labelshape.h"
#include "widgets/projectionpane.h"
#include "widgets/projectionview.h"
#include "widgets/selectionmodel.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::widgets;

namespace {

constexpr QSize kPane(590, 500);
constexpr int kFrames = 80;

struct Points {
    std::shared_ptr<std::vector<protocol::PromptItem>> prompts = std::make_shared<std::vector<protocol::PromptItem>>();
    protocol::ProjectionResult result;
};

Points makePoints(int count) {
    Points made;
    std::mt19937 random(7);
    std::normal_distribution<float> noise(0.0F, 1.0F);
    static const char* const kLabels[] = {"malicious", "benign", "malicious", "benign", "hard_benign"};
    made.result.kind = "probe";
    made.result.boundary = 0.4;
    for (int index = 0; index < count; ++index) {
        protocol::PromptItem prompt;
        prompt.label = kLabels[index % 5];
        made.prompts->push_back(prompt);
        made.result.prompts.push_back(index);
        const float shift = prompt.label == "malicious" ? 2.4F : prompt.label == "benign" ? -2.2F : 0.2F;
        for (auto [points, logits] : {std::pair(&made.result.base, &made.result.logitsBase), std::pair(&made.result.quantized, &made.result.logitsQuantized)}) {
            const float x = shift + 0.9F * noise(random);
            points->values.insert(points->values.end(), {x, 1.1F * noise(random) - 0.25F * x});
            logits->push_back(x);
        }
    }
    return made;
}

double percentile(std::vector<double> times, double share) {
    std::sort(times.begin(), times.end());
    return times[std::min(times.size() - 1, std::size_t(share * double(times.size())))];
}

/// CPU time of this thread since the start.
class CpuClock {
public:
    void start() { m_start = now(); }
    double milliseconds() const { return now() - m_start; }

private:
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
    }
    double m_start = 0.0;
};

/// The way of drawing before: one pane's points into a pixmap, then the pixmap onto the target.
void drawAsBefore(QPainter* target, const QPoint& corner, const Points& points, const protocol::FloatArray& places, const QRectF& range,
                  const SelectionModel& selection) {
    constexpr int kSprite = 14;
    const ThemeColors& colors = Theme::current();
    QPixmap picture(kPane);
    picture.fill(Qt::transparent);
    QPainter painter(&picture);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    const QRectF area = QRectF(QPointF(0.0, 0.0), QSizeF(kPane)).adjusted(0.0, 24.0, 0.0, -22.0);
    painter.setClipRect(area);
    const QRectF near = area.adjusted(-kSprite, -kSprite, kSprite, kSprite);
    static const std::array<QString, 3> kLabels{QStringLiteral("benign"), QStringLiteral("malicious"), QStringLiteral("hard_benign")};
    std::array<std::vector<std::size_t>, 3> rows;
    for (std::size_t row = 0; row < points.result.prompts.size(); ++row) {
        const QString label = QString::fromStdString((*points.prompts)[row].label);
        rows[label == QLatin1String("malicious") ? 1 : label == QLatin1String("hard_benign") ? 2 : 0].push_back(row);
    }
    for (const bool selectedPass : {false, true}) {
        for (std::size_t kind = 0; kind < kLabels.size(); ++kind) {
            QPixmap mark(kSprite, kSprite);
            mark.fill(Qt::transparent);
            QPainter markPainter(&mark);
            markPainter.setOpacity(0.8);
            paintLabelShape(&markPainter, QPointF(kSprite / 2.0, kSprite / 2.0), 4.2, kLabels[kind], colors.label(kLabels[kind]));
            markPainter.end();
            for (const std::size_t row : rows[kind]) {
                if (selection.contains(points.result.prompts[row]) != selectedPass) {
                    continue;
                }
                const QPointF pixel(area.left() + (double(places.values[2 * row]) - range.left()) / range.width() * area.width(),
                                    area.bottom() - (double(places.values[2 * row + 1]) - range.top()) / range.height() * area.height());
                if (near.contains(pixel)) {
                    painter.drawPixmap(pixel - QPointF(kSprite / 2.0, kSprite / 2.0), mark);
                }
            }
        }
    }
    painter.end();
    target->drawPixmap(corner, picture);
}

void print(int count, const char* what, double ours, double baseline) {
    std::printf("{\"name\": \"projection of %d points: %s\", \"ours\": %.4f, \"baseline\": %.4f, \"ratio\": %.2f, \"unit\": \"ms\"}\n", count,
                what, ours, baseline, baseline / ours);
}

void measure(int count) {
    const Points points = makePoints(count);
    SelectionModel selection;
    ProjectionView view;
    view.resize(2 * kPane.width() + 40, kPane.height() + 90);
    view.setPrompts(points.prompts);
    view.setSelectionModel(&selection);
    view.setProjection(points.result);
    view.show();
    (void)view.grab();
    const auto panes = view.findChildren<ProjectionPane*>();
    ProjectionPane* pane = panes.first();
    panes[0]->resize(kPane);
    panes[1]->resize(kPane);
    QImage screen(2 * kPane.width(), kPane.height(), QImage::Format_ARGB32_Premultiplied);
    std::vector<double> ours, baseline;
    int dense = 0;
    CpuClock clock;
    // Pans on all points, then zooms in while it goes on panning, as far as a quarter of a per cent of the area.
    const QPointF middle(kPane.width() / 2.0, kPane.height() / 2.0);
    const auto send = [pane](QEvent::Type type, const QPointF& place, Qt::MouseButton button) {
        QMouseEvent event(type, place, pane->mapToGlobal(place), button, type == QEvent::MouseButtonRelease ? Qt::NoButton : Qt::MiddleButton,
                          Qt::NoModifier);
        QApplication::sendEvent(pane, &event);
    };
    for (int frame = 0; frame < kFrames; ++frame) {
        clock.start();
        if (frame >= kFrames / 2 && frame % 3 == 0) {
            QWheelEvent wheel(middle, pane->mapToGlobal(middle), {}, QPoint(0, 120), Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
            QApplication::sendEvent(pane, &wheel);
        } else {
            const QPointF to = middle + QPointF(frame % 2 == 0 ? 7.0 : -6.0, frame % 4 < 2 ? 3.0 : -4.0);
            send(QEvent::MouseButtonPress, middle, Qt::MiddleButton);
            send(QEvent::MouseMove, to, Qt::NoButton);
            send(QEvent::MouseButtonRelease, to, Qt::MiddleButton);
        }
        panes[0]->render(&screen, QPoint(0, 0));
        panes[1]->render(&screen, QPoint(kPane.width(), 0));
        ours.push_back(clock.milliseconds());
        dense += pane->scene().dense() ? 1 : 0;
        // The baseline takes seconds a frame with many points: a few of its frames say as much.
        if (count > 5000 && frame % 8 != 0) continue;
        clock.start();
        QPainter painter(&screen);
        drawAsBefore(&painter, QPoint(0, 0), points, points.result.base, pane->range(), selection);
        drawAsBefore(&painter, QPoint(kPane.width(), 0), points, points.result.quantized, pane->range(), selection);
        painter.end();
        baseline.push_back(clock.milliseconds());
    }
    print(count, "a frame, median", percentile(ours, 0.5), percentile(baseline, 0.5));
    print(count, "a frame, 95th percentile", percentile(ours, 0.95), percentile(baseline, 0.95));
    std::printf("{\"name\": \"projection of %d points: frames a second\", \"ours\": %.1f, \"baseline\": %.1f, \"ratio\": %.2f, \"unit\": \"frames/s\"}\n",
                count, 1000.0 / percentile(ours, 0.5), 1000.0 / percentile(baseline, 0.5), percentile(baseline, 0.5) / percentile(ours, 0.5));

    // Pointer moves over all points: hovering, then a lasso, both against a look at every point, which hovering was before.
    view.resetZoom();
    (void)view.grab();
    const auto moves = [&](Qt::MouseButtons buttons, double radius) {
        std::vector<double> times;
        for (int step = 0; step < 300; ++step) {
            const double angle = step * 0.021;
            const QPointF place = middle + QPointF(radius * std::cos(angle), radius * 0.9 * std::sin(angle));
            QMouseEvent event(QEvent::MouseMove, place, pane->mapToGlobal(place), Qt::NoButton, buttons, Qt::NoModifier);
            clock.start();
            QApplication::sendEvent(pane, &event);
            times.push_back(clock.milliseconds());
        }
        return times;
    };
    const auto lookAtAll = [&] {
        std::vector<double> times;
        for (int step = 0; step < 20; ++step) {
            clock.start();
            const QPointF pointer = middle + QPointF(step, step);
            int best = -1;
            double least = 144.0;
            for (std::size_t row = 0; row < points.result.prompts.size(); ++row) {
                const QPointF delta = pane->scene().placeOf(row) - pointer;
                if (QPointF::dotProduct(delta, delta) <= least) {
                    least = QPointF::dotProduct(delta, delta);
                    best = int(row);
                }
            }
            times.push_back(clock.milliseconds() + (best < -1 ? 1.0 : 0.0));
        }
        return times;
    };
    const std::vector<double> hovering = moves(Qt::NoButton, 150.0);
    const std::vector<double> all = lookAtAll();
    print(count, "a pointer move, median", percentile(hovering, 0.5), percentile(all, 0.5));
    print(count, "a pointer move, 95th percentile", percentile(hovering, 0.95), percentile(all, 0.95));
    view.setTool(SelectionTool::Lasso);
    const QPointF begin = middle + QPointF(150.0, 0.0);
    QMouseEvent press(QEvent::MouseButtonPress, begin, pane->mapToGlobal(begin), Qt::LeftButton, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(pane, &press);
    const std::vector<double> lasso = moves(Qt::LeftButton, 150.0);
    print(count, "a step of a lasso, median", percentile(lasso, 0.5), percentile(all, 0.5));
    print(count, "a step of a lasso, 95th percentile", percentile(lasso, 0.95), percentile(all, 0.95));
    std::fprintf(stderr, "%d points: %d of %d frames with density\n", count, dense, kFrames);
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    applyTheme(application, Theme::Mode::Light);
    for (const int count : {570, 5000, 20000, 50000, 200000}) measure(count);
    return 0;
}
