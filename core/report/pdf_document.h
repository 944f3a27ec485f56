// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "core/base/error.h"

namespace safequant {

/// Type on paper: size in points.
struct PdfType {
    double size = 9.5;
    bool bold = false;
    unsigned colour = 0x1c2430;  ///< 0xRRGGBB.
};

/// An A4 document under construction: pages, text that wraps, an outline. Places are in points from the upper left of the page.
class PdfDocument {
public:
    static constexpr double kWidth = 595.276, kHeight = 841.89, kMargin = 48.0;
    static constexpr double kInner = kWidth - 2.0 * kMargin;
    static constexpr double kBottom = kHeight - 60.0;  ///< Content ends here; the foot lies below.

    /// `created` is an ISO 8601 time, kept in the document instead of the present one.
    PdfDocument(const std::string& title, const std::string& program, const std::string& created);

    cairo_t* cairo() const { return m_cairo.get(); }
    int page() const { return m_page; }
    void nextPage();

    /// Height of a text that wraps at a width.
    double heightOf(const std::string& text, const PdfType& type, double width) const;
    /// Width of a text on one line, and of its longest word.
    double widthOf(const std::string& text, const PdfType& type) const;
    double wordWidthOf(const std::string& text, const PdfType& type) const;
    /// Writes it and returns its height.
    double write(const std::string& text, const PdfType& type, double x, double y, double width) const;
    /// Writes one line with its baseline at `y`; `along` 0, 0.5 and 1 put its start, middle or end at `x`.
    void writeLine(const std::string& text, const PdfType& type, double x, double y, double along) const;

    void setColour(unsigned colour, double opacity = 1.0) const;
    void rule(double x1, double y1, double x2, double y2, unsigned colour, double width = 0.6) const;
    void box(double x, double y, double width, double height, unsigned fill, unsigned line) const;
    /// An entry of the outline that leads to this page.
    void addOutline(const std::string& title) const;

    /// Closes the document; its bytes. Errors: failed.
    Expected<std::string> finish();

private:
    struct Destroy {
        void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
        void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    };
    std::unique_ptr<std::string> m_bytes;
    std::unique_ptr<cairo_surface_t, Destroy> m_surface;
    std::unique_ptr<cairo_t, Destroy> m_cairo;
    int m_page = 1;
};

}  // namespace safequant
