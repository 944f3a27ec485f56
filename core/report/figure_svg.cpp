// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/figure_svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace safequant {
namespace {

constexpr double kWidth = 720.0;
constexpr double kLineHeight = 14.0;  ///< Between the baselines of labels.
constexpr std::array<const char*, 7> kRoleClasses = {"base", "quantized", "aligned", "words", "malicious", "benign", "hard"};

const char* roleClass(FigureRole role) { return kRoleClasses[static_cast<std::size_t>(role)]; }

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", value);
    return text;
}

/// Markup of one figure, element by element.
class Drawing {
public:
    void line(const std::string& name, double x1, double y1, double x2, double y2) {
        m_text += "<line class=\"" + name + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
    }
    void path(const std::string& name, const std::string& data) { m_text += "<path class=\"" + name + "\" d=\"" + data + "\"/>\n"; }
    void text(const std::string& name, double x, double y, const std::string& anchor, const std::string& words) {
        m_text += "<text class=\"" + name + "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" + escapedMarkup(words) + "</text>\n";
    }
    /// Reads from below upwards, centred.
    void upright(double x, double y, const std::string& words) {
        m_text += "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(" + number(x) + " " + number(y) + ") rotate(-90)\">" + escapedMarkup(words) +
                  "</text>\n";
    }
    void mark(FigureRole role, double x, double y, double r) {
        const std::string at = "M" + number(x), style = std::string("mark ") + roleClass(role);
        switch (role) {
            case FigureRole::Malicious:
                return path(style, at + " " + number(y - r) + "L" + number(x + r) + " " + number(y + r) + "H" + number(x - r) + "Z");
            case FigureRole::HardBenign:
                return path(style + " open", at + " " + number(y - r) + "m" + number(-r) + " 0h" + number(2 * r) + "v" + number(2 * r) + "h" + number(-2 * r) + "Z");
            case FigureRole::Quantized:
                return path(style, at + " " + number(y - 1.3 * r) + "l" + number(1.3 * r) + " " + number(1.3 * r) + "l" + number(-1.3 * r) + " " + number(1.3 * r) + "l" +
                                       number(-1.3 * r) + " " + number(-1.3 * r) + "Z");
            default:
                m_text += "<circle class=\"" + style + (role == FigureRole::Base ? " open" : "") + "\" cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"" +
                          number(r) + "\"/>\n";
        }
    }
    const std::string& markup() const { return m_text; }

private:
    std::string m_text;
};

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

void horizontalGrid(Drawing& drawing, const Axis& x, const Axis& y, bool percent) {
    const double step = stepFor(y.high - y.low, 5);
    for (double value = std::ceil(y.low / step) * step; value <= y.high + 1e-9; value += step) {
        drawing.line("grid", x.from, y.at(value), x.to, y.at(value));
        drawing.text("tick", x.from - 8.0, y.at(value) + 4.0, "end", tickText(std::fabs(value) < 1e-12 ? 0.0 : value, percent));
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

std::string bandOf(const LineFigure::Series& series, const Axis& x, const Axis& y) {
    std::string above, below;
    for (const auto& point : series.points) {
        if (!point.interval) continue;
        above += (above.empty() ? "M" : "L") + number(x.at(point.x)) + " " + number(y.at(std::min(point.interval->high, y.high)));
        below = "L" + number(x.at(point.x)) + " " + number(y.at(std::max(point.interval->low, y.low))) + below;
    }
    return above.empty() ? above : above + below + "Z";
}

double draw(Drawing& drawing, const LineFigure& figure) {
    constexpr double kHeight = 300.0;
    const Axis y{figure.low, figure.high, kHeight - 44.0, 14.0};
    double first = 0.0, last = 1.0;
    for (const auto& series : figure.series)
        for (const auto& point : series.points) {
            first = std::min(first, point.x);
            last = std::max(last, point.x);
        }
    const Axis x{first, last, 62.0, kWidth - 150.0};
    horizontalGrid(drawing, x, y, figure.percent);
    const double step = std::max(1.0, stepFor(last - first, 10));
    for (double value = first; value <= last + 1e-9; value += step) drawing.text("tick", x.at(value), y.from + 18.0, "middle", tickText(value, false));
    drawing.text("axis", (x.from + x.to) / 2.0, kHeight - 6.0, "middle", figure.xTitle);
    drawing.upright(14.0, (y.from + y.to) / 2.0, figure.yTitle);
    if (figure.chance) drawing.line("chance", x.from, y.at(*figure.chance), x.to, y.at(*figure.chance));
    for (const auto& series : figure.series)
        if (const std::string band = bandOf(series, x, y); !band.empty()) drawing.path(std::string("band ") + roleClass(series.role), band);
    std::vector<double> wanted;
    for (const auto& series : figure.series) {
        std::string data;
        for (const auto& point : series.points) data += (data.empty() ? "M" : "L") + number(x.at(point.x)) + " " + number(y.at(std::clamp(point.y, y.low, y.high)));
        if (!data.empty()) drawing.path(std::string("curve ") + roleClass(series.role) + (series.dashed ? " dashed" : ""), data);
        wanted.push_back(series.points.empty() ? y.from : y.at(std::clamp(series.points.back().y, y.low, y.high)) + 4.0);
    }
    const auto places = spread(wanted, y.to + 8.0, y.from);
    for (std::size_t i = 0; i < places.size(); ++i)
        drawing.text(std::string("label ") + roleClass(figure.series[i].role), x.to + 8.0, places[i], "start", figure.series[i].name);
    return kHeight;
}

double draw(Drawing& drawing, const ScatterFigure& figure) {
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
    const double width = (kWidth - kLeft - kGap * (count - 1.0) - 4.0) / count;
    for (std::size_t i = 0; i < figure.panels.size(); ++i) {
        x.from = kLeft + static_cast<double>(i) * (width + kGap);
        x.to = x.from + width;
        drawing.path("frame", "M" + number(x.from) + " " + number(y.to) + "H" + number(x.to) + "V" + number(y.from) + "H" + number(x.from) + "Z");
        drawing.text("label", x.from, 16.0, "start", figure.panels[i].title);
        const double step = stepFor(x.high - x.low, 5);
        for (double value = std::ceil(x.low / step) * step; value <= x.high; value += step)
            drawing.text("tick", x.at(value), y.from + 16.0, "middle", tickText(std::fabs(value) < 1e-12 ? 0.0 : value, false));
        if (figure.boundary && *figure.boundary > x.low && *figure.boundary < x.high)
            drawing.line("chance", x.at(*figure.boundary), y.from, x.at(*figure.boundary), y.to);
        for (const auto& point : figure.panels[i].points) drawing.mark(point.label, x.at(point.x), y.at(point.y), 3.0);
        drawing.text("axis", (x.from + x.to) / 2.0, y.from + 34.0, "middle", figure.xTitle);
    }
    drawing.upright(14.0, (y.from + y.to) / 2.0, figure.yTitle);
    double at = kLeft;
    for (const auto& [role, name] : {std::pair{FigureRole::Malicious, "malicious"}, std::pair{FigureRole::Benign, "benign"},
                                     std::pair{FigureRole::HardBenign, "hard benign"}}) {
        drawing.mark(role, at + 5.0, kHeight - 11.0, 4.0);
        drawing.text("label", at + 16.0, kHeight - 7.0, "start", name);
        at += 100.0;
    }
    return kHeight;
}

double draw(Drawing& drawing, const IntervalFigure& figure) {
    constexpr double kRow = 40.0, kTop = 10.0, kMark = 4.5;
    const double bottom = kTop + kRow * static_cast<double>(figure.rows.size());
    const Axis x{0.0, 1.0, 190.0, kWidth - 24.0};
    for (const double value : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
        drawing.line("grid", x.at(value), kTop, x.at(value), bottom);
        drawing.text("tick", x.at(value), bottom + 16.0, "middle", tickText(value, true));
    }
    for (std::size_t i = 0; i < figure.rows.size(); ++i) {
        const auto& row = figure.rows[i];
        const double middle = kTop + kRow * (static_cast<double>(i) + 0.5);
        drawing.text("label", x.from - 14.0, middle + 4.0, "end", row.name);
        for (std::size_t m = 0; m < row.marks.size(); ++m) {
            const auto& mark = row.marks[m];
            const double y = middle + 13.0 * (static_cast<double>(m) - 0.5 * static_cast<double>(row.marks.size() - 1));
            drawing.line(std::string("whisker ") + roleClass(mark.role), x.at(mark.rate.wilson.low), y, x.at(mark.rate.wilson.high), y);
            drawing.mark(mark.role, x.at(mark.rate.value), y, kMark);
        }
    }
    if (!figure.rows.empty()) {
        double at = x.from;
        for (const auto& mark : figure.rows.front().marks) {
            drawing.mark(mark.role, at + 5.0, bottom + 36.0, kMark);
            drawing.text("label", at + 18.0, bottom + 40.0, "start", mark.name);
            at += 110.0;
        }
    }
    return bottom + 48.0;
}

constexpr std::string_view kFigureStyle =
    "svg text{font:11px Inter,system-ui,sans-serif;fill:var(--muted)}svg .label{font-size:12px;fill:var(--text)}svg .axis{font-size:12px}"
    ".grid{stroke:var(--grid)}.frame{stroke:var(--line);fill:none}.chance{stroke:var(--muted);stroke-dasharray:2 3}"
    ".curve{fill:none;stroke-width:1.5;stroke-linejoin:round}.dashed{stroke-dasharray:6 4}.band{stroke:none;opacity:.16}"
    ".whisker{stroke-width:2}.mark{stroke:none}.mark.open{fill:var(--panel)!important;stroke-width:1.5}"
    ".curve.quantized{stroke-width:2.5}.base{--c:var(--base)}.quantized{--c:var(--accent)}.aligned{--c:var(--fourth)}.words{--c:var(--muted)}"
    ".malicious{--c:var(--malicious)}.benign{--c:var(--benign)}.hard{--c:var(--hard)}"
    ".curve,.whisker,.mark.open{stroke:var(--c)}.band,.mark{fill:var(--c)}svg .label.base,svg .label.quantized,svg .label.aligned,svg .label.words{fill:var(--c)}";

}  // namespace

std::string escapedMarkup(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&') escaped += "&amp;";
        else if (c == '<') escaped += "&lt;";
        else if (c == '>') escaped += "&gt;";
        else if (c == '"') escaped += "&quot;";
        else if (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') escaped += "\xEF\xBF\xBD";
        else escaped += c;
    }
    return escaped;
}

std::string_view reportColours() {
    return ":root{--window:#f6f7f9;--panel:#ffffff;--line:#dfe3e8;--grid:#eceff3;--text:#1c2430;--muted:#667085;--accent:#6a4fd8;--accent-back:#efecfc;"
           "--malicious:#c8490c;--benign:#0a68b4;--hard:#0f8a63;--base:#475467;--fourth:#8a6d1f;color-scheme:light dark}"
           "@media (prefers-color-scheme:dark){:root{--window:#15181d;--panel:#1c2026;--line:#2d333b;--grid:#262b32;--text:#e6e9ee;--muted:#9aa4b2;"
           "--accent:#a594f9;--accent-back:#2b2745;--malicious:#ff8f5c;--benign:#62b3f3;--hard:#4fc9a1;--base:#b3bdca;--fourth:#d6b45a}}"
           "@media print{:root{--window:#fff;--panel:#fff;--line:#dfe3e8;--grid:#eceff3;--text:#1c2430;--muted:#667085;--accent:#6a4fd8;--accent-back:#efecfc;"
           "--malicious:#c8490c;--benign:#0a68b4;--hard:#0f8a63;--base:#475467;--fourth:#8a6d1f}}";
}

std::string figureSvg(const ReportFigure& figure, bool standalone) {
    Drawing drawing;
    const double height = std::visit([&](const auto& shape) { return draw(drawing, shape); }, figure.drawing);
    std::string svg = standalone ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : "";
    svg += "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kWidth) + " " + number(height) + "\" role=\"img\" aria-label=\"" +
           escapedMarkup(figure.title + ". " + figure.caption) + "\"" + (standalone ? " width=\"720\" height=\"" + number(height) + "\"" : "") + ">\n";
    if (standalone)
        svg += "<style>" + std::string(reportColours()) + std::string(kFigureStyle) + "</style>\n<rect width=\"100%\" height=\"100%\" style=\"fill:var(--panel)\"/>\n";
    svg += drawing.markup() + "</svg>\n";
    return svg;
}

std::string_view figureStyle() { return kFigureStyle; }

}  // namespace safequant
