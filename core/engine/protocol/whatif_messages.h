// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/protocol/overlay_messages.h"

namespace safequant::protocol {

/// `whatif/block` {folder, block, quantization: {method, default, rules, options} as in a run spec, ticket} -> {ticket}, at once; tickets ascend, and
/// a new one ends the one at work. Then notifications `whatif/progress` WhatIfProgress while the block's inputs are computed (the first
/// time a block is asked), `whatif/result` {ticket, result: WhatIfResult} twice, quick and refined, and `whatif/finished` {ticket, error?}.
/// `whatif/cancel` {ticket} ends that ticket and all before it with an error of kind cancelled.
struct WhatIfProgress {
    std::int64_t ticket = 0;
    int done = 0, total = 0;  ///< Blocks of the base model.
};

/// The scheme that the run has, tried on the block in the same way.
struct WhatIfOwn {
    std::string scheme;
    double relativeError = 0.0;
    double bitsPerWeight = 16.0;
    Rate accuracy;                  ///< Of the base model's probe.
    AccuracyDifference difference;  ///< What if less the run's own.
};

/// One block quantized otherwise. Its inputs are the base model's, of which all tokens of all prompts went through the block: this is what
/// the block alone does, without the errors of quantized blocks before it. In block 0 it is what a run measures.
struct WhatIfResult {
    int block = 0;
    std::string method;             ///< Its id.
    std::string scheme;             ///< "W4A16 g64 asymmetric", of the linears; "mixed" where they differ.
    int prompts = 0;                ///< Evaluation prompts, all of them.
    std::vector<LinearInfo> linears;  ///< outputError: of last tokens of these prompts, with the base model's inputs.
    double bitsPerWeight = 16.0;    ///< Of the block's linears.
    double relativeError = 0.0;     ///< ||h - h_base|| / ||h_base|| of their last tokens at the block's output.
    ProbeSummary transferred;       ///< The base model's probe.
    AccuracyDifference fromBase;    ///< What if less the base model.
    std::optional<WhatIfOwn> own;   ///< Absent while the run has not quantized the block.
    FloatArray probe, lda, pca;     ///< `[prompts, 2]` on the run's axes; rows as in `run/projection`.
    std::vector<float> logits;      ///< Of the base model's probe.
    double seconds = 0.0;           ///< The quick answer took.
    /// Once refined: both probes fitted anew on this block's calibration activations, errors over all captured prompts.
    std::optional<BlockSeparability> refined;
};

nlohmann::json toJson(const WhatIfProgress& message);
nlohmann::json toJson(const WhatIfOwn& message);
nlohmann::json toJson(const WhatIfResult& message);
void fromJson(const nlohmann::json& json, WhatIfProgress& message);
void fromJson(const nlohmann::json& json, WhatIfOwn& message);
void fromJson(const nlohmann::json& json, WhatIfResult& message);

}  // namespace safequant::protocol
