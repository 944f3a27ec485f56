// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/patch_spec.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/nearest_name.h"

namespace safequant {
namespace {

constexpr int kMostPrompts = 1'000'000;
/// A decoded token costs more than one of many rows: products with few rows are bound by memory.
constexpr double kDecodedRowCost = 2.5;
/// A row learned from goes forward twice and back, and its step rounds all weights.
constexpr double kLearnedPairRowCost = 8.0;

struct PatchPreset {
    std::string_view name, title;
    double preferenceWeight, chosenWeight;
    PatchMask mask;
};
constexpr std::array kPresets{PatchPreset{"q-resafe", "Q-resafe", 1.0, 1.0, PatchMask::SafeScore},
                              PatchPreset{"dpo", "DPO", 1.0, 0.0, PatchMask::All},
                              PatchPreset{"sft", "SFT", 0.0, 1.0, PatchMask::All}};

const PatchPreset* presetOf(std::string_view name) {
    const auto found = std::find_if(kPresets.begin(), kPresets.end(), [&](const PatchPreset& preset) { return preset.name == name; });
    return found == kPresets.end() ? nullptr : &*found;
}

}  // namespace

double PatchSpec::cost(double rowsPerPrompt) const {
    return asked() * (rowsPerPrompt + kDecodedRowCost * answerTokens) + kLearnedPairRowCost * 2.0 * learned() * (rowsPerPrompt + answerTokens);
}

std::string patchTitle(const std::string& method) {
    const PatchPreset* preset = presetOf(method);
    return preset != nullptr ? std::string(preset->title) : method;
}

std::string patchMethodNames() {
    std::string names;
    for (const PatchPreset& preset : kPresets) names += (names.empty() ? "" : ", ") + std::string(preset.name);
    return names;
}

void readPatch(SpecReader& quantization, std::uint64_t seed, std::optional<PatchSpec>& patch) {
    const auto* json = quantization.child("patch");
    if (json == nullptr) return;
    SpecReader reader = quantization.inside(*json, "patch");
    PatchSpec read;
    PatchOptions& options = read.options;
    options.seed = seed;
    reader.text("method", read.method);
    if (const PatchPreset* preset = presetOf(read.method); preset != nullptr) {
        options.preferenceWeight = preset->preferenceWeight;
        options.chosenWeight = preset->chosenWeight;
        options.mask = preset->mask;
    } else {
        std::vector<std::string> known;
        for (const PatchPreset& each : kPresets) known.emplace_back(each.name);
        reader.reject("method", "names no way to patch: \"" + read.method + "\"" + didYouMean(read.method, known));
    }
    reader.whole("malicious", read.malicious, 0, kMostPrompts);
    reader.whole("benign", read.benign, 0, kMostPrompts);
    reader.whole("hard_benign", read.hardBenign, 0, kMostPrompts);
    reader.whole("answer_tokens", read.answerTokens, 1, 4096);
    reader.text("pairs", read.pairs);
    reader.number("preference_weight", options.preferenceWeight, 0.0, 1e6);
    reader.number("chosen_weight", options.chosenWeight, 0.0, 1e6);
    reader.number("beta", options.beta, 0.0, 100.0, true);
    const std::array<std::string, 3> masks{patchMaskName(PatchMask::SafeScore), patchMaskName(PatchMask::Random), patchMaskName(PatchMask::All)};
    reader.choice("mask", "mask", masks, options.mask);
    reader.number("share", options.share, 0.0, 1.0, true);
    const std::array<std::string, 2> scopes{"linear", "model"};
    enum class Scope : std::uint8_t { Linear, Model } scope = Scope::Linear;
    reader.choice("scope", "scope", scopes, scope);
    options.global = scope == Scope::Model;
    reader.whole("scored_pairs", options.scoredPairs, 1, kMostPrompts);
    reader.whole("identify_every", options.identifyEvery, 0, kMostPrompts);
    reader.whole("rank", options.factors.rank, 1, 4096);
    reader.number("alpha", options.factors.alpha, 0.0, 1e6, true);
    reader.whole("steps", options.steps, 1, kMostPrompts);
    reader.whole("batch", options.batch, 1, 1024);
    reader.number("learning_rate", options.learningRate, 0.0, 1.0, true);
    reader.whole("warmup_steps", options.warmupSteps, 0, kMostPrompts);
    reader.number("clip_norm", options.clipNorm, 0.0, 1e6);
    reader.number("graph_memory_gib", options.graphMemoryGib, 0.0, 1024.0);
    if (options.preferenceWeight == 0.0 && options.chosenWeight == 0.0)
        reader.reject("chosen_weight", "and \"preference_weight\" are both 0: nothing would be learned.");
    if (read.pairs.empty() && read.asked() == 0) reader.reject("malicious", "and the other counts are 0, and \"pairs\" names no file.");
    quantization.finishInner(reader);
    patch = std::move(read);
}

nlohmann::json patchToJson(const PatchSpec& patch) {
    const PatchOptions& options = patch.options;
    return {{"method", patch.method},
            {"malicious", patch.malicious},
            {"benign", patch.benign},
            {"hard_benign", patch.hardBenign},
            {"answer_tokens", patch.answerTokens},
            {"pairs", patch.pairs},
            {"preference_weight", options.preferenceWeight},
            {"chosen_weight", options.chosenWeight},
            {"beta", options.beta},
            {"mask", patchMaskName(options.mask)},
            {"share", options.share},
            {"scope", options.global ? "model" : "linear"},
            {"scored_pairs", options.scoredPairs},
            {"identify_every", options.identifyEvery},
            {"rank", options.factors.rank},
            {"alpha", options.factors.alpha},
            {"steps", options.steps},
            {"batch", options.batch},
            {"learning_rate", options.learningRate},
            {"warmup_steps", options.warmupSteps},
            {"clip_norm", options.clipNorm},
            {"graph_memory_gib", options.graphMemoryGib}};
}

}  // namespace safequant
