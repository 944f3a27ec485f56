// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/figure_drawing.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "core/base/pareto.h"

namespace safequant {
namespace {

constexpr double kLineHeight = 14.0;  ///< Between the baselines of labels.
constexpr double kLetter = 6.6;       ///< Width of a label's letter, in the mean.
constexpr double kLabelRoom = 150.0;  ///< Right of curves, for their names.

/// A text that fits a width, its middle left out where it is too long: names of runs begin and end with what tells them apart.
std::string fitted(const std::string& text, double width) {
    const auto most = static_cast<std::size_t>(width / kLetter);
    if (text.size() <= most || most < 3) return text;
    const auto isInside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; };
    std::size_t head = most / 2, tail = text.size() - (most - most / 2 - 1);
    while (head > 0 && isInside(head)) --head;
    while (tail < text.size() && isInside(tail)) ++tail;
    return text.substr(0, head) + "…" + text.substr(tail);
}

/// Maps numbers to a stretch of the picture.
struct Axis {
    double low, high, from, to;
    double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

/// Round steps, at most so many.
double stepFor(double range, int most) {
    const double rough = range / most;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough) return factor * power;
    return 10.0 * power;
}

std::string tickText(double value, bool percent) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", percent ? 100.0 * value : value);
    return std::string(text) + (percent ? "%" : "");
}

/// The ends of an axis over values with their intervals, with room around; shares stay between 0 and 1.
void fitAxis(Axis& axis, const std::vector<double>& values, bool percent) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double room = *high > *low ? 0.08 * (*high - *low) : std::max(0.02, 0.1 * std::fabs(*high));
    axis.low = percent ? std::max(0.0, *low - room) : *low - room;
    axis.high = percent ? std::min(1.0, *high + room) : *high + room;
}

void horizontalGrid(FigureCanvas& canvas, const Axis& x, const Axis& y, bool percent) {
    const double step = stepFor(y.high - y.low, 5);
    for (double value = std::ceil(y.low / step) * step; value <= y.high + 1e-9; value += step) {
        canvas.line(Stroke::Grid, x.from, y.at(value), x.to, y.at(value));
        canvas.text({TextKind::Tick}, x.from - 8.0, y.at(value) + 4.0, Anchor::End, tickText(std::fabs(value) < 1e-12 ? 0.0 : value, percent));
    }
}

/// Places of labels that want to be at `wanted`, moved apart and kept within the picture.
std::vector<double> spread(const std::vector<double>& wanted, double top, double bottom) {
    std::vector<std::size_t> order(wanted.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
    std::vector<double> places(wanted.size());
    double next = top;
    for (const std::size_t i : order) {
        places[i] = std::max(wanted[i], next);
        next = places[i] + kLineHeight;
    }
    double last = bottom;
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
        places[*i] = std::min(places[*i], last);
        last = places[*i] - kLineHeight;
    }
    return places;
}

std::vector<CanvasPoint> bandOf(const LineFigure::Series& series, const Axis& x, const Axis& y) {
    std::vector<CanvasPoint> outline;
    for (const auto& point : series.points)
        if (point.interval) outline.push_back({x.at(point.x), y.at(std::min(point.interval->high, y.high))});
    for (auto point = series.points.rbegin(); point != series.points.rend(); ++point)
        if (point->interval) outline.push_back({x.at(point->x), y.at(std::max(point->interval->low, y.low))});
    return outline;
}

double draw(FigureCanvas& canvas, const LineFigure& figure) {
    constexpr double kHeight = 300.0;
    const Axis y{figure.low, figure.high, kHeight - 44.0, 14.0};
    double first = 0.0, last = 1.0;
    for (const auto& series : figure.series)
        for (const auto& point : series.points) {
            first = std::min(first, point.x);
            last = std::max(last, point.x);
        }
    const Axis x{first, last, 62.0, kFigureWidth - kLabelRoom};
    horizontalGrid(canvas, x, y, figure.percent);
    const double step = std::max(1.0, stepFor(last - first, 10));
    for (double value = first; value <= last + 1e-9; value += step) canvas.text({TextKind::Tick}, x.at(value), y.from + 18.0, Anchor::Middle, tickText(value, false));
    canvas.text({TextKind::Axis}, (x.from + x.to) / 2.0, kHeight - 6.0, Anchor::Middle, figure.xTitle);
    canvas.upright(14.0, (y.from + y.to) / 2.0, figure.yTitle);
    if (figure.chance) canvas.line(Stroke::Chance, x.from, y.at(*figure.chance), x.to, y.at(*figure.chance));
    for (const auto& series : figure.series)
        if (const auto band = bandOf(series, x, y); !band.empty()) canvas.band(series.role, band);
    std::vector<double> wanted;
    for (const auto& series : figure.series) {
        std::vector<CanvasPoint> curve;
        for (const auto& point : series.points) curve.push_back({x.at(point.x), y.at(std::clamp(point.y, y.low, y.high))});
        if (!curve.empty()) canvas.curve(series.role, series.dashed, curve);
        wanted.push_back(series.points.empty() ? y.from : y.at(std::clamp(series.points.back().y, y.low, y.high)) + 4.0);
    }
    const auto places = spread(wanted, y.to + 8.0, y.from);
    for (std::size_t i = 0; i < places.size(); ++i)
        canvas.text({TextKind::Label, figure.series[i].role}, x.to + 8.0, places[i], Anchor::Start, fitted(figure.series[i].name, kLabelRoom - 8.0));
    return kHeight;
}

double draw(FigureCanvas& canvas, const ScatterFigure& figure) {
    constexpr double kHeight = 350.0, kGap = 24.0, kLeft = 44.0;
    Axis x{0.0, 1.0, 0.0, 1.0}, y{0.0, 1.0, kHeight - 66.0, 26.0};
    bool any = false;
    for (const auto& panel : figure.panels)
        for (const auto& point : panel.points) {
            x.low = any ? std::min(x.low, point.x) : point.x;
            x.high = any ? std::max(x.high, point.x) : point.x;
            y.low = any ? std::min(y.low, point.y) : point.y;
            y.high = any ? std::max(y.high, point.y) : point.y;
            any = true;
        }
    for (Axis* axis : {&x, &y}) {
        const double room = axis->high > axis->low ? 0.04 * (axis->high - axis->low) : 1.0;
        axis->low -= room;
        axis->high += room;
    }
    const auto count = static_cast<double>(std::max<std::size_t>(1, figure.panels.size()));
    const double width = (kFigureWidth - kLeft - kGap * (count - 1.0) - 4.0) / count;
    for (std::size_t i = 0; i < figure.panels.size(); ++i) {
        x.from = kLeft + static_cast<double>(i) * (width + kGap);
        x.to = x.from + width;
        canvas.frame({x.from, y.to}, {x.to, y.from});
        canvas.text({TextKind::Label}, x.from, 16.0, Anchor::Start, figure.panels[i].title);
        const double step = stepFor(x.high - x.low, 5);
        for (double value = std::ceil(x.low / step) * step; value <= x.high; value += step)
            canvas.text({TextKind::Tick}, x.at(value), y.from + 16.0, Anchor::Middle, tickText(std::fabs(value) < 1e-12 ? 0.0 : value, false));
        if (figure.boundary && *figure.boundary > x.low && *figure.boundary < x.high)
            canvas.line(Stroke::Chance, x.at(*figure.boundary), y.from, x.at(*figure.boundary), y.to);
        for (const auto& point : figure.panels[i].points) canvas.mark(point.label, x.at(point.x), y.at(point.y), 3.0);
        canvas.text({TextKind::Axis}, (x.from + x.to) / 2.0, y.from + 34.0, Anchor::Middle, figure.xTitle);
    }
    canvas.upright(14.0, (y.from + y.to) / 2.0, figure.yTitle);
    double at = kLeft;
    for (const auto& [role, name] : {std::pair{FigureRole::Malicious, "malicious"}, std::pair{FigureRole::Benign, "benign"},
                                     std::pair{FigureRole::HardBenign, "hard benign"}}) {
        canvas.mark(role, at + 5.0, kHeight - 11.0, 4.0);
        canvas.text({TextKind::Label}, at + 16.0, kHeight - 7.0, Anchor::Start, name);
        at += 100.0;
    }
    return kHeight;
}

double draw(FigureCanvas& canvas, const IntervalFigure& figure) {
    constexpr double kTop = 10.0, kMark = 4.5, kBetween = 13.0;
    std::size_t most = 1;
    for (const auto& row : figure.rows) most = std::max(most, row.marks.size());
    const double rowHeight = std::max(40.0, kBetween * static_cast<double>(most) + 14.0);
    const double bottom = kTop + rowHeight * static_cast<double>(figure.rows.size());
    const Axis x{0.0, 1.0, 190.0, kFigureWidth - 24.0};
    for (const double value : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
        canvas.line(Stroke::Grid, x.at(value), kTop, x.at(value), bottom);
        canvas.text({TextKind::Tick}, x.at(value), bottom + 16.0, Anchor::Middle, tickText(value, true));
    }
    for (std::size_t i = 0; i < figure.rows.size(); ++i) {
        const auto& row = figure.rows[i];
        const double middle = kTop + rowHeight * (static_cast<double>(i) + 0.5);
        canvas.text({TextKind::Label}, x.from - 14.0, middle + 4.0, Anchor::End, row.name);
        for (std::size_t m = 0; m < row.marks.size(); ++m) {
            const auto& mark = row.marks[m];
            const double y = middle + kBetween * (static_cast<double>(m) - 0.5 * static_cast<double>(row.marks.size() - 1));
            canvas.whisker(mark.role, x.at(mark.rate.wilson.low), y, x.at(mark.rate.wilson.high), y);
            canvas.mark(mark.role, x.at(mark.rate.value), y, kMark);
        }
    }
    double at = x.from, y = bottom + 36.0;
    for (std::size_t m = 0; !figure.rows.empty() && m < figure.rows.front().marks.size(); ++m) {
        const auto& mark = figure.rows.front().marks[m];
        const double width = 40.0 + kLetter * static_cast<double>(mark.name.size());
        if (m > 0 && at + width > kFigureWidth) {
            at = x.from;
            y += 1.4 * kLineHeight;
        }
        canvas.mark(mark.role, at + 5.0, y, kMark);
        canvas.text({TextKind::Label}, at + 18.0, y + 4.0, Anchor::Start, mark.name);
        at += width;
    }
    return y + 12.0;
}

double draw(FigureCanvas& canvas, const TradeOffFigure& figure) {
    constexpr double kHeight = 340.0, kMark = 5.0;
    if (figure.points.empty()) return 0.0;
    Axis x{0.0, 1.0, 70.0, kFigureWidth - 24.0}, y{0.0, 1.0, kHeight - 74.0, 14.0};
    std::vector<double> xs, ys, xEnds, yEnds;
    for (const auto& point : figure.points) {
        xs.push_back(point.x);
        ys.push_back(point.y);
        for (const auto& [value, interval, ends] : {std::tuple{point.x, point.xInterval, &xEnds}, std::tuple{point.y, point.yInterval, &yEnds}}) {
            ends->push_back(interval ? std::min(value, interval->low) : value);
            ends->push_back(interval ? std::max(value, interval->high) : value);
        }
    }
    fitAxis(x, xEnds, figure.xPercent);
    fitAxis(y, yEnds, figure.yPercent);
    horizontalGrid(canvas, x, y, figure.yPercent);
    const double step = stepFor(x.high - x.low, 8);
    for (double value = std::ceil(x.low / step) * step; value <= x.high + 1e-9; value += step)
        canvas.text({TextKind::Tick}, x.at(value), y.from + 18.0, Anchor::Middle, tickText(std::fabs(value) < 1e-12 ? 0.0 : value, figure.xPercent));
    canvas.text({TextKind::Axis}, (x.from + x.to) / 2.0, y.from + 38.0, Anchor::Middle, figure.xTitle);
    canvas.upright(14.0, (y.from + y.to) / 2.0, figure.yTitle);
    std::vector<CanvasPoint> front;
    for (const std::size_t i : nonDominated(xs, ys)) front.push_back({x.at(xs[i]), y.at(ys[i])});
    for (std::size_t i = 1; i < front.size(); ++i) canvas.line(Stroke::Chance, front[i - 1].x, front[i - 1].y, front[i].x, front[i].y);
    double at = x.from, row = kHeight - 14.0;
    for (const auto& point : figure.points) {
        if (point.xInterval) canvas.whisker(point.role, x.at(point.xInterval->low), y.at(point.y), x.at(point.xInterval->high), y.at(point.y));
        if (point.yInterval) canvas.whisker(point.role, x.at(point.x), y.at(point.yInterval->low), x.at(point.x), y.at(point.yInterval->high));
        canvas.mark(point.role, x.at(point.x), y.at(point.y), kMark);
        const double width = 40.0 + kLetter * static_cast<double>(point.name.size());
        if (at > x.from && at + width > kFigureWidth) {
            at = x.from;
            row += 1.4 * kLineHeight;
        }
        canvas.mark(point.role, at + 5.0, row - 4.0, kMark);
        canvas.text({TextKind::Label, point.role}, at + 18.0, row, Anchor::Start, fitted(point.name, kFigureWidth - at - 18.0));
        at += width;
    }
    return row + 8.0;
}

}  // namespace

double drawFigure(FigureCanvas& canvas, const ReportFigure& figure) {
    return std::visit([&](const auto& drawing) { return draw(canvas, drawing); }, figure.drawing);
}

std::vector<CanvasPoint> markOutline(FigureRole role, CanvasPoint at, double r) {
    switch (role) {
        case FigureRole::Malicious: return {{at.x, at.y - r}, {at.x + r, at.y + r}, {at.x - r, at.y + r}};
        case FigureRole::HardBenign: return {{at.x - r, at.y - r}, {at.x + r, at.y - r}, {at.x + r, at.y + r}, {at.x - r, at.y + r}};
        case FigureRole::Quantized: {
            const double d = 1.3 * r;
            return {{at.x, at.y - d}, {at.x + d, at.y}, {at.x, at.y + d}, {at.x - d, at.y}};
        }
        default: return {};
    }
}

bool markIsOpen(FigureRole role) { return role == FigureRole::Base || role == FigureRole::HardBenign; }

}  // namespace safequant
