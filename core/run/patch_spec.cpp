// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/patch_spec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/base/nearest_name.h"

namespace safequant {
namespace {

constexpr int kMostPrompts = 1'000'000;
/// A decoded token costs more than one of many rows: products with few rows are bound by memory.
constexpr double kDecodedRowCost = 2.5;
/// A row learned from goes forward twice and back, and its step rounds all weights.
constexpr double kLearnedPairRowCost = 8.0;
/// A scored row goes forward twice and back, and every sample adds to the scores of all weights.
constexpr double kScoredRowCost = 6.0;
/// Heads of three models over one row.
constexpr double kAlignedRowCost = 10.0;

/// An evaluation prompt looked at goes through the blocks alone.
double lookCost(const PatchSpec& patch, double rowsPerPrompt) { return patch.looks() * 2.0 * kProbedPromptsOfAClass * rowsPerPrompt; }

struct PatchPreset {
    std::string_view name, title, describe;
    PatchSpec spec;
};

PatchSpec pairsPreset(double preferenceWeight, double chosenWeight, PatchMask mask) {
    PatchSpec spec;
    spec.options.preferenceWeight = preferenceWeight;
    spec.options.chosenWeight = chosenWeight;
    spec.options.mask = mask;
    return spec;
}

PatchSpec keepPreset(PatchMask mask, double share) {
    PatchSpec spec;
    spec.kind = PatchKind::Keep;
    spec.options.mask = mask;
    spec.options.share = share;
    spec.malicious = 100;
    spec.benign = 50;
    spec.hardBenign = 25;
    spec.texts.count = 24;
    return spec;
}

PatchSpec alignPreset(double contrast) {
    PatchSpec spec;
    spec.kind = PatchKind::Align;
    spec.options.mask = PatchMask::All;
    spec.options.alignment.contrast = contrast;
    spec.options.steps = 60;
    spec.options.learningRate = 8e-4;
    spec.malicious = 60;
    spec.answerTokens = 12;
    spec.benign = 200;
    spec.texts.count = 60;
    return spec;
}

const std::vector<PatchPreset>& presets() {
    static const std::vector<PatchPreset> all{
        {"q-resafe", "Q-resafe", "Pulls answers back to those before quantization, by preferences, in the weights that matter most to refusing.",
         pairsPreset(1.0, 1.0, PatchMask::SafeScore)},
        {"dpo", "DPO", "Preferences alone, in all weights: chosen answers are to gain more than rejected ones.", pairsPreset(1.0, 0.0, PatchMask::All)},
        {"sft", "SFT", "The chosen answers alone, in all weights: the plainest patch, to compare others with.", pairsPreset(0.0, 1.0, PatchMask::All)},
        {"q-resafe-16bit", "Q-resafe without tuning", "Learns nothing: leaves the weights that matter most to refusing in 16 bits. Exported as bfloat16 values only.",
         keepPreset(PatchMask::SafeScore, 0.6)},
        {"critical-weights", "critical weight protection",
         "Learns nothing: leaves in 16 bits the weights that matter to refusing beyond what they matter to other text. Exported as bfloat16 values only.",
         keepPreset(PatchMask::Protection, 0.1)},
        {"aaq", "AAQ's loss", "Pulls what the model says next towards the aligned model and away from the pretrained one, which is the checkpoint without its adapters.",
         alignPreset(0.1)},
        {"distillation", "distillation", "Pulls what the model says next towards the model before it was quantized, at malicious prompts the aligned one.",
         alignPreset(0.0)}};
    return all;
}

const PatchPreset* presetOf(std::string_view name) {
    const auto found = std::find_if(presets().begin(), presets().end(), [&](const PatchPreset& preset) { return preset.name == name; });
    return found == presets().end() ? nullptr : &*found;
}

void readAnswers(SpecReader& reader, PatchSpec& patch) {
    reader.whole("malicious", patch.malicious, 0, kMostPrompts);
    reader.whole("benign", patch.benign, 0, kMostPrompts);
    reader.whole("hard_benign", patch.hardBenign, 0, kMostPrompts);
    reader.whole("answer_tokens", patch.answerTokens, 1, 4096);
    reader.text("pairs", patch.pairs);
    if (patch.pairs.empty() && patch.malicious + patch.benign + patch.hardBenign == 0)
        reader.reject("malicious", "and the other counts are 0, and \"pairs\" names no file.");
}

void readTexts(SpecReader& reader, TextPassages& texts) {
    reader.whole("texts", texts.count, 0, kMostPrompts);
    reader.text("text", texts.text);
    reader.whole("text_from", texts.from, 0, 1'000'000'000);
    reader.whole("text_tokens", texts.tokens, 2, 100'000);
}

/// `names` are those of the masks that the method has.
void readMask(SpecReader& reader, PatchOptions& options, std::span<const PatchMask> masks) {
    const std::array all{PatchMask::SafeScore, PatchMask::Protection, PatchMask::Random, PatchMask::All};
    std::vector<std::string> names;
    for (const PatchMask mask : all) names.emplace_back(patchMaskName(mask));
    reader.choice("mask", "mask", names, options.mask);
    if (std::find(masks.begin(), masks.end(), options.mask) == masks.end()) {
        std::string known;
        for (const PatchMask mask : masks) known += std::string(known.empty() ? "\"" : ", \"") + patchMaskName(mask) + "\"";
        reader.reject("mask",
                      std::string("is \"") + patchMaskName(options.mask) + "\", which this method has no use for; it takes " + known + ".");
    }
    reader.number("share", options.share, 0.0, 1.0, true);
}

void readScope(SpecReader& reader, PatchOptions& options) {
    const std::array<std::string, 2> scopes{"linear", "model"};
    enum class Scope : std::uint8_t { Linear, Model } scope = Scope::Linear;
    reader.choice("scope", "scope", scopes, scope);
    options.global = scope == Scope::Model;
    reader.whole("scored_pairs", options.scoredPairs, 1, kMostPrompts);
}

void readSteps(SpecReader& reader, PatchOptions& options) {
    reader.whole("rank", options.factors.rank, 1, 4096);
    reader.number("alpha", options.factors.alpha, 0.0, 1e6, true);
    reader.whole("steps", options.steps, 1, kMostPrompts);
    reader.whole("batch", options.batch, 1, 1024);
    reader.number("learning_rate", options.learningRate, 0.0, 1.0, true);
    reader.whole("warmup_steps", options.warmupSteps, 0, kMostPrompts);
    reader.number("clip_norm", options.clipNorm, 0.0, 1e6);
    reader.number("graph_memory_gib", options.graphMemoryGib, 0.0, 1024.0);
}

void readPairsPatch(SpecReader& reader, PatchSpec& patch) {
    PatchOptions& options = patch.options;
    readAnswers(reader, patch);
    reader.number("preference_weight", options.preferenceWeight, 0.0, 1e6);
    reader.number("chosen_weight", options.chosenWeight, 0.0, 1e6);
    const std::array<std::string, 2> names{"skip", "keep"};
    reader.choice("both_refuse", "what becomes of prompts that both models refuse", names, patch.keepRefusals);
    reader.number("beta", options.beta, 0.0, 100.0, true);
    readMask(reader, options, std::array{PatchMask::SafeScore, PatchMask::Random, PatchMask::All});
    readScope(reader, options);
    reader.whole("identify_every", options.identifyEvery, 0, kMostPrompts);
    readSteps(reader, options);
    if (options.preferenceWeight == 0.0 && options.chosenWeight == 0.0)
        reader.reject("chosen_weight", "and \"preference_weight\" are both 0: nothing would be learned.");
}

void readKeepPatch(SpecReader& reader, PatchSpec& patch) {
    readAnswers(reader, patch);
    readMask(reader, patch.options, std::array{PatchMask::SafeScore, PatchMask::Protection, PatchMask::Random});
    readScope(reader, patch.options);
    reader.number("beta", patch.options.generalWeight, 0.0, 1e6);
    readTexts(reader, patch.texts);
}

void readAlignPatch(SpecReader& reader, PatchSpec& patch) {
    AlignmentTerms& terms = patch.options.alignment;
    readAnswers(reader, patch);
    readTexts(reader, patch.texts);
    if (patch.contrasts()) {
        readModel(reader, "pretrained", patch.pretrained);
        reader.number("lambda", terms.contrast, 0.0, 100.0);
        reader.number("limit", terms.limit, 0.0, 1e6, true);
    }
    reader.whole("top_k", terms.topK, 0, kMostPrompts);
    const std::array<std::string, 2> names{"whole", "top"};
    enum class Softmax : std::uint8_t { Whole, Top } softmax = Softmax::Whole;
    reader.choice("softmax", "softmax", names, softmax);
    terms.wholeSoftmax = softmax == Softmax::Whole;
    readMask(reader, patch.options, std::array{PatchMask::Random, PatchMask::All});
    readSteps(reader, patch.options);
}

nlohmann::json answersJson(const PatchSpec& patch) {
    return {{"method", patch.method},
            {"malicious", patch.malicious},
            {"benign", patch.benign},
            {"hard_benign", patch.hardBenign},
            {"answer_tokens", patch.answerTokens},
            {"pairs", patch.pairs},
            {"mask", patchMaskName(patch.options.mask)},
            {"share", patch.options.share}};
}

nlohmann::json textsJson(const TextPassages& texts) {
    return {{"texts", texts.count}, {"text", texts.text}, {"text_from", texts.from}, {"text_tokens", texts.tokens}};
}

nlohmann::json scopeJson(const PatchOptions& options) {
    return {{"scope", options.global ? "model" : "linear"}, {"scored_pairs", options.scoredPairs}};
}

nlohmann::json stepsJson(const PatchOptions& options) {
    return {{"rank", options.factors.rank},
            {"alpha", options.factors.alpha},
            {"steps", options.steps},
            {"batch", options.batch},
            {"learning_rate", options.learningRate},
            {"warmup_steps", options.warmupSteps},
            {"clip_norm", options.clipNorm},
            {"graph_memory_gib", options.graphMemoryGib}};
}

}  // namespace

int PatchSpec::asked() const {
    if (!pairs.empty() || !takesAnswers()) return 0;
    return (kind == PatchKind::Pairs ? 2 : 1) * (malicious + benign + hardBenign);
}

int PatchSpec::scored() const {
    if (kind != PatchKind::Keep || !takesAnswers()) return 0;
    return options.scoredPairs + (options.mask == PatchMask::Protection ? options.scoredPairs + texts.count : 0);
}

std::uint64_t PatchSpec::units() const { return static_cast<std::uint64_t>(std::max(1, asked() + learned() + scored())); }

double PatchSpec::cost(double rowsPerPrompt) const {
    const double answer = rowsPerPrompt + answerTokens;
    double cost = asked() * (rowsPerPrompt + kDecodedRowCost * answerTokens) +
                  kScoredRowCost * heldRows(rowsPerPrompt) * (kind == PatchKind::Keep ? 1.0 : 0.0);
    if (kind == PatchKind::Keep && options.global) cost += kScoredRowCost * heldRows(rowsPerPrompt);
    if (kind == PatchKind::Pairs) cost += kLearnedPairRowCost * 2.0 * learned() * answer;
    if (kind == PatchKind::Align) cost += 3.0 * heldRows(rowsPerPrompt) + kAlignedRowCost * learned() * answer;
    return cost + lookCost(*this, rowsPerPrompt);
}

double PatchSpec::heldRows(double rowsPerPrompt) const {
    const double answer = rowsPerPrompt + answerTokens, passages = static_cast<double>(texts.count) * texts.tokens;
    if (kind == PatchKind::Align) return (malicious + benign + hardBenign) * answer + passages;
    if (scored() == 0) return 0.0;
    return options.mask == PatchMask::Protection ? 2.0 * options.scoredPairs * answer + passages : options.scoredPairs * answer;
}

std::string patchTitle(const std::string& method) {
    const PatchPreset* preset = presetOf(method);
    return preset != nullptr ? std::string(preset->title) : method;
}

std::string patchMethodNames() {
    std::string names;
    for (const PatchPreset& preset : presets()) names += (names.empty() ? "" : ", ") + std::string(preset.name);
    return names;
}

const char* patchKindName(PatchKind kind) {
    switch (kind) {
        case PatchKind::Keep:
            return "keep";
        case PatchKind::Align:
            return "align";
        case PatchKind::Pairs:
            break;
    }
    return "pairs";
}

std::vector<protocol::PatchInfo> patchInfos() {
    std::vector<protocol::PatchInfo> infos;
    for (const PatchPreset& preset : presets())
        infos.push_back({std::string(preset.name), std::string(preset.title), std::string(preset.describe), patchKindName(preset.spec.kind)});
    // Titles of choices begin like sentences.
    for (protocol::PatchInfo& info : infos) info.title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(info.title.front())));
    return infos;
}

std::string patchExportProblem(const std::optional<PatchSpec>& patch, std::string_view format) {
    if (!patch || patch->kind != PatchKind::Keep || format == "bf16") return {};
    return "cannot be \"" + std::string(format) + "\": " + patchTitle(patch->method) +
           " leaves weights in 16 bits beside codes, which lie on no integer grid that this format could store. Such a model is exported "
           "as bfloat16 values (\"bf16\").";
}

void readPatch(SpecReader& quantization, std::uint64_t seed, std::optional<PatchSpec>& patch) {
    const auto* json = quantization.child("patch");
    if (json == nullptr) return;
    SpecReader reader = quantization.inside(*json, "patch");
    std::string method = "q-resafe";
    reader.text("method", method);
    const PatchPreset* preset = presetOf(method);
    if (preset == nullptr) {
        std::vector<std::string> known;
        for (const PatchPreset& each : presets()) known.emplace_back(each.name);
        reader.reject("method", "names no way to patch: \"" + method + "\"" + didYouMean(method, known));
        return quantization.finishInner(reader);
    }
    PatchSpec read = preset->spec;
    read.method = method;
    read.options.seed = seed;
    switch (read.kind) {
        case PatchKind::Pairs:
            readPairsPatch(reader, read);
            break;
        case PatchKind::Keep:
            readKeepPatch(reader, read);
            break;
        case PatchKind::Align:
            readAlignPatch(reader, read);
            break;
    }
    quantization.finishInner(reader);
    patch = std::move(read);
}

nlohmann::json patchToJson(const PatchSpec& patch) {
    const PatchOptions& options = patch.options;
    nlohmann::json json = answersJson(patch);
    if (patch.kind != PatchKind::Align) json.update(scopeJson(options));
    if (patch.kind != PatchKind::Keep) json.update(stepsJson(options));
    if (patch.kind != PatchKind::Pairs) json.update(textsJson(patch.texts));
    switch (patch.kind) {
        case PatchKind::Pairs:
            json.update({{"preference_weight", options.preferenceWeight},
                         {"chosen_weight", options.chosenWeight},
                         {"both_refuse", patch.keepRefusals ? "keep" : "skip"},
                         {"beta", options.beta},
                         {"identify_every", options.identifyEvery}});
            break;
        case PatchKind::Keep:
            json["beta"] = options.generalWeight;
            break;
        case PatchKind::Align:
            json.update({{"top_k", options.alignment.topK}, {"softmax", options.alignment.wholeSoftmax ? "whole" : "top"}});
            if (patch.contrasts()) json.update({{"lambda", options.alignment.contrast}, {"limit", options.alignment.limit}});
            if (patch.pretrained.given()) json["pretrained"] = alignedToJson(patch.pretrained);
            break;
    }
    return json;
}

}  // namespace safequant
