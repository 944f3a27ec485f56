// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/figure_pdf.h"

#include <array>
#include <numbers>

#include "core/report/figure_ink.h"

namespace safequant {
namespace {

using namespace ink;

/// Draws in figure units on a page that has been scaled to them; without `draws` it only lets the figure find its height.
class PaperCanvas : public FigureCanvas {
public:
    PaperCanvas(const PdfDocument& document, bool draws) : m_document(document), m_cairo(document.cairo()), m_draws(draws) {}

    void line(Stroke stroke, double x1, double y1, double x2, double y2) override {
        if (!m_draws) return;
        if (stroke == Stroke::Chance) dash({2.0, 3.0});
        m_document.rule(x1, y1, x2, y2, stroke == Stroke::Grid ? kGrid : kMuted, 1.0);
        cairo_set_dash(m_cairo, nullptr, 0, 0.0);
    }
    void whisker(FigureRole role, double x1, double y1, double x2, double y2) override {
        if (m_draws) m_document.rule(x1, y1, x2, y2, colourOf(role), 2.0);
    }
    void frame(CanvasPoint a, CanvasPoint b) override {
        if (m_draws) stroke({a, {b.x, a.y}, b, {a.x, b.y}}, true, kLine, 1.0);
    }
    void curve(FigureRole role, bool dashed, const std::vector<CanvasPoint>& points) override {
        if (!m_draws) return;
        if (dashed) dash({6.0, 4.0});
        cairo_set_line_join(m_cairo, CAIRO_LINE_JOIN_ROUND);
        stroke(points, false, colourOf(role), curveWidth(role));
        cairo_set_dash(m_cairo, nullptr, 0, 0.0);
    }
    void band(FigureRole role, const std::vector<CanvasPoint>& outline) override {
        if (!m_draws) return;
        trace(outline, true);
        m_document.setColour(colourOf(role), kBandOpacity);
        cairo_fill(m_cairo);
    }
    void text(const TextStyle& style, double x, double y, Anchor anchor, const std::string& words) override {
        if (m_draws) m_document.writeLine(words, typeOf(style), x, y, 0.5 * static_cast<double>(anchor));
    }
    void upright(double x, double y, const std::string& words) override {
        if (!m_draws) return;
        cairo_save(m_cairo);
        cairo_translate(m_cairo, x, y);
        cairo_rotate(m_cairo, -std::numbers::pi / 2.0);
        m_document.writeLine(words, typeOf({TextKind::Axis, {}}), 0.0, 0.0, 0.5);
        cairo_restore(m_cairo);
    }
    void mark(FigureRole role, double x, double y, double r) override {
        if (!m_draws) return;
        const auto outline = markOutline(role, {x, y}, r);
        if (outline.empty()) {
            cairo_new_path(m_cairo);
            cairo_arc(m_cairo, x, y, r, 0.0, 2.0 * std::numbers::pi);
        } else {
            trace(outline, true);
        }
        m_document.setColour(markIsOpen(role) ? kPaper : colourOf(role));
        if (!markIsOpen(role)) return cairo_fill(m_cairo);
        cairo_fill_preserve(m_cairo);
        m_document.setColour(colourOf(role));
        cairo_set_line_width(m_cairo, 1.5);
        cairo_stroke(m_cairo);
    }

private:
    static PdfType typeOf(const TextStyle& style) {
        const double size = style.kind == TextKind::Tick ? 11.0 : 12.0;
        return {size, false, style.role ? colourOf(*style.role) : style.kind == TextKind::Label ? kText : kMuted};
    }
    void dash(std::array<double, 2> lengths) const { cairo_set_dash(m_cairo, lengths.data(), 2, 0.0); }
    void trace(const std::vector<CanvasPoint>& points, bool closed) const {
        cairo_new_path(m_cairo);
        for (const CanvasPoint& point : points) cairo_line_to(m_cairo, point.x, point.y);
        if (closed) cairo_close_path(m_cairo);
    }
    void stroke(const std::vector<CanvasPoint>& points, bool closed, unsigned colour, double width) const {
        trace(points, closed);
        m_document.setColour(colour);
        cairo_set_line_width(m_cairo, width);
        cairo_stroke(m_cairo);
    }

    const PdfDocument& m_document;
    cairo_t* m_cairo;
    bool m_draws;
};

}  // namespace

double figureHeight(const PdfDocument& document, const ReportFigure& figure, double width) {
    PaperCanvas canvas(document, false);
    return drawFigure(canvas, figure) * width / kFigureWidth;
}

void drawOnPaper(const PdfDocument& document, const ReportFigure& figure, double x, double y, double width) {
    cairo_t* const cairo = document.cairo();
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_scale(cairo, width / kFigureWidth, width / kFigureWidth);
    PaperCanvas canvas(document, true);
    drawFigure(canvas, figure);
    cairo_restore(cairo);
}

}  // namespace safequant
