// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/linear_analysis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/activations/capture.h"
#include "core/model/packed_forward.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/method.h"
#include "core/quantize/value_distribution.h"
#include "core/run/block_results.h"
#include "core/run/coded_blocks.h"
#include "core/run/prompt_table.h"
#include "core/run/quantized_blocks.h"
#include "core/run/run_model.h"

namespace safequant {
namespace {

constexpr std::size_t kValueBins = 160;
constexpr int kLeastTokens = 64, kMostTokens = 65536;

/// Enough bins a step to see where between two codes weights lie, for as many codes as a picture can hold.
std::size_t binsPerStep(int bits) { return bits <= 4 ? 8 : bits <= 6 ? 2 : 1; }

protocol::HistogramCounts countsOf(ValueHistogram histogram) {
    return {histogram.low, histogram.high, std::move(histogram.counts), histogram.below, histogram.above};
}

double largestOf(std::span<const float> values) {
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    return static_cast<double>(largest);
}

Expected<QuantizedLinear> quantizedLinear(const std::string& folder, const RunInputs& inputs, const Matrix& weight,
                                          const LinearPlan& plan) {
    if (!inputs.spec.keepsBlocks()) return quantizeLinear(weight, plan.actual);
    if (!hasCodedBlock(folder, plan.block))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(plan.block) + " is not quantized yet.", folder);
    return readCodedLinear(folder, inputs.checkpoint->config(), plan);
}

/// The error that the run reports of a linear's weights; nothing before its block is finished.
std::optional<double> reportedError(const std::string& folder, const LinearPlan& plan) {
    const auto summary = readBlockSummary(folder, "quantized", plan.block);
    if (!summary) return std::nullopt;
    for (const auto& linear : summary->linears)
        if (linear.name == plan.name && linear.relativeError >= 0.0) return linear.relativeError;
    return std::nullopt;
}

/// Calibration prompts that were captured, their labels in turn.
std::vector<const protocol::PromptItem*> promptsInTurn(const PromptTable& table) {
    std::array<std::vector<const protocol::PromptItem*>, 3> byLabel;
    for (const int prompt : table.captured) {
        const auto& item = table.prompts[static_cast<std::size_t>(prompt)];
        if (item.split == "calibration") byLabel[item.label == "malicious" ? 0 : item.label == "benign" ? 1 : 2].push_back(&item);
    }
    std::vector<const protocol::PromptItem*> all;
    for (std::size_t i = 0; std::any_of(byLabel.begin(), byLabel.end(), [&](const auto& items) { return i < items.size(); }); ++i)
        for (const auto& items : byLabel)
            if (i < items.size()) all.push_back(items[i]);
    return all;
}

/// The first of them that hold at most so many tokens, as a stream before the first block.
Expected<ActivationStream> openTokens(const std::string& folder, const Checkpoint& checkpoint, const std::string& systemPrompt, int tokens) {
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto format = ChatFormat::create(checkpoint.tokenizerSource(), systemPrompt);
    if (!format) return fail(format.error());
    std::vector<std::string> texts, ids;
    std::size_t length = 0;
    for (const auto* prompt : promptsInTurn(*table)) {
        const auto encoded = format->encodePrompt(prompt->text);
        if (!encoded) return fail(encoded.error());
        length += encoded->size();
        if (!texts.empty() && length > static_cast<std::size_t>(tokens)) break;
        texts.push_back(prompt->text);
        ids.push_back(prompt->id);
    }
    if (texts.empty()) return fail(ErrorKind::BadInput, "This run captured no calibration prompts that could pass through the model.", folder);
    return openStream(checkpoint, *format, texts, ids);
}

/// Largest |x| by channel of what enters the groups of linears.
class LargestInputs {
public:
    void see(LinearRole role, const float* x, std::size_t stride, std::size_t rows, std::size_t columns) {
        auto& largest = m_largest[static_cast<std::size_t>(role)];
        largest.resize(columns, 0.0F);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < columns; ++c) largest[c] = std::max(largest[c], std::fabs(x[r * stride + c]));
    }
    std::vector<protocol::LinearInputs> take(int block) {
        std::vector<protocol::LinearInputs> groups;
        for (const InputGroup group : kInputGroups) {
            protocol::LinearInputs inputs;
            for (const LinearRole role : linearsOf(group)) inputs.linears.push_back(linearName(block, role));
            inputs.largest = std::move(m_largest[static_cast<std::size_t>(linearsOf(group).front())]);
            inputs.median = medianOf(inputs.largest);
            for (const auto& outlier : outlierChannels(inputs.largest)) inputs.outliers.push_back({outlier.channel, outlier.largest, outlier.ratio});
            groups.push_back(std::move(inputs));
        }
        m_largest = {};
        return groups;
    }

private:
    std::array<std::vector<float>, kLinearsPerBlock> m_largest;
};

}  // namespace

Expected<protocol::LinearWeightsResult> measureLinearWeights(const std::string& folder, const std::string& linear) {
    const auto inputs = openRunModel(folder, false);
    if (!inputs) return fail(inputs.error());
    if (auto same = checkRunModel(folder, *inputs); !same) return fail(same.error());
    const auto plan = std::find_if(inputs->plan.begin(), inputs->plan.end(), [&](const LinearPlan& each) { return each.name == linear; });
    if (plan == inputs->plan.end()) return fail(ErrorKind::NotFound, "The model has no linear \"" + linear + "\".", folder);
    const auto method = findQuantizationMethod(inputs->spec.method);
    if (!method) return fail(method.error());
    const auto weight = inputs->checkpoint->readMatrix(linear + ".weight");
    if (!weight) return fail(weight.error());

    protocol::LinearWeightsResult result;
    result.linear = linear;
    result.scheme = plan->actual.describe();
    result.rows = static_cast<int>(weight->rows());
    result.cols = static_cast<int>(weight->cols());
    result.rotated = inputs->spec.rotation.has_value();
    double range = largestOf(weight->span());
    if (!plan->quantized()) {
        if (range == 0.0) range = 1.0;
        result.full = countsOf(histogramOf(weight->span(), -range, range, kValueBins));
        return result;
    }
    const auto quantized = quantizedLinear(folder, *inputs, *weight, *plan);
    if (!quantized) return fail(quantized.error());
    const Matrix rounded = quantized->dequantize();
    range = std::max(range, largestOf(rounded.span()));
    if (range == 0.0) range = 1.0;
    result.quantized = true;
    result.full = countsOf(histogramOf(weight->span(), -range, range, kValueBins));
    result.rounded = countsOf(histogramOf(rounded.span(), -range, range, kValueBins));
    result.relativeError = quantizationError(*weight, *quantized).relative;
    if (const auto reported = reportedError(folder, *plan)) {
        constexpr double kRounding = 1e-4;
        const bool differs = std::fabs(result.relativeError - *reported) > kRounding * std::max(*reported, kRounding);
        if (differs && !inputs->spec.keepsBlocks())
            return fail(ErrorKind::Mismatch, "This checkpoint gives another error for \"" + linear + "\" than the run reports: it is not the one that was quantized.",
                        inputs->spec.checkpoint);
        result.rescaled = differs;
    }
    // A format of its own has neither codes nor steps to count.
    if (!quantized->onGrid()) return result;
    auto use = gridUse(*weight, *quantized, binsPerStep(plan->actual.weightBits));
    result.medianScale = use.medianScale;
    result.medianZero = static_cast<double>(use.medianZero);
    result.lowestCode = use.lowestCode;
    result.codes = std::move(use.codes);
    // Weights that a method changed before it rounded them have no place on the grids of what it made of them.
    if (result.rescaled) return result;
    result.steps = countsOf(std::move(use.steps));
    result.clipped = use.clipped;
    return result;
}

Expected<void> measureInputs(const std::string& folder, const std::string& model, int tokens, const std::stop_token& stop,
                             const BlockInputsListener& listener) {
    if (model != "base" && model != "quantized")
        return fail(ErrorKind::BadInput, "There is no model \"" + model + "\"; there are \"base\" and \"quantized\".", "model");
    if (tokens < kLeastTokens || tokens > kMostTokens)
        return fail(ErrorKind::BadInput,
                    std::to_string(tokens) + " tokens cannot be used. Choose " + std::to_string(kLeastTokens) + " to " + std::to_string(kMostTokens) + ".",
                    "tokens");
    const auto inputs = openRunModel(folder, false);
    if (!inputs) return fail(inputs.error());
    if (auto same = checkRunModel(folder, *inputs); !same) return same;
    const bool isBase = model == "base";
    const auto& checkpoint = isBase ? inputs->base : inputs->checkpoint;
    auto stream = openTokens(folder, *checkpoint, inputs->spec.systemPrompt, tokens);
    if (!stream) return fail(stream.error());

    const DecoderConfig& config = checkpoint->config();
    const BlockSource blocks = isBase ? checkpointBlocks(checkpoint) : quantizedBlocks(folder, *inputs);
    LargestInputs largest;
    BlockRunner runner(config);
    BlockPart whole;
    whole.observe = [&](LinearRole role, const float* x, std::size_t stride, std::size_t rows) {
        largest.see(role, x, stride, rows, static_cast<std::size_t>(linearShape(config, role).second));
    };
    runner.setPart(std::move(whole));
    for (int block = 0; block < config.blocks; ++block) {
        if (stop.stop_requested()) return fail(cancelledError());
        const auto weights = blocks(block);
        if (!weights) return fail(weights.error());
        if (!runPackedSequences(runner, PackedBlock(config, *weights), stream->sequences, stream->hidden, stop)) return fail(cancelledError());
        protocol::BlockInputs told;
        told.model = model;
        told.block = block;
        told.blocks = config.blocks;
        told.prompts = stream->sequences.sequences();
        told.tokens = stream->sequences.rows();
        told.groups = largest.take(block);
        listener(told);
    }
    return {};
}

}  // namespace safequant
