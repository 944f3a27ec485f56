// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>

namespace safequant::widgets {

struct ThemeColors;

/// A value's colour, made of the theme's roles. Lightness alone tells values apart, so that the scales read in grey and to people who do not
/// see all colours.

/// `share` 0 (next to the background) to 1 (furthest from it), clamped. Lightness is monotone.
QColor sequentialColor(double share, const ThemeColors& colors);
/// `value` -1 to 1, clamped: the background at 0, one hue for each sign. In grey both signs look alike; whoever draws marks one of them.
QColor divergingColor(double value, const ThemeColors& colors);
/// The role that is read best on a background.
QColor inkOn(const QColor& background, const ThemeColors& colors);

}  // namespace safequant::widgets
