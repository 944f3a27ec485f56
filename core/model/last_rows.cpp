// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/last_rows.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/model/packed_forward.h"

namespace safequant {
namespace {

/// Positions whose keys and values are kept at once, unless a single sequence has more.
constexpr std::size_t kCachedPositions = 16384;

/// One pass over chosen sequences.
class LastRows {
public:
    LastRows(BlockRunner& runner, const PackedBlock& block, const PackedSequences& sequences, const Matrix& hidden, const std::stop_token& stop)
        : m_runner(runner), m_block(block), m_sequences(sequences), m_hidden(hidden), m_stop(stop) {}
    ~LastRows() { m_runner.setPart({}); }
    LastRows(const LastRows&) = delete;
    LastRows& operator=(const LastRows&) = delete;

    Matrix run(std::span<const std::size_t> chosen, const decltype(BlockPart::observe)& observe) {
        Matrix last(chosen.size(), m_hidden.cols());
        if (!storePrefix()) return {};
        for (std::size_t first = 0; first < chosen.size();) {
            const std::size_t count = batchAt(chosen, first);
            if (!storeBatch(chosen.subspan(first, count))) return {};
            finishBatch(chosen.subspan(first, count), last.row(first), observe);
            first += count;
        }
        return last;
    }

private:
    int lengthOf(std::size_t sequence) const {
        return m_sequences.prefixLength + m_sequences.offsets[sequence + 1] - m_sequences.offsets[sequence];
    }

    std::size_t batchAt(std::span<const std::size_t> chosen, std::size_t first) const {
        std::size_t count = 0, positions = 0;
        while (first + count < chosen.size() && count < BlockRunner::chunkRows()) {
            positions += static_cast<std::size_t>(lengthOf(chosen[first + count]));
            if (count > 0 && positions > kCachedPositions) break;
            ++count;
        }
        return count;
    }

    bool storePrefix() {
        const auto length = static_cast<std::size_t>(m_sequences.prefixLength);
        if (length == 0) return true;
        m_prefix = KvCache(m_runner.config(), 0, m_sequences.prefixLength);
        const SequenceRun run{0, length, 0, lengthOf(0), nullptr, &m_prefix};
        return store({&run, 1});
    }

    bool storeBatch(std::span<const std::size_t> batch) {
        const int prefixLength = m_sequences.prefixLength;
        m_caches.clear();
        std::vector<SequenceRun> runs;
        for (const std::size_t sequence : batch) {
            KvCache& cache = m_caches.emplace_back(m_runner.config(), prefixLength / kTilePositions, lengthOf(sequence));
            cache.copyFrom(m_prefix, prefixLength);
        }
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const auto begin = static_cast<std::size_t>(m_sequences.offsets[batch[i]]);
            runs.push_back({begin, static_cast<std::size_t>(lengthOf(batch[i]) - prefixLength), prefixLength, lengthOf(batch[i]), &m_prefix,
                            &m_caches[i]});
        }
        return store(runs);
    }

    /// Keys and values of runs whose `firstRow` is one of the whole input.
    bool store(std::span<const SequenceRun> runs) {
        BlockPart part;
        part.queries = false;
        m_runner.setPart(std::move(part));
        if (m_rows.empty()) m_rows = Matrix(BlockRunner::chunkRows(), m_hidden.cols());
        std::vector<SequenceRun> chunk;
        std::size_t filled = 0;
        const auto flush = [&] {
            if (filled > 0) m_runner.runChunk(m_block, chunk, m_rows.data(), filled);
            chunk.clear();
            filled = 0;
        };
        for (SequenceRun rest : runs) {
            while (rest.rows > 0) {
                if (m_stop.stop_requested()) return false;
                const std::size_t take = std::min(rest.rows, BlockRunner::chunkRows() - filled);
                std::copy_n(m_hidden.row(rest.firstRow), take * m_hidden.cols(), m_rows.row(filled));
                chunk.push_back({filled, take, rest.position, rest.length, rest.prefix, rest.own});
                rest.firstRow += take;
                rest.position += static_cast<int>(take);
                rest.rows -= take;
                filled += take;
                if (filled == BlockRunner::chunkRows()) flush();
            }
        }
        flush();
        return true;
    }

    /// The last rows of a batch whose keys and values are stored.
    void finishBatch(std::span<const std::size_t> batch, float* out, const decltype(BlockPart::observe)& observe) {
        BlockPart part;
        part.keysAndValues = false;
        part.observe = observe;
        m_runner.setPart(std::move(part));
        std::vector<SequenceRun> runs;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::copy_n(m_hidden.row(static_cast<std::size_t>(m_sequences.lastRow(batch[i]))), m_hidden.cols(), out + i * m_hidden.cols());
            runs.push_back({i, 1, lengthOf(batch[i]) - 1, lengthOf(batch[i]), &m_prefix, &m_caches[i]});
        }
        m_runner.runChunk(m_block, runs, out, batch.size());
    }

    BlockRunner& m_runner;
    const PackedBlock& m_block;
    const PackedSequences& m_sequences;
    const Matrix& m_hidden;
    const std::stop_token& m_stop;
    KvCache m_prefix;
    std::vector<KvCache> m_caches;
    Matrix m_rows;  // Input rows of one chunk.
};

}  // namespace

Matrix lastRowOutputs(BlockRunner& runner, const PackedBlock& block, const PackedSequences& sequences, const Matrix& hidden,
                      std::span<const std::size_t> chosen, const decltype(BlockPart::observe)& observe, const std::stop_token& stop) {
    checkPackedRows(runner.config(), sequences, hidden.rows(), hidden.cols());
    for (const std::size_t sequence : chosen)
        if (sequence >= sequences.sequences())
            throw std::invalid_argument("[lastRowOutputs] got sequence " + std::to_string(sequence) + ", need one below " +
                                        std::to_string(sequences.sequences()));
    return LastRows(runner, block, sequences, hidden, stop).run(chosen, observe);
}

}  // namespace safequant
