// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/patch/patch_options.h"
#include "core/run/spec_reader.h"

namespace safequant {

/// How a quantized model is patched after its quantizer. JSON form ("quantization.patch"), every field optional:
/// {"method": "q-resafe", "malicious": 200, "benign": 100, "hard_benign": 50, "answer_tokens": 28, "pairs": "",
///  "preference_weight": 1, "chosen_weight": 1, "beta": 0.1, "mask": "safe-score", "share": 0.2, "scope": "linear", "scored_pairs": 48,
///  "identify_every": 0, "rank": 64, "alpha": 128, "steps": 40, "batch": 8, "learning_rate": 0.0003, "warmup_steps": 6, "clip_norm": 1,
///  "graph_memory_gib": 0.5}
/// The method sets weights and mask, which later fields change: "q-resafe" as above; "dpo" has the preference loss alone and "sft" the chosen
/// answers alone, both with mask "all".
struct PatchSpec {
    std::string method = "q-resafe";
    PatchOptions options;  ///< Its seed is the run's.
    /// Prompts of the calibration split that both models answer.
    int malicious = 200, benign = 100, hardBenign = 50;
    int answerTokens = 28;  ///< Of an answer at most.
    std::string pairs;      ///< JSON Lines with "prompt", "chosen" and "rejected" to learn from instead; "label" "benign" where it is.

    /// Answers that the models are asked for.
    int asked() const { return pairs.empty() ? 2 * (malicious + benign + hardBenign) : 0; }
    /// Pairs learned from in all steps.
    int learned() const { return options.steps * options.batch; }
    /// What it costs, about, in rows that are only passed through the blocks. `rowsPerPrompt`: tokens of a prompt without the shared prefix.
    double cost(double rowsPerPrompt) const;
};

/// `quantization` is the reader of the section that holds "patch"; `patch` stays empty without it.
void readPatch(SpecReader& quantization, std::uint64_t seed, std::optional<PatchSpec>& patch);
nlohmann::json patchToJson(const PatchSpec& patch);
/// For people: "Q-resafe".
std::string patchTitle(const std::string& method);
/// How the note begins that a run makes of the pairs it is patched with.
inline constexpr const char* kPairsNote = "Pairs of answers:";
/// "q-resafe, dpo, sft".
std::string patchMethodNames();

}  // namespace safequant
