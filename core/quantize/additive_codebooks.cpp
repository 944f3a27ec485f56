// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quantize/additive_codebooks.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "core/model/matmul.h"
#include "core/model/parallel.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/uniform_grid.h"

namespace safequant {
namespace {

constexpr std::size_t kGroupColumns = kCodebookColumns;
/// Points that k-means looks at, and its rounds.
constexpr std::size_t kMeansPoints = 8192;
constexpr int kMeansRounds = 10;
constexpr int kTableSteps = 8;
/// Columns whose products with the Hessian are kept up to date while their codes are searched.
constexpr std::size_t kSearchedColumns = 64;
/// A round that gains less than this share of the error is the last.
constexpr double kLeastGain = 1e-3;
/// Rows that one thread searches at least.
constexpr std::size_t kRowsOfSearch = 4;

/// Calls body(row) for every row of a matrix, shared out.
template <typename Body>
void overRows(const Matrix& matrix, std::size_t grain, const Body& body) {
    parallelRows(matrix.rows(), grain, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) body(r);
    });
}

std::size_t rowGrain(const Matrix& matrix) { return kRowGrain / matrix.cols() + 1; }

/// Sum of products of two matrices, in an order that does not depend on threads.
double productSum(const Matrix& a, const Matrix& b) {
    std::vector<double> sums(a.rows(), 0.0);
    overRows(a, rowGrain(a), [&](std::size_t r) {
        for (std::size_t c = 0; c < a.cols(); ++c) sums[r] += static_cast<double>(a(r, c)) * static_cast<double>(b(r, c));
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// a += factor * b.
void addMultiple(Matrix& a, float factor, const Matrix& b) {
    overRows(a, rowGrain(a), [&](std::size_t r) {
        for (std::size_t c = 0; c < a.cols(); ++c) a(r, c) += factor * b(r, c);
    });
}

/// Products with a symmetric matrix, whole or some columns of them.
class HessianProduct {
public:
    explicit HessianProduct(const Matrix& hessian) : m_whole{{&hessian, {}}} {
        for (std::size_t first = 0; first < hessian.rows(); first += kSearchedColumns) {
            Matrix rows(std::min(kSearchedColumns, hessian.rows() - first), hessian.cols());
            std::copy_n(hessian.row(first), rows.size(), rows.data());
            m_pieces.emplace_back(PackedWeight{{&rows, {}}});
        }
    }
    void whole(const Matrix& x, Matrix& y) const { multiply(m_whole, x.data(), x.cols(), x.rows(), y.data(), y.cols()); }
    /// The columns from piece * kSearchedColumns on.
    void piece(std::size_t piece, const Matrix& x, Matrix& y) const {
        multiply(m_pieces[piece], x.data(), x.cols(), x.rows(), y.data() + piece * kSearchedColumns, y.cols());
    }
    std::size_t pieces() const { return m_pieces.size(); }

private:
    PackedWeight m_whole;
    std::vector<PackedWeight> m_pieces;
};

/// k-means (Lloyd) of points of eight columns, seeded; writes the centres.
void findCentres(const std::vector<float>& points, RandomStream& random, float* table) {
    const std::size_t count = points.size() / kGroupColumns;
    const auto setCentre = [&](std::size_t entry, std::size_t point) {
        std::copy_n(points.data() + point * kGroupColumns, kGroupColumns, table + entry * kGroupColumns);
    };
    for (std::size_t k = 0; k < kCodebookEntries; ++k) setCentre(k, random.below(count));
    std::vector<std::size_t> nearest(count);
    for (int round = 0; round < kMeansRounds; ++round) {
        const NearestEntry search(table);
        parallelRows(count, kRowGrain / kCodebookEntries, [&](std::size_t first, std::size_t last) {
            float distance = 0.0F;
            for (std::size_t i = first; i < last; ++i) nearest[i] = search.find(points.data() + i * kGroupColumns, distance);
        });
        std::vector<double> sums(kCodebookSize, 0.0);
        std::vector<std::size_t> members(kCodebookEntries, 0);
        for (std::size_t i = 0; i < count; ++i) {
            ++members[nearest[i]];
            for (std::size_t j = 0; j < kGroupColumns; ++j) sums[nearest[i] * kGroupColumns + j] += static_cast<double>(points[i * kGroupColumns + j]);
        }
        for (std::size_t k = 0; k < kCodebookEntries; ++k) {
            if (members[k] == 0) setCentre(k, random.below(count));
            else
                for (std::size_t j = 0; j < kGroupColumns; ++j)
                    table[k * kGroupColumns + j] = static_cast<float>(sums[k * kGroupColumns + j] / static_cast<double>(members[k]));
        }
    }
}

/// A fit under way.
class CodebookFit {
public:
    CodebookFit(const Matrix& weight, const Matrix& hessian, std::size_t codebooks, std::size_t beam)
        : m_weight(weight), m_hessian(hessian), m_product(hessian), m_beam(beam), m_error(weight.rows(), weight.cols()),
          m_gradient(weight.rows(), weight.cols()), m_target(weight.rows(), weight.cols()) {
        m_fit.rows = weight.rows();
        m_fit.cols = weight.cols();
        m_fit.codebooks = codebooks;
        m_fit.tables.resize(codebooks * kCodebookSize);
        m_fit.scales.resize(weight.rows());
        m_fit.codes.resize(weight.rows() * groups() * codebooks);
        m_product.whole(weight, m_target);
    }

    void begin(RandomStream& random);
    void fitTables();
    void searchCodes();
    void fitScales();
    void roundTables();
    double error() const { return std::max(0.0, productSum(m_error, m_gradient)); }
    AdditiveWeight take() { return std::move(m_fit); }

private:
    std::size_t groups() const { return m_fit.cols / kGroupColumns; }
    std::uint8_t* codesOf(std::size_t row, std::size_t group) { return m_fit.codes.data() + (row * groups() + group) * m_fit.codebooks; }
    const std::uint8_t* codesOf(std::size_t row, std::size_t group) const { return m_fit.codes.data() + (row * groups() + group) * m_fit.codebooks; }
    /// Error and gradient from the weights as they stand.
    void renew();
    /// out `[rows, cols]`: what tables of any content stand for by the codes and scales.
    void spread(const std::vector<float>& tables, Matrix& out) const;
    /// By entry, the sum of scaled values where it is used.
    std::vector<double> gathered(const Matrix& values) const;
    /// By entry, the sum of squared scales times the Hessian's diagonal where it is used.
    std::vector<double> curvature() const;
    void searchGroup(GroupSearch& search, std::size_t group, std::size_t end);

    const Matrix& m_weight;
    const Matrix& m_hessian;
    HessianProduct m_product;
    std::size_t m_beam;
    AdditiveWeight m_fit;
    Matrix m_error;     ///< W - Q.
    Matrix m_gradient;  ///< (W - Q) H.
    Matrix m_target;    ///< W H.
};

void CodebookFit::begin(RandomStream& random) {
    overRows(m_weight, rowGrain(m_weight), [&](std::size_t r) {
        double squares = 0.0;
        for (const float value : m_weight.rowSpan(r)) squares += static_cast<double>(value) * static_cast<double>(value);
        m_fit.scales[r] = static_cast<float>(std::sqrt(squares / static_cast<double>(m_fit.cols)));
    });
    std::vector<float> left(m_weight.size());  // In units of rows' scales.
    overRows(m_weight, rowGrain(m_weight), [&](std::size_t r) {
        const float inverse = m_fit.scales[r] > 0.0F ? 1.0F / m_fit.scales[r] : 0.0F;
        for (std::size_t c = 0; c < m_fit.cols; ++c) left[r * m_fit.cols + c] = m_weight(r, c) * inverse;
    });
    const std::size_t points = left.size() / kGroupColumns;
    std::vector<std::size_t> sample(std::min(points, kMeansPoints));
    for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = points <= kMeansPoints ? i : random.below(points);
    for (std::size_t m = 0; m < m_fit.codebooks; ++m) {
        std::vector<float> chosen;
        for (const std::size_t point : sample) chosen.insert(chosen.end(), left.data() + point * kGroupColumns, left.data() + (point + 1) * kGroupColumns);
        float* const table = m_fit.tables.data() + m * kCodebookSize;
        findCentres(chosen, random, table);
        const NearestEntry search(table);
        parallelRows(points, kRowGrain / kCodebookEntries, [&](std::size_t first, std::size_t last) {
            float distance = 0.0F;
            for (std::size_t i = first; i < last; ++i) {
                float* const point = left.data() + i * kGroupColumns;
                const std::size_t code = search.find(point, distance);
                m_fit.codes[i * m_fit.codebooks + m] = static_cast<std::uint8_t>(code);
                for (std::size_t j = 0; j < kGroupColumns; ++j) point[j] -= table[code * kGroupColumns + j];
            }
        });
    }
    renew();
}

void CodebookFit::renew() {
    spread(m_fit.tables, m_error);
    overRows(m_error, rowGrain(m_error), [&](std::size_t r) {
        for (std::size_t c = 0; c < m_fit.cols; ++c) m_error(r, c) = m_weight(r, c) - m_error(r, c);
    });
    m_product.whole(m_error, m_gradient);
}

void CodebookFit::spread(const std::vector<float>& tables, Matrix& out) const {
    overRows(out, rowGrain(out), [&](std::size_t r) {
        for (std::size_t g = 0; g < groups(); ++g) {
            float* const values = out.row(r) + g * kGroupColumns;
            std::fill_n(values, kGroupColumns, 0.0F);
            for (std::size_t m = 0; m < m_fit.codebooks; ++m) {
                const float* const entry = tables.data() + m * kCodebookSize + codesOf(r, g)[m] * kGroupColumns;
                for (std::size_t j = 0; j < kGroupColumns; ++j) values[j] += entry[j];
            }
            for (std::size_t j = 0; j < kGroupColumns; ++j) values[j] *= m_fit.scales[r];
        }
    });
}

std::vector<double> CodebookFit::gathered(const Matrix& values) const {
    std::vector<double> sums(m_fit.tables.size(), 0.0);
    parallelFor(static_cast<std::int64_t>(m_fit.codebooks), [&](std::int64_t codebook, std::size_t) {
        const auto m = static_cast<std::size_t>(codebook);
        for (std::size_t r = 0; r < m_fit.rows; ++r) {
            const auto scale = static_cast<double>(m_fit.scales[r]);
            for (std::size_t g = 0; g < groups(); ++g) {
                double* const sum = sums.data() + m * kCodebookSize + codesOf(r, g)[m] * kGroupColumns;
                const float* const value = values.row(r) + g * kGroupColumns;
                for (std::size_t j = 0; j < kGroupColumns; ++j) sum[j] += scale * static_cast<double>(value[j]);
            }
        }
    });
    return sums;
}

std::vector<double> CodebookFit::curvature() const {
    Matrix diagonal(m_fit.rows, m_fit.cols);
    overRows(diagonal, rowGrain(diagonal), [&](std::size_t r) {
        for (std::size_t c = 0; c < m_fit.cols; ++c) diagonal(r, c) = m_fit.scales[r] * m_hessian(c, c);
    });
    return gathered(diagonal);
}

/// Conjugate gradients on the entries, preconditioned by the diagonal of what they are squared with.
void CodebookFit::fitTables() {
    const std::vector<double> diagonal = curvature();
    std::vector<double> residual = gathered(m_gradient), direction(residual.size(), 0.0);
    const auto preconditioned = [&](std::size_t i) { return diagonal[i] > 0.0 ? residual[i] / diagonal[i] : 0.0; };
    const auto decrease = [&] {
        double sum = 0.0;
        for (std::size_t i = 0; i < residual.size(); ++i) sum += residual[i] * preconditioned(i);
        return sum;
    };
    Matrix step(m_fit.rows, m_fit.cols), product(m_fit.rows, m_fit.cols);
    std::vector<float> shown(residual.size());
    double before = 0.0;
    for (int i = 0; i < kTableSteps; ++i) {
        const double now = decrease(), keep = i > 0 && before > 0.0 ? now / before : 0.0;
        for (std::size_t k = 0; k < direction.size(); ++k) {
            direction[k] = preconditioned(k) + keep * direction[k];
            shown[k] = static_cast<float>(direction[k]);
        }
        spread(shown, step);
        m_product.whole(step, product);
        const double curved = productSum(step, product), along = productSum(step, m_gradient);
        if (!(curved > 0.0) || !(along > 0.0)) break;
        const auto length = static_cast<float>(along / curved);
        for (std::size_t k = 0; k < shown.size(); ++k) m_fit.tables[k] += length * shown[k];
        addMultiple(m_error, -length, step);
        addMultiple(m_gradient, -length, product);
        residual = gathered(m_gradient);
        before = now;
    }
    renew();
}

void CodebookFit::searchGroup(GroupSearch& search, std::size_t group, std::size_t end) {
    const std::size_t first = group * kGroupColumns;
    HessianTile tile;
    for (std::size_t i = 0; i < kGroupColumns; ++i)
        for (std::size_t j = 0; j < kGroupColumns; ++j) tile[i * kGroupColumns + j] = m_hessian(first + i, first + j);
    search.prepare(tile);
    overRows(m_weight, kRowsOfSearch, [&](std::size_t r) {
        const float scale = m_fit.scales[r];
        if (scale == 0.0F) return;
        float* const error = m_error.row(r) + first;
        float* const gradient = m_gradient.row(r);
        std::uint8_t* const codes = codesOf(r, group);
        // The group's own part of the gradient is given back: what is left to be reached by the sum of its entries.
        float wanted[kGroupColumns], target[kGroupColumns];
        for (std::size_t j = 0; j < kGroupColumns; ++j) wanted[j] = (m_weight(r, first + j) - error[j]) / scale;
        for (std::size_t j = 0; j < kGroupColumns; ++j) {
            target[j] = gradient[first + j] / scale;
            for (std::size_t i = 0; i < kGroupColumns; ++i) target[j] += wanted[i] * tile[i * kGroupColumns + j];
        }
        if (!search.choose(target, codes)) return;
        float change[kGroupColumns];
        for (std::size_t j = 0; j < kGroupColumns; ++j) {
            float sum = 0.0F;
            for (std::size_t m = 0; m < m_fit.codebooks; ++m) sum += m_fit.tables[m * kCodebookSize + codes[m] * kGroupColumns + j];
            const float now = m_weight(r, first + j) - scale * sum;
            change[j] = now - error[j];
            error[j] = now;
        }
        for (std::size_t i = 0; i < kGroupColumns; ++i) {
            const float* const row = m_hessian.row(first + i);
            for (std::size_t c = first; c < end; ++c) gradient[c] += change[i] * row[c];
        }
    });
}

void CodebookFit::searchCodes() {
    GroupSearch search(m_fit.tables.data(), m_fit.codebooks, m_beam);
    for (std::size_t piece = 0; piece < m_product.pieces(); ++piece) {
        const std::size_t begin = piece * kSearchedColumns, end = std::min(begin + kSearchedColumns, m_fit.cols);
        m_product.piece(piece, m_error, m_gradient);
        for (std::size_t column = begin; column < end; column += kGroupColumns) searchGroup(search, column / kGroupColumns, end);
    }
    renew();
}

/// Each row times the factor that is best for it, (q^T H w) / (q^T H q).
void CodebookFit::fitScales() {
    overRows(m_weight, rowGrain(m_weight), [&](std::size_t r) {
        double along = 0.0, curved = 0.0;
        for (std::size_t c = 0; c < m_fit.cols; ++c) {
            const double value = static_cast<double>(m_weight(r, c)) - static_cast<double>(m_error(r, c));
            along += value * static_cast<double>(m_target(r, c));
            curved += value * (static_cast<double>(m_target(r, c)) - static_cast<double>(m_gradient(r, c)));
        }
        if (along > 0.0 && curved > 0.0) m_fit.scales[r] *= static_cast<float>(along / curved);
    });
    renew();
}

void CodebookFit::roundTables() {
    const auto rounded = [](float value) { return value == 0.0F ? value : storedScale(value); };
    std::transform(m_fit.tables.begin(), m_fit.tables.end(), m_fit.tables.begin(), rounded);
    std::transform(m_fit.scales.begin(), m_fit.scales.end(), m_fit.scales.begin(), rounded);
    renew();
}

void checkFit(const Matrix& weight, const Matrix& hessian, std::size_t codebooks) {
    if (weight.empty() || weight.cols() % kGroupColumns != 0 || hessian.rows() != weight.cols() || hessian.cols() != weight.cols() || codebooks < 1 ||
        codebooks > kMostCodebooks)
        throw std::invalid_argument("[fitAdditiveCodebooks] got a weight of " + std::to_string(weight.rows()) + " x " + std::to_string(weight.cols()) +
                                    ", a Hessian of " + std::to_string(hessian.rows()) + " x " + std::to_string(hessian.cols()) + " and " +
                                    std::to_string(codebooks) + " codebooks, need columns in eights, a Hessian of the columns and 1 to 4 codebooks");
}

/// gram / rows + damping * mean of its diagonal.
Matrix dampedHessian(const InputStatistics& inputs, double damping, double& used) {
    const std::size_t n = inputs.columns();
    const double rows = static_cast<double>(std::max<std::size_t>(inputs.rows(), 1));
    double mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) mean += inputs.gram(i, i) / rows / static_cast<double>(n);
    // Inputs that are all 0 leave the weights' own error.
    used = mean > 0.0 ? damping * mean : 1.0;
    Matrix hessian(n, n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) hessian(i, j) = static_cast<float>(inputs.gram(i, j) / rows + (i == j ? used : 0.0));
    return hessian;
}

}  // namespace

Matrix AdditiveWeight::dequantize() const {
    Matrix out(rows, cols);
    const std::size_t groups = cols / kGroupColumns;
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c) {
            float sum = 0.0F;
            const std::uint8_t* const group = codes.data() + (r * groups + c / kGroupColumns) * codebooks;
            for (std::size_t m = 0; m < codebooks; ++m) sum += tables[m * kCodebookSize + group[m] * kGroupColumns + c % kGroupColumns];
            out(r, c) = scales[r] * sum;
        }
    return out;
}

AdditiveWeight fitAdditiveCodebooks(const Matrix& weight, const Matrix& hessian, std::size_t codebooks, const AqlmOptions& options,
                                    std::string_view name, std::vector<double>* errors, const std::stop_token& stop) {
    checkFit(weight, hessian, codebooks);
    RandomStream random(options.seed, "codebooks, " + std::string(name));
    CodebookFit fit(weight, hessian, codebooks, static_cast<std::size_t>(std::max(options.beam, 1)));
    const auto note = [&] {
        if (errors != nullptr) errors->push_back(fit.error());
    };
    fit.begin(random);
    note();
    double before = fit.error();
    for (int round = 0; round < options.rounds && !stop.stop_requested(); ++round) {
        fit.fitTables();
        note();
        fit.searchCodes();
        note();
        fit.fitScales();
        note();
        const double now = fit.error();
        if (before - now < kLeastGain * before) break;
        before = now;
    }
    fit.fitTables();
    note();
    fit.roundTables();
    fit.searchCodes();
    note();
    return fit.take();
}

void calibrateAqlm(BlockCalibration& block, InputGroup group, InputStatistics& inputs, const CalibrationOptions& options) {
    double damping = 0.0;
    const Matrix hessian = dampedHessian(inputs, options.aqlm.damping, damping);
    for (const LinearRole role : linearsOf(group)) {
        const LinearPlan& plan = block.plan(role);
        if (!plan.quantized() || block.stop.stop_requested()) continue;
        const AdditiveWeight fitted = fitAdditiveCodebooks(block.weight(role), hessian, static_cast<std::size_t>(plan.actual.weightBits), options.aqlm,
                                                           plan.name, nullptr, block.stop);
        QuantizedLinear coded;
        coded.scheme = plan.actual;
        coded.rows = static_cast<int>(fitted.rows);
        coded.cols = static_cast<int>(fitted.cols);
        const Matrix values = fitted.dequantize();
        coded.values.assign(values.span().begin(), values.span().end());
        coded.valueBits = static_cast<float>(schemeBitsPerWeight(plan.actual, coded.rows, coded.cols));
        LinearReport report;
        report.damping = damping;
        block.code(role, std::move(coded), inputs, report);
    }
}

}  // namespace safequant
