// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/run/learning_spec.h"
#include "core/run/spec_reader.h"
#include "core/tuning/tuning_options.h"

namespace safequant {

/// How a method with tuning is tuned. JSON form ("quantization.tuning"), every field optional:
/// llm-qat  {"generated": 128, "sequence_tokens": 64, "answer_tokens": 28, "steps": 60, "batch": 8, "learning_rate": 0.00005,
///           "weight_decay": 0, "warmup_steps": 6, "clip_norm": 1, "graph_memory_gib": 0.5}
/// qlora    {"double_quantization": true, "rank": 16, "alpha": 32, "learning_rate": 0.0002, and but for "generated" and "sequence_tokens"
/// the
///           same}
/// Prompts are those of the spec's "calibration": its malicious, benign, task and identity-shifting parts; passages of text play no part,
/// and its "answer_tokens" is not looked at.
struct TuningSpec {
    TuningOptions options;    ///< Its seed is the run's.
    int generated = 128;      ///< (llm-qat) Sequences that the full-precision model makes from start tokens of its own.
    int sequenceTokens = 64;  ///< Of such a sequence at most.
    int answerTokens = 28;    ///< Of the full-precision model's answer to a prompt at most.

    /// Prompts that the full-precision model answers; identity-shifting ones are prompts alone.
    static int chats(const CalibrationParts& parts) { return parts.malicious + parts.benign + parts.tasks; }
    /// Sequences and answers that the full-precision model is asked for.
    int asked(const CalibrationParts& parts) const { return generated + chats(parts); }
    /// Samples learned from in all steps.
    int learned() const { return options.steps * options.batch; }
    /// What it costs, about, in rows that are only passed through the blocks. `rowsPerPrompt`: tokens of a prompt without the shared
    /// prefix.
    double cost(const CalibrationParts& parts, double rowsPerPrompt) const;
};

/// How the note begins that a run makes of what it is tuned on.
inline constexpr const char* kTextsNote = "Tuned on what the full-precision model itself says:";

/// What a method is tuned by where the spec says nothing.
TuningSpec defaultTuning(const std::string& method);
/// `quantization` is the reader of the section that holds "tuning", which only methods with tuning may have.
void readTuning(SpecReader& quantization, const std::string& method, TuningSpec& tuning);
/// What the method reads.
nlohmann::json tuningToJson(const std::string& method, const TuningSpec& tuning);

}  // namespace safequant
