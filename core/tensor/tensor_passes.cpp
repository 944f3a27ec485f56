// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/tensor_passes.h"

#include <algorithm>

#include "core/model/block_runner.h"
#include "core/model/packed_forward.h"
#include "core/tensor/linear_product.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

/// Rows sent through all blocks in one pass: enough to make up for fetching blocks that do not stay on the device.
constexpr std::size_t kRowsPerPass = 16384;
/// Rows whose logits are held at once.
constexpr std::size_t kLogitRows = 512;

/// Memory that ran out on the device is told as memory that ran out.
template <typename Work>
auto onDevice(const Work& work) {
    const at::NoGradGuard guard;
    try {
        return work();
    } catch (const c10::OutOfMemoryError&) {
        throw std::bad_alloc();
    }
}

}  // namespace

/// Sequences in progress: a slot of each block's cache.
class TensorPasses::Decoding final : public DecodingPasses {
public:
    Decoding(TensorPasses& passes, std::size_t sequences, int positions, int prefixLength)
        : m_passes(passes), m_positions(positions), m_prefixLength(prefixLength) {
        for (std::size_t slot = sequences; slot > 0; --slot) m_free.push_back(slot - 1);
        m_passes.m_blocks.withRoom([&] {
            m_prefix.clear();
            m_own.clear();
            for (std::size_t b = 0; b < m_passes.m_blocks.size(); ++b) {
                if (m_prefixLength > 0) m_prefix.emplace_back(m_passes.config(), 1, m_prefixLength, m_passes.m_device);
                m_own.emplace_back(m_passes.config(), static_cast<std::int64_t>(sequences), m_positions, m_passes.m_device);
            }
        });
    }

    Expected<void> prefill(const PackedSequences& prompts, const std::stop_token& stop) {
        if (m_prefixLength == 0) return {};
        const int length = m_prefixLength + prompts.offsets[1] - prompts.offsets[0];
        const std::span tokens(prompts.tokens.data(), static_cast<std::size_t>(m_prefixLength));
        const CachedRun run{m_prefixLength, 0, 0, length};
        if (auto hidden = feed(tokens, {&run, 1}, m_prefix, stop); !hidden) return fail(hidden.error());
        return {};
    }

    std::size_t open(int) override {
        const std::size_t slot = m_free.back();
        m_free.pop_back();
        const at::NoGradGuard guard;
        for (std::size_t b = 0; b < m_prefix.size(); ++b)
            m_own[b].copyPrefix(m_prefix[b], m_prefixLength, static_cast<std::int64_t>(slot), 1);
        return slot;
    }

    void close(std::size_t sequence) override { m_free.push_back(sequence); }

    /// Nothing to do: positions fed anew take the places of the old ones, and none behind them is seen.
    void restart(std::size_t) override {}

    Expected<void> step(std::span<const Feed> feeds, const TakeLogits& take, const std::stop_token& stop) override {
        return onDevice([&]() -> Expected<void> {
            std::vector<std::int32_t> tokens;
            std::vector<std::int64_t> lastRows;
            std::vector<CachedRun> runs;
            for (const Feed& each : feeds) {
                const auto rows = static_cast<std::int32_t>(each.tokens.size());
                runs.push_back({rows, static_cast<std::int32_t>(each.sequence), each.position, each.position + rows});
                tokens.insert(tokens.end(), each.tokens.begin(), each.tokens.end());
                lastRows.push_back(static_cast<std::int64_t>(tokens.size()) - 1);
            }
            const auto hidden = feed(tokens, runs, m_own, stop);
            if (!hidden) return fail(hidden.error());
            m_passes.takeLogits(*hidden, lastRows, take);
            return {};
        });
    }

private:
    /// Sends tokens through all blocks, extending the caches.
    Expected<at::Tensor> feed(std::span<const std::int32_t> tokens, std::span<const CachedRun> runs, std::vector<RowCache>& caches,
                              const std::stop_token& stop) {
        const auto embedded = m_passes.embed(tokens);
        if (!embedded) return fail(embedded.error());
        std::vector<Part> parts;
        std::int64_t first = 0;
        std::vector<CachedRun> taken;
        const auto add = [&] {
            Part part{layOut(m_passes.config(), taken, caches.front().keys.size(1), m_passes.m_ropes, m_passes.m_device), {}};
            part.hidden = embedded->narrow(0, first, part.layout.rows);
            first += part.layout.rows;
            parts.push_back(std::move(part));
            taken.clear();
        };
        std::size_t rows = 0;
        for (CachedRun run : runs)
            while (run.rows > 0) {
                CachedRun now = run;
                now.rows = std::min(run.rows, static_cast<std::int32_t>(m_passes.m_limits.chunkRows - rows));
                run.rows -= now.rows;
                run.position += now.rows;
                rows += static_cast<std::size_t>(now.rows);
                taken.push_back(now);
                if (rows < m_passes.m_limits.chunkRows) continue;
                add();
                rows = 0;
            }
        if (!taken.empty()) add();
        const auto step = [&](std::size_t block, const TensorBlock& weights, std::size_t part) {
            const AttentionShape shape = attentionShape(m_passes.config(), weights.attention);
            const auto attend = [&](const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
                return cachedAttention(queries, keys, values, caches[block], parts[part].layout, shape);
            };
            return forwardTensorBlockWith(m_passes.config(), weights, parts[part].layout.angles, parts[part].hidden, attend);
        };
        if (!m_passes.forward(parts, step, stop)) return fail(cancelledError());
        return joined(parts);
    }

    TensorPasses& m_passes;
    std::vector<RowCache> m_prefix, m_own;  // One a block; no prefix, none of it.
    std::int64_t m_positions;
    std::int32_t m_prefixLength;
    std::vector<std::size_t> m_free;
};

TensorPasses::TensorPasses(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head, const at::Device& device,
                           const TensorLimits& limits)
    : m_checkpoint(std::move(checkpoint)),
      m_device(device),
      m_limits(limits),
      m_blocks(config(), device, limits.residentBlocks),
      m_ropes(ropeTables(config())),
      m_norm(tensorOf(normGains(config(), head.norm), device)),
      m_head(tensorOf(head.weight, device)) {}

std::size_t TensorPasses::rowsPerPass() const { return kRowsPerPass; }

at::Tensor TensorPasses::joined(const std::vector<Part>& parts) {
    std::vector<at::Tensor> hidden;
    for (const Part& part : parts) hidden.push_back(part.hidden);
    return hidden.size() == 1 ? hidden.front() : at::cat(hidden, 0);
}

Expected<at::Tensor> TensorPasses::embed(std::span<const std::int32_t> tokens) const {
    const auto rows = embedTokens(*m_checkpoint, tokens);
    if (!rows) return fail(rows.error());
    return tensorOf(*rows, m_device);
}

bool TensorPasses::forward(std::vector<Part>& parts, const Step& step, const std::stop_token& stop) {
    return m_blocks.visit([&](std::size_t block, const TensorBlock& weights) {
        for (std::size_t part = 0; part < parts.size(); ++part) {
            if (stop.stop_requested()) return false;
            parts[part].hidden = m_blocks.withRoom([&] { return step(block, weights, part); });
        }
        return true;
    });
}

Expected<at::Tensor> TensorPasses::forward(const PackedSequences& sequences, const std::stop_token& stop) {
    const auto embedded = embed(sequences.tokens);
    if (!embedded) return fail(embedded.error());
    checkPackedRows(config(), sequences, sequences.rows(), static_cast<std::size_t>(config().hiddenSize));
    const RowPlan plan = planRows(sequences, m_limits.chunkRows);
    PlanCaches caches = m_blocks.withRoom([&] { return PlanCaches(config(), plan, m_device); });
    std::vector<Part> parts;
    for (const RowChunk& chunk : plan.chunks)
        parts.push_back({layOut(config(), chunk.runs, caches.positions(chunk), m_ropes, m_device),
                         embedded->narrow(0, static_cast<std::int64_t>(chunk.firstRow), static_cast<std::int64_t>(chunk.rows))});
    const auto step = [&](std::size_t, const TensorBlock& weights, std::size_t part) {
        return caches.forward(config(), weights, plan.chunks[part], parts[part].layout, parts[part].hidden);
    };
    if (!forward(parts, step, stop)) return fail(cancelledError());
    return joined(parts);
}

at::Tensor TensorPasses::logitsOf(const at::Tensor& hidden, std::span<const std::int64_t> rows) const {
    const at::Tensor normed = rmsNorm(hidden.index_select(0, indexTensor(rows, m_device)), m_norm, config().normEpsilon);
    at::Tensor logits = linearProduct(normed, m_head);
    const float softcap = config().logitSoftcap;
    if (softcap > 0.0F) logits.div_(softcap).tanh_().mul_(softcap);
    return logits;
}

void TensorPasses::takeLogits(const at::Tensor& hidden, std::span<const std::int64_t> rows, const TakeLogits& take) {
    for (std::size_t first = 0; first < rows.size(); first += kLogitRows) {
        const auto part = rows.subspan(first, std::min(kLogitRows, rows.size() - first));
        take(first, matrixOf(m_blocks.withRoom([&] { return logitsOf(hidden, part); })));
    }
}

Expected<void> TensorPasses::logits(const PackedSequences& sequences, std::span<const std::int32_t> rows, const TakeLogits& take,
                                    const std::stop_token& stop) {
    return onDevice([&]() -> Expected<void> {
        const auto hidden = forward(sequences, stop);
        if (!hidden) return fail(hidden.error());
        takeLogits(*hidden, std::vector<std::int64_t>(rows.begin(), rows.end()), take);
        return {};
    });
}

Expected<std::vector<double>> TensorPasses::losses(const PackedSequences& sequences, std::span<const Prediction> predictions,
                                                   const std::stop_token& stop) {
    return onDevice([&]() -> Expected<std::vector<double>> {
        const auto hidden = forward(sequences, stop);
        if (!hidden) return fail(hidden.error());
        std::vector<at::Tensor> parts;
        for (std::size_t first = 0; first < predictions.size(); first += kLogitRows) {
            if (stop.stop_requested()) return fail(cancelledError());
            std::vector<std::int64_t> rows, tokens;
            for (const Prediction& each : predictions.subspan(first, std::min(kLogitRows, predictions.size() - first))) {
                rows.push_back(each.row);
                tokens.push_back(each.token);
            }
            parts.push_back(m_blocks.withRoom([&] {
                const at::Tensor logits = logitsOf(*hidden, rows);
                return at::logsumexp(logits, 1) - logits.gather(1, indexTensor(tokens, m_device).unsqueeze(1)).squeeze(1);
            }));
        }
        if (parts.empty()) return std::vector<double>{};
        const std::vector<float> losses = valuesOf(at::cat(parts));
        return std::vector<double>(losses.begin(), losses.end());
    });
}

Expected<std::unique_ptr<DecodingPasses>> TensorPasses::decode(const PackedSequences& prompts, std::size_t sequences, int positions,
                                                               const std::stop_token& stop) {
    return onDevice([&]() -> Expected<std::unique_ptr<DecodingPasses>> {
        auto decoding = std::make_unique<Decoding>(*this, sequences, positions, prompts.prefixLength);
        if (auto filled = decoding->prefill(prompts, stop); !filled) return fail(filled.error());
        return decoding;
    });
}

}  // namespace safequant
