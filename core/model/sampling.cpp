// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// Sorts the `count` most likely ids to the front.
void sortFront(std::vector<std::int32_t>& ids, std::size_t count, std::span<const float> logits) {
    const auto likelier = [logits](std::int32_t a, std::int32_t b) {
        const float left = logits[static_cast<std::size_t>(a)];
        const float right = logits[static_cast<std::size_t>(b)];
        return left != right ? left > right : a < b;
    };
    const auto middle = ids.begin() + static_cast<std::ptrdiff_t>(count);
    if (middle != ids.end()) std::nth_element(ids.begin(), middle, ids.end(), likelier);
    std::sort(ids.begin(), middle, likelier);
}

std::int32_t drawInOrder(const std::vector<std::int32_t>& ids, const std::vector<double>& weights, std::size_t count, double uniform) {
    const double total = std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
    double rest = uniform * total;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        rest -= weights[i];
        if (rest < 0.0) return ids[i];
    }
    return ids[count - 1];
}

}  // namespace

std::int32_t greedyToken(std::span<const float> logits) {
    const float best = simdKernels().maximum(logits.data(), logits.size());
    const auto found = std::find(logits.begin(), logits.end(), best);
    return found == logits.end() ? 0 : static_cast<std::int32_t>(found - logits.begin());
}

void greedyTokens(const Matrix& logits, std::span<std::int32_t> chosen) {
    parallelRows(logits.rows(), kRowGrain / (logits.cols() + 1) + 1, [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) chosen[row] = greedyToken(logits.rowSpan(row));
    });
}

std::int32_t sampleToken(std::span<const float> logits, const DecodingOptions& options, RandomStream& random) {
    const double uniform = random.uniform();
    const double best = static_cast<double>(simdKernels().maximum(logits.data(), logits.size()));
    const auto weightOf = [&](std::int32_t id) {
        return std::exp((static_cast<double>(logits[static_cast<std::size_t>(id)]) - best) / options.temperature);
    };
    std::vector<std::int32_t> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    std::vector<double> weights;
    const auto weigh = [&](std::size_t count) {
        for (std::size_t i = weights.size(); i < count; ++i) weights.push_back(weightOf(ids[i]));
    };
    if (options.topK <= 0 && options.topP >= 1.0) {
        weigh(ids.size());
        return drawInOrder(ids, weights, ids.size(), uniform);
    }
    double total = 0.0;
    std::size_t sorted = std::min<std::size_t>(64, ids.size());
    if (options.topK > 0) {
        sorted = std::min(static_cast<std::size_t>(options.topK), ids.size());
    } else {
        for (const std::int32_t id : ids) total += weightOf(id);
    }
    sortFront(ids, sorted, logits);
    weigh(sorted);
    if (options.topK > 0) {
        ids.resize(sorted);
        total = std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    if (options.topP >= 1.0) return drawInOrder(ids, weights, ids.size(), uniform);

    std::size_t kept = 0;
    for (double mass = 0.0; kept < ids.size() && mass < options.topP * total; ++kept) {
        if (kept == sorted) {
            sorted = std::min(sorted * 4, ids.size());
            sortFront(ids, sorted, logits);
            weigh(sorted);
        }
        mass += weights[kept];
    }
    return drawInOrder(ids, weights, std::max<std::size_t>(kept, 1), uniform);
}

}  // namespace safequant
