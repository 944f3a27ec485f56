// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/figure_svg.h"

#include <array>
#include <cstdio>

#include "core/report/figure_drawing.h"
#include "core/report/figure_ink.h"

namespace safequant {
namespace {

constexpr std::array<const char*, 7> kRoleClasses = {"base", "quantized", "aligned", "words", "malicious", "benign", "hard"};

const char* roleClass(FigureRole role) { return kRoleClasses[static_cast<std::size_t>(role)]; }

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", value);
    return text;
}

/// What an element looks like: classes of figureStyle in a page, plain attributes in a file of its own, since few programs that draw SVG
/// read style sheets with variables.
enum class Look { Classes, Attributes };

/// Markup of one figure, element by element.
class SvgCanvas : public FigureCanvas {
public:
    explicit SvgCanvas(Look look) : m_look(look) {}

    void line(Stroke stroke, double x1, double y1, double x2, double y2) override {
        const bool grid = stroke == Stroke::Grid;
        line(look(grid ? "grid" : "chance", stroked(grid ? ink::kGrid : ink::kMuted, 1.0) + (grid ? "" : " stroke-dasharray=\"2 3\"")), {x1, y1}, {x2, y2});
    }
    void whisker(FigureRole role, double x1, double y1, double x2, double y2) override {
        line(look(std::string("whisker ") + roleClass(role), stroked(ink::colourOf(role), 2.0)), {x1, y1}, {x2, y2});
    }
    void frame(CanvasPoint a, CanvasPoint b) override {
        path(look("frame", "fill=\"none\" " + stroked(ink::kLine, 1.0)), {a, {b.x, a.y}, b, {a.x, b.y}}, true);
    }
    void curve(FigureRole role, bool dashed, const std::vector<CanvasPoint>& points) override {
        path(look(std::string("curve ") + roleClass(role) + (dashed ? " dashed" : ""),
                  "fill=\"none\" " + stroked(ink::colourOf(role), ink::curveWidth(role)) + " stroke-linejoin=\"round\"" + (dashed ? " stroke-dasharray=\"6 4\"" : "")),
             points, false);
    }
    void band(FigureRole role, const std::vector<CanvasPoint>& outline) override {
        path(look(std::string("band ") + roleClass(role), filled(ink::colourOf(role)) + " fill-opacity=\"" + number(ink::kBandOpacity) + "\""), outline, true);
    }
    void text(const TextStyle& style, double x, double y, Anchor anchor, const std::string& words) override {
        constexpr std::array<const char*, 3> kKinds = {"tick", "axis", "label"}, kAnchors = {"start", "middle", "end"};
        const unsigned colour = style.role ? ink::colourOf(*style.role) : style.kind == TextKind::Label ? ink::kText : ink::kMuted;
        m_text += "<text " +
                  look(std::string(kKinds[static_cast<std::size_t>(style.kind)]) + (style.role ? std::string(" ") + roleClass(*style.role) : ""),
                       written(style.kind == TextKind::Tick ? 11 : 12, colour)) +
                  " x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + kAnchors[static_cast<std::size_t>(anchor)] + "\">" + escapedMarkup(words) +
                  "</text>\n";
    }
    void upright(double x, double y, const std::string& words) override {
        m_text += "<text " + look("axis", written(12, ink::kMuted)) + " text-anchor=\"middle\" transform=\"translate(" + number(x) + " " + number(y) +
                  ") rotate(-90)\">" + escapedMarkup(words) + "</text>\n";
    }
    void mark(FigureRole role, double x, double y, double r) override {
        const bool open = markIsOpen(role);
        const unsigned colour = ink::colourOf(role);
        const std::string style = look(std::string("mark ") + roleClass(role) + (open ? " open" : ""),
                                       open ? filled(ink::kPaper) + " " + stroked(colour, 1.5) : filled(colour));
        if (const auto outline = markOutline(role, {x, y}, r); !outline.empty()) return path(style, outline, true);
        m_text += "<circle " + style + " cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"" + number(r) + "\"/>\n";
    }
    const std::string& markup() const { return m_text; }

    static std::string filled(unsigned colour) { return "fill=\"" + hex(colour) + "\""; }

private:
    static std::string hex(unsigned colour) {
        char text[8];
        std::snprintf(text, sizeof text, "#%06x", colour);
        return text;
    }
    static std::string stroked(unsigned colour, double width) { return "stroke=\"" + hex(colour) + "\" stroke-width=\"" + number(width) + "\""; }
    static std::string written(int size, unsigned colour) {
        return "font-family=\"Inter, Helvetica, Arial, sans-serif\" font-size=\"" + std::to_string(size) + "\" " + filled(colour);
    }
    std::string look(const std::string& classes, const std::string& attributes) const {
        return m_look == Look::Classes ? "class=\"" + classes + "\"" : attributes;
    }
    void line(const std::string& style, CanvasPoint a, CanvasPoint b) {
        m_text += "<line " + style + " x1=\"" + number(a.x) + "\" y1=\"" + number(a.y) + "\" x2=\"" + number(b.x) + "\" y2=\"" + number(b.y) + "\"/>\n";
    }
    void path(const std::string& style, const std::vector<CanvasPoint>& points, bool closed) {
        std::string data;
        for (const CanvasPoint& point : points) data += (data.empty() ? "M" : "L") + number(point.x) + " " + number(point.y);
        m_text += "<path " + style + " d=\"" + data + (closed ? "Z" : "") + "\"/>\n";
    }

    Look m_look;
    std::string m_text;
};

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
    SvgCanvas canvas(standalone ? Look::Attributes : Look::Classes);
    const double height = drawFigure(canvas, figure);
    std::string svg = standalone ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : "";
    svg += "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(kFigureWidth) + " " + number(height) + "\" role=\"img\" aria-label=\"" +
           escapedMarkup(figure.title + ". " + figure.caption) + "\"" + (standalone ? " width=\"720\" height=\"" + number(height) + "\"" : "") + ">\n";
    if (standalone) svg += "<rect width=\"720\" height=\"" + number(height) + "\" " + SvgCanvas::filled(ink::kPaper) + "/>\n";
    svg += canvas.markup() + "</svg>\n";
    return svg;
}

std::string_view figureStyle() { return kFigureStyle; }

}  // namespace safequant
