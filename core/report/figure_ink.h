// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>

#include "core/report/report.h"

namespace safequant::ink {

/// The colours of figures on paper, as 0xRRGGBB: the light ones of reportColours.
inline constexpr unsigned kText = 0x1c2430, kMuted = 0x667085, kGrid = 0xeceff3, kLine = 0xdfe3e8, kPaper = 0xffffff;

inline constexpr unsigned colourOf(FigureRole role) {
    constexpr std::array<unsigned, 7> kColours = {0x475467, 0x6a4fd8, 0x8a6d1f, 0x667085, 0xc8490c, 0x0a68b4, 0x0f8a63};
    return kColours[static_cast<std::size_t>(role)];
}

/// Widths of lines, and how much of what is behind a band it hides.
inline constexpr double kBandOpacity = 0.16;
inline constexpr double curveWidth(FigureRole role) { return role == FigureRole::Quantized ? 2.5 : 1.5; }

}  // namespace safequant::ink
