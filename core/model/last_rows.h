// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "core/model/block_runner.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// Outputs of a block at the last rows of some sequences, `[chosen.size(), hidden]` in their order, from its input `hidden` at all rows: bit
/// for bit what runPackedSequences leaves there, at a fraction of the work. Keys and values are computed of every row of the chosen
/// sequences and of the shared prefix, all else of the last rows alone. Keys and values of at most `chunkRows()` sequences are kept at
/// once, of fewer where they are long. `observe` gets the inputs of linears at the last rows, as BlockPart has it. Throws
/// std::invalid_argument on shapes or offsets that disagree. Empty when stopped.
Matrix lastRowOutputs(BlockRunner& runner, const PackedBlock& block, const PackedSequences& sequences, const Matrix& hidden,
                      std::span<const std::size_t> chosen, const decltype(BlockPart::observe)& observe = {}, const std::stop_token& stop = {});

}  // namespace safequant
