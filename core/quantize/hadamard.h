// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace safequant {

/// A Hadamard matrix by Paley's constructions (1933): entries 1 and -1, H H^T = order I, row by row. For orders q + 1 with q = 3 mod 4
/// (the first one) and 2 (q + 1) with q = 1 mod 4 (the second), q an odd prime, its square or its cube. Empty for other orders.
std::vector<std::int8_t> paleyMatrix(int order);

/// A random orthogonal matrix Q `[size, size]` that mixes every coordinate with (nearly) every other, applied to rows in
/// size * (log2(size) + core) operations (QuaRot, arXiv 2404.00456, section 3): Q = diag(s) (S (x) C), s random signs, S Sylvester's
/// Hadamard matrix of a power of two, (x) the Kronecker product, C the core: of the orders that leave a power of two the smallest that
/// is 1 or has a Paley matrix of at most 1024 rows. All entries of Q are then 1 / sqrt(size) in magnitude. For sizes without one C is a
/// random orthogonal matrix of the odd part of the size. Equal sizes, seeds and names give equal matrices on every machine.
class Rotation {
public:
    /// Throws std::invalid_argument when size is below 1.
    Rotation(int size, std::uint64_t seed, std::string_view name);

    int size() const { return static_cast<int>(m_signs.size()); }
    int coreSize() const { return m_coreSize; }
    bool isHadamard() const { return m_hadamard; }

    /// `row` `[size]` becomes row Q.
    void apply(double* row) const;
    /// `row` becomes row Q^T: undoes apply.
    void applyInverse(double* row) const;
    /// The same for every `[size]` piece of `[count, size]` float32 rows, computed in float64 and rounded once.
    void apply(float* rows, std::size_t count) const { transformRows(rows, count, false); }
    void applyInverse(float* rows, std::size_t count) const { transformRows(rows, count, true); }

private:
    void transformRows(float* rows, std::size_t count, bool inverse) const;
    void mix(double* row, const std::vector<double>& core) const;

    int m_coreSize = 1;
    bool m_hadamard = true;
    std::vector<double> m_signs;  ///< 1 or -1 times the scale of S.
    std::vector<double> m_core, m_coreTransposed;  ///< `[core, core]`; empty when the core is 1.
};

}  // namespace safequant
