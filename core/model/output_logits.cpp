// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/output_logits.h"

#include <stdexcept>
#include <string>

#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {

PackedHead::PackedHead(const DecoderConfig& config, const OutputHead& head)
    : m_epsilon(config.normEpsilon), m_softcap(config.logitSoftcap), m_norm(normGains(config, head.norm)) {
    const auto hidden = static_cast<std::size_t>(config.hiddenSize);
    const auto vocabulary = static_cast<std::size_t>(config.vocabulary);
    const std::size_t rows = head.integers ? head.integers->rows : head.weight.rows();
    const std::size_t cols = head.integers ? head.integers->cols : head.weight.cols();
    if (head.norm.size() != hidden || rows != vocabulary || cols != hidden)
        throw std::invalid_argument("[PackedHead] got a head of " + std::to_string(rows) + " x " + std::to_string(cols) + " and a norm of " +
                                    std::to_string(head.norm.size()) + ", need " + std::to_string(vocabulary) + " x " + std::to_string(hidden));
    if (head.integers) {
        const PackedIntegers::Part part{head.integers.get(), {}};
        m_weight.integers = PackedIntegers({&part, 1}, ActivationScheme{});
    } else {
        m_weight.floats = PackedWeight{{&head.weight, {}}};
    }
}

Matrix PackedHead::logits(const Matrix& hidden, std::span<const std::int32_t> rows) const {
    const std::size_t width = m_norm.size();
    if (hidden.cols() != width)
        throw std::invalid_argument("[PackedHead::logits] got rows of " + std::to_string(hidden.cols()) + ", need " +
                                    std::to_string(width));
    Matrix normed(rows.size(), width);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0 || static_cast<std::size_t>(rows[i]) >= hidden.rows())
            throw std::invalid_argument("[PackedHead::logits] got row " + std::to_string(rows[i]) + ", need one below " +
                                        std::to_string(hidden.rows()));
        simdKernels().rmsNorm(hidden.row(static_cast<std::size_t>(rows[i])), m_norm.data(), width, m_epsilon, normed.row(i));
    }
    Matrix result(rows.size(), m_weight.columns());
    if (m_weight.byCodes()) m_weight.integers.multiply(0, 1, normed.data(), width, rows.size(), result.data(), result.cols());
    else multiply(m_weight.floats, normed.data(), width, rows.size(), result.data(), result.cols());
    if (m_softcap > 0.0F)
        parallelRows(rows.size(), kRowGrain / (result.cols() + 1) + 1, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i) simdKernels().softcap(result.row(i), result.cols(), m_softcap);
        });
    return result;
}

}  // namespace safequant
