// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/figure_drawing.h"
#include "core/report/pdf_document.h"

namespace safequant {

/// Height on paper of a figure that is `width` points wide.
double figureHeight(const PdfDocument& document, const ReportFigure& figure, double width);
/// Draws it, as vectors and text.
void drawOnPaper(const PdfDocument& document, const ReportFigure& figure, double x, double y, double width);

}  // namespace safequant
