// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/report/report.h"

namespace safequant {

/// A place in a figure: from the upper left, in units of which the figure is kFigureWidth wide.
struct CanvasPoint {
    double x = 0.0, y = 0.0;
};
inline constexpr double kFigureWidth = 720.0;

enum class Stroke { Grid, Chance };
enum class Anchor { Start, Middle, End };
enum class TextKind { Tick, Axis, Label };
struct TextStyle {
    TextKind kind = TextKind::Label;
    std::optional<FigureRole> role = {};  ///< Written in its colour.
};

/// What figures are drawn on: knows colours and type, where figures know places.
class FigureCanvas {
public:
    virtual ~FigureCanvas() = default;
    virtual void line(Stroke stroke, double x1, double y1, double x2, double y2) = 0;
    virtual void whisker(FigureRole role, double x1, double y1, double x2, double y2) = 0;
    virtual void frame(CanvasPoint upperLeft, CanvasPoint lowerRight) = 0;
    virtual void curve(FigureRole role, bool dashed, const std::vector<CanvasPoint>& points) = 0;
    virtual void band(FigureRole role, const std::vector<CanvasPoint>& outline) = 0;
    /// `y` is the baseline.
    virtual void text(const TextStyle& style, double x, double y, Anchor anchor, const std::string& words) = 0;
    /// The title of an axis, read from below upwards, centred at the place.
    virtual void upright(double x, double y, const std::string& words) = 0;
    /// Of radius `r`; see markOutline.
    virtual void mark(FigureRole role, double x, double y, double r) = 0;
};

/// Draws a figure and returns its height.
double drawFigure(FigureCanvas& canvas, const ReportFigure& figure);

/// The corners of a role's mark; empty: a circle. Open marks are filled with the background.
std::vector<CanvasPoint> markOutline(FigureRole role, CanvasPoint at, double r);
bool markIsOpen(FigureRole role);

}  // namespace safequant
