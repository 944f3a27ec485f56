// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/model_passes.h"

#include "core/model/sampling.h"

namespace safequant {

Expected<void> DecodingPasses::stepGreedily(std::span<const Feed> feeds, std::span<std::int32_t> chosen, const std::stop_token& stop) {
    const auto take = [&](std::size_t first, const Matrix& logits) { greedyTokens(logits, chosen.subspan(first, logits.rows())); };
    return step(feeds, take, stop);
}

}  // namespace safequant
