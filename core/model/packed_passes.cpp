// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/packed_passes.h"

#include <algorithm>
#include <cmath>

#include "core/model/packed_forward.h"
#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// Rows fed through the blocks in one go: beyond it nothing is won, and memory stays small.
constexpr std::size_t kRowsPerPass = 1344;

/// Rows whose logits are held at once: 64 rows of 49,152 are 13 MB.
constexpr std::size_t kLogitRows = 64;

}  // namespace

/// Sequences in progress: a cache for each block; whole tiles of the prefix are shared.
class PackedPasses::Decoding final : public DecodingPasses {
public:
    explicit Decoding(PackedPasses& passes) : m_passes(passes), m_prefix(passes.m_blocks.size()) {}

    Expected<void> prefill(const PackedSequences& prompts, const std::stop_token& stop) {
        m_prefixLength = prompts.prefixLength;
        if (m_prefixLength == 0) return {};
        for (KvCache& cache : m_prefix) cache = KvCache(config(), 0, m_prefixLength);
        const std::span tokens(prompts.tokens.data(), static_cast<std::size_t>(m_prefixLength));
        const int length = m_prefixLength + prompts.offsets[1] - prompts.offsets[0];
        std::vector<SequenceRun> runs{{0, tokens.size(), 0, length, nullptr, nullptr}};
        if (auto hidden = feed({tokens.begin(), tokens.end()}, runs, {&m_prefix}, stop); !hidden) return fail(hidden.error());
        return {};
    }

    std::size_t open(int end) override {
        std::size_t sequence = m_sequences.size();
        if (m_free.empty()) {
            m_sequences.emplace_back();
        } else {
            sequence = m_free.back();
            m_free.pop_back();
        }
        Sequence& opened = m_sequences[sequence];
        opened.end = end;
        opened.caches.reserve(m_prefix.size());
        for (const KvCache& shared : m_prefix) {
            opened.caches.emplace_back(config(), m_prefixLength / kTilePositions, end);
            opened.caches.back().copyFrom(shared, m_prefixLength);
        }
        return sequence;
    }

    void close(std::size_t sequence) override {
        m_sequences[sequence].caches.clear();
        m_free.push_back(sequence);
    }

    void restart(std::size_t sequence) override {
        for (KvCache& cache : m_sequences[sequence].caches) cache = KvCache(config(), 0, m_sequences[sequence].end);
    }

    Expected<void> step(std::span<const Feed> feeds, const TakeLogits& take, const std::stop_token& stop) override {
        std::vector<std::int32_t> lastRows;
        const auto hidden = feedAll(feeds, lastRows, stop);
        if (!hidden) return fail(hidden.error());
        m_passes.takeLogits(*hidden, lastRows, take);
        return {};
    }

    Expected<void> stepGreedily(std::span<const Feed> feeds, std::span<std::int32_t> chosen, const std::stop_token& stop) override {
        std::vector<std::int32_t> lastRows;
        const auto hidden = feedAll(feeds, lastRows, stop);
        if (!hidden) return fail(hidden.error());
        m_passes.takeLargest(*hidden, lastRows, chosen);
        return {};
    }

private:
    struct Sequence {
        std::vector<KvCache> caches;  // One a block.
        int end = 0;                  // Positions the caches have room for.
    };

    const DecoderConfig& config() const { return m_passes.m_checkpoint->config(); }

    /// Output of the last block, and the row of each feed's last token.
    Expected<Matrix> feedAll(std::span<const Feed> feeds, std::vector<std::int32_t>& lastRows, const std::stop_token& stop) {
        std::vector<std::int32_t> tokens;
        std::vector<SequenceRun> runs;
        std::vector<std::vector<KvCache>*> caches;
        for (const Feed& each : feeds) {
            const int length = each.position + static_cast<int>(each.tokens.size());
            runs.push_back({tokens.size(), each.tokens.size(), each.position, length, nullptr, nullptr});
            caches.push_back(&m_sequences[each.sequence].caches);
            tokens.insert(tokens.end(), each.tokens.begin(), each.tokens.end());
            lastRows.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
        }
        return feed(tokens, runs, caches, stop);
    }

    /// Sends tokens through all blocks, extending the caches of each run.
    Expected<Matrix> feed(const std::vector<std::int32_t>& tokens, std::vector<SequenceRun>& runs,
                          const std::vector<std::vector<KvCache>*>& caches, const std::stop_token& stop) {
        auto hidden = embedTokens(*m_passes.m_checkpoint, tokens);
        if (!hidden) return fail(hidden.error());
        for (std::size_t b = 0; b < m_passes.m_blocks.size(); ++b) {
            for (std::size_t i = 0; i < runs.size(); ++i) {
                runs[i].prefix = &m_prefix[b];
                runs[i].own = &(*caches[i])[b];
            }
            if (!m_passes.m_runner.run(m_passes.m_blocks[b], runs, *hidden, stop)) return fail(cancelledError());
        }
        return hidden;
    }

    PackedPasses& m_passes;
    std::vector<KvCache> m_prefix;  // One a block.
    int m_prefixLength = 0;
    std::vector<Sequence> m_sequences;
    std::vector<std::size_t> m_free;
};

PackedPasses::PackedPasses(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head)
    : m_checkpoint(std::move(checkpoint)), m_head(m_checkpoint->config(), head), m_runner(m_checkpoint->config()) {
    m_blocks.reserve(static_cast<std::size_t>(m_checkpoint->config().blocks));
}

std::size_t PackedPasses::rowsPerPass() const { return kRowsPerPass; }

Expected<Matrix> PackedPasses::forward(const PackedSequences& sequences, const std::stop_token& stop) {
    auto hidden = embedTokens(*m_checkpoint, sequences.tokens);
    if (!hidden) return fail(hidden.error());
    for (const PackedBlock& block : m_blocks)
        if (!runPackedSequences(m_runner, block, sequences, *hidden, stop)) return fail(cancelledError());
    return hidden;
}

void PackedPasses::takeLogits(const Matrix& hidden, std::span<const std::int32_t> rows, const TakeLogits& take) const {
    for (std::size_t first = 0; first < rows.size(); first += kLogitRows)
        take(first, m_head.logits(hidden, rows.subspan(first, std::min(kLogitRows, rows.size() - first))));
}

void PackedPasses::takeLargest(const Matrix& hidden, std::span<const std::int32_t> rows, std::span<std::int32_t> chosen) {
    for (std::size_t first = 0; first < rows.size(); first += kLogitRows) {
        const std::size_t count = std::min(kLogitRows, rows.size() - first);
        m_head.greedy(hidden, rows.subspan(first, count), chosen.subspan(first, count));
    }
}

Expected<void> PackedPasses::logits(const PackedSequences& sequences, std::span<const std::int32_t> rows, const TakeLogits& take,
                                    const std::stop_token& stop) {
    const auto hidden = forward(sequences, stop);
    if (!hidden) return fail(hidden.error());
    takeLogits(*hidden, rows, take);
    return {};
}

Expected<std::vector<double>> PackedPasses::losses(const PackedSequences& sequences, std::span<const Prediction> predictions,
                                                   const std::stop_token& stop) {
    const auto hidden = forward(sequences, stop);
    if (!hidden) return fail(hidden.error());
    std::vector<double> result(predictions.size());
    for (std::size_t first = 0; first < predictions.size(); first += kLogitRows) {
        if (stop.stop_requested()) return fail(cancelledError());
        const auto part = predictions.subspan(first, std::min(kLogitRows, predictions.size() - first));
        std::vector<std::int32_t> rows;
        for (const Prediction& each : part) rows.push_back(each.row);
        const Matrix logits = m_head.logits(*hidden, rows);
        parallelRows(part.size(), kRowGrain / logits.cols() + 1, [&](std::size_t firstRow, std::size_t lastRow) {
            for (std::size_t row = firstRow; row < lastRow; ++row) {
                const float best = simdKernels().maximum(logits.row(row), logits.cols());
                const double sum = simdKernels().sumOfExponentials(logits.row(row), logits.cols(), best);
                result[first + row] = std::log(sum) + static_cast<double>(best) -
                                      static_cast<double>(logits(row, static_cast<std::size_t>(part[row].token)));
            }
        });
    }
    return result;
}

Expected<std::unique_ptr<DecodingPasses>> PackedPasses::decode(const PackedSequences& prompts, std::size_t, int, const std::stop_token& stop) {
    auto decoding = std::make_unique<Decoding>(*this);
    if (auto filled = decoding->prefill(prompts, stop); !filled) return fail(filled.error());
    return decoding;
}

}  // namespace safequant
