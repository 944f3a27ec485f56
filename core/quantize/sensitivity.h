// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/quantize/bit_budget.h"
#include "core/quantize/scheme.h"

namespace safequant {

/// Weight bits that a budget chooses among.
inline constexpr std::array kBudgetBits = {2, 3, 4, 5, 6, 8};

/// What rounding one linear to nearest does at each of kBudgetBits.
struct LinearSensitivity {
    std::string name;
    int block = 0;
    LinearRole role = LinearRole::Query;
    double weights = 0.0;                               ///< How many.
    std::array<double, kBudgetBits.size()> bitsPerWeight{};  ///< With scales and zero points.
    /// ||W - Q|| / ||W||, or ||(W - Q) X|| / ||W X|| where measured on inputs.
    std::array<double, kBudgetBits.size()> relativeError{};
};

/// Weight errors of every linear of a plan, whose groups and symmetry hold for all bits. Reads the checkpoint once; progress counts blocks.
/// Errors: those of the checkpoint; cancelled.
Expected<std::vector<LinearSensitivity>> measureWeightErrors(const Checkpoint& checkpoint, std::span<const LinearPlan> plan,
                                                             const Progress& progress = {});

/// Bits of every linear, in the order of the sensitivities.
struct BitBudget {
    std::vector<int> bits;
    double size = 0.0;   ///< In bits.
    double cost = 0.0;   ///< Sum of squared relative errors: what noise adds to signal, linear by linear.
    double bound = 0.0;  ///< See BitAllocation.
};

/// Rules that give linears their bits in a scheme otherwise the same, one for each number of bits but the scheme's own: "^(?:NAME|NAME)$".
std::vector<SchemeRule> rulesFor(std::span<const LinearSensitivity> linears, std::span<const int> bits, const QuantizationScheme& scheme);

/// Solves a budget in bits over linears. With `fused`, queries, keys and values of a block get equal bits, and so do gate and up, since
/// runtimes run each as one product. Error: that of allocateBits.
Expected<BitBudget> solveBudget(std::span<const LinearSensitivity> linears, double budget, bool fused = true);

}  // namespace safequant
