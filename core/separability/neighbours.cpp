// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/neighbours.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/model/matmul.h"
#include "core/model/parallel.h"

namespace safequant {
namespace {

constexpr std::size_t kRowBlock = 256;
constexpr std::size_t kColumnBlock = 1024;
/// Candidates kept beyond k: rounding in the products may swap points whose distances agree to some 1e-6 of their
/// norms.
constexpr std::size_t kSpare = 8;
/// A row's candidates are sifted when it holds this many times what is kept.
constexpr std::size_t kRoom = 4;

using Candidate = std::pair<float, std::uint32_t>;

Matrix centred(const Matrix& x) {
    std::vector<double> mean(x.cols(), 0.0);
    for (std::size_t i = 0; i < x.rows(); ++i)
        for (std::size_t j = 0; j < x.cols(); ++j) {
            if (!std::isfinite(x(i, j)))
                throw std::invalid_argument("[nearestNeighbours] got " + std::to_string(x(i, j)) + " in row " +
                                            std::to_string(i) + ", need finite features");
            mean[j] += static_cast<double>(x(i, j));
        }
    for (double& value : mean) value /= static_cast<double>(x.rows());
    Matrix result(x.rows(), x.cols());
    for (std::size_t i = 0; i < x.rows(); ++i)
        for (std::size_t j = 0; j < x.cols(); ++j)
            result(i, j) = static_cast<float>(static_cast<double>(x(i, j)) - mean[j]);
    return result;
}

/// In eight running sums, which the compiler keeps in one or two registers; every 512 features they go to double.
double squaredDistance(const float* a, const float* b, std::size_t n) {
    constexpr std::size_t kLanes = 8;
    constexpr std::size_t kStretch = 512;
    double total = 0.0;
    for (std::size_t begin = 0; begin < n; begin += kStretch) {
        const std::size_t end = std::min(n, begin + kStretch);
        float sums[kLanes] = {};
        std::size_t j = begin;
        for (; j + kLanes <= end; j += kLanes)
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                const float difference = a[j + lane] - b[j + lane];
                sums[lane] += difference * difference;
            }
        for (; j < end; ++j) sums[0] += (a[j] - b[j]) * (a[j] - b[j]);
        for (const float sum : sums) total += static_cast<double>(sum);
    }
    return total;
}

/// The nearest points of one row met so far.
struct Nearest {
    std::vector<Candidate> items;
    float bound = std::numeric_limits<float>::infinity();  // No candidate at or above it is among the nearest.

    void sift(std::size_t keep) {
        if (items.size() <= keep) return;
        const auto last = items.begin() + static_cast<std::ptrdiff_t>(keep) - 1;
        std::nth_element(items.begin(), last, items.end());
        bound = last->first;
        items.resize(keep);
    }
};

}  // namespace

NeighbourLists nearestNeighbours(const Matrix& x, std::size_t k, const std::stop_token& stop) {
    const std::size_t n = x.rows();
    if (k == 0 || k >= n || x.cols() == 0)
        throw std::invalid_argument("[nearestNeighbours] got " + std::to_string(k) + " neighbours of " +
                                    std::to_string(n) + " rows of " + std::to_string(x.cols()) +
                                    " features, need 1 to rows - 1 neighbours and a feature");
    const Matrix rows = centred(x);
    std::vector<float> norms(n);
    for (std::size_t i = 0; i < n; ++i) {
        double norm = 0.0;
        for (const float value : rows.rowSpan(i)) norm += static_cast<double>(value) * static_cast<double>(value);
        norms[i] = static_cast<float>(norm);
    }
    std::vector<PackedWeight> blocks;
    for (std::size_t first = 0; first < n; first += kColumnBlock) {
        Matrix block(std::min(kColumnBlock, n - first), x.cols());
        std::copy_n(rows.row(first), block.size(), block.data());
        blocks.emplace_back(std::initializer_list<PackedWeight::Part>{{&block, {}}});
    }

    NeighbourLists lists;
    lists.k = k;
    lists.indices.resize(n * k);
    lists.squared.resize(n * k);
    const std::size_t keep = std::min(n - 1, k + kSpare);
    Matrix products(kRowBlock, kColumnBlock);
    std::vector<Nearest> nearest(kRowBlock);
    for (auto& row : nearest) row.items.reserve(kRoom * keep + 1);
    for (std::size_t firstRow = 0; firstRow < n; firstRow += kRowBlock) {
        if (stop.stop_requested()) return {};
        const std::size_t count = std::min(kRowBlock, n - firstRow);
        for (auto& row : nearest) {
            row.items.clear();
            row.bound = std::numeric_limits<float>::infinity();
        }
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            multiply(blocks[b], rows.row(firstRow), rows.cols(), count, products.data(), products.cols());
            const std::size_t firstColumn = b * kColumnBlock;
            const std::size_t columns = std::min(kColumnBlock, n - firstColumn);
            parallelRows(count, 16, [&](std::size_t begin, std::size_t end) {
                for (std::size_t r = begin; r < end; ++r) {
                    Nearest& row = nearest[r];
                    const float* product = products.row(r);
                    for (std::size_t c = 0; c < columns; ++c) {
                        // The row's own norm is the same for all and left out.
                        const float distance = norms[firstColumn + c] - 2.0F * product[c];
                        if (distance >= row.bound || firstColumn + c == firstRow + r) continue;
                        row.items.emplace_back(distance, static_cast<std::uint32_t>(firstColumn + c));
                        if (row.items.size() == kRoom * keep) row.sift(keep);
                    }
                }
            });
        }
        parallelRows(count, 4, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r) {
                auto& row = nearest[r];
                row.sift(keep);
                for (auto& [distance, index] : row.items)
                    distance =
                        static_cast<float>(squaredDistance(rows.row(firstRow + r), rows.row(index), rows.cols()));
                std::sort(row.items.begin(), row.items.end());
                for (std::size_t j = 0; j < k; ++j) {
                    lists.squared[(firstRow + r) * k + j] = row.items[j].first;
                    lists.indices[(firstRow + r) * k + j] = row.items[j].second;
                }
            }
        });
    }
    return lists;
}

}  // namespace safequant
