// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/pdf_document.h"

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace safequant {
namespace {

struct Release {
    void operator()(PangoLayout* layout) const { g_object_unref(layout); }
    void operator()(PangoFontDescription* font) const { pango_font_description_free(font); }
};
using Layout = std::unique_ptr<PangoLayout, Release>;

/// `width` below 0: one line.
Layout layoutOf(cairo_t* cairo, const std::string& text, const PdfType& type, double width) {
    Layout layout(pango_cairo_create_layout(cairo));
    const std::unique_ptr<PangoFontDescription, Release> font(pango_font_description_from_string("Inter, DejaVu Sans, sans-serif"));
    pango_font_description_set_absolute_size(font.get(), type.size * PANGO_SCALE);
    pango_font_description_set_weight(font.get(), type.bold ? PANGO_WEIGHT_SEMIBOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout.get(), font.get());
    pango_layout_set_text(layout.get(), text.data(), static_cast<int>(text.size()));
    if (width >= 0.0) {
        pango_layout_set_width(layout.get(), static_cast<int>(width * PANGO_SCALE));
        pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
    } else {
        pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
    }
    pango_layout_set_line_spacing(layout.get(), 1.25F);
    return layout;
}

double heightIn(PangoLayout* layout) {
    int height = 0;
    pango_layout_get_size(layout, nullptr, &height);
    return static_cast<double>(height) / PANGO_SCALE;
}

}  // namespace

PdfDocument::PdfDocument(const std::string& title, const std::string& program, const std::string& created) : m_bytes(std::make_unique<std::string>()) {
    const auto append = [](void* bytes, const unsigned char* data, unsigned length) {
        static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), length);
        return CAIRO_STATUS_SUCCESS;
    };
    m_surface.reset(cairo_pdf_surface_create_for_stream(append, m_bytes.get(), kWidth, kHeight));
    cairo_surface_t* const surface = m_surface.get();
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title.c_str());
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, program.c_str());
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, created.c_str());
    m_cairo.reset(cairo_create(surface));
    // Letters stand where the type wants them, not where a screen's pixels are.
    const std::unique_ptr<cairo_font_options_t, void (*)(cairo_font_options_t*)> options(cairo_font_options_create(), &cairo_font_options_destroy);
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(m_cairo.get(), options.get());
}

void PdfDocument::nextPage() {
    cairo_show_page(m_cairo.get());
    ++m_page;
}

double PdfDocument::heightOf(const std::string& text, const PdfType& type, double width) const {
    return text.empty() ? 0.0 : heightIn(layoutOf(m_cairo.get(), text, type, width).get());
}

double PdfDocument::widthOf(const std::string& text, const PdfType& type) const {
    int width = 0;
    pango_layout_get_size(layoutOf(m_cairo.get(), text, type, -1.0).get(), &width, nullptr);
    return static_cast<double>(width) / PANGO_SCALE;
}

double PdfDocument::wordWidthOf(const std::string& text, const PdfType& type) const {
    double widest = 0.0;
    std::istringstream words(text);
    for (std::string word; words >> word;) widest = std::max(widest, widthOf(word, type));
    return widest;
}

double PdfDocument::write(const std::string& text, const PdfType& type, double x, double y, double width) const {
    if (text.empty()) return 0.0;
    const Layout layout = layoutOf(m_cairo.get(), text, type, width);
    setColour(type.colour);
    cairo_move_to(m_cairo.get(), x, y);
    pango_cairo_show_layout(m_cairo.get(), layout.get());
    return heightIn(layout.get());
}

void PdfDocument::writeLine(const std::string& text, const PdfType& type, double x, double y, double along) const {
    if (text.empty()) return;
    const Layout layout = layoutOf(m_cairo.get(), text, type, -1.0);
    int width = 0;
    pango_layout_get_size(layout.get(), &width, nullptr);
    setColour(type.colour);
    cairo_move_to(m_cairo.get(), x - along * static_cast<double>(width) / PANGO_SCALE,
                  y - static_cast<double>(pango_layout_get_baseline(layout.get())) / PANGO_SCALE);
    pango_cairo_show_layout(m_cairo.get(), layout.get());
}

void PdfDocument::setColour(unsigned colour, double opacity) const {
    constexpr double kMost = 255.0;
    cairo_set_source_rgba(m_cairo.get(), (colour >> 16 & 0xFFU) / kMost, (colour >> 8 & 0xFFU) / kMost, (colour & 0xFFU) / kMost, opacity);
}

void PdfDocument::rule(double x1, double y1, double x2, double y2, unsigned colour, double width) const {
    setColour(colour);
    cairo_set_line_width(m_cairo.get(), width);
    cairo_move_to(m_cairo.get(), x1, y1);
    cairo_line_to(m_cairo.get(), x2, y2);
    cairo_stroke(m_cairo.get());
}

void PdfDocument::box(double x, double y, double width, double height, unsigned fill, unsigned line) const {
    cairo_rectangle(m_cairo.get(), x, y, width, height);
    setColour(fill);
    cairo_fill_preserve(m_cairo.get());
    setColour(line);
    cairo_set_line_width(m_cairo.get(), 0.6);
    cairo_stroke(m_cairo.get());
}

void PdfDocument::addOutline(const std::string& title) const {
    cairo_pdf_surface_add_outline(m_surface.get(), CAIRO_PDF_OUTLINE_ROOT, title.c_str(), ("page=" + std::to_string(m_page)).c_str(), CAIRO_PDF_OUTLINE_FLAG_OPEN);
}

Expected<std::string> PdfDocument::finish() {
    m_cairo.reset();
    cairo_surface_finish(m_surface.get());
    const auto status = cairo_surface_status(m_surface.get());
    m_surface.reset();
    if (status != CAIRO_STATUS_SUCCESS) return fail(ErrorKind::Failed, std::string("The document cannot be made: ") + cairo_status_to_string(status));
    return std::move(*m_bytes);
}

}  // namespace safequant
