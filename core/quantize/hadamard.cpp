// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/hadamard.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/base/random.h"

namespace safequant {
namespace {

/// Above it a product with the core costs more than what an exact Hadamard matrix is worth.
constexpr int kLargestCore = 1024;
constexpr std::size_t kParallelTransform = 1 << 14;

bool isPrime(int n) {
    if (n < 2) return false;
    for (int divisor = 2; divisor * divisor <= n; ++divisor)
        if (n % divisor == 0) return false;
    return true;
}

/// The field of p^degree elements, degree 1 to 3: polynomials over the integers modulo p, number i standing for the one whose
/// coefficients are i's digits to base p.
class FiniteField {
public:
    /// Nothing when `size` is no odd prime, nor the square or cube of one.
    static std::optional<FiniteField> ofSize(int size) {
        for (int degree = 1; degree <= 3; ++degree) {
            const int p = static_cast<int>(std::lround(std::pow(size, 1.0 / degree)));
            int power = 1;
            for (int i = 0; i < degree; ++i) power *= p;
            if (power == size && p > 2 && isPrime(p)) return FiniteField(p, degree);
        }
        return std::nullopt;
    }

    int size() const { return m_size; }

    int difference(int a, int b) const {
        int result = 0;
        for (int place = 1; place < m_size; place *= m_p, a /= m_p, b /= m_p) result += (a % m_p + m_p - b % m_p) % m_p * place;
        return result;
    }

    /// 1 for squares, -1 for other elements, 0 for 0; `[size]`.
    std::vector<std::int8_t> quadraticCharacter() const {
        std::vector<std::int8_t> character(static_cast<std::size_t>(m_size), -1);
        character[0] = 0;
        for (int a = 1; a < m_size; ++a) character[static_cast<std::size_t>(product(a, a))] = 1;
        return character;
    }

private:
    FiniteField(int p, int degree) : m_p(p), m_degree(degree) {
        for (int i = 0; i < degree; ++i) m_size *= p;
        // Of degree 2 or 3 a polynomial without roots has no factors.
        while (degree > 1 && hasRoot()) ++m_lower;
    }

    /// Whether x^degree - (the polynomial m_lower) is 0 somewhere.
    bool hasRoot() const {
        for (int x = 0; x < m_p; ++x) {
            int power = 1, lower = 0;
            for (int i = 0, rest = m_lower; i < m_degree; ++i, rest /= m_p) {
                lower = (lower + rest % m_p * power) % m_p;
                power = power * x % m_p;
            }
            if (power == lower) return true;
        }
        return false;
    }

    int product(int a, int b) const {
        int coefficients[5] = {};
        for (int i = 0, restA = a; i < m_degree; ++i, restA /= m_p)
            for (int j = 0, restB = b; j < m_degree; ++j, restB /= m_p) coefficients[i + j] += restA % m_p * (restB % m_p) % m_p;
        for (int i = 2 * m_degree - 2; i >= m_degree; --i)
            for (int j = 0, rest = m_lower; j < m_degree; ++j, rest /= m_p)
                coefficients[i - m_degree + j] += coefficients[i] % m_p * (rest % m_p);
        int result = 0;
        for (int i = m_degree; i-- > 0;) result = result * m_p + coefficients[i] % m_p;
        return result;
    }

    int m_p, m_degree, m_size = 1;
    int m_lower = 0;  ///< x^degree equals this polynomial.
};

std::vector<std::int8_t> firstPaley(const FiniteField& field) {
    const auto n = static_cast<std::size_t>(field.size() + 1);
    const auto character = field.quadraticCharacter();
    std::vector<std::int8_t> h(n * n, 1);
    for (std::size_t i = 1; i < n; ++i) {
        h[i * n] = -1;
        for (std::size_t j = 1; j < n; ++j)
            if (i != j) h[i * n + j] = character[static_cast<std::size_t>(field.difference(static_cast<int>(i - 1), static_cast<int>(j - 1)))];
    }
    return h;
}

std::vector<std::int8_t> secondPaley(const FiniteField& field) {
    const auto n = static_cast<std::size_t>(field.size() + 1);
    const auto character = field.quadraticCharacter();
    std::vector<std::int8_t> h(4 * n * n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            const bool edge = i == 0 || j == 0;
            const int c = i == j ? 0
                          : edge ? 1
                                 : character[static_cast<std::size_t>(field.difference(static_cast<int>(i - 1), static_cast<int>(j - 1)))];
            const int block[4] = {c == 0 ? 1 : c, c == 0 ? -1 : c, c == 0 ? -1 : c, c == 0 ? -1 : -c};
            for (std::size_t k = 0; k < 4; ++k) h[(2 * i + k / 2) * 2 * n + 2 * j + k % 2] = static_cast<std::int8_t>(block[k]);
        }
    return h;
}

/// Rows of independent normal numbers, made orthonormal one after the other: uniform over all orthogonal matrices.
std::vector<double> randomOrthogonal(std::size_t n, RandomStream& random) {
    std::vector<double> q(n * n);
    for (std::size_t i = 0; i < n; ++i) {
        double* row = q.data() + i * n;
        for (std::size_t k = 0; k < n; ++k) row[k] = random.normal();
        // Twice, so that rounding leaves nothing of the rows before.
        for (int pass = 0; pass < 2; ++pass)
            for (std::size_t j = 0; j < i; ++j) {
                const double* other = q.data() + j * n;
                double dot = 0.0;
                for (std::size_t k = 0; k < n; ++k) dot += row[k] * other[k];
                for (std::size_t k = 0; k < n; ++k) row[k] -= dot * other[k];
            }
        double square = 0.0;
        for (std::size_t k = 0; k < n; ++k) square += row[k] * row[k];
        const double scale = 1.0 / std::sqrt(square);
        for (std::size_t k = 0; k < n; ++k) row[k] *= scale;
    }
    return q;
}

}  // namespace

std::vector<std::int8_t> paleyMatrix(int order) {
    if (order < 4 || order % 4 != 0) return {};
    if (const auto field = FiniteField::ofSize(order - 1)) return firstPaley(*field);
    if (const auto field = FiniteField::ofSize(order / 2 - 1); field && field->size() % 4 == 1) return secondPaley(*field);
    return {};
}

Rotation::Rotation(int size, std::uint64_t seed, std::string_view name) {
    if (size < 1) throw std::invalid_argument("[Rotation] got size " + std::to_string(size) + ", need at least 1");
    RandomStream random(seed, name);
    int odd = size;
    while (odd % 2 == 0) odd /= 2;
    std::vector<std::int8_t> hadamard;
    m_coreSize = odd;
    if (odd > 1) {
        for (int order = odd; order <= std::min(size, kLargestCore) && hadamard.empty(); order *= 2) {
            hadamard = paleyMatrix(order);
            if (!hadamard.empty()) m_coreSize = order;
            if (size % (2 * order) != 0) break;
        }
        m_hadamard = !hadamard.empty();
    }
    const auto n = static_cast<std::size_t>(m_coreSize);
    if (m_hadamard && n > 1) {
        m_core.resize(n * n);
        std::transform(hadamard.begin(), hadamard.end(), m_core.begin(),
                       [scale = 1.0 / std::sqrt(static_cast<double>(n))](std::int8_t entry) { return entry * scale; });
    } else if (n > 1) {
        m_core = randomOrthogonal(n, random);
    }
    m_coreTransposed.resize(m_core.size());
    for (std::size_t i = 0; i < n && n > 1; ++i)
        for (std::size_t j = 0; j < n; ++j) m_coreTransposed[j * n + i] = m_core[i * n + j];
    const double scale = 1.0 / std::sqrt(static_cast<double>(size / m_coreSize));
    m_signs.resize(static_cast<std::size_t>(size));
    for (double& sign : m_signs) sign = random.next() >> 63 != 0 ? -scale : scale;
}

void Rotation::mix(double* row, const std::vector<double>& core) const {
    const std::size_t n = m_signs.size(), width = static_cast<std::size_t>(m_coreSize);
    for (std::size_t half = width; half < n; half *= 2)
        for (std::size_t begin = 0; begin < n; begin += 2 * half)
            for (std::size_t i = begin; i < begin + half; ++i) {
                const double a = row[i], b = row[i + half];
                row[i] = a + b;
                row[i + half] = a - b;
            }
    if (width == 1) return;
    thread_local std::vector<double> mixed;
    mixed.resize(width);
    for (std::size_t begin = 0; begin < n; begin += width) {
        std::fill(mixed.begin(), mixed.end(), 0.0);
        for (std::size_t k = 0; k < width; ++k) {
            const double value = row[begin + k];
            const double* line = core.data() + k * width;
            for (std::size_t j = 0; j < width; ++j) mixed[j] += value * line[j];
        }
        std::copy(mixed.begin(), mixed.end(), row + begin);
    }
}

void Rotation::apply(double* row) const {
    for (std::size_t i = 0; i < m_signs.size(); ++i) row[i] *= m_signs[i];
    mix(row, m_core);
}

void Rotation::applyInverse(double* row) const {
    mix(row, m_coreTransposed);
    for (std::size_t i = 0; i < m_signs.size(); ++i) row[i] *= m_signs[i];
}

void Rotation::transformRows(float* rows, std::size_t count, bool inverse) const {
    const std::size_t n = m_signs.size();
#pragma omp parallel if (count > 1 && count * n >= kParallelTransform)
    {
        std::vector<double> row(n);
#pragma omp for schedule(static)
        for (std::size_t r = 0; r < count; ++r) {
            float* values = rows + r * n;
            std::copy_n(values, n, row.begin());
            inverse ? applyInverse(row.data()) : apply(row.data());
            std::transform(row.begin(), row.end(), values, [](double value) { return static_cast<float>(value); });
        }
    }
}

}  // namespace safequant
