// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <qcustomplot.h>

/// What the line plots have in common.
namespace safequant::widgets {

/// Axes at the left and below without ticks and boxes, margins in pixels, keyboard focus, mouse tracking, no interactions of
/// QCustomPlot's own. Call once, then recolourPlot.
void preparePlot(QCustomPlot* plot, const QMargins& margins);

/// Background, grid, axis fonts and colours from the theme.
void recolourPlot(QCustomPlot* plot);

/// Whole numbers 0 to count - 1 at a round step that leaves room for labels, and always the last one.
QVector<double> integerTicks(int count, double width);

}  // namespace safequant::widgets
