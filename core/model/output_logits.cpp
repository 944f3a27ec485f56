// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/output_logits.h"

#include <stdexcept>
#include <string>

#include "core/model/parallel.h"
#include "core/model/sampling.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// Fewer columns are multiplied sooner than bounded.
constexpr std::size_t kScreenedColumns = 4096;
/// Fewer rows wait for the weights from memory, and the codes of a head are as many bytes as those that bound its logits.
constexpr std::size_t kScreenedRows = 4;
/// What making the bounds costs is won back over this many rows.
constexpr std::size_t kRowsBeforeScreen = 64;

}  // namespace

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

Matrix PackedHead::logits(const Matrix& hidden, std::span<const std::int32_t> rows) const { return logitsOf(normed(hidden, rows)); }

void PackedHead::greedy(const Matrix& hidden, std::span<const std::int32_t> rows, std::span<std::int32_t> chosen) {
    const Matrix inputs = normed(hidden, rows);
    // A cap may make equal what was not.
    const bool worth = m_softcap == 0.0F && m_weight.columns() >= kScreenedColumns && (rows.size() >= kScreenedRows || !m_weight.byCodes());
    m_asked += rows.size();
    if (worth && m_screen.empty() && m_asked >= kRowsBeforeScreen) m_screen = GreedyScreen(m_weight, inputs);
    if (worth && !m_screen.empty() && m_screen.choose(m_weight, inputs, chosen)) return;
    greedyTokens(logitsOf(inputs), chosen);
}

Matrix PackedHead::normed(const Matrix& hidden, std::span<const std::int32_t> rows) const {
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
    return normed;
}

Matrix PackedHead::logitsOf(const Matrix& normed) const {
    Matrix result(normed.rows(), m_weight.columns());
    if (m_weight.byCodes()) m_weight.integers.multiply(0, 1, normed.data(), normed.cols(), normed.rows(), result.data(), result.cols());
    else multiply(m_weight.floats, normed.data(), normed.cols(), normed.rows(), result.data(), result.cols());
    if (m_softcap > 0.0F)
        parallelRows(result.rows(), kRowGrain / (result.cols() + 1) + 1, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i) simdKernels().softcap(result.row(i), result.cols(), m_softcap);
        });
    return result;
}

}  // namespace safequant
