// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/colorscale.h"

#include <algorithm>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

/// Where on a scale the hue is at its purest.
constexpr double kPure = 0.62;

/// From the background over a hue to the ink.
QColor along(double share, const QColor& hue, const ThemeColors& colors) {
    const QColor first = Theme::blend(hue, colors.plot, 0.05);
    if (share <= kPure) return Theme::blend(hue, first, share / kPure);
    return Theme::blend(colors.text, hue, 0.8 * (share - kPure) / (1.0 - kPure));
}

}  // namespace

QColor sequentialColor(double share, const ThemeColors& colors) { return along(std::clamp(share, 0.0, 1.0), colors.accent, colors); }

QColor divergingColor(double value, const ThemeColors& colors) {
    const double clamped = std::clamp(value, -1.0, 1.0);
    return along(std::abs(clamped), clamped < 0.0 ? colors.fourth : colors.accent, colors);
}

QColor inkOn(const QColor& background, const ThemeColors& colors) {
    return Theme::contrast(colors.text, background) >= Theme::contrast(colors.plot, background) ? colors.text : colors.plot;
}

}  // namespace safequant::widgets
