// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/language_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "core/model/packed_forward.h"
#include "core/model/parallel.h"
#include "core/model/sampling.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// Rows fed through the blocks in one go: beyond it nothing is won, and memory stays small.
constexpr std::size_t kRowsPerPass = 1344;

/// Rows whose logits are held at once: 64 rows of 49,152 are 13 MB.
constexpr std::size_t kLogitRows = 64;

Error outOfMemory(const Checkpoint& checkpoint) {
    return Error{ErrorKind::OutOfMemory, "Not enough memory for the model and its keys and values; use a smaller batch or model.",
                 checkpoint.path()};
}

std::size_t contextOf(const DecoderConfig& config) {
    return config.context() > 0 ? static_cast<std::size_t>(config.context()) : std::numeric_limits<std::int32_t>::max();
}

Expected<void> checkOptions(const DecodingOptions& options) {
    const auto broken = [](const std::string& message) { return fail(ErrorKind::BadInput, message, "decoding"); };
    if (options.maxNewTokens < 1) return broken("The number of new tokens must be at least 1.");
    if (options.maxBatch < 1) return broken("The batch must hold at least 1 sequence.");
    if (!options.sample) return {};
    if (!(options.temperature > 0.0) || !std::isfinite(options.temperature))
        return broken("The temperature must be above 0; turn sampling off for greedy decoding.");
    if (!(options.topP > 0.0 && options.topP <= 1.0)) return broken("top_p must lie in (0, 1].");
    if (options.topK < 0) return broken("top_k must be 0 (all) or positive.");
    return {};
}

}  // namespace

/// An answer in progress.
struct PackedLanguageModel::Answer {
    std::size_t index = 0;
    std::vector<KvCache> caches;          // One a block.
    int position = 0;                     // Of the next token fed.
    std::vector<std::int32_t> feed;       // Tokens to feed in the next pass.
    RandomStream random;
    GeneratedAnswer answer;
    std::int32_t chosen = -1;
    int end = 0;                          // Positions the caches have room for.
};

Expected<std::unique_ptr<LanguageModel>> LanguageModel::load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                             const Progress& progress) {
    const auto count = static_cast<std::uint64_t>(checkpoint->config().blocks);
    try {
        progress(0, count);
        auto head = loadOutputHead(*checkpoint);
        if (!head) return fail(head.error());
        auto model = std::make_unique<PackedLanguageModel>(checkpoint, *head);
        *head = OutputHead{};
        for (std::uint64_t block = 0; block < count; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = blocks(static_cast<int>(block));
            if (!weights) return fail(weights.error());
            model->addBlock(*weights);
            progress(block + 1, count);
        }
        return model;
    } catch (const std::bad_alloc&) {
        return fail(outOfMemory(*checkpoint));
    }
}

PackedLanguageModel::PackedLanguageModel(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head)
    : m_checkpoint(std::move(checkpoint)), m_head(m_checkpoint->config(), head), m_runner(m_checkpoint->config()) {
    m_blocks.reserve(static_cast<std::size_t>(config().blocks));
}

Expected<void> PackedLanguageModel::checkTokens(const std::vector<std::vector<std::int32_t>>& items, const char* what,
                                                std::size_t room) const {
    const std::size_t context = contextOf(config());
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string name = std::string(what) + " " + std::to_string(i);
        if (items[i].empty()) return fail(ErrorKind::BadInput, "It has no tokens.", name);
        if (items[i].size() + room > context)
            return fail(ErrorKind::BadInput, "It has " + std::to_string(items[i].size()) + " tokens, but the model's context holds " +
                                                 std::to_string(context) + (room > 0 ? " with the answer" : "") + "; shorten it.", name);
    }
    return {};
}

Expected<Matrix> PackedLanguageModel::forward(const PackedSequences& sequences, const std::stop_token& stop) {
    auto hidden = embedTokens(*m_checkpoint, sequences.tokens);
    if (!hidden) return fail(hidden.error());
    for (const PackedBlock& block : m_blocks)
        if (!runPackedSequences(m_runner, block, sequences, *hidden, stop)) return fail(cancelledError());
    return hidden;
}

Expected<Matrix> PackedLanguageModel::feed(const std::vector<std::int32_t>& tokens, std::vector<SequenceRun>& runs,
                                           const std::vector<std::vector<KvCache>*>& caches, const std::vector<KvCache>& prefix,
                                           const std::stop_token& stop) {
    auto hidden = embedTokens(*m_checkpoint, tokens);
    if (!hidden) return fail(hidden.error());
    for (std::size_t b = 0; b < m_blocks.size(); ++b) {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i].prefix = &prefix[b];
            runs[i].own = &(*caches[i])[b];
        }
        if (!m_runner.run(m_blocks[b], runs, *hidden, stop)) return fail(cancelledError());
    }
    return hidden;
}

Expected<std::vector<KvCache>> PackedLanguageModel::prefillPrefix(const PackedSequences& prompts, const std::stop_token& stop) {
    std::vector<KvCache> caches(m_blocks.size());
    if (prompts.prefixLength == 0) return caches;
    for (KvCache& cache : caches) cache = KvCache(config(), 0, prompts.prefixLength);
    const std::vector<std::int32_t> tokens(prompts.tokens.begin(), prompts.tokens.begin() + prompts.prefixLength);
    const int length = prompts.prefixLength + prompts.offsets[1] - prompts.offsets[0];
    std::vector<SequenceRun> runs{{0, tokens.size(), 0, length, nullptr, nullptr}};
    if (auto hidden = feed(tokens, runs, {&caches}, caches, stop); !hidden) return fail(hidden.error());
    return caches;
}

PackedLanguageModel::Answer PackedLanguageModel::begin(std::size_t index, const PackedSequences& prompts,
                                                       const std::vector<KvCache>& prefix, const DecodingOptions& options) {
    const auto first = prompts.tokens.begin() + prompts.offsets[index];
    const auto last = prompts.tokens.begin() + prompts.offsets[index + 1];
    Answer answer{index, {}, prompts.prefixLength, {first, last}, RandomStream(options.seed, "decode/" + std::to_string(index)), {}, -1, 0};
    const std::size_t promptEnd = static_cast<std::size_t>(prompts.prefixLength) + answer.feed.size();
    const std::size_t end = std::min(promptEnd + static_cast<std::size_t>(options.maxNewTokens), contextOf(config()));
    answer.end = static_cast<int>(end);
    const int firstTile = prompts.prefixLength / kTilePositions;
    answer.caches.reserve(m_blocks.size());
    for (const KvCache& shared : prefix) {
        answer.caches.emplace_back(config(), firstTile, answer.end);
        answer.caches.back().copyFrom(shared, prompts.prefixLength);
    }
    return answer;
}

void PackedLanguageModel::restartWhereKeysChange(Answer& answer, const PackedSequences& prompts) const {
    const bool changes = std::ranges::any_of(config().ropes, [&](const RopeParameters& rope) {
        return rope.scaling.kind == RopeScalingKind::LongRope &&
               ropeFrequencySet(rope, config().maxPositions, answer.position) !=
                   ropeFrequencySet(rope, config().maxPositions, answer.position + 1);
    });
    if (!changes || answer.answer.tokens.empty()) return;
    const auto at = [&](std::int32_t row) { return prompts.tokens.begin() + row; };
    answer.feed.assign(at(0), at(prompts.prefixLength));
    answer.feed.insert(answer.feed.end(), at(prompts.offsets[answer.index]), at(prompts.offsets[answer.index + 1]));
    answer.feed.insert(answer.feed.end(), answer.answer.tokens.begin(), answer.answer.tokens.end());
    answer.position = 0;
    for (KvCache& cache : answer.caches) cache = KvCache(config(), 0, answer.end);
}

void PackedLanguageModel::choose(const Matrix& hidden, const std::vector<std::int32_t>& lastRows, const DecodingOptions& options,
                                 std::vector<Answer>& active) const {
    for (std::size_t first = 0; first < active.size(); first += kLogitRows) {
        const std::size_t rows = std::min(kLogitRows, active.size() - first);
        const Matrix logits = m_head.logits(hidden, std::span(lastRows).subspan(first, rows));
        parallelRows(rows, kRowGrain / logits.cols() + 1, [&](std::size_t begin, std::size_t end) {
            for (std::size_t row = begin; row < end; ++row) {
                Answer& answer = active[first + row];
                answer.chosen = options.sample ? sampleToken(logits.rowSpan(row), options, answer.random)
                                               : greedyToken(logits.rowSpan(row));
            }
        });
    }
}

Expected<std::vector<GeneratedAnswer>> PackedLanguageModel::generate(
    const std::vector<std::vector<std::int32_t>>& prompts, const DecodingOptions& options,
    const std::function<void(std::size_t index, const GeneratedAnswer&)>& finished, const Progress& progress) {
    if (auto valid = checkOptions(options); !valid) return fail(valid.error());
    if (auto valid = checkTokens(prompts, "prompt", 1); !valid) return fail(valid.error());
    std::vector<GeneratedAnswer> answers(prompts.size());
    progress(0, prompts.size());
    if (prompts.empty()) return answers;
    try {
        const PackedSequences packed = packSequences(prompts, mayShare(config(), prompts));
        auto prefix = prefillPrefix(packed, progress.stop);
        if (!prefix) return fail(prefix.error());
        const std::size_t context = contextOf(config());
        std::vector<Answer> active;
        std::size_t waiting = 0;
        std::uint64_t done = 0;
        while (done < prompts.size()) {
            std::size_t rows = active.size();
            while (waiting < prompts.size() && active.size() < static_cast<std::size_t>(options.maxBatch) &&
                   (active.empty() || rows < kRowsPerPass)) {
                active.push_back(begin(waiting++, packed, *prefix, options));
                rows += active.back().feed.size();
            }
            std::vector<std::int32_t> tokens;
            std::vector<std::int32_t> lastRows;
            std::vector<SequenceRun> runs;
            std::vector<std::vector<KvCache>*> caches;
            for (Answer& answer : active) {
                restartWhereKeysChange(answer, packed);
                const int length = answer.position + static_cast<int>(answer.feed.size());
                runs.push_back({tokens.size(), answer.feed.size(), answer.position, length, nullptr, nullptr});
                caches.push_back(&answer.caches);
                tokens.insert(tokens.end(), answer.feed.begin(), answer.feed.end());
                lastRows.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
                answer.position += static_cast<int>(answer.feed.size());
            }
            const auto hidden = feed(tokens, runs, caches, *prefix, progress.stop);
            if (!hidden) return fail(hidden.error());
            choose(*hidden, lastRows, options, active);
            std::vector<Answer> going;
            for (Answer& answer : active) {
                GeneratedAnswer& result = answer.answer;
                const auto& ends = config().endTokens;
                result.ended = std::find(ends.begin(), ends.end(), answer.chosen) != ends.end();
                if (!result.ended) result.tokens.push_back(answer.chosen);
                const bool full = result.tokens.size() >= static_cast<std::size_t>(options.maxNewTokens) ||
                                  static_cast<std::size_t>(answer.position) >= context;
                result.stopped = !result.ended && !full && options.stopWhen && options.stopWhen(result.tokens);
                if (!result.ended && !full && !result.stopped) {
                    answer.feed.assign(1, answer.chosen);
                    going.push_back(std::move(answer));
                    continue;
                }
                answers[answer.index] = std::move(result);
                if (finished) finished(answer.index, answers[answer.index]);
                progress(++done, prompts.size());
            }
            active = std::move(going);
        }
        return answers;
    } catch (const std::bad_alloc&) {
        return fail(outOfMemory(*m_checkpoint));
    }
}

Expected<std::vector<double>> PackedLanguageModel::losses(const Matrix& hidden, const std::vector<Prediction>& predictions,
                                                          const std::stop_token& stop) const {
    std::vector<double> result(predictions.size());
    for (std::size_t first = 0; first < predictions.size(); first += kLogitRows) {
        if (stop.stop_requested()) return fail(cancelledError());
        const auto part = std::span(predictions).subspan(first, std::min(kLogitRows, predictions.size() - first));
        std::vector<std::int32_t> rows;
        for (const Prediction& each : part) rows.push_back(each.row);
        const Matrix logits = m_head.logits(hidden, rows);
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

Expected<LanguageModel::Likelihood> PackedLanguageModel::score(const std::vector<std::vector<std::int32_t>>& windows,
                                                               const Progress& progress) {
    if (auto valid = checkTokens(windows, "window", 0); !valid) return fail(valid.error());
    Likelihood result;
    progress(0, windows.size());
    try {
        for (std::size_t begin = 0; begin < windows.size();) {
            std::size_t end = begin;
            std::size_t rows = 0;
            while (end < windows.size() && (end == begin || rows + windows[end].size() <= kRowsPerPass)) rows += windows[end++].size();
            const PackedSequences packed =
                packSequences({windows.begin() + static_cast<std::ptrdiff_t>(begin), windows.begin() + static_cast<std::ptrdiff_t>(end)}, false);
            const auto hidden = forward(packed, progress.stop);
            if (!hidden) return fail(hidden.error());
            std::vector<Prediction> predictions;
            for (std::size_t i = 0; i < packed.sequences(); ++i)
                for (std::int32_t row = packed.offsets[i]; row < packed.lastRow(i); ++row)
                    predictions.push_back({row, packed.tokens[static_cast<std::size_t>(row) + 1]});
            const auto nats = losses(*hidden, predictions, progress.stop);
            if (!nats) return fail(nats.error());
            for (const double loss : *nats) result.negativeLogLikelihood += loss;
            result.tokens += nats->size();
            begin = end;
            progress(begin, windows.size());
        }
        return result;
    } catch (const std::bad_alloc&) {
        return fail(outOfMemory(*m_checkpoint));
    }
}

Expected<std::vector<LanguageModel::Likelihood>> PackedLanguageModel::scoreContinuations(
    const std::vector<std::int32_t>& prompt, const std::vector<std::vector<std::int32_t>>& continuations, const Progress& progress) {
    if (prompt.empty()) return fail(ErrorKind::BadInput, "It has no tokens: nothing can follow it.", "prompt");
    std::vector<std::vector<std::int32_t>> sequences;
    for (std::size_t i = 0; i < continuations.size(); ++i) {
        if (continuations[i].empty()) return fail(ErrorKind::BadInput, "It has no tokens.", "continuation " + std::to_string(i));
        sequences.push_back(prompt);
        sequences.back().insert(sequences.back().end(), continuations[i].begin(), continuations[i].end());
    }
    if (auto valid = checkTokens(sequences, "continuation", 0); !valid) return fail(valid.error());
    if (sequences.empty()) return std::vector<Likelihood>{};
    try {
        const PackedSequences packed = packSequences(sequences, mayShare(config(), sequences));
        const auto hidden = forward(packed, progress.stop);
        if (!hidden) return fail(hidden.error());
        const auto prefix = static_cast<std::size_t>(packed.prefixLength);
        std::vector<Prediction> predictions;
        for (std::size_t i = 0; i < sequences.size(); ++i)
            for (std::size_t position = prompt.size() - 1; position + 1 < sequences[i].size(); ++position) {
                const auto row = position < prefix ? position : static_cast<std::size_t>(packed.offsets[i]) + position - prefix;
                predictions.push_back({static_cast<std::int32_t>(row), sequences[i][position + 1]});
            }
        const auto nats = losses(*hidden, predictions, progress.stop);
        if (!nats) return fail(nats.error());
        std::vector<Likelihood> result;
        std::size_t next = 0;
        for (const auto& continuation : continuations) {
            Likelihood& likelihood = result.emplace_back();
            likelihood.tokens = continuation.size();
            for (std::size_t i = 0; i < continuation.size(); ++i) likelihood.negativeLogLikelihood += (*nats)[next++];
        }
        return result;
    } catch (const std::bad_alloc&) {
        return fail(outOfMemory(*m_checkpoint));
    }
}

Matrix PackedLanguageModel::lastLogits(const std::vector<std::vector<std::int32_t>>& sequences) {
    const PackedSequences packed = packSequences(sequences, mayShare(config(), sequences));
    const auto hidden = forward(packed, {});
    if (!hidden) throw std::invalid_argument("[lastLogits] got tokens that cannot be embedded: " + hidden.error().describe());
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < packed.sequences(); ++i) rows.push_back(packed.lastRow(i));
    return m_head.logits(*hidden, rows);
}

}  // namespace safequant
