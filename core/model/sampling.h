// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "core/base/matrix.h"
#include "core/base/random.h"
#include "core/model/generation.h"

namespace safequant {

/// The id with the largest logit, the lowest on ties.
std::int32_t greedyToken(std::span<const float> logits);

/// That of every row.
void greedyTokens(const Matrix& logits, std::span<std::int32_t> chosen);

/// One draw: logits divided by the temperature, then the `topK` largest, then the smallest set of largest probabilities that
/// reaches `topP` (Holtzman et al. 2020); ties go to lower ids. Takes exactly one number from the stream.
std::int32_t sampleToken(std::span<const float> logits, const DecodingOptions& options, RandomStream& random);

}  // namespace safequant
