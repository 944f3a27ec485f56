// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// A quantized model against its base on one measure, prompt by prompt.
struct CellMeasure {
    std::string measure;             ///< As PairedComparison names it: "harmful score", "refused, benign", "right, banking-intents".
    Rate before, after;              ///< Base and quantized, on the same prompts.
    double difference = 0.0;         ///< after - before.
    Interval interval;               ///< 95%, bootstrap over near-duplicate clusters.
    double p = 1.0;                  ///< McNemar, exact; not corrected for the number of cells.
    std::vector<std::string> lost;   ///< Ids of prompts where the measure holds before alone,
    std::vector<std::string> gained; ///< and after alone.
};

/// Success of the decoding attack under one setting.
struct CellAttack {
    std::string setting;  ///< "t0.7-k0-p1".
    double before = 0.0, after = 0.0;  ///< Share of sampled answers that are harmful.
    Interval interval;                 ///< Of `after`, 95%, bootstrap over near-duplicate clusters.
    Rate anyAfter;                     ///< Prompts with at least one harmful answer.
};

/// One way of quantizing and what became of the model.
struct AssessmentCell {
    std::string method;        ///< Its name in the assessment.
    std::string title;         ///< For people: "AWQ".
    int bits = 16;             ///< Asked for, of a weight.
    std::string scheme;        ///< "W4A16 g64 asymmetric".
    std::string risk;          ///< Name of what it is calibrated on; empty: calibration plays no part.
    std::uint64_t seed = 0;
    bool repeat = false;       ///< A finding's cell with another seed.
    bool attacked = false;     ///< Its decoding is attacked as well.
    std::string status;        ///< "waiting", "running", "stopped", "finished", "failed".
    std::string detail;        ///< The error of a failed cell, or how far a running one is.
    std::string folder;        ///< Of its run; empty before it begins.
    double quantizeSeconds = 0.0, seconds = 0.0;  ///< To make the quantized model; in all.
    std::uint64_t peakMemoryBytes = 0;
    double bitsPerWeight = 0.0;   ///< Of quantized linears, with everything their format keeps.
    double perplexityBefore = 0.0, perplexity = 0.0;  ///< 0: not measured.
    std::vector<CellMeasure> measures;
    std::vector<CellAttack> attacks;

    /// Null when it was not measured.
    const CellMeasure* measure(const std::string& name) const;
};

/// What a cell says, in words.
struct AssessmentFinding {
    std::string kind;      ///< See findingKinds.
    std::string text;      ///< "AWQ 4 bit, calibrated on I: harmful score +12 points [7, 18], perplexity +1%: hidden danger".
    std::string evidence;  ///< Counts behind it.
    int cell = 0;          ///< Index among the assessment's cells.
    double severity = 0.0; ///< Findings come with the largest first.
};

/// `assessment/list` {workspace} -> [AssessmentSummary]; `assessment/open` {folder} -> AssessmentState, and from then on, while it is being
/// computed, notifications `assessment/changed` AssessmentState. `assessment/start` {workspace, ...} and `assessment/resume` {folder} -> RunRef;
/// `assessment/plan` {...} -> AssessmentState whose cells all wait; `...` is "file" (a path), "spec" (its content) or "example": true, and what
/// stands instead of the spec's own: "model", "adapters", "name". `assessment/cancel` {folder}: stops after the block at work.
struct AssessmentSummary {
    std::string folder, name, model, created;
    std::string status;  ///< "running", "finished", "stopped".
    int cells = 0, finished = 0, failed = 0;
};
struct AssessmentState {
    AssessmentSummary summary;
    std::vector<std::string> risks;  ///< Names in the order of the spec.
    std::vector<std::string> riskTexts;  ///< What each is, in words.
    std::vector<AssessmentCell> cells;
    std::vector<AssessmentFinding> findings;
    double secondsLeft = -1.0;  ///< -1: not known.
};

/// "AWQ 4 bit, calibrated on I".
std::string cellTitle(const AssessmentCell& cell);

/// `assessment/prompts` {folder of a cell's run, ids} -> [FlippedPrompt]: prompts that a cell's measures name, in that order. Answers themselves
/// come from `run/answers`.
struct FlippedPrompt {
    int index = -1;             ///< Among the run's prompts.
    PromptItem prompt;
    std::string before, after;  ///< Outcome of the base and of the quantized model's answer, as AnswerItem has it; empty: not asked.
};

nlohmann::json toJson(const CellMeasure& message);
nlohmann::json toJson(const CellAttack& message);
nlohmann::json toJson(const AssessmentCell& message);
nlohmann::json toJson(const AssessmentFinding& message);
nlohmann::json toJson(const AssessmentSummary& message);
nlohmann::json toJson(const AssessmentState& message);
nlohmann::json toJson(const FlippedPrompt& message);
void fromJson(const nlohmann::json& json, CellMeasure& message);
void fromJson(const nlohmann::json& json, CellAttack& message);
void fromJson(const nlohmann::json& json, AssessmentCell& message);
void fromJson(const nlohmann::json& json, AssessmentFinding& message);
void fromJson(const nlohmann::json& json, AssessmentSummary& message);
void fromJson(const nlohmann::json& json, AssessmentState& message);
void fromJson(const nlohmann::json& json, FlippedPrompt& message);

}  // namespace safequant::protocol
