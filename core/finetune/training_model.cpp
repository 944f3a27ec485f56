// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/training_model.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <new>

#include "core/model/block_runner.h"
#include "core/model/packed_sequences.h"
#include "core/tensor/linear_product.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// Rows whose logits are there at once.
constexpr std::int64_t kLogitRows = 256;

/// Ids that all samples begin with and that none of them learns at or is the whole of.
std::size_t sharedPrefix(std::span<const TrainingSample* const> samples) {
    const TrainingSample& first = *samples.front();
    if (samples.size() < 2) return 0;
    std::size_t length = first.tokens.size();
    for (const TrainingSample* sample : samples) {
        const auto learned = std::find_if(sample->targets.begin(), sample->targets.end(), [](std::int32_t id) { return id >= 0; });
        length = std::min({length, static_cast<std::size_t>(learned - sample->targets.begin()), sample->tokens.size() - 1});
        const auto differs = std::mismatch(first.tokens.begin(), first.tokens.begin() + static_cast<std::ptrdiff_t>(length),
                                           sample->tokens.begin());
        length = static_cast<std::size_t>(differs.first - first.tokens.begin());
    }
    return length;
}

/// Bytes that autograd keeps of one block and row: inputs of linears and of element-wise operations.
std::uint64_t graphBytesPerRow(const DecoderConfig& config) {
    const std::int64_t values = 6 * config.hiddenSize + 4 * config.queryWidth() + 4 * config.kvWidth() + 5 * config.intermediateSize;
    return static_cast<std::uint64_t>(values) * sizeof(float);
}

}  // namespace

struct TrainingModel::Batch {
    std::vector<std::int32_t> tokens;
    RowLayout layout;
    std::vector<RowAngles> angles;
    std::vector<std::int64_t> learnedRows;  ///< Rows with a target.
    std::vector<std::int64_t> targets;      ///< Of these.
};

Expected<TrainingModel> TrainingModel::load(std::shared_ptr<const Checkpoint> checkpoint, const LowRankAdapter& adapter,
                                            const at::Device& device, std::uint64_t graphBytes, const Progress& progress) {
    TrainingModel model;
    const DecoderConfig& config = checkpoint->config();
    model.m_device = device;
    model.m_graphBytes = graphBytes;
    try {
        for (int block = 0; block < config.blocks; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = loadBlock(*checkpoint, block);
            if (!weights) return fail(weights.error());
            model.m_blocks.push_back(tensorBlock(config, *weights, device));
            progress(static_cast<std::uint64_t>(block) + 1, static_cast<std::uint64_t>(config.blocks));
        }
        const auto head = loadOutputHead(*checkpoint);
        if (!head) return fail(head.error());
        model.m_finalNorm = tensorOf(normGains(config, head->norm), device);
        model.m_head = tensorOf(head->weight, device);
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "There is not enough memory for the model's weights in float32.", checkpoint->path());
    }
    for (const LowRankAdapter::Module& module : adapter.modules())
        model.m_blocks[static_cast<std::size_t>(module.block)][module.role].change = module.change;
    model.m_checkpoint = std::move(checkpoint);
    return model;
}

Expected<TrainingModel::Batch> TrainingModel::pack(std::span<const TrainingSample* const> samples) const {
    const DecoderConfig& config = m_checkpoint->config();
    std::vector<std::vector<std::int32_t>> sequences;
    for (const TrainingSample* sample : samples) {
        if (sample->tokens.size() > static_cast<std::size_t>(config.context()))
            return fail(ErrorKind::BadInput, "A sample has " + std::to_string(sample->tokens.size()) + " tokens; the model's context is " +
                                                 std::to_string(config.context()) + ".");
        sequences.push_back(sample->tokens);
    }
    Batch batch;
    const std::size_t shared = mayShare(config, sequences) ? sharedPrefix(samples) : 0;
    if (shared > 0) {
        batch.layout.add(static_cast<std::int32_t>(shared));
        batch.tokens.assign(sequences.front().begin(), sequences.front().begin() + static_cast<std::ptrdiff_t>(shared));
    }
    for (const TrainingSample* sample : samples) {
        for (std::size_t i = shared; i < sample->tokens.size(); ++i) {
            if (sample->targets[i] >= config.vocabulary)
                return fail(ErrorKind::BadInput, "Token id " + std::to_string(sample->targets[i]) + " is outside the model's vocabulary.");
            if (sample->targets[i] >= 0) {
                batch.learnedRows.push_back(static_cast<std::int64_t>(batch.tokens.size()));
                batch.targets.push_back(sample->targets[i]);
            }
            batch.tokens.push_back(sample->tokens[i]);
        }
        const auto own = static_cast<std::int32_t>(sample->tokens.size() - shared);
        shared > 0 ? batch.layout.addAfter(0, own) : batch.layout.add(own);
    }
    batch.angles = layoutAngles(config, batch.layout, m_device);
    return batch;
}

std::size_t TrainingModel::firstKeptBlock(std::int32_t rows) const {
    const std::uint64_t perBlock = graphBytesPerRow(m_checkpoint->config()) * static_cast<std::uint64_t>(rows);
    const std::uint64_t kept = std::min<std::uint64_t>(m_graphBytes / perBlock, m_blocks.size());
    return m_blocks.size() - static_cast<std::size_t>(kept);
}

at::Tensor TrainingModel::run(std::size_t block, const Batch& batch, const at::Tensor& hidden) const {
    return forwardTensorBlock(m_checkpoint->config(), m_blocks[block], batch.layout, batch.angles, hidden);
}

double TrainingModel::headLoss(const Batch& batch, const at::Tensor& hidden, double weight, at::Tensor& gradient) const {
    const DecoderConfig& config = m_checkpoint->config();
    const auto indexOf = [&](const std::vector<std::int64_t>& values) { return at::tensor(values, at::kLong).to(m_device); };
    const at::Tensor rows = indexOf(batch.learnedRows), targets = indexOf(batch.targets);
    gradient = at::zeros_like(hidden);
    double sum = 0.0;
    for (std::int64_t first = 0; first < rows.numel(); first += kLogitRows) {
        const std::int64_t count = std::min(kLogitRows, rows.numel() - first);
        const at::Tensor piece = rows.narrow(0, first, count);
        const at::Tensor x = hidden.index_select(0, piece).requires_grad_();
        at::Tensor logits = linearProduct(rmsNorm(x, m_finalNorm, config.normEpsilon), m_head);
        if (config.logitSoftcap > 0.0F) logits = at::tanh(logits / config.logitSoftcap) * config.logitSoftcap;
        const at::Tensor loss = at::nll_loss(at::log_softmax(logits, 1), targets.narrow(0, first, count), {}, at::Reduction::Sum);
        (loss * weight).backward();
        sum += loss.item<double>();
        gradient.index_copy_(0, piece, x.grad());
    }
    return sum;
}

Expected<BatchLoss> TrainingModel::addGradient(std::span<const TrainingSample* const> samples, double weight, const std::stop_token& stop) {
    if (samples.empty()) return BatchLoss{};
    const auto batch = pack(samples);
    if (!batch) return fail(batch.error());
    const auto embedded = embedTokens(*m_checkpoint, batch->tokens);
    if (!embedded) return fail(embedded.error());

    const std::size_t kept = firstKeptBlock(batch->layout.rows);
    std::vector<at::Tensor> inputs;
    at::Tensor hidden = tensorOf(*embedded, m_device);
    {
        const c10::AutoGradMode noGradients(false);
        for (std::size_t block = 0; block < kept; ++block) {
            if (stop.stop_requested()) return fail(cancelledError());
            inputs.push_back(hidden);
            hidden = run(block, *batch, hidden);
        }
    }
    const c10::AutoGradMode gradients(true);
    // Nothing learns below the first block.
    const at::Tensor leaf = hidden.requires_grad_(kept > 0);
    for (std::size_t block = kept; block < m_blocks.size(); ++block) {
        if (stop.stop_requested()) return fail(cancelledError());
        hidden = run(block, *batch, hidden);
    }
    BatchLoss loss{0.0, static_cast<std::int64_t>(batch->targets.size()), batch->layout.rows};
    at::Tensor upstream;
    loss.sum = headLoss(*batch, hidden.detach(), weight, upstream);
    if (kept < m_blocks.size()) {
        hidden.backward(upstream);
        upstream = leaf.grad();
    }
    for (std::size_t block = kept; block-- > 0;) {
        if (stop.stop_requested()) return fail(cancelledError());
        const at::Tensor x = inputs[block].detach().requires_grad_(block > 0);
        inputs.pop_back();
        run(block, *batch, x).backward(upstream);
        upstream = x.grad();
    }
    return loss;
}

}  // namespace safequant
