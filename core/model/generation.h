// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/model/decoder.h"

namespace safequant {

/// How answers are decoded.
struct DecodingOptions {
    int maxNewTokens = 64;
    bool sample = false;      ///< false: greedy (lowest id on ties).
    double temperature = 1.0;
    double topP = 1.0;        ///< In (0, 1].
    int topK = 0;             ///< 0: all.
    std::uint64_t seed = 0;   ///< Each prompt has its own stream: order and batching do not change its answer.
    /// Asked after every token but the last, with the tokens so far: true ends the answer there.
    std::function<bool(std::span<const std::int32_t> tokens)> stopWhen;
    int maxBatch = 64;        ///< Sequences decoded at once; finished ones make room for waiting ones.
};

/// One generated answer.
struct GeneratedAnswer {
    std::vector<std::int32_t> tokens;  ///< Without the end token.
    bool ended = false;                ///< True: an end token came; false: maxNewTokens reached, or stopped.
    bool stopped = false;              ///< Ended by DecodingOptions::stopWhen.
};

/// A whole model held in memory for generation and perplexity.
class LanguageModel {
public:
    /// Loads every block through `blocks` (progress counts blocks). Errors: those of the source, out_of_memory, cancelled.
    static Expected<std::unique_ptr<LanguageModel>> load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                         const Progress& progress = {});
    virtual ~LanguageModel() = default;

    virtual const DecoderConfig& config() const = 0;

    /// Answers to many prompts with a KV cache: shared prefix computed once, continuous batching. `finished` is called from the
    /// calling thread as each answer is complete. Progress counts prompts. Errors: bad_input (empty prompt, too long), cancelled.
    virtual Expected<std::vector<GeneratedAnswer>> generate(
        const std::vector<std::vector<std::int32_t>>& prompts, const DecodingOptions& options,
        const std::function<void(std::size_t index, const GeneratedAnswer&)>& finished = {}, const Progress& progress = {}) = 0;

    /// Sum of -log p(token_t | tokens before) over t >= 1 of one window; returns {sum in nats, tokens predicted}.
    struct Likelihood {
        double negativeLogLikelihood = 0.0;
        std::uint64_t tokens = 0;
    };
    /// Windows of a text, each on its own without BOS. Progress counts windows.
    virtual Expected<Likelihood> score(const std::vector<std::vector<std::int32_t>>& windows, const Progress& progress = {}) = 0;

    /// Likelihood of each continuation after one prompt, in order; what the sequences share is computed once. Errors: bad_input
    /// (empty or too long), cancelled.
    virtual Expected<std::vector<Likelihood>> scoreContinuations(const std::vector<std::int32_t>& prompt,
                                                                 const std::vector<std::vector<std::int32_t>>& continuations,
                                                                 const Progress& progress = {}) = 0;

    /// Logits of the last token of each sequence `[sequences, vocabulary]`, for checks.
    virtual Matrix lastLogits(const std::vector<std::vector<std::int32_t>>& sequences) = 0;
};

}  // namespace safequant
