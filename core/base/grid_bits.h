// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace safequant {

/// Bits a weight takes with its share of scale (16 bits) and zero point (as many bits as a weight, unless symmetric) of a group of
/// `columns`; 16 when left alone.
inline double gridBitsPerWeight(int weightBits, bool symmetric, double columns) {
    if (weightBits >= 16) return 16.0;
    return weightBits + (16.0 + (symmetric ? 0.0 : weightBits)) / columns;
}

}  // namespace safequant
