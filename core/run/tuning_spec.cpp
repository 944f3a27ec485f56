// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/tuning_spec.h"

#include "core/quantize/method.h"

namespace safequant {
namespace {

constexpr int kMostTuningSteps = 1'000'000;
/// A decoded token costs more than one of many rows: products with few rows are bound by memory.
constexpr double kGeneratedRowCost = 2.5;
/// A row learned from goes forward twice and back, through all of the head as well, and its step rounds all weights and moves them.
constexpr double kTunedRowCost = 9.0;

bool tunes(const std::string& method) {
    const auto known = findQuantizationMethod(method);
    return known && (*known)->tunes;
}

std::string tuningMethodNames() {
    std::string names;
    for (const QuantizationMethod& method : quantizationMethods())
        if (method.tunes) names += (names.empty() ? "" : ", ") + std::string(method.id);
    return names;
}

}  // namespace

double TuningSpec::cost(const CalibrationParts& parts, double rowsPerPrompt) const {
    const double chats = TuningSpec::chats(parts);
    const double chatRows = rowsPerPrompt + answerTokens, samples = generated + chats;
    const double mean = samples > 0.0 ? (generated * static_cast<double>(sequenceTokens) + chats * chatRows) / samples : 0.0;
    return kGeneratedRowCost * (generated * static_cast<double>(sequenceTokens) + chats * answerTokens) + chats * rowsPerPrompt +
           kTunedRowCost * learned() * mean;
}

TuningSpec defaultTuning(const std::string& method) {
    TuningSpec tuning;
    if (method != "qlora") return tuning;
    tuning.generated = 0;
    tuning.options.learningRate = 2e-4;
    return tuning;
}

void readTuning(SpecReader& quantization, const std::string& method, TuningSpec& tuning) {
    const auto* json = quantization.child("tuning");
    if (json == nullptr) return;
    if (!tunes(method)) {
        quantization.reject("tuning", "is for methods with tuning (" + tuningMethodNames() + "), and \"" + method + "\" is none.");
        return;
    }
    SpecReader reader = quantization.inside(*json, "tuning");
    TuningOptions& options = tuning.options;
    if (method == "llm-qat") {
        reader.whole("generated", tuning.generated, 0, kMostTuningSteps);
        reader.whole("sequence_tokens", tuning.sequenceTokens, 8, 100'000);
    } else {
        reader.truth("double_quantization", options.doubleQuantization);
        reader.whole("rank", options.rank, 1, 4096);
        reader.number("alpha", options.alpha, 0.0, 1e6, true);
    }
    reader.whole("answer_tokens", tuning.answerTokens, 1, 4096);
    reader.whole("steps", options.steps, 1, kMostTuningSteps);
    reader.whole("batch", options.batch, 1, 1024);
    reader.number("learning_rate", options.learningRate, 0.0, 1.0, true);
    reader.number("weight_decay", options.weightDecay, 0.0, 100.0);
    reader.whole("warmup_steps", options.warmupSteps, 0, kMostTuningSteps);
    reader.number("clip_norm", options.clipNorm, 0.0, 1e6);
    reader.number("graph_memory_gib", options.graphMemoryGib, 0.0, 1024.0);
    quantization.finishInner(reader);
}

nlohmann::json tuningToJson(const std::string& method, const TuningSpec& tuning) {
    const TuningOptions& options = tuning.options;
    nlohmann::json json{{"answer_tokens", tuning.answerTokens},
                        {"steps", options.steps},
                        {"batch", options.batch},
                        {"learning_rate", options.learningRate},
                        {"weight_decay", options.weightDecay},
                        {"warmup_steps", options.warmupSteps},
                        {"clip_norm", options.clipNorm},
                        {"graph_memory_gib", options.graphMemoryGib}};
    if (method == "llm-qat") {
        json["generated"] = tuning.generated;
        json["sequence_tokens"] = tuning.sequenceTokens;
    } else {
        json["double_quantization"] = options.doubleQuantization;
        json["rank"] = options.rank;
        json["alpha"] = options.alpha;
    }
    return json;
}

}  // namespace safequant
