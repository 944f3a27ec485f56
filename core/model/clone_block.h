// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/decoder.h"

namespace safequant {

/// A copy of a block, matrices and all, but without codes: a copy is made to be changed.
inline BlockWeights cloneOf(const BlockWeights& weights) {
    BlockWeights copy;
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
        const LinearWeights& linear = weights.linears[i];
        copy.linears[i] = {linear.weight.clone(), linear.bias, linear.input};
    }
    copy.index = weights.index;
    copy.inputNorm = weights.inputNorm;
    copy.preFeedForwardNorm = weights.preFeedForwardNorm;
    copy.attentionOutputNorm = weights.attentionOutputNorm;
    copy.feedForwardOutputNorm = weights.feedForwardOutputNorm;
    copy.queryNorm = weights.queryNorm;
    copy.keyNorm = weights.keyNorm;
    return copy;
}

}  // namespace safequant
