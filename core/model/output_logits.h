// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/block_runner.h"
#include "core/model/decoder.h"
#include "core/model/greedy_screen.h"

namespace safequant {

/// Final norm and language-model head, ready to multiply.
class PackedHead {
public:
    /// Throws std::invalid_argument when a shape is not the configuration's.
    PackedHead(const DecoderConfig& config, const OutputHead& head);

    /// Logits `[rows.size(), vocabulary]` of chosen rows of the last block's output. Throws std::invalid_argument on a row that
    /// `hidden` does not have.
    Matrix logits(const Matrix& hidden, std::span<const std::int32_t> rows) const;
    /// The largest of these logits' columns, row by row, the lowest on ties. Once enough rows were asked for, most logits are not computed.
    void greedy(const Matrix& hidden, std::span<const std::int32_t> rows, std::span<std::int32_t> chosen);

private:
    Matrix normed(const Matrix& hidden, std::span<const std::int32_t> rows) const;
    Matrix logitsOf(const Matrix& normed) const;

    float m_epsilon;
    float m_softcap;  // 0: none.
    std::vector<float> m_norm;
    PackedLinears m_weight;
    GreedyScreen m_screen;
    std::size_t m_asked = 0;  // Rows, of `greedy`.
};

}  // namespace safequant
