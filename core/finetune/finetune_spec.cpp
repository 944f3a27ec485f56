// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/finetune_spec.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>

#include "core/base/nearest_name.h"
#include "core/run/run_spec.h"
#include "core/run/spec_reader.h"

namespace safequant {
namespace {

using nlohmann::json;

/// Of full fine-tuning, where a spec says nothing.
constexpr double kFullLearningRate = 2e-5;
constexpr const char* kFormat = "safequant-finetune-spec";
constexpr int kFormatVersion = 1;
constexpr int kMany = 10'000'000;
constexpr std::array kSchedules{RateSchedule::Constant, RateSchedule::Linear, RateSchedule::Cosine};
constexpr std::array kAdapterTypes{"BF16", "F32"};

/// Words of a list, each of which `find` must know.
template <typename T, typename Find, typename Name>
void readNames(SpecReader& reader, const std::string& field, std::vector<T>& target, std::span<const T> known, const Find& find,
               const Name& name) {
    std::vector<std::string> words;
    for (const T& value : target) words.push_back(name(value));
    reader.texts(field, words);
    target.clear();
    std::vector<std::string> names;
    for (const T& value : known) names.push_back(name(value));
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (const auto value = find(words[i]); value) {
            target.push_back(*value);
            continue;
        }
        reader.reject(field + "[" + std::to_string(i) + "]", "is \"" + words[i] + "\", which is unknown" + didYouMean(words[i], names));
    }
    if (words.empty()) reader.reject(field, "is empty.");
}

std::optional<LinearRole> targetOf(const std::string& name) {
    for (int i = 0; i < kLinearsPerBlock; ++i)
        if (const auto role = static_cast<LinearRole>(i); targetName(role) == name) return role;
    return std::nullopt;
}

void readFile(SpecReader& reader, ChatFile& file) {
    reader.text("file", file.path);
    const json* map = reader.child("map");
    if (map == nullptr) return;
    SpecReader inner = reader.inside(*map, "map");
    inner.text("messages", file.messages);
    inner.text("system", file.system);
    inner.text("prompt", file.prompt);
    inner.text("answer", file.answer);
    reader.finishInner(inner);
}

void readAnswers(SpecReader& reader, AnsweredPrompts& prompts) {
    const json* answers = reader.child("answers");
    if (answers == nullptr) return;
    if (answers->is_array()) return reader.texts("answers", prompts.answers);
    SpecReader inner = reader.inside(*answers, "answers");
    inner.whole("max_new_tokens", prompts.maxNewTokens, 1, 100'000);
    inner.truth("drop_refusals", prompts.dropRefusals);
    inner.text("opening", prompts.opening);
    inner.whole("words", prompts.words, 0, kMany);
    reader.finishInner(inner);
}

void readPromptFiles(SpecReader& reader, AnsweredPrompts& prompts) {
    const json* files = reader.child("prompts");
    if (files == nullptr) return;
    const auto source = promptSourceFromJson({{"prompts", *files}}, "prompts", reader.where());
    if (!source) return reader.adopt({source.error().kind, reader.pathOf("prompts") + ": " + source.error().message, reader.where()});
    prompts.files = source->files;
}

void readSource(SpecReader& spec, const json& item, const std::string& path, TrainingSource& source) {
    SpecReader reader = spec.inside(item, path);
    AnsweredPrompts& prompts = source.prompts;
    readFile(reader, source.file);
    readPromptFiles(reader, prompts);
    if (source.file.path.empty() == prompts.files.empty())
        reader.reject(source.file.path.empty() ? "file" : "prompts",
                      source.file.path.empty() ? "is missing; give a file of conversations, or prompts." : "stands beside file; give one of them.");
    readNames<PromptLabel>(reader, "labels", prompts.labels, kPromptLabels, promptLabelOf, promptLabelName);
    constexpr PromptSplit kSplits[] = {PromptSplit::Calibration, PromptSplit::Evaluation};
    readNames<PromptSplit>(reader, "splits", prompts.splits, kSplits, promptSplitOf, promptSplitName);
    reader.texts("exclude", prompts.exclude);
    readAnswers(reader, prompts);
    reader.whole("count", source.count, 0, kMany);
    spec.finishInner(reader);
}

void readData(SpecReader& spec, FinetuneSpec& finetune) {
    const json* data = spec.child("data");
    if (data == nullptr || !data->is_array() || data->empty())
        return spec.reject("data", "must be a list of at least one source: {\"file\": ...} or {\"prompts\": [...]}.");
    for (std::size_t i = 0; i < data->size(); ++i) {
        TrainingSource source;
        readSource(spec, (*data)[i], "data[" + std::to_string(i) + "]", source);
        finetune.data.push_back(std::move(source));
    }
}

void readLora(SpecReader& spec, LowRankOptions& lora) {
    const json* child = spec.child("lora");
    if (child == nullptr) return;
    SpecReader reader = spec.inside(*child, "lora");
    reader.whole("rank", lora.rank, 1, 4096);
    reader.number("alpha", lora.alpha, 0.0, 1e6, true);
    std::vector<LinearRole> all;
    for (int i = 0; i < kLinearsPerBlock; ++i) all.push_back(static_cast<LinearRole>(i));
    readNames<LinearRole>(reader, "targets", lora.targets, all, targetOf, targetName);
    std::sort(lora.targets.begin(), lora.targets.end());
    if (std::adjacent_find(lora.targets.begin(), lora.targets.end()) != lora.targets.end())
        reader.reject("targets", "names a linear twice.");
    spec.finishInner(reader);
}

/// Reads "method", and what it changes of the defaults.
void readMethod(SpecReader& spec, FinetuneSpec& finetune) {
    std::string method = "lora";
    spec.text("method", method);
    finetune.full = method == "full";
    if (!finetune.full && method != "lora") spec.reject("method", "is \"" + method + "\"; known are \"lora\" and \"full\".");
    if (finetune.full) finetune.training.learningRate = kFullLearningRate;
}

void readTraining(SpecReader& spec, TrainingOptions& training) {
    const json* child = spec.child("training");
    if (child == nullptr) return;
    SpecReader reader = spec.inside(*child, "training");
    reader.whole("steps", training.steps, 0, kMany);
    reader.number("epochs", training.epochs, 0.0, 1e6, true);
    reader.whole("batch", training.batch, 1, 100'000);
    reader.whole("accumulate", training.accumulate, 1, 100'000);
    reader.number("learning_rate", training.learningRate, 0.0, 1e3, true);
    std::string schedule = rateScheduleName(training.schedule);
    reader.text("schedule", schedule);
    const auto found = std::find_if(kSchedules.begin(), kSchedules.end(), [&](auto s) { return schedule == rateScheduleName(s); });
    if (found == kSchedules.end())
        reader.reject("schedule", "is \"" + schedule + "\"; known are constant, linear and cosine.");
    else
        training.schedule = *found;
    reader.whole("warmup_steps", training.warmupSteps, 0, kMany);
    reader.number("weight_decay", training.weightDecay, 0.0, 1e3);
    reader.number("clip_norm", training.clipNorm, 0.0, 1e9);
    reader.whole("max_tokens", training.maxTokens, 2, kMany);
    spec.finishInner(reader);
}

void readKeeping(SpecReader& spec, FinetuneSpec& finetune) {
    spec.text("device", finetune.device);
    spec.number("graph_memory_gib", finetune.graphMemoryGib, 0.0, 1e5);
    spec.whole("save_every", finetune.saveEvery, 1, kMany);
    spec.text("adapter_type", finetune.adapterType);
    if (std::find(kAdapterTypes.begin(), kAdapterTypes.end(), finetune.adapterType) == kAdapterTypes.end())
        spec.reject("adapter_type", "is \"" + finetune.adapterType + "\"; known are BF16 and F32.");
}

json answersJson(const AnsweredPrompts& prompts) {
    if (!prompts.answers.empty()) return prompts.answers;
    return {{"max_new_tokens", prompts.maxNewTokens},
            {"drop_refusals", prompts.dropRefusals},
            {"opening", prompts.opening},
            {"words", prompts.words}};
}

json sourceJson(const TrainingSource& source) {
    if (!source.file.path.empty()) {
        const ChatFile& file = source.file;
        return {{"file", file.path},
                {"map", {{"messages", file.messages}, {"system", file.system}, {"prompt", file.prompt}, {"answer", file.answer}}},
                {"count", source.count}};
    }
    json files = json::array(), labels = json::array(), splits = json::array();
    for (const PromptFile& file : source.prompts.files) files.push_back(promptFileToJson(file));
    for (const PromptLabel label : source.prompts.labels) labels.push_back(promptLabelName(label));
    for (const PromptSplit split : source.prompts.splits) splits.push_back(promptSplitName(split));
    return {{"prompts", files},   {"labels", labels},
            {"splits", splits},   {"exclude", source.prompts.exclude},
            {"answers", answersJson(source.prompts)}, {"count", source.count}};
}

}  // namespace

Expected<FinetuneSpec> finetuneSpecFromJson(const json& object, const std::string& where) {
    FinetuneSpec finetune;
    SpecReader spec(object, {}, where, "fine-tuning spec");
    spec.format(kFormat, kFormatVersion);
    spec.text("name", finetune.name);
    spec.text("checkpoint", finetune.checkpoint);
    spec.texts("adapters", finetune.adapters);
    spec.text("system_prompt", finetune.systemPrompt);
    spec.wholeUnsigned("seed", finetune.seed);
    readData(spec, finetune);
    readMethod(spec, finetune);
    readLora(spec, finetune.lora);
    spec.text("initial_adapter", finetune.initialAdapter);
    if (finetune.full && !finetune.initialAdapter.empty())
        spec.reject("initial_adapter", "is no start for full fine-tuning, which has no adapter; name it in \"adapters\", to be merged before.");
    readTraining(spec, finetune.training);
    readKeeping(spec, finetune);
    if (const auto read = spec.finish(); !read) return fail(read.error());
    return finetune;
}

Expected<FinetuneSpec> readFinetuneSpec(const std::string& path) {
    const auto object = readSpecFile(path, "fine-tuning spec");
    if (!object) return fail(object.error());
    auto spec = finetuneSpecFromJson(*object, path);
    if (!spec) return spec;
    const auto folder = std::filesystem::absolute(path).parent_path();
    anchorModel(spec->checkpoint, folder);
    for (std::string& adapter : spec->adapters) anchorModel(adapter, folder);
    anchorModel(spec->initialAdapter, folder);
    for (TrainingSource& source : spec->data) {
        anchorPath(source.file.path, folder);
        for (PromptFile& file : source.prompts.files) anchorPath(file.path, folder);
    }
    return spec;
}

json finetuneSpecToJson(const FinetuneSpec& spec) {
    json data = json::array(), targets = json::array();
    for (const TrainingSource& source : spec.data) data.push_back(sourceJson(source));
    for (const LinearRole role : spec.lora.targets) targets.push_back(targetName(role));
    const TrainingOptions& training = spec.training;
    json whole{{"format", kFormat},
            {"format_version", kFormatVersion},
            {"name", spec.name},
            {"checkpoint", spec.checkpoint},
            {"adapters", spec.adapters},
            {"system_prompt", spec.systemPrompt},
            {"seed", spec.seed},
            {"data", data},
            {"lora", {{"rank", spec.lora.rank}, {"alpha", spec.lora.alpha}, {"targets", targets}}},
            {"initial_adapter", spec.initialAdapter},
            {"training",
             {{"steps", training.steps},
              {"epochs", training.epochs},
              {"batch", training.batch},
              {"accumulate", training.accumulate},
              {"learning_rate", training.learningRate},
              {"schedule", rateScheduleName(training.schedule)},
              {"warmup_steps", training.warmupSteps},
              {"weight_decay", training.weightDecay},
              {"clip_norm", training.clipNorm},
              {"max_tokens", training.maxTokens}}},
            {"device", spec.device},
            {"graph_memory_gib", spec.graphMemoryGib},
            {"save_every", spec.saveEvery},
            {"adapter_type", spec.adapterType}};
    if (spec.full) whole["method"] = "full";
    return whole;
}

}  // namespace safequant
