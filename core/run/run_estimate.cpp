// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <new>
#include <sstream>

#include "core/activations/capture.h"
#include "core/exporting/export_model.h"
#include "core/quantize/method.h"
#include "core/run/block_results.h"
#include "core/run/learning_samples.h"
#include "core/run/run_folder.h"
#include "core/run/run_inputs.h"
#include "core/separability/probe.h"
#include "core/tensor/open_device.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTimedRows = 2048;
constexpr std::uint64_t kProgramBytes = 80ULL << 20;
constexpr std::uint64_t kScratchBytes = 96ULL << 20;
/// Copies of a block's last-token activations alive while it is measured: rows for two probes, held-out rows, the
/// file's.
constexpr std::uint64_t kActivationCopies = 6;
/// Copies of a block's weights and of the calibration samples' activations alive while a block is made.
constexpr std::uint64_t kCalibrationBlocks = 4, kCalibrationStreams = 4;
/// Rows whose logits are there at once while a model is tuned, and how many copies of them.
constexpr std::uint64_t kTunedLogitRows = 256, kTunedLogits = 6;
/// Seconds of fitting one probe, by row and feature, where nothing was timed.
constexpr double kAssumedFitSeconds = 8e-7;
/// Time of a token in a decoding step over its time in a long batch.
constexpr double kDecodeOverhead = 1.6;
/// Text that makes one token, about.
constexpr double kBytesPerToken = 4.0;
/// Tokens of a prompt beyond the prefix that all share, where none is captured to count them.
constexpr double kRowsOfAPrompt = 25.0;

/// Arithmetic of one core where nothing was timed; cautious figures.
double assumedFlopsPerThread() {
    const std::string features = cpuFeatures();
    if (features.find("avx512f") != std::string::npos) return 8e10;
    return features.find("avx2") != std::string::npos ? 5e10 : 8e9;
}

/// Seconds of the parts a run is made of.
struct Pace {
    double loadBlock = 0.0, quantizeBlock = 0.0;
    double row = 0.0;         ///< One token through one block.
    double fitRow = 0.0;      ///< One probe, by row it is fitted on.
    double decodeStep = 0.0;  ///< One step of a full batch through one block.
    double logits = 0.0;      ///< Output head of a full batch.
    std::string basis;
};

double secondsOf(const auto& work) {
    const auto began = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double weightsOfBlock(const DecoderConfig& config) {
    double weights = 0.0;
    for (int role = 0; role < kLinearsPerBlock; ++role) {
        const auto [rows, cols] = linearShape(config, static_cast<LinearRole>(role));
        weights += static_cast<double>(rows) * cols;
    }
    return weights;
}

int decodeBatch(const RunInputs& inputs) {
    return std::clamp(static_cast<int>(inputs.asked.size()), 1, inputs.spec.decoding.maxBatch);
}

Pace assumedPace(const RunInputs& inputs) {
    const auto& config = inputs.checkpoint->config();
    const double weights = weightsOfBlock(config);
    const double flops = assumedFlopsPerThread() * std::max(1, threadCount());
    Pace pace;
    pace.loadBlock = weights / 4e8;
    pace.quantizeBlock = weights / 1e8;
    pace.row = 2.0 * weights / flops;
    pace.fitRow = kAssumedFitSeconds * config.hiddenSize;
    pace.decodeStep = kDecodeOverhead * pace.row * decodeBatch(inputs);
    pace.logits = 2.0 * config.hiddenSize * config.vocabulary * decodeBatch(inputs) / flops;
    pace.basis = "sizes alone, nothing was timed";
    return pace;
}

/// Evenly spaced prompts that together have about `kTimedRows` rows.
std::vector<std::size_t> timedRows(const RunInputs& inputs, double rowsPerPrompt) {
    const auto all = inputs.layout.prompts.size();
    const auto wanted = std::clamp<std::size_t>(
        static_cast<std::size_t>(static_cast<double>(kTimedRows) / std::max(1.0, rowsPerPrompt)), 1, all);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < wanted; ++i) rows.push_back(i * all / wanted);
    return rows;
}

Expected<void> timeCapture(const RunInputs& inputs, double rowsPerPrompt, const BlockWeights& weights, Pace& pace) {
    const auto rows = timedRows(inputs, rowsPerPrompt);
    std::vector<std::string> texts, ids;
    std::vector<bool> positive;
    std::vector<int> clusters;
    for (const auto row : rows) {
        const auto& prompt = inputs.prompts.prompts[inputs.layout.prompts[row]];
        texts.push_back(prompt.text);
        ids.push_back(prompt.id);
        positive.push_back(inputs.layout.positive[row]);
        clusters.push_back(inputs.layout.cluster[row]);
    }
    auto stream = openStream(*inputs.base, inputs.format, texts, ids);
    if (!stream) return fail(stream.error());
    Expected<Matrix> activations;
    const double forward = secondsOf([&] { activations = advance(*stream, inputs.checkpoint->config(), weights, {}, *inputs.device); });
    if (!activations) return fail(activations.error());
    pace.row = forward / static_cast<double>(stream->hidden.rows());

    const auto positives = std::count(positive.begin(), positive.end(), true);
    const auto folds = static_cast<std::ptrdiff_t>(inputs.spec.probeFolds);
    if (positives < 4 * folds || static_cast<std::ptrdiff_t>(positive.size()) - positives < 4 * folds) return {};
    ProbeOptions options;
    options.folds = inputs.spec.probeFolds;
    options.pathLength = inputs.spec.probePathLength;
    const double fit = secondsOf([&] { (void)fitProbe(*activations, positive, clusters, options); });
    pace.fitRow = fit / static_cast<double>(positive.size());
    return {};
}

Expected<void> timeDecoding(const RunInputs& inputs, const BlockWeights& weights, Pace& pace) {
    const auto& config = inputs.checkpoint->config();
    const auto batch = static_cast<std::size_t>(decodeBatch(inputs));
    const auto sequences = packSequences(std::vector<std::vector<std::int32_t>>(batch, {0}), false);
    auto hidden = embedTokens(*inputs.base, sequences.tokens);
    if (!hidden) return fail(hidden.error());
    pace.decodeStep = secondsOf([&] { (void)inputs.device->forwardBlock(config, weights, sequences, *hidden); });
    const auto head = loadOutputHead(*inputs.base);
    if (!head) return fail(head.error());
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < batch; ++i) rows.push_back(static_cast<std::int32_t>(i));
    pace.logits = secondsOf([&] { (void)computeLogits(config, *head, *hidden, rows); });
    return {};
}

Expected<Pace> timedPace(const RunInputs& inputs, double rowsPerPrompt) {
    auto pace = assumedPace(inputs);
    pace.basis = "one block timed on this machine";
    Expected<BlockWeights> weights;
    pace.loadBlock = secondsOf([&] { weights = loadBlock(*inputs.checkpoint, 0); });
    if (!weights) return fail(weights.error());
    if (inputs.spec.hasStage("capture"))
        if (auto timed = timeCapture(inputs, rowsPerPrompt, *weights, pace); !timed) return fail(timed.error());
    if (inputs.spec.hasStage("evaluate") && !inputs.asked.empty())
        if (auto timed = timeDecoding(inputs, *weights, pace); !timed) return fail(timed.error());
    // What needs calibration is counted by calibrationCost.
    const auto method = findQuantizationMethod(inputs.spec.method);
    if (method && (*method)->quantize != nullptr) pace.quantizeBlock = secondsOf([&] { (void)quantizeBlock(std::move(*weights), planOfBlock(inputs.plan, 0)); });
    return pace;
}

std::uint64_t availableMemory() {
    std::uint64_t available = 0;
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("MemAvailable:")) continue;
        std::istringstream(line.substr(13)) >> available;
        available *= 1024;
    }
    // A container may allow less than the machine has.
    std::uint64_t limit = 0, used = 0;
    std::ifstream("/sys/fs/cgroup/memory.max") >> limit;
    std::ifstream("/sys/fs/cgroup/memory.current") >> used;
    if (limit > used && limit > 0) available = std::min(available, limit - used);
    return available;
}

/// Copies of the model's linears alive while it is tuned: latent weights with gradients and two moments, or what an adapter changes.
std::uint64_t tunedCopies(const RunSpec& spec) { return spec.method == "qlora" ? 1 : 4; }

struct Tokens {
    std::uint64_t captured = 0;  ///< Rows of the stream, prefix shared.
    std::uint64_t asked = 0;     ///< Rows of the prompts that are answered.
    std::uint64_t longestAsked = 0;
};

Expected<Tokens> countTokens(const RunInputs& inputs) {
    const auto packed = [&](const std::vector<std::size_t>& prompts,
                            std::uint64_t* longest) -> Expected<std::uint64_t> {
        if (prompts.empty()) return std::uint64_t{0};
        std::vector<std::vector<std::int32_t>> sequences;
        for (const auto index : prompts) {
            auto ids = inputs.format.encodePrompt(inputs.prompts.prompts[index].text);
            if (!ids) return fail(ids.error());
            if (longest != nullptr) *longest = std::max<std::uint64_t>(*longest, ids->size());
            sequences.push_back(std::move(*ids));
        }
        return static_cast<std::uint64_t>(packSequences(sequences, mayShare(inputs.checkpoint->config(), sequences)).rows());
    };
    Tokens tokens;
    const auto captured = packed(inputs.layout.prompts, nullptr);
    if (!captured) return fail(captured.error());
    tokens.captured = *captured;
    const auto asked = packed(inputs.asked, &tokens.longestAsked);
    if (!asked) return fail(asked.error());
    tokens.asked = *asked;
    return tokens;
}

/// Tasks and decoding attack of one model: prompts read, and answers of so many steps in full batches.
double secondsOfFurtherQuestions(const RunInputs& inputs, const Pace& pace, const Tokens& tokens) {
    const double blocks = inputs.checkpoint->config().blocks;
    const double step = (blocks * pace.decodeStep + pace.logits) / decodeBatch(inputs);
    double rows = 0.0, steps = 0.0;
    for (const RunTask& task : inputs.tasks) {
        const TaskKind* kind = findTaskKind(task.choice.kind);
        const int newTokens = task.choice.newTokens > 0 ? task.choice.newTokens : kind != nullptr ? kind->newTokens : 0;
        for (const TaskItem& item : task.items) {
            double bytes = static_cast<double>(item.question.size());
            for (const std::string& choice : item.choices) bytes += static_cast<double>(choice.size());
            rows += bytes / kBytesPerToken;
            steps += newTokens;
        }
    }
    if (inputs.spec.attack.samples > 0 && !inputs.asked.empty()) {
        const auto malicious = std::count_if(inputs.asked.begin(), inputs.asked.end(), [&](std::size_t index) {
            return inputs.prompts.prompts[index].label == PromptLabel::Malicious;
        });
        const double answers = static_cast<double>(attackSettings(inputs.spec.attack).size()) * inputs.spec.attack.samples * static_cast<double>(malicious);
        rows += answers * static_cast<double>(tokens.asked) / static_cast<double>(inputs.asked.size());
        steps += answers * inputs.spec.decoding.maxNewTokens;
    }
    return rows * pace.row * blocks + steps * step;
}

double meanRowsPerPrompt(const RunInputs& inputs, const Tokens& tokens) {
    if (inputs.layout.prompts.empty()) return kRowsOfAPrompt;
    return static_cast<double>(tokens.captured) / static_cast<double>(std::max<std::size_t>(inputs.layout.prompts.size(), 1));
}

double secondsOfRun(const RunInputs& inputs, const Pace& pace, const Tokens& tokens) {
    const auto& spec = inputs.spec;
    const double blocks = inputs.checkpoint->config().blocks;
    const double fitRows = static_cast<double>(inputs.layout.fitRows.size() + inputs.layout.fitRowsWithHard.size());
    const double block = pace.loadBlock + static_cast<double>(tokens.captured) * pace.row + fitRows * pace.fitRow;
    double seconds = 0.0;
    if (spec.hasStage("capture")) seconds += blocks * block;
    if (spec.hasStage("tune")) seconds += blocks * spec.tuning.cost(spec.calibration, meanRowsPerPrompt(inputs, tokens)) * pace.row;
    if (spec.hasStage("patch")) seconds += blocks * (pace.quantizeBlock + spec.patch->cost(meanRowsPerPrompt(inputs, tokens)) * pace.row);
    if (spec.hasStage("quantize")) {
        const double calibrated = calibrationCost(spec, inputs.checkpoint->config(), meanRowsPerPrompt(inputs, tokens));
        seconds += blocks * (block + pace.quantizeBlock + calibrated * pace.row);
    }
    if (spec.hasStage("evaluate")) {
        const double models = static_cast<double>(inputs.evaluatedModels().size());
        const double batches = static_cast<double>(inputs.asked.size()) / decodeBatch(inputs);
        const double steps = batches * spec.decoding.maxNewTokens;
        const double scored = inputs.perplexityText.empty() ? 0.0 : spec.perplexityTokens;
        const double headRow = pace.logits / decodeBatch(inputs);
        double model = blocks * pace.loadBlock + static_cast<double>(tokens.asked) * pace.row * blocks;
        model += steps * (blocks * pace.decodeStep + pace.logits) + scored * (pace.row * blocks + headRow);
        model += secondsOfFurtherQuestions(inputs, pace, tokens);
        seconds += models * model + (models - 1.0) * blocks * pace.quantizeBlock;
    }
    if (spec.hasStage("export")) seconds += blocks * (pace.loadBlock + pace.quantizeBlock) * 2.0;
    return seconds;
}

std::uint64_t patchMemory(const RunInputs& inputs, std::uint64_t block, double rowsPerPrompt) {
    const auto& config = inputs.checkpoint->config();
    const PatchSpec& patch = *inputs.spec.patch;
    const auto hidden = static_cast<std::uint64_t>(config.hiddenSize), blocks = static_cast<std::uint64_t>(config.blocks);
    const auto head = static_cast<std::uint64_t>(config.vocabulary) * hidden * sizeof(float);
    const std::uint64_t held = static_cast<std::uint64_t>(patch.heldRows(rowsPerPrompt)) * hidden * sizeof(float);
    // The hidden states of what is scored at all blocks, and a block with its gradient and its scores.
    if (patch.kind == PatchKind::Keep) return (blocks + 1) * held + 5 * block + head;
    // Of every weight what is rounded, its code and its mask; the change and the gradient of one block; the head in float32.
    const auto kept = static_cast<std::uint64_t>(patch.options.graphMemoryGib * 1024.0 * 1024.0 * 1024.0);
    const std::uint64_t learning = blocks * (block + block / 2) + 4 * block + head + 2 * kept;
    // What two teachers' heads read, and the heads of two more models at most.
    return patch.kind == PatchKind::Align ? learning + 2 * held + 2 * head : learning;
}

/// Bytes of what the full-precision model says of the tokens that are learned.
std::uint64_t tunedLabels(const RunInputs& inputs, const Tokens& tokens) {
    const TuningSpec& tuning = inputs.spec.tuning;
    const CalibrationParts& parts = inputs.spec.calibration;
    const double chats = TuningSpec::chats(parts);
    const double rows = static_cast<double>(tuning.generated) * tuning.sequenceTokens + chats * (meanRowsPerPrompt(inputs, tokens) + tuning.answerTokens);
    return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(inputs.checkpoint->config().hiddenSize) * sizeof(float);
}

std::uint64_t peakMemory(const RunInputs& inputs, const Tokens& tokens) {
    const auto& config = inputs.checkpoint->config();
    const auto hidden = static_cast<std::uint64_t>(config.hiddenSize);
    const auto blocks = static_cast<std::uint64_t>(config.blocks);
    const auto block = static_cast<std::uint64_t>(weightsOfBlock(config)) * sizeof(float);
    std::uint64_t peak = 0;
    if (inputs.spec.hasStage("capture")) {
        const auto stream = tokens.captured * hidden * sizeof(float);
        const auto activations = inputs.layout.prompts.size() * hidden * sizeof(float) * kActivationCopies;
        peak = std::max(peak, 2 * block + stream + activations);
    }
    if (const double rows = calibrationRows(inputs.spec, meanRowsPerPrompt(inputs, tokens)); rows > 0.0) {
        const auto widest = static_cast<std::uint64_t>(std::max({config.hiddenSize, config.intermediateSize, config.queryWidth()}));
        const auto streams = (kCalibrationStreams * static_cast<std::uint64_t>(rows) + tokens.captured) * hidden * sizeof(float);
        peak = std::max(peak, kCalibrationBlocks * block + streams + 2 * widest * widest * sizeof(double));
    }
    if (inputs.spec.hasStage("tune")) {
        const auto kept = static_cast<std::uint64_t>(inputs.spec.tuning.options.graphMemoryGib * 1024.0 * 1024.0 * 1024.0);
        const auto head = static_cast<std::uint64_t>(config.vocabulary) * hidden * sizeof(float);
        const auto logits = kTunedLogits * kTunedLogitRows * static_cast<std::uint64_t>(config.vocabulary) * sizeof(float);
        peak = std::max(peak, tunedCopies(inputs.spec) * blocks * block + 4 * block + head + logits + tunedLabels(inputs, tokens) + 2 * kept);
    }
    if (inputs.spec.hasStage("patch")) {
        peak = std::max(peak, patchMemory(inputs, block, meanRowsPerPrompt(inputs, tokens)));
    }
    if (inputs.spec.hasStage("evaluate")) {
        const auto head = static_cast<std::uint64_t>(config.vocabulary) * hidden * sizeof(float);
        const auto positions = tokens.longestAsked + static_cast<std::uint64_t>(inputs.spec.decoding.maxNewTokens);
        const auto cache = static_cast<std::uint64_t>(decodeBatch(inputs)) * positions * 2 *
                           static_cast<std::uint64_t>(config.kvWidth()) * sizeof(float) * blocks;
        const auto logits = static_cast<std::uint64_t>(decodeBatch(inputs)) *
                            static_cast<std::uint64_t>(config.vocabulary) * sizeof(float);
        peak = std::max(peak, blocks * block + head + cache + logits);
    }
    if (inputs.spec.hasStage("export")) peak = std::max(peak, 2 * block);
    return peak + kProgramBytes + kScratchBytes;
}

std::uint64_t diskNeeded(const RunInputs& inputs, const Tokens& tokens) {
    const auto& config = inputs.checkpoint->config();
    const auto hidden = static_cast<std::uint64_t>(config.hiddenSize);
    const auto models = inputs.spec.hasStage("capture") ? (inputs.spec.hasStage("quantize") ? 2U : 1U) : 0U;
    // Every block's activations stand in its own file and in results.h5; the stream and its successor side by side.
    const auto blocks =
        2 * static_cast<std::uint64_t>(config.blocks) * models * inputs.layout.prompts.size() * hidden * sizeof(float);
    // The state of a tuning that was stopped, and the file that replaces it, beside the blocks it leaves.
    const auto tuned = inputs.spec.hasStage("tune") ? 2 * (tunedCopies(inputs.spec) - 1) * static_cast<std::uint64_t>(config.blocks) * static_cast<std::uint64_t>(weightsOfBlock(config)) * sizeof(float) : 0;
    const auto stream = models > 0 ? 2 * tokens.captured * hidden * sizeof(float) : 0;
    const auto answers = inputs.asked.size() * inputs.evaluatedModels().size() *
                         (static_cast<std::uint64_t>(inputs.spec.decoding.maxNewTokens) * 8 + 1024);
    return blocks + stream + tuned + answers + (1U << 20);
}

std::string gigabytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

/// Free space of the file system that a path will lie on.
std::uint64_t availableDisk(fs::path path) {
    std::error_code code;
    path = fs::absolute(path, code);
    while (!fs::exists(path, code) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
    const auto space = fs::space(path, code);
    return code ? 0 : space.available;
}

void addWarnings(const RunInputs& inputs, protocol::RunEstimate& estimate) {
    if (estimate.availableMemoryBytes > 0 && estimate.peakMemoryBytes > estimate.availableMemoryBytes)
        estimate.warnings.push_back("The run needs about " + gigabytes(estimate.peakMemoryBytes) + " of memory, and " +
                                    gigabytes(estimate.availableMemoryBytes) + " are available.");
    if (estimate.diskBytes > estimate.availableDiskBytes)
        estimate.warnings.push_back("The run needs about " + gigabytes(estimate.diskBytes) + " of disk, and " +
                                    gigabytes(estimate.availableDiskBytes) + " are free.");
    if (inputs.spec.hasStage("evaluate")) {
        const auto warnEmpty = [&](PromptLabel label, int wanted) {
            const auto have = inputs.prompts.indices(label, PromptSplit::Evaluation).size();
            if (static_cast<std::size_t>(wanted) > have)
                estimate.warnings.push_back("Of the " + std::to_string(wanted) + " " + promptLabelName(label) +
                                            " prompts to be asked, the evaluation split has " + std::to_string(have) +
                                            ".");
        };
        warnEmpty(PromptLabel::Malicious, inputs.spec.evaluateMalicious);
        warnEmpty(PromptLabel::Benign, inputs.spec.evaluateBenign);
        warnEmpty(PromptLabel::HardBenign, inputs.spec.evaluateHardBenign);
    }
    if (inputs.spec.hasStage("capture") && inputs.sample.hardBenign.empty())
        estimate.warnings.emplace_back(
            "The prompt set has no hard benign prompts to calibrate on: the second probe equals the first.");
}

Expected<protocol::RunPlan> makePlan(const RunSpec& spec, const std::string& workspace, bool timeOneBlock) {
    auto device = openDevice(spec.device);
    if (!device) return fail(device.error());
    auto inputs = openInputs(spec, false);
    if (!inputs) return fail(inputs.error());
    inputs->device = std::move(*device);
    protocol::RunPlan plan;
    for (const auto& linear : inputs->plan) plan.linears.push_back(linearInfo(linear, inputs->checkpoint->config()));

    const auto tokens = countTokens(*inputs);
    if (!tokens) return fail(tokens.error());
    const double prompts = static_cast<double>(std::max<std::size_t>(1, inputs->layout.prompts.size()));
    const auto pace = timeOneBlock ? timedPace(*inputs, static_cast<double>(tokens->captured) / prompts)
                                   : Expected<Pace>(assumedPace(*inputs));
    if (!pace) return fail(pace.error());

    auto& estimate = plan.estimate;
    estimate.seconds = secondsOfRun(*inputs, *pace, *tokens);
    estimate.secondsLow = estimate.seconds * (timeOneBlock ? 0.7 : 0.25);
    estimate.secondsHigh = estimate.seconds * (timeOneBlock ? 1.5 : 4.0);
    estimate.basis = pace->basis;
    estimate.peakMemoryBytes = peakMemory(*inputs, *tokens);
    estimate.availableMemoryBytes = availableMemory();
    estimate.diskBytes = diskNeeded(*inputs, *tokens);
    estimate.availableDiskBytes = availableDisk(workspace);
    const auto preflight = preflightExport(inputs->checkpoint->config(), inputs->plan, spec.exportFolder, inputs->checkpoint.get(), spec.exporting);
    estimate.exportBytes = preflight.bytes;
    addWarnings(*inputs, estimate);
    return plan;
}

}  // namespace

Expected<protocol::RunPlan> planRun(const RunSpec& spec, const std::string& workspace, bool timeOneBlock) {
    try {
        return makePlan(spec, workspace, timeOneBlock);
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Memory ran out while one block was timed; this model does not fit.",
                    spec.checkpoint);
    } catch (const std::exception& error) {
        return fail(ErrorKind::Failed, error.what(), spec.checkpoint);
    }
}

}  // namespace safequant
