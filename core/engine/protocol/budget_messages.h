// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// What rounding to nearest does to a linear at each of the bits that a budget chooses among.
struct SensitivityItem {
    std::string name;
    int block = 0;
    std::uint64_t weights = 0;
    std::vector<double> bitsPerWeight;  ///< With scales and zero points, by bits.
    std::vector<double> error;          ///< Relative, of the weights or of the output.
};

/// `budget/measure` {spec, measure: "weights" | "outputs", folder, ticket} -> {ticket}, at once; tickets ascend, and a new one ends the one
/// at work. "weights" needs the spec's model alone; "outputs" measures on the activations of a run (folder) of the same model. Then
/// notifications `budget/progress` {ticket, done, total} in blocks, and `budget/finished` {ticket, result: Sensitivities | error}.
/// `budget/cancel` {ticket} ends that ticket and all before it.
struct Sensitivities {
    std::string measure;
    std::vector<int> bits;  ///< Ascending.
    std::vector<SensitivityItem> linears;
    std::uint64_t otherBytes = 0;  ///< Of an export beside the linears.
};

/// `budget/solve` {size_bits: all linears together, fused} -> BudgetSolution, by the sensitivities measured last.
struct BudgetSolution {
    std::vector<int> bits;  ///< Of each linear, in the order of the sensitivities.
    double sizeBits = 0.0;
    double cost = 0.0;   ///< Sum of squared relative errors.
    double bound = 0.0;  ///< No choice of bits within the budget costs less.
};

nlohmann::json toJson(const SensitivityItem& message);
nlohmann::json toJson(const Sensitivities& message);
nlohmann::json toJson(const BudgetSolution& message);
void fromJson(const nlohmann::json& json, SensitivityItem& message);
void fromJson(const nlohmann::json& json, Sensitivities& message);
void fromJson(const nlohmann::json& json, BudgetSolution& message);

}  // namespace safequant::protocol
