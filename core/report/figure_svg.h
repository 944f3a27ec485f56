// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "core/report/report.h"

namespace safequant {

/// `text` where markup is expected: & < > and quotes escaped, characters that XML does not allow replaced.
std::string escapedMarkup(std::string_view text);

/// The colours of figures and pages as CSS variables, for light, dark and print.
std::string_view reportColours();

/// How the classes of figures' elements look, in those colours.
std::string_view figureStyle();

/// A figure as an `<svg>` element, whose colours are the variables of reportColours. Shapes and dashes tell apart what colours do. Where
/// `standalone`, it is a whole file in light colours, on white, that says them in plain attributes: it looks the same in whatever draws SVG.
std::string figureSvg(const ReportFigure& figure, bool standalone);

}  // namespace safequant
