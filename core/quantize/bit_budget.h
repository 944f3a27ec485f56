// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// One way to store an item.
struct BitOption {
    int bits = 16;      ///< Of its weights.
    double size = 0.0;  ///< In bits, scales and zero points among them.
    double cost = 0.0;  ///< What it does to the model; costs of items add up.
};

/// An option for every item.
struct BitAllocation {
    std::vector<std::size_t> options;  ///< Of each item, an index into its options.
    double size = 0.0, cost = 0.0;
    double bound = 0.0;  ///< No allocation within the budget costs less: the Lagrangian dual's value there.
};

/// Chooses one option an item so that the sizes stay within a budget and the costs are small. Every item's options are reduced to the
/// lower convex hull of cost over size; beginning with the smallest, steps along the hulls are taken by falling gain per bit (for each
/// multiplier of the Lagrangian this is its minimiser), and what is left of the budget goes to the options that gain most. The cost exceeds
/// the least possible one by less than the gain of one step, and not at all where the budget ends with a step; `bound` says by how much at
/// most. Ties go to the earlier item. Errors: bad_input when the smallest options do not fit. Throws std::invalid_argument on an item
/// without options and on sizes or costs that are not finite.
Expected<BitAllocation> allocateBits(std::span<const std::vector<BitOption>> items, double budget);

}  // namespace safequant
