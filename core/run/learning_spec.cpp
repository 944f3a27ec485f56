// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/learning_spec.h"

#include <algorithm>
#include <array>

#include "core/base/nearest_name.h"

namespace safequant {
namespace {

constexpr int kMany = 10'000'000;
constexpr double kLargestWeight = 1e6;
/// SignRound's 200 steps of 8 samples from 128, at a rate of 1 / steps.
constexpr int kSignRoundBatch = 8, kSignRoundEpochs = 13;
constexpr double kSignRoundRate = 0.005;
/// At so few bits of weights alone learned rounding needs no scales beside it.
constexpr int kFewBits = 4;
constexpr std::array<const char*, kEquivalences> kScaleNames = {"norm-to-qkv", "norm-to-gate-up", "value-to-output", "up-to-down"};
const std::vector<std::string> kRules = {"adamw", "sign-gradient"};  // By LearningRule.
const std::vector<std::string> kMetrics = {"mean-square", "as-norms-read"};  // By ErrorMetric.
const std::vector<std::string> kShiftControls = {"none", "random", "flipped", "other-block"};  // By ShiftControl.
const std::vector<std::string> kObjectives = {"reconstruction", "published", "dual-stream", "signature"};

RealignObjective objectiveNamed(const std::string& name) {
    if (name == "published") return RealignObjective::published();
    if (name == "dual-stream") return RealignObjective::dualStream();
    if (name == "signature") return RealignObjective::signature(1.0);
    return RealignObjective::reconstruction();
}

void readScales(SpecReader& reader, LearnableTerms& terms) {
    if (reader.child("scales") == nullptr) return;
    std::vector<std::string> names;
    reader.texts("scales", names);
    terms.equivalences.fill(false);
    const std::vector<std::string> known(kScaleNames.begin(), kScaleNames.end());
    for (const std::string& name : names) {
        const auto found = std::find(known.begin(), known.end(), name);
        if (found == known.end())
            reader.reject("scales", "names no pair of layers: \"" + name + "\"" + didYouMean(name, known));
        else
            terms.equivalences[static_cast<std::size_t>(found - known.begin())] = true;
    }
}

void readObjective(SpecReader& reader, LearningSpec& spec) {
    const std::string before = spec.objective;
    reader.text("objective", spec.objective);
    if (std::find(kObjectives.begin(), kObjectives.end(), spec.objective) == kObjectives.end())
        reader.reject("objective", "names no objective: \"" + spec.objective + "\"" + didYouMean(spec.objective, kObjectives));
    RealignObjective& objective = spec.learning.objective;
    if (spec.objective != before) objective = objectiveNamed(spec.objective);
    const auto weight = [&](const char* name, double& target) { reader.number(name, target, 0.0, kLargestWeight); };
    reader.choice("error_metric", "measure of errors", kMetrics, objective.metric);
    weight("benign_weight", objective.benign);
    weight("benign_last_token_weight", objective.benignLast);
    weight("malicious_weight", objective.malicious);
    weight("last_token_weight", objective.maliciousLast);
    weight("probe_malicious_weight", objective.probeMalicious);
    weight("probe_benign_weight", objective.probeBenign);
    weight("margin", objective.margin);
    weight("gain", objective.gain);
    reader.whole("tail", objective.tail, 0, 1000);
    reader.truth("normalise", objective.normalise);
    reader.truth("swap_labels", objective.swapLabels);
}

}  // namespace

LearningSpec defaultLearning(const std::string& method, AlignedReference aligned, const QuantizationScheme& scheme) {
    LearningSpec spec;
    spec.learning.objective = objectiveNamed(spec.objective);
    if (method == "autoround") {
        LearnableTerms& terms = spec.learning.terms;
        terms.clippingInRange = true;
        terms.equivalences.fill(false);
        terms.offsets = true;
        terms.clippingRate = terms.offsetRate = kSignRoundRate;
        spec.learning.rule = LearningRule::SignGradient;
        spec.learning.epochs = spec.earlyEpochs = kSignRoundEpochs;
        spec.learning.batchSize = kSignRoundBatch;
    }
    if (method != "q-realign") return spec;
    spec.learning.terms.offsets = true;
    if (scheme.weightBits <= kFewBits && scheme.activationBits >= 16) {
        spec.learning.terms.equivalences.fill(false);
        spec.learning.terms.clippingRate = 2e-2;
        spec.learning.epochs = spec.earlyEpochs = 3;
    }
    spec.objective = aligned == AlignedReference::Weights ? "dual-stream" : aligned == AlignedReference::Signature ? "signature" : "published";
    spec.learning.objective = objectiveNamed(spec.objective);
    if (aligned == AlignedReference::None) {
        spec.learning.objective.probeBenign = 1.0;
        spec.learning.objective.margin = 1.0;
        spec.learning.objective.normalise = true;
    }
    return spec;
}

void readCalibration(SpecReader& spec, CalibrationParts& parts) {
    const auto* json = spec.child("calibration");
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf("calibration"), spec.where());
    reader.whole("malicious", parts.malicious, 0, kMany);
    reader.whole("benign", parts.benign, 0, kMany);
    reader.whole("texts", parts.texts, 0, kMany);
    reader.whole("tasks", parts.tasks, 0, kMany);
    reader.text("text", parts.text);
    reader.whole("text_from", parts.textFrom, 0, 2'000'000'000);
    reader.whole("text_tokens", parts.textTokens, 1, 1'000'000);
    reader.text("task_prompts", parts.taskPrompts);
    reader.whole("answer_tokens", parts.answerTokens, 0, 100'000);
    reader.whole("identity_shift", parts.identityShift, 0, kMany);
    spec.finishInner(reader);
}

void readModel(SpecReader& spec, const std::string& field, AlignedModel& model) {
    const auto* json = spec.child(field);
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf(field), spec.where());
    reader.text("checkpoint", model.checkpoint);
    reader.texts("adapters", model.adapters);
    spec.finishInner(reader);
}

void readAligned(SpecReader& spec, AlignedModel& model, std::string& signature) {
    const auto* json = spec.child("aligned");
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf("aligned"), spec.where());
    reader.text("checkpoint", model.checkpoint);
    reader.texts("adapters", model.adapters);
    reader.text("signature", signature);
    if (model.given() && !signature.empty()) reader.reject("signature", "stands beside a model, which says all that a signature does; leave one of them out.");
    spec.finishInner(reader);
}

void readLearning(SpecReader& quantization, LearningSpec& spec) {
    const auto* json = quantization.child("learning");
    if (json == nullptr) return;
    SpecReader reader(*json, quantization.pathOf("learning"), quantization.where());
    readObjective(reader, spec);
    BlockLearning& learning = spec.learning;
    reader.whole("early_epochs", spec.earlyEpochs, 0, 10'000);
    reader.whole("late_epochs", learning.epochs, 0, 10'000);
    reader.whole("batch_size", learning.batchSize, 1, 100'000);
    reader.whole("first_block", spec.firstBlock, 0, 100'000);
    reader.whole("last_block", spec.lastBlock, -1, 100'000);
    reader.choice("rule", "rule", kRules, learning.rule);
    reader.truth("clipping", learning.terms.clipping);
    reader.truth("clipping_in_range", learning.terms.clippingInRange);
    readScales(reader, learning.terms);
    reader.truth("offsets", learning.terms.offsets);
    reader.number("clipping_rate", learning.terms.clippingRate, 0.0, 10.0, true);
    reader.number("scale_rate", learning.terms.scaleRate, 0.0, 10.0, true);
    reader.number("offset_rate", learning.terms.offsetRate, 0.0, 10.0, true);
    reader.number("initial_alpha", learning.terms.initialAlpha, 0.0, 1.0);
    reader.number("guardrail", learning.guardrail, 0.0, 1e6);
    reader.truth("random_probe", spec.randomProbe);
    reader.choice("shift_control", "control", kShiftControls, spec.shiftControl);
    reader.text("device", spec.device);
    quantization.finishInner(reader);
}

nlohmann::json calibrationToJson(const CalibrationParts& parts) {
    return {{"malicious", parts.malicious}, {"benign", parts.benign},       {"texts", parts.texts},
            {"tasks", parts.tasks},         {"text", parts.text},           {"text_from", parts.textFrom},
            {"text_tokens", parts.textTokens}, {"task_prompts", parts.taskPrompts},
            {"answer_tokens", parts.answerTokens}, {"identity_shift", parts.identityShift}};
}

nlohmann::json alignedToJson(const AlignedModel& aligned) {
    return {{"checkpoint", aligned.checkpoint}, {"adapters", aligned.adapters}};
}

nlohmann::json learningToJson(const LearningSpec& spec) {
    const BlockLearning& learning = spec.learning;
    const RealignObjective& objective = learning.objective;
    nlohmann::json scales = nlohmann::json::array();
    for (std::size_t i = 0; i < kEquivalences; ++i)
        if (learning.terms.equivalences[i]) scales.push_back(kScaleNames[i]);
    return {{"objective", spec.objective},
            {"error_metric", kMetrics[static_cast<std::size_t>(objective.metric)]},
            {"benign_weight", objective.benign},
            {"benign_last_token_weight", objective.benignLast},
            {"malicious_weight", objective.malicious},
            {"last_token_weight", objective.maliciousLast},
            {"probe_malicious_weight", objective.probeMalicious},
            {"probe_benign_weight", objective.probeBenign},
            {"margin", objective.margin},
            {"gain", objective.gain},
            {"tail", objective.tail},
            {"normalise", objective.normalise},
            {"swap_labels", objective.swapLabels},
            {"early_epochs", spec.earlyEpochs},
            {"late_epochs", learning.epochs},
            {"batch_size", learning.batchSize},
            {"first_block", spec.firstBlock},
            {"last_block", spec.lastBlock},
            {"rule", kRules[static_cast<std::size_t>(learning.rule)]},
            {"clipping", learning.terms.clipping},
            {"clipping_in_range", learning.terms.clippingInRange},
            {"scales", std::move(scales)},
            {"offsets", learning.terms.offsets},
            {"clipping_rate", learning.terms.clippingRate},
            {"scale_rate", learning.terms.scaleRate},
            {"offset_rate", learning.terms.offsetRate},
            {"initial_alpha", learning.terms.initialAlpha},
            {"guardrail", learning.guardrail},
            {"random_probe", spec.randomProbe},
            {"shift_control", kShiftControls[static_cast<std::size_t>(spec.shiftControl)]},
            {"device", spec.device}};
}

}  // namespace safequant
