// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"
#include "core/patch/patch_options.h"
#include "core/run/learning_spec.h"
#include "core/run/spec_reader.h"

namespace safequant {

/// Steps between two looks at the model that is patched, at which its state is kept as well; and malicious and benign evaluation prompts
/// looked at.
inline constexpr int kPatchLookEvery = 10, kProbedPromptsOfAClass = 100;

/// What a patch does to a quantized model.
enum class PatchKind : std::uint8_t {
    Pairs,  ///< Learns codes from preference pairs.
    Keep,   ///< Leaves critical weights in 16 bits; nothing is learned.
    Align,  ///< Learns codes by AAQ's loss, or its first term.
};

/// How a quantized model is patched after its quantizer. JSON form ("quantization.patch"), every field optional; "method" says which there
/// are. "q-resafe": {"method": "q-resafe", "malicious": 200, "benign": 100, "hard_benign": 50, "answer_tokens": 28, "pairs": "",
///  "both_refuse": "keep", "preference_weight": 1, "chosen_weight": 1, "beta": 0.1, "mask": "safe-score", "share": 0.2, "scope": "linear", "scored_pairs": 48,
///  "identify_every": 0, "rank": 64, "alpha": 128, "steps": 40, "batch": 8, "learning_rate": 0.0003, "warmup_steps": 6, "clip_norm": 1,
///  "graph_memory_gib": 0.5}; "dpo" has the preference loss alone and "sft" the chosen answers alone, both with mask "all".
/// "q-resafe-16bit": {"malicious": 100, "benign": 50, "hard_benign": 25, "answer_tokens": 28, "pairs": "", "mask": "safe-score", "share":
/// 0.6,
///  "scope": "linear", "scored_pairs": 48, "beta": 1, "texts": 24, "text": "builtin:perplexity", "text_from": 78066, "text_tokens": 96};
///  "critical-weights" has the mask "protection-score" and the share 0.1.
/// "aaq": {"malicious": 60, "benign": 200, "hard_benign": 50, "answer_tokens": 12, "pairs": "", "texts": 60, "text": ..., "text_from": ...,
///  "text_tokens": ..., "pretrained": {"checkpoint": "", "adapters": []}, "lambda": 0.1, "limit": 3, "top_k": 0, "softmax": "whole", "mask":
///  "all", "share": 0.2, "rank": 64, ... as "q-resafe", "steps": 60, "learning_rate": 0.0008}; "distillation" has its first term alone, and so no
///  "pretrained", "lambda" and "limit".
struct PatchSpec {
    std::string method = "q-resafe";
    PatchKind kind = PatchKind::Pairs;
    PatchOptions options;  ///< Its seed is the run's.
    /// Prompts of the calibration split that models answer.
    int malicious = 200, benign = 100, hardBenign = 50;
    int answerTokens = 28;  ///< Of an answer at most.
    /// Refusals of malicious prompts that the quantized model refuses as well are learned without a rejected answer ("both_refuse": "keep"), so
    /// that what is learned from other pairs does not take them away; false: left out ("skip").
    bool keepRefusals = true;
    /// Nothing is learned of a refusal alone where chosen answers have no weight of their own.
    bool keepsRefusals() const { return keepRefusals && options.chosenWeight > 0.0; }
    std::string pairs;  ///< JSON Lines with "prompt", "chosen" and, for pairs, "rejected" to take instead; "label" "benign" where it is.
    TextPassages texts;
    /// AAQ's model before alignment; empty: the run's checkpoint without the run's adapters.
    AlignedModel pretrained;

    /// Distillation has the first term of AAQ's loss alone.
    bool contrasts() const { return kind == PatchKind::Align && method != "distillation"; }
    /// The model is asked, or the file is read.
    bool takesAnswers() const {
        return kind != PatchKind::Keep || options.mask == PatchMask::SafeScore || options.mask == PatchMask::Protection;
    }
    /// Answers that the models are asked for.
    int asked() const;
    /// Pairs or samples learned from in all steps.
    int learned() const { return kind == PatchKind::Keep ? 0 : options.steps * options.batch; }
    /// Looks with the base model's probes: before the first step, and after every kPatchLookEvery steps and the last.
    int looks() const { return kind == PatchKind::Keep ? 0 : 1 + (options.steps + kPatchLookEvery - 1) / kPatchLookEvery; }
    /// Answers and texts that weights are scored on, at most.
    int scored() const;
    /// Units of work: answers asked for, and what is learned from or scored.
    std::uint64_t units() const;
    /// What it costs, about, in rows that are only passed through the blocks. `rowsPerPrompt`: tokens of a prompt without the shared prefix.
    double cost(double rowsPerPrompt) const;
    /// Rows whose hidden states it holds at once: at all blocks where it scores, of teachers where it aligns.
    double heldRows(double rowsPerPrompt) const;
};

/// What makes an export in a format other than bfloat16 values impossible for a patch: its weights are on no grid. Empty: nothing.
std::string patchExportProblem(const std::optional<PatchSpec>& patch, std::string_view format);

/// `quantization` is the reader of the section that holds "patch"; `patch` stays empty without it.
void readPatch(SpecReader& quantization, std::uint64_t seed, std::optional<PatchSpec>& patch);
nlohmann::json patchToJson(const PatchSpec& patch);
/// For people: "Q-resafe".
std::string patchTitle(const std::string& method);
/// "pairs", "keep", "align".
const char* patchKindName(PatchKind kind);
/// All ways to patch, for people to choose from.
std::vector<protocol::PatchInfo> patchInfos();
/// How the note begins that a run makes of the pairs it is patched with, and of single answers.
inline constexpr const char* kPairsNote = "Pairs of answers:";
inline constexpr const char* kAnswersNote = "Answers of the model before it was quantized:";
/// "q-resafe, dpo, sft, q-resafe-16bit, critical-weights, aaq, distillation".
std::string patchMethodNames();

}  // namespace safequant
