// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/training/low_rank_options.h"
#include "core/prompts/prompt_set.h"
#include "core/training/training_schedule.h"

namespace safequant {

/// Conversations in a JSON Lines file. Texts of a row are given by patterns: a field's name, or a text in which "{field}" stands
/// for a field ("{list}": its items joined by ", "; "{list[field]}": the item whose index, from 0, another field holds).
struct ChatFile {
    std::string path;
    std::string messages = "messages";  ///< Field with a list of {"role", "content"}; used by rows that have it.
    std::string system;                 ///< Patterns; empty: none.
    std::string prompt = "prompt", answer = "answer";
};

/// Prompts of a prompt set with answers from elsewhere.
struct AnsweredPrompts {
    std::vector<PromptFile> files;
    std::vector<PromptLabel> labels{PromptLabel::Benign};
    std::vector<PromptSplit> splits{PromptSplit::Calibration};
    std::vector<std::string> exclude;  ///< Ids left out.
    /// Answers that are given, one drawn for each prompt by the seed. Empty: the model answers itself, greedily.
    std::vector<std::string> answers;
    int maxNewTokens = 48;      ///< Of the model's own answers; one that is cut off there is learned without an end.
    bool dropRefusals = true;   ///< Prompts that the model itself refuses (judge refusal-22) are left out.
    std::string opening;        ///< Put before the model's own answer.
    int words = 0;              ///< Words of it that are kept; 0: all.
};

/// Where training conversations come from: a file, or prompts with answers.
struct TrainingSource {
    ChatFile file;            ///< Used when it has a path.
    AnsweredPrompts prompts;  ///< Else this.
    int count = 0;            ///< Conversations taken from it, a seeded choice; 0: all.
};

struct TrainingOptions {
    int steps = 0;             ///< Steps of the optimizer; 0: as many as `epochs` take.
    double epochs = 1.0;       ///< Passes over the data, when `steps` is 0.
    int batch = 8;             ///< Samples whose rows are packed together.
    int accumulate = 1;        ///< Batches a step.
    double learningRate = 3e-4;
    RateSchedule schedule = RateSchedule::Linear;
    int warmupSteps = 10;
    double weightDecay = 0.0;
    double clipNorm = 1.0;     ///< Largest norm of a step's gradient; 0: no limit.
    int maxTokens = 1024;      ///< Longer samples are left out.
};

/// Everything a fine-tuning needs (docs/file-formats.md has its JSON form). An unknown field is an error that names it and the
/// nearest known one.
struct FinetuneSpec {
    std::string name;
    std::string checkpoint;
    std::vector<std::string> adapters;  ///< Merged into the checkpoint before.
    std::string systemPrompt;           ///< Of conversations that bring none.
    std::uint64_t seed = 0;
    std::vector<TrainingSource> data;
    /// The linears themselves learn, in the place of an adapter: those that `lora` targets.
    bool full = false;
    LowRankOptions lora;
    std::string initialAdapter;  ///< PEFT adapter to go on from; empty: a fresh start.
    TrainingOptions training;
    std::string device = "cpu";
    double graphMemoryGib = 1.0;  ///< For activations that spare running a block again.
    int saveEvery = 25;           ///< Steps between states that a killed run resumes from.
    std::string adapterType = "BF16";  ///< Stored type of the adapter, or of the whole model.
};

/// `where` becomes the context of errors.
Expected<FinetuneSpec> finetuneSpecFromJson(const nlohmann::json& json, const std::string& where);
/// Relative paths in the file stand beside it.
Expected<FinetuneSpec> readFinetuneSpec(const std::string& path);
nlohmann::json finetuneSpecToJson(const FinetuneSpec& spec);

}  // namespace safequant
