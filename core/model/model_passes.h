// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "core/base/error.h"
#include "core/base/matrix.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// A row of packed sequences and the token that is to follow it.
struct Prediction {
    std::int32_t row = 0;
    std::int32_t token = 0;
};

/// Tokens that go on a sequence in progress.
struct Feed {
    std::size_t sequence = 0;  ///< As DecodingPasses::open numbered it.
    std::span<const std::int32_t> tokens;
    int position = 0;  ///< Of the first token.
};

/// Takes logits `[n, vocabulary]` of items [first, first + n).
using TakeLogits = std::function<void(std::size_t first, const Matrix& logits)>;

/// Sequences in progress that begin with one shared prefix, with their keys and values. Throws std::bad_alloc.
class DecodingPasses {
public:
    virtual ~DecodingPasses() = default;

    /// A sequence that stands behind the prefix and has room for `end` positions; its number, free again once it is closed.
    virtual std::size_t open(int end) = 0;
    virtual void close(std::size_t sequence) = 0;
    /// Forgets all positions of a sequence, the prefix's among them: they are fed anew.
    virtual void restart(std::size_t sequence) = 0;
    /// Sends tokens through all blocks and gives the logits that follow each feed's last. Errors: cancelled, unknown tokens.
    virtual Expected<void> step(std::span<const Feed> feeds, const TakeLogits& take, const std::stop_token& stop) = 0;
    /// The same for the largest logit's token alone, the lowest on ties.
    virtual Expected<void> stepGreedily(std::span<const Feed> feeds, std::span<std::int32_t> chosen, const std::stop_token& stop);
};

/// Passes through a whole model, wherever they are computed. Errors: cancelled, unknown tokens. Throws std::bad_alloc.
class ModelPasses {
public:
    virtual ~ModelPasses() = default;

    /// Rows worth sending through in one go: with more nothing is won.
    virtual std::size_t rowsPerPass() const = 0;
    /// Logits that follow chosen rows.
    virtual Expected<void> logits(const PackedSequences& sequences, std::span<const std::int32_t> rows, const TakeLogits& take,
                                  const std::stop_token& stop) = 0;
    /// -log p of every prediction, in nats.
    virtual Expected<std::vector<double>> losses(const PackedSequences& sequences, std::span<const Prediction> predictions,
                                                 const std::stop_token& stop) = 0;
    /// Computes the shared prefix of prompts once, for up to `sequences` sequences at a time of up to `positions` positions.
    virtual Expected<std::unique_ptr<DecodingPasses>> decode(const PackedSequences& prompts, std::size_t sequences, int positions,
                                                             const std::stop_token& stop) = 0;
};

}  // namespace safequant
