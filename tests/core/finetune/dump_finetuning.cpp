// SPDX-License-Identifier: GPL-3.0-or-later
// usage: dump_finetuning SPEC.json OUT STEPS
// Writes OUT/samples.json (ids and targets), OUT/start (the adapter it starts from, F32) and
// OUT/gradient.safetensors (gradients of the first step's mean loss); then takes STEPS steps and writes OUT/steps.json (loss and
// samples of each), OUT/end (F32) and OUT/logits.json (of the last token of the first sample, with OUT/end merged).
#include <chrono>
#include <filesystem>
#include <fstream>

#include "core/finetune/finetuning.h"
#include "core/training/tensor_file.h"
#include "core/finetune/training_data.h"
#include "core/model/generation.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

void writeJson(const std::string& path, const nlohmann::json& json) { std::ofstream(path) << json.dump(); }

void dump(const std::string& specPath, const std::string& out, const std::string& count) {
    const FinetuneSpec spec = orThrow(readFinetuneSpec(specPath));
    for (const char* folder : {"/start", "/end"}) std::filesystem::create_directories(out + folder);
    const auto checkpoint = orThrow(openCheckpoint(spec.checkpoint, spec.adapters));
    const ChatFormat format = orThrow(ChatFormat::create(checkpoint->tokenizerSource(), spec.systemPrompt));
    std::vector<TrainingSample> samples;
    nlohmann::json listed = nlohmann::json::array();
    for (const TrainingChat& chat : orThrow(gatherTrainingChats(spec, checkpoint, format))) {
        samples.push_back(orThrow(encodeChat(format, checkpoint->config(), chat)));
        listed.push_back({{"tokens", samples.back().tokens}, {"targets", samples.back().targets}});
    }
    writeJson(out + "/samples.json", listed);

    Finetuning training = orThrow(Finetuning::create(spec, checkpoint, std::move(samples)));
    orThrow(training.adapter().save(out + "/start", "base", "F32"));
    orThrow(training.gradient());
    std::vector<NamedTensor> gradients;
    for (const auto& module : training.adapter().modules()) {
        gradients.push_back({module.name + ".lora_A", module.change.a.grad()});
        gradients.push_back({module.name + ".lora_B", module.change.b.grad()});
    }
    orThrow(writeTensorFile(out + "/gradient.safetensors", gradients));
    nlohmann::json steps = nlohmann::json::array();
    for (int i = 0; i < std::stoi(count); ++i) {
        const auto begun = std::chrono::steady_clock::now();
        const FinetuneStep step = orThrow(training.step());
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        steps.push_back({{"loss", step.loss}, {"gradient_norm", step.gradientNorm}, {"learning_rate", step.learningRate},
                         {"samples", training.samplesOf(i)}, {"seconds", seconds}});
    }
    writeJson(out + "/steps.json", steps);
    orThrow(training.adapter().save(out + "/end", "base", "F32"));

    auto adapters = spec.adapters;
    adapters.push_back(out + "/end");
    const auto merged = orThrow(openCheckpoint(spec.checkpoint, adapters));
    const Matrix logits = orThrow(LanguageModel::load(merged, checkpointBlocks(merged)))->lastLogits({listed[0]["tokens"]});
    writeJson(out + "/logits.json", std::vector<float>(logits.span().begin(), logits.span().end()));
}

}  // namespace

int main(int argc, char** argv) { return testing::toolMain(argc, argv, "dump_finetuning SPEC.json OUT STEPS", dump); }
