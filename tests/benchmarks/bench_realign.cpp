// SPDX-License-Identifier: GPL-3.0-or-later
// Learning one block's quantizer (clipping and equivalent scales, W8A8; with --offsets 1 rounding offsets, W4A16 in groups of 64) from
// 200 calibration prompts in batches of 10, against the same loop written with PyTorch on padded batches: seconds an epoch, peak memory.
// Weights are random numbers, in SmolLM2's shape or with --shape 7b in Llama-2-7B's; the time does not depend on them.
// bench_realign [--python PATH] [--shape smollm2|7b] [--offsets 0|1] [--epochs N] [--model GGUF] [--prompts FILE]
#include <unistd.h>

#include <algorithm>

#include "core/base/random.h"
#include "core/prompts/prompt_set.h"
#include "core/realign/learn_block.h"
#include "core/text/chat_template.h"
#include "tests/benchmarks/benchmark_support.h"

using namespace safequant;
using namespace safequant::benchmarks;

namespace {

constexpr std::size_t kSamples = 200;

Matrix randomMatrix(std::size_t rows, std::size_t cols, RandomStream& random, float scale) {
    Matrix matrix(rows, cols);
    for (float& value : matrix.span()) value = scale * static_cast<float>(random.uniform() + random.uniform() - 1.0);
    return matrix;
}

BlockWeights randomBlock(const DecoderConfig& config, RandomStream& random) {
    BlockWeights weights;
    for (int i = 0; i < kLinearsPerBlock; ++i) {
        const auto [out, in] = linearShape(config, static_cast<LinearRole>(i));
        weights.linears[static_cast<std::size_t>(i)].weight = randomMatrix(static_cast<std::size_t>(out), static_cast<std::size_t>(in), random, 0.05F);
    }
    weights.inputNorm.assign(static_cast<std::size_t>(config.hiddenSize), 1.0F);
    weights.preFeedForwardNorm = weights.inputNorm;
    return weights;
}

/// The prompts' token ids, half malicious, as learning samples.
std::vector<LearningSample> samplesOf(const Options& options, const Checkpoint& checkpoint) {
    const ChatFormat format = orThrow(ChatFormat::create(checkpoint.tokenizerSource()));
    const PromptSet set = orThrow(loadPromptSet({options["prompts"]}));
    std::vector<LearningSample> samples;
    for (const PromptLabel label : {PromptLabel::Malicious, PromptLabel::Benign}) {
        const auto indices = set.indices(label, PromptSplit::Calibration);
        for (std::size_t i = 0; i < std::min(indices.size(), kSamples / 2); ++i)
            samples.push_back({set.prompts[indices[i]].id, label == PromptLabel::Malicious ? SampleKind::Malicious : SampleKind::Benign,
                               orThrow(format.encodePrompt(set.prompts[indices[i]].text))});
    }
    return samples;
}

nlohmann::json runTorch(const Options& options, const DecoderConfig& config, const std::vector<LearningSample>& samples, bool offsets,
                        int epochs) {
    nlohmann::json request{{"hidden", config.hiddenSize}, {"intermediate", config.intermediateSize}, {"heads", config.heads},
                           {"kv_heads", config.kvHeads},  {"head_dim", config.headDim},              {"offsets", offsets},
                           {"epochs", epochs},            {"threads", threadCount()},                {"lengths", nlohmann::json::array()}};
    for (const LearningSample& sample : samples) request["lengths"].push_back(sample.tokens.size());
    const std::string file = "/tmp/bench_realign." + std::to_string(::getpid()) + ".json";
    std::ofstream(file) << request.dump();
    const std::string command = "\"" + options["python"] + "\" \"" SAFEQUANT_SOURCE_DIR "/tests/benchmarks/peer_realign.py\" " + file;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot start the peer");
    std::string output;
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output = buffer;
    const bool failed = ::pclose(pipe) != 0;
    std::remove(file.c_str());
    if (failed) throw std::runtime_error("the peer failed");
    return nlohmann::json::parse(output);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options options(argc, argv);
        const auto checkpoint = orThrow(openCheckpoint(options["model"]));
        const std::vector<LearningSample> samples = samplesOf(options, *checkpoint);
        DecoderConfig config = checkpoint->config();
        if (options["shape"] == "7b") {
            config.hiddenSize = 4096;
            config.intermediateSize = 11008;
            config.heads = config.kvHeads = 32;
            config.headDim = 128;
        }
        config.blocks = 1;
        const bool offsets = options["offsets"] == "1";
        const int epochs = options["epochs"].empty() ? 1 : std::stoi(options["epochs"]);
        const QuantizationScheme scheme = offsets ? QuantizationScheme{4, 64, false, 16} : QuantizationScheme{8, -1, true, 8};
        const auto plan = orThrow(planSchemes(config, scheme, {}));

        RandomStream random(1, "bench");
        const BlockWeights weights = randomBlock(config, random);
        const CalibrationRows rows(config, samples);
        CalibrationStream input;
        BlockTargets targets;
        for (const PackedSequences& group : rows.groups()) {
            input.push_back(randomMatrix(group.rows(), static_cast<std::size_t>(config.hiddenSize), random, 1.0F));
            targets.fineTuned.push_back(randomMatrix(group.rows(), static_cast<std::size_t>(config.hiddenSize), random, 1.0F));
            targets.malicious.push_back(randomMatrix(group.rows(), static_cast<std::size_t>(config.hiddenSize), random, 1.0F));
        }
        BlockLearning learning;
        learning.epochs = epochs;
        learning.terms.offsets = offsets;
        if (offsets) learning.terms.equivalences.fill(false);
        resetPeakMemory();
        const double start = now();
        (void)learnBlock(config, weights, plan, rows, input, targets, learning, at::kCPU, {});
        const double seconds = (now() - start) / epochs;
        const double peak = peakMemory();
        double peerSeconds = 0.0, peerPeak = 0.0;
        if (!options["python"].empty()) {
            const auto peer = runTorch(options, config, samples, offsets, epochs);
            peerSeconds = peer["seconds_per_epoch"];
            peerPeak = peer["peak_mb"];
        }
        const std::string name = "realign_" + (options["shape"].empty() ? std::string("smollm2") : options["shape"]) + (offsets ? "_offsets" : "");
        printResult(name, seconds, peerSeconds, "s/epoch of a block", peerSeconds / seconds);
        printResult(name + "_memory", peak, peerPeak, "MB", peerPeak / peak);
        std::cerr << rows.rows() << " rows of " << samples.size() << " samples\n";
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_realign: " << error.what() << "\n";
        return 1;
    }
}
