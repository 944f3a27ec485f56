// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// Accuracy of another model (another run's, or what is tried on a block) less that of the open run's, prompt by prompt.
struct AccuracyDifference {
    double value = 0.0;
    Interval interval;                          ///< 95%, bootstrap over near-duplicate clusters.
    double p = 1.0;                             ///< McNemar, exact; of this block alone.
    std::uint64_t onlyHere = 0, onlyThere = 0;  ///< Prompts that one of the two alone has right.
};

/// One block of another run's model, on the evaluation prompts that both runs have.
struct OverlayBlock {
    int block = 0;
    std::string against;        ///< What it is compared with: the open run's "quantized" model, or "base" where that has no such block.
    ProbeSummary refitted;      ///< The other model's own probe.
    ProbeSummary transferred;   ///< The open run's base probe on the other model.
    AccuracyDifference refittedDifference, transferredDifference;
};

/// `run/overlay` {folder, other, model} -> RunOverlay; model "base" | "quantized" | "" (quantized, or base where nothing was quantized).
struct RunOverlay {
    std::string folder, name, model;
    std::uint64_t prompts = 0;  ///< Evaluation prompts that both runs have.
    std::vector<OverlayBlock> blocks;
};

/// `run/overlay-projection` {folder, other, model, block, kind, probe} -> ProjectionResult: `base` holds the open run's model (as
/// OverlayBlock::against), `quantized` the other run's, both on the open run's base axes and scored by `probe`; rows are the prompts that
/// both have.

nlohmann::json toJson(const AccuracyDifference& message);
nlohmann::json toJson(const OverlayBlock& message);
nlohmann::json toJson(const RunOverlay& message);
void fromJson(const nlohmann::json& json, AccuracyDifference& message);
void fromJson(const nlohmann::json& json, OverlayBlock& message);
void fromJson(const nlohmann::json& json, RunOverlay& message);

}  // namespace safequant::protocol
