// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>

#include "core/model/decoder.h"
#include "core/patch/critical_weights.h"
#include "core/quantize/coded_block.h"

namespace safequant {

/// A quantized block some of whose weights stay in 16 bits. Its linears are on no grid.
struct KeptBlock {
    CodedBlock block;
    std::array<std::uint64_t, kLinearsPerBlock> kept{};  ///< Weights in 16 bits, in the order of LinearRole.
};

/// Puts chosen weights of a block back as they were before it was quantized, rounded to bfloat16; all others stay as the quantizer has
/// them. `scaled`: it may have moved scales between layers, which the weights put back get as well (see movedScales). `choice` has every
/// linear with codes; throws std::invalid_argument when it does not.
KeptBlock keepWeights(const DecoderConfig& config, const BlockWeights& original, CodedBlock quantized, const WeightChoice& choice,
                      bool scaled);

/// Average bits a weight of a linear of which `kept` weights take 16 bits: those, the codes of the others with scales, zero points and the
/// list of groups, and what says which are kept, a bit a weight or the place of each, whichever is less.
double keptBits(const QuantizedLinear& quantized, std::uint64_t kept);

}  // namespace safequant
