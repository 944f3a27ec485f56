// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// One model's activations of placed prompts at the end of one block; rows are the prompts, in the order they were given.
struct PlacedBlock {
    std::string model;  ///< "base" or "quantized".
    int block = 0;
    FloatArray probe, lda, pca;            ///< `[n, 2]`, on the run's base axes.
    FloatArray refitted;                   ///< `[n, 2]`, of the quantized model on its own probe's axis, as ProjectionResult has it; else empty.
    std::vector<float> logitsTransferred;  ///< Of the base model's probe.
    std::vector<float> logitsRefitted;     ///< Of the model's own probe; the same for the base model.
};

/// `run/place` {folder, texts: [user message], ticket} -> PlacedPrompts: prompts that are not the run's own, sent through its models and
/// measured with what the run keeps of its finished blocks. Tickets ascend, and a new one ends the one at work. Meanwhile notifications `run/place-progress` {ticket, done, total}, in blocks;
/// `run/place-cancel` {ticket} ends it with an error of kind cancelled. Nothing is written.
struct PlacedPrompts {
    std::vector<int> tokens;  ///< Of each prompt, template included.
    std::vector<PlacedBlock> blocks;
};

nlohmann::json toJson(const PlacedBlock& message);
nlohmann::json toJson(const PlacedPrompts& message);
void fromJson(const nlohmann::json& json, PlacedBlock& message);
void fromJson(const nlohmann::json& json, PlacedPrompts& message);

}  // namespace safequant::protocol
