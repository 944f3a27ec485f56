// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>

#include "core/model/block_runner.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// Whether rows of `hidden` `[rows, hidden]` are those of the sequences, and whether these may share their prefix. Throws
/// std::invalid_argument where not.
void checkPackedRows(const DecoderConfig& config, const PackedSequences& sequences, std::size_t rows, std::size_t cols);

/// Runs one block over packed sequences, in place; keys and values live no longer than their sequence is worked on. Throws
/// std::invalid_argument on shapes or offsets that disagree. Returns false when stopped (hidden is then undefined).
bool runPackedSequences(BlockRunner& runner, const PackedBlock& block, const PackedSequences& sequences, Matrix& hidden,
                        const std::stop_token& stop = {});

}  // namespace safequant
