// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/training_model.h"

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

TrainingLoss lossOf(std::int64_t rows, std::vector<SampleLoss> samples) {
    TrainingLoss loss;
    loss.rows = rows;
    for (const SampleLoss& sample : samples) {
        loss.sum += sample.sum;
        loss.targets += sample.targets;
    }
    loss.samples = std::move(samples);
    return loss;
}

}  // namespace

struct TrainingModel::Batch {
    std::size_t count = 0;  ///< Samples.
    std::vector<std::int32_t> tokens;
    RowLayout layout;
    std::vector<RowAngles> angles;
    std::vector<std::int64_t> learnedRows;  ///< Rows with a target.
    std::vector<std::int64_t> targets;      ///< Of these.
    std::vector<std::size_t> samples;       ///< The same rows' samples.
};

Expected<TrainingModel> TrainingModel::load(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<TrainingBlocks> blocks,
                                            const at::Device& device, std::uint64_t graphBytes) {
    TrainingModel model;
    model.m_device = device;
    model.m_graphBytes = graphBytes;
    try {
        const auto head = loadOutputHead(*checkpoint);
        if (!head) return fail(head.error());
        model.m_finalNorm = tensorOf(normGains(checkpoint->config(), head->norm), device);
        model.m_head = tensorOf(head->weight, device);
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "There is not enough memory for the model's weights in float32.", checkpoint->path());
    }
    model.m_checkpoint = std::move(checkpoint);
    model.m_blocks = std::move(blocks);
    return model;
}

Expected<TrainingModel::Batch> TrainingModel::pack(std::span<const TrainingSample* const> samples) const {
    const DecoderConfig& config = m_checkpoint->config();
    if (samples.empty()) return fail(ErrorKind::BadInput, "There are no samples.");
    std::vector<std::vector<std::int32_t>> sequences;
    for (const TrainingSample* sample : samples) {
        if (sample->tokens.size() > static_cast<std::size_t>(config.context()))
            return fail(ErrorKind::BadInput, "A sample has " + std::to_string(sample->tokens.size()) + " tokens; the model's context is " +
                                                 std::to_string(config.context()) + ".");
        sequences.push_back(sample->tokens);
    }
    Batch batch;
    batch.count = samples.size();
    const std::size_t shared = mayShare(config, sequences) ? sharedPrefix(samples) : 0;
    if (shared > 0) {
        batch.layout.add(static_cast<std::int32_t>(shared));
        batch.tokens.assign(sequences.front().begin(), sequences.front().begin() + static_cast<std::ptrdiff_t>(shared));
    }
    for (std::size_t index = 0; index < samples.size(); ++index) {
        const TrainingSample* sample = samples[index];
        for (std::size_t i = shared; i < sample->tokens.size(); ++i) {
            if (sample->targets[i] >= config.vocabulary)
                return fail(ErrorKind::BadInput, "Token id " + std::to_string(sample->targets[i]) + " is outside the model's vocabulary.");
            if (sample->targets[i] >= 0) {
                batch.learnedRows.push_back(static_cast<std::int64_t>(batch.tokens.size()));
                batch.targets.push_back(sample->targets[i]);
                batch.samples.push_back(index);
            }
            batch.tokens.push_back(sample->tokens[i]);
        }
        const auto own = static_cast<std::int32_t>(sample->tokens.size() - shared);
        shared > 0 ? batch.layout.addAfter(0, own) : batch.layout.add(own);
    }
    batch.angles = layoutAngles(config, batch.layout, m_device);
    return batch;
}

std::size_t TrainingModel::blockCount() const { return static_cast<std::size_t>(m_checkpoint->config().blocks); }

Expected<at::Tensor> TrainingModel::embed(const Batch& batch) const {
    const auto embedded = embedTokens(*m_checkpoint, batch.tokens);
    if (!embedded) return fail(embedded.error());
    return tensorOf(*embedded, m_device);
}

std::size_t TrainingModel::firstKeptBlock(std::int32_t rows) const {
    const std::uint64_t perBlock = graphBytesPerRow(m_checkpoint->config()) * static_cast<std::uint64_t>(rows);
    const std::uint64_t kept = std::min<std::uint64_t>(m_graphBytes / perBlock, blockCount());
    return blockCount() - static_cast<std::size_t>(kept);
}

at::Tensor TrainingModel::run(const TensorBlock& block, const Batch& batch, const at::Tensor& hidden) const {
    return forwardTensorBlock(m_checkpoint->config(), block, batch.layout, batch.angles, hidden);
}

TrainingModel TrainingModel::withBlocks(std::shared_ptr<TrainingBlocks> blocks) const {
    TrainingModel model = *this;
    model.m_blocks = std::move(blocks);
    return model;
}

at::Tensor TrainingModel::logitsOfInputs(const at::Tensor& normed) const {
    const float cap = m_checkpoint->config().logitSoftcap;
    at::Tensor logits = linearProduct(normed, m_head);
    return cap > 0.0F ? at::tanh(logits / cap) * cap : logits;
}

at::Tensor TrainingModel::logits(const at::Tensor& hidden) const {
    return logitsOfInputs(rmsNorm(hidden, m_finalNorm, m_checkpoint->config().normEpsilon));
}

HeadRows TrainingModel::rowsOf(const Batch& batch, const at::Tensor& hidden) const {
    return {hidden.index_select(0, indexTensor(batch.learnedRows, m_device)), batch.targets, batch.samples};
}

std::vector<SampleLoss> TrainingModel::crossEntropy(const HeadRows& rows, std::size_t samples, at::Tensor* gradient) const {
    const at::Tensor targets = indexTensor(rows.targets, m_device);
    std::vector<SampleLoss> losses(samples);
    if (gradient != nullptr) *gradient = at::zeros_like(rows.hidden);
    const c10::AutoGradMode mode(gradient != nullptr);
    const std::int64_t total = targets.numel();
    for (std::int64_t first = 0; first < total; first += kLogitRows) {
        const std::int64_t count = std::min(kLogitRows, total - first);
        const at::Tensor x = rows.hidden.narrow(0, first, count).detach().requires_grad_(gradient != nullptr);
        const at::Tensor loss = at::nll_loss(at::log_softmax(logits(x), 1), targets.narrow(0, first, count), {}, at::Reduction::None);
        const at::Tensor values = loss.detach().to(at::kCPU).contiguous();
        for (std::int64_t i = 0; i < count; ++i) {
            SampleLoss& sample = losses[rows.samples[static_cast<std::size_t>(first + i)]];
            sample.sum += static_cast<double>(values.data_ptr<float>()[i]);
            ++sample.targets;
        }
        if (gradient == nullptr) continue;
        loss.sum().backward();
        gradient->narrow(0, first, count).copy_(x.grad());
    }
    return losses;
}

at::Tensor TrainingModel::crossEntropyGradient(const HeadRows& rows, std::size_t samples, const SampleWeights& weights,
                                               std::vector<SampleLoss>& losses) const {
    at::Tensor gradient;
    losses = crossEntropy(rows, samples, &gradient);
    // Rows do not meet in the head: a sample's weight multiplies the gradients of its rows, though it is known only now.
    const std::vector<double> share = weights(losses);
    at::Tensor factors = at::zeros({gradient.size(0), 1}, at::kFloat);
    for (std::size_t i = 0; i < rows.samples.size(); ++i) factors.data_ptr<float>()[i] = static_cast<float>(share[rows.samples[i]]);
    return gradient.mul_(factors.to(m_device));
}

Expected<void> TrainingModel::descend(const Batch& batch, const HeadGradient& head, const std::stop_token& stop) {
    auto embedded = embed(batch);
    if (!embedded) return fail(embedded.error());
    const std::size_t kept = firstKeptBlock(batch.layout.rows);
    std::vector<at::Tensor> inputs;
    at::Tensor hidden = std::move(*embedded);
    {
        const c10::AutoGradMode noGradients(false);
        for (std::size_t index = 0; index < kept; ++index) {
            if (stop.stop_requested()) return fail(cancelledError());
            inputs.push_back(hidden);
            hidden = run(m_blocks->block(index), batch, hidden);
        }
    }
    const c10::AutoGradMode gradients(true);
    // Nothing learns below the first block.
    const at::Tensor leaf = hidden.requires_grad_(kept > 0);
    std::vector<TensorBlock> keptBlocks;
    for (std::size_t index = kept; index < blockCount(); ++index) {
        if (stop.stop_requested()) return fail(cancelledError());
        keptBlocks.push_back(m_blocks->block(index));
        hidden = run(keptBlocks.back(), batch, hidden);
    }
    at::Tensor upstream = at::zeros_like(hidden.detach());
    upstream.index_copy_(0, indexTensor(batch.learnedRows, m_device), head(rowsOf(batch, hidden.detach())));
    if (kept < blockCount()) {
        if (hidden.requires_grad()) hidden.backward(upstream);
        upstream = leaf.grad();
        for (std::size_t index = kept; index < blockCount(); ++index) m_blocks->learned(index, keptBlocks[index - kept]);
    }
    for (std::size_t index = kept; index-- > 0;) {
        if (stop.stop_requested()) return fail(cancelledError());
        const at::Tensor x = inputs[index].detach().requires_grad_(index > 0);
        inputs.pop_back();
        const TensorBlock block = m_blocks->block(index);
        // The first block may have nothing that learns.
        if (const at::Tensor y = run(block, batch, x); y.requires_grad()) y.backward(upstream);
        upstream = x.grad();
        m_blocks->learned(index, block);
    }
    return {};
}

Expected<TrainingLoss> TrainingModel::addGradient(std::span<const TrainingSample* const> samples, const SampleWeights& weights,
                                                  const std::stop_token& stop) {
    const auto batch = pack(samples);
    if (!batch) return fail(batch.error());
    std::vector<SampleLoss> losses;
    const HeadGradient head = [&](const HeadRows& rows) { return crossEntropyGradient(rows, batch->count, weights, losses); };
    if (auto gone = descend(*batch, head, stop); !gone) return fail(gone.error());
    return lossOf(batch->layout.rows, std::move(losses));
}

Expected<std::int64_t> TrainingModel::addGradientOf(std::span<const TrainingSample* const> samples, const HeadGradient& head,
                                                    const std::stop_token& stop) {
    const auto batch = pack(samples);
    if (!batch) return fail(batch.error());
    if (auto gone = descend(*batch, head, stop); !gone) return fail(gone.error());
    return std::int64_t{batch->layout.rows};
}

Expected<HeadRows> TrainingModel::ascend(const Batch& batch, const std::stop_token& stop) const {
    auto hidden = embed(batch);
    if (!hidden) return fail(hidden.error());
    const c10::AutoGradMode noGradients(false);
    for (std::size_t index = 0; index < blockCount(); ++index) {
        if (stop.stop_requested()) return fail(cancelledError());
        *hidden = run(m_blocks->block(index), batch, *hidden);
    }
    return rowsOf(batch, *hidden);
}

Expected<HeadRows> TrainingModel::headRows(std::span<const TrainingSample* const> samples, const std::stop_token& stop) const {
    const auto batch = pack(samples);
    if (!batch) return fail(batch.error());
    return ascend(*batch, stop);
}

Expected<TrainingLoss> TrainingModel::losses(std::span<const TrainingSample* const> samples, const std::stop_token& stop) const {
    const auto batch = pack(samples);
    if (!batch) return fail(batch.error());
    const auto rows = ascend(*batch, stop);
    if (!rows) return fail(rows.error());
    return lossOf(batch->layout.rows, crossEntropy(*rows, samples.size(), nullptr));
}

Expected<std::vector<TrainingModel::Batch>> TrainingModel::packAll(std::span<const TrainingSample* const> samples,
                                                                   std::size_t together) const {
    std::vector<Batch> batches;
    for (std::size_t first = 0; first < samples.size(); first += together) {
        auto batch = pack(samples.subspan(first, std::min(together, samples.size() - first)));
        if (!batch) return fail(batch.error());
        batches.push_back(std::move(*batch));
    }
    return batches;
}

Expected<at::Tensor> TrainingModel::headInputs(std::span<const TrainingSample* const> samples, std::size_t together,
                                               const Progress& progress) const {
    const auto batches = packAll(samples, together);
    if (!batches) return fail(batches.error());
    const c10::AutoGradMode noGradients(false);
    std::vector<at::Tensor> hidden;
    for (const Batch& batch : *batches) {
        auto embedded = embed(batch);
        if (!embedded) return fail(embedded.error());
        hidden.push_back(std::move(*embedded));
    }
    for (std::size_t index = 0; index < blockCount(); ++index) {
        const TensorBlock block = m_blocks->block(index);
        for (std::size_t i = 0; i < hidden.size(); ++i) {
            if (progress.stop.stop_requested()) return fail(cancelledError());
            hidden[i] = run(block, (*batches)[i], hidden[i]);
        }
        progress(index + 1, blockCount());
    }
    std::vector<at::Tensor> inputs;
    for (std::size_t i = 0; i < hidden.size(); ++i)
        inputs.push_back(rmsNorm(rowsOf((*batches)[i], hidden[i]).hidden, m_finalNorm, m_checkpoint->config().normEpsilon));
    return at::cat(inputs);
}

Expected<void> TrainingModel::visitSampleGradients(std::span<const TrainingSample* const> samples, const std::function<void(std::size_t block)>& done,
                                                   const std::stop_token& stop) {
    /// One sample on its way up, then down.
    struct Visit {
        Batch batch;
        std::vector<at::Tensor> inputs;
        at::Tensor hidden;  // On the way down its gradient.
    };
    std::vector<Visit> visits;
    for (const TrainingSample* sample : samples) {
        auto batch = pack({&sample, 1});
        if (!batch) return fail(batch.error());
        auto embedded = embed(*batch);
        if (!embedded) return fail(embedded.error());
        visits.push_back({std::move(*batch), {}, std::move(*embedded)});
    }
    {
        const c10::AutoGradMode noGradients(false);
        for (std::size_t index = 0; index < blockCount(); ++index) {
            const TensorBlock block = m_blocks->block(index);
            for (Visit& visit : visits) {
                if (stop.stop_requested()) return fail(cancelledError());
                visit.inputs.push_back(visit.hidden);
                visit.hidden = run(block, visit.batch, visit.hidden);
            }
        }
    }
    const c10::AutoGradMode gradients(true);
    for (Visit& visit : visits) {
        at::Tensor gradient;
        crossEntropy(rowsOf(visit.batch, visit.hidden), 1, &gradient);
        visit.hidden = at::zeros_like(visit.hidden).index_copy_(0, indexTensor(visit.batch.learnedRows, m_device), gradient);
    }
    for (std::size_t index = blockCount(); index-- > 0;) {
        const TensorBlock block = m_blocks->block(index);
        for (Visit& visit : visits) {
            if (stop.stop_requested()) return fail(cancelledError());
            const at::Tensor x = visit.inputs[index].detach().requires_grad_(index > 0);
            visit.inputs.pop_back();
            if (const at::Tensor y = run(block, visit.batch, x); y.requires_grad()) y.backward(visit.hidden);
            visit.hidden = x.grad();
            m_blocks->learned(index, block);
        }
        done(index);
    }
    return {};
}

}  // namespace safequant
