// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/language_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "core/model/packed_passes.h"
#include "core/model/parallel.h"
#include "core/model/rope.h"
#include "core/model/sampling.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

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
struct PassLanguageModel::Answer {
    std::size_t index = 0;
    std::size_t sequence = 0;        // Of the passes.
    int position = 0;                // Of the next token fed.
    std::vector<std::int32_t> feed;  // Tokens to feed in the next pass.
    RandomStream random;
    GeneratedAnswer answer;
    std::int32_t chosen = -1;
};

Expected<std::unique_ptr<LanguageModel>> LanguageModel::load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                             const Progress& progress) {
    const auto count = static_cast<std::uint64_t>(checkpoint->config().blocks);
    try {
        progress(0, count);
        std::unique_ptr<PackedPasses> passes;
        for (std::uint64_t block = 0; block < count; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = blocks(static_cast<int>(block));
            if (!weights) return fail(weights.error());
            if (passes == nullptr) {
                const auto head = loadOutputHead(*checkpoint, headIsCodes(*checkpoint, *weights));
                if (!head) return fail(head.error());
                passes = std::make_unique<PackedPasses>(checkpoint, *head);
            }
            passes->addBlock(*weights);
            progress(block + 1, count);
        }
        return std::make_unique<PassLanguageModel>(checkpoint, std::move(passes));
    } catch (const std::bad_alloc&) {
        return fail(outOfMemory(*checkpoint));
    }
}

Expected<void> PassLanguageModel::checkTokens(const std::vector<std::vector<std::int32_t>>& items, const char* what,
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

int PassLanguageModel::endOf(const PackedSequences& prompts, std::size_t index, const DecodingOptions& options) const {
    const auto prompt = static_cast<std::size_t>(prompts.prefixLength + prompts.offsets[index + 1] - prompts.offsets[index]);
    return static_cast<int>(std::min(prompt + static_cast<std::size_t>(options.maxNewTokens), contextOf(config())));
}

PassLanguageModel::Answer PassLanguageModel::begin(std::size_t index, const PackedSequences& prompts, const DecodingOptions& options,
                                                   DecodingPasses& passes) const {
    const auto first = prompts.tokens.begin() + prompts.offsets[index];
    const auto last = prompts.tokens.begin() + prompts.offsets[index + 1];
    const std::size_t sequence = passes.open(endOf(prompts, index, options));
    return {index, sequence, prompts.prefixLength, {first, last}, RandomStream(options.seed, "decode/" + std::to_string(index)), {}, -1};
}

void PassLanguageModel::restartWhereKeysChange(Answer& answer, const PackedSequences& prompts, DecodingPasses& passes) const {
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
    passes.restart(answer.sequence);
}

Expected<std::vector<GeneratedAnswer>> PassLanguageModel::generate(
    const std::vector<std::vector<std::int32_t>>& prompts, const DecodingOptions& options,
    const std::function<void(std::size_t index, const GeneratedAnswer&)>& finished, const Progress& progress) {
    if (auto valid = checkOptions(options); !valid) return fail(valid.error());
    if (auto valid = checkTokens(prompts, "prompt", 1); !valid) return fail(valid.error());
    std::vector<GeneratedAnswer> answers(prompts.size());
    progress(0, prompts.size());
    if (prompts.empty()) return answers;
    try {
        const PackedSequences packed = packSequences(prompts, mayShare(config(), prompts));
        const auto most = std::min(prompts.size(), static_cast<std::size_t>(options.maxBatch));
        int longest = 0;
        for (std::size_t i = 0; i < prompts.size(); ++i) longest = std::max(longest, endOf(packed, i, options));
        const auto passes = m_passes->decode(packed, most, longest, progress.stop);
        if (!passes) return fail(passes.error());
        const std::size_t context = contextOf(config());
        std::vector<Answer> active;
        std::size_t waiting = 0;
        std::uint64_t done = 0;
        const auto choose = [&](std::size_t first, const Matrix& logits) {
            parallelRows(logits.rows(), kRowGrain / logits.cols() + 1, [&](std::size_t begin, std::size_t end) {
                for (std::size_t row = begin; row < end; ++row) {
                    Answer& answer = active[first + row];
                    answer.chosen = sampleToken(logits.rowSpan(row), options, answer.random);
                }
            });
        };
        while (done < prompts.size()) {
            std::size_t rows = active.size();
            while (waiting < prompts.size() && active.size() < most && (active.empty() || rows < m_passes->rowsPerPass())) {
                active.push_back(begin(waiting++, packed, options, **passes));
                rows += active.back().feed.size();
            }
            std::vector<Feed> feeds;
            for (Answer& answer : active) {
                restartWhereKeysChange(answer, packed, **passes);
                feeds.push_back({answer.sequence, answer.feed, answer.position});
                answer.position += static_cast<int>(answer.feed.size());
            }
            std::vector<std::int32_t> largest(options.sample ? 0 : feeds.size());
            const auto stepped = options.sample ? (*passes)->step(feeds, choose, progress.stop) : (*passes)->stepGreedily(feeds, largest, progress.stop);
            if (!stepped) return fail(stepped.error());
            for (std::size_t i = 0; i < largest.size(); ++i) active[i].chosen = largest[i];
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
                (*passes)->close(answer.sequence);
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

Expected<LanguageModel::Likelihood> PassLanguageModel::score(const std::vector<std::vector<std::int32_t>>& windows,
                                                             const Progress& progress) {
    if (auto valid = checkTokens(windows, "window", 0); !valid) return fail(valid.error());
    Likelihood result;
    progress(0, windows.size());
    try {
        for (std::size_t begin = 0; begin < windows.size();) {
            std::size_t end = begin;
            std::size_t rows = 0;
            while (end < windows.size() && (end == begin || rows + windows[end].size() <= m_passes->rowsPerPass())) rows += windows[end++].size();
            const PackedSequences packed =
                packSequences({windows.begin() + static_cast<std::ptrdiff_t>(begin), windows.begin() + static_cast<std::ptrdiff_t>(end)}, false);
            std::vector<Prediction> predictions;
            for (std::size_t i = 0; i < packed.sequences(); ++i)
                for (std::int32_t row = packed.offsets[i]; row < packed.lastRow(i); ++row)
                    predictions.push_back({row, packed.tokens[static_cast<std::size_t>(row) + 1]});
            const auto nats = m_passes->losses(packed, predictions, progress.stop);
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

Expected<std::vector<LanguageModel::Likelihood>> PassLanguageModel::scoreContinuations(
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
        const auto prefix = static_cast<std::size_t>(packed.prefixLength);
        std::vector<Prediction> predictions;
        for (std::size_t i = 0; i < sequences.size(); ++i)
            for (std::size_t position = prompt.size() - 1; position + 1 < sequences[i].size(); ++position) {
                const auto row = position < prefix ? position : static_cast<std::size_t>(packed.offsets[i]) + position - prefix;
                predictions.push_back({static_cast<std::int32_t>(row), sequences[i][position + 1]});
            }
        const auto nats = m_passes->losses(packed, predictions, progress.stop);
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

Matrix PassLanguageModel::lastLogits(const std::vector<std::vector<std::int32_t>>& sequences) {
    const PackedSequences packed = packSequences(sequences, mayShare(config(), sequences));
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < packed.sequences(); ++i) rows.push_back(packed.lastRow(i));
    Matrix result(rows.size(), static_cast<std::size_t>(config().vocabulary));
    const auto done = m_passes->logits(
        packed, rows, [&](std::size_t first, const Matrix& logits) { std::copy_n(logits.data(), logits.size(), result.row(first)); }, {});
    if (!done) throw std::invalid_argument("[lastLogits] got tokens that cannot be embedded: " + done.error().describe());
    return result;
}

}  // namespace safequant
