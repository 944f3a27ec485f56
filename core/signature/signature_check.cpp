// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/signature/signature_check.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/random.h"
#include "core/model/parallel.h"
#include "core/signature/tail_rows.h"

namespace safequant {
namespace {

constexpr int kResamples = 400;
constexpr double kTailShare = 0.025;
constexpr double kLeastVariance = 1e-30;

/// One class's prompts and how often each is in every resample.
struct ClassWeights {
    std::vector<std::size_t> rows;                ///< Of the prompts' matrix.
    std::vector<double> even;                     ///< Every prompt once, `[rows]`, summing up to 1.
    std::vector<std::vector<double>> resamples;   ///< `[resamples][rows]`, each summing up to 1.
};

/// Whole clusters drawn with replacement.
ClassWeights classWeights(const std::vector<std::size_t>& rows, const std::vector<int>& clusters, std::uint64_t seed, const char* stream) {
    std::map<int, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < rows.size(); ++i) members[clusters[rows[i]]].push_back(i);
    std::vector<const std::vector<std::size_t>*> all;
    for (const auto& [cluster, list] : members) all.push_back(&list);
    ClassWeights weights{rows, std::vector<double>(rows.size(), 1.0 / static_cast<double>(rows.size())), {}};
    RandomStream random(seed, stream);
    for (int i = 0; i < kResamples; ++i) {
        std::vector<double> counts(rows.size(), 0.0);
        double total = 0.0;
        for (std::size_t draw = 0; draw < all.size(); ++draw)
            for (const std::size_t row : *all[random.below(all.size())]) {
                ++counts[row];
                ++total;
            }
        for (double& count : counts) count /= total;
        weights.resamples.push_back(std::move(counts));
    }
    return weights;
}

/// Sum of products in double precision, of several sums that a processor keeps going at once.
double dot(const float* a, const float* b, std::size_t count) {
    constexpr std::size_t kLanes = 8;
    double sums[kLanes] = {};
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    for (; i < count; ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    double sum = 0.0;
    for (const double lane : sums) sum += lane;
    return sum;
}

/// One class's differences from its reference mean: all that weighted means of them are asked for are their products with each other and
/// with an axis.
class ClassProducts {
public:
    ClassProducts(const Matrix& rows, const ClassWeights& of, std::span<const float> reference, std::span<const float> axis) : m_count(of.rows.size()) {
        Matrix differences(m_count, rows.cols());
        for (std::size_t i = 0; i < m_count; ++i) {
            for (std::size_t d = 0; d < rows.cols(); ++d) differences(i, d) = rows(of.rows[i], d) - reference[d];
            m_alongAxis.push_back(dot(differences.row(i), axis.data(), axis.size()));
        }
        m_products.resize(m_count * m_count);
        parallelRows(m_count, 1, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i)
                for (std::size_t j = 0; j < m_count; ++j) m_products[i * m_count + j] = dot(differences.row(i), differences.row(j), rows.cols());
        });
    }

    /// Squared length of the weighted mean.
    double square(const std::vector<double>& weights) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < m_count; ++i) {
            if (weights[i] == 0.0) continue;
            double row = 0.0;
            for (std::size_t j = 0; j < m_count; ++j) row += weights[j] * m_products[i * m_count + j];
            sum += weights[i] * row;
        }
        return std::max(sum, 0.0);
    }
    double along(const std::vector<double>& weights) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < m_count; ++i) sum += weights[i] * m_alongAxis[i];
        return sum;
    }

private:
    std::size_t m_count;
    std::vector<double> m_products, m_alongAxis;
};

Interval percentiles(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto at = [&](double share) { return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))]; };
    return {at(kTailShare), at(1.0 - kTailShare)};
}

/// Distances in units of the spread; those of resamples without what resampling itself moves means by, on average.
std::vector<double> distancesOf(const ClassProducts& products, const ClassWeights& of, double variance, double& plain) {
    std::vector<double> squares;
    double noise = 0.0;
    for (const auto& weights : of.resamples) {
        squares.push_back(products.square(weights));
        std::vector<double> moved = weights;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] -= of.even[i];
        noise += products.square(moved) / static_cast<double>(of.resamples.size());
    }
    plain = std::sqrt(products.square(of.even) / variance);
    for (double& square : squares) square = std::sqrt(std::max(0.0, square - noise) / variance);
    return squares;
}

Rate calledMalicious(const AlignmentSignature& signature, int block, const Matrix& rows, const std::vector<std::size_t>& of) {
    const auto hidden = static_cast<std::size_t>(signature.hidden), at = static_cast<std::size_t>(block);
    std::uint64_t count = 0;
    for (const std::size_t row : of) {
        const float* last = rows.row(row) + rows.cols() - hidden;
        double score = static_cast<double>(signature.probeIntercepts[at]);
        for (std::size_t d = 0; d < hidden; ++d) score += static_cast<double>(last[d]) * static_cast<double>(signature.probeWeights[at * hidden + d]);
        count += score > 0.0;
    }
    return rateOf(count, of.size());
}

/// Adds up what all blocks say, resample by resample.
class SignatureComparison {
public:
    SignatureComparison(const AlignmentSignature& signature, ClassWeights malicious, ClassWeights benign)
        : m_signature(signature), m_malicious(std::move(malicious)), m_benign(std::move(benign)), m_moved(kResamples, 0.0), m_separation(kResamples, 0.0) {}

    void add(int block, const Matrix& rows) {
        const auto maliciousMeans = m_signature.ofBlock(m_signature.maliciousMeans, block), benignMeans = m_signature.ofBlock(m_signature.benignMeans, block);
        std::vector<float> axis;
        for (std::size_t d = 0; d < maliciousMeans.size(); ++d) axis.push_back(maliciousMeans[d] - benignMeans[d]);
        const ClassProducts malicious(rows, m_malicious, maliciousMeans, axis), benign(rows, m_benign, benignMeans, axis);
        double variance = 0.0;
        for (const float value : m_signature.ofBlock(m_signature.variances, block)) variance += static_cast<double>(value);
        variance = std::max(variance, kLeastVariance);
        BlockShift shift;
        const auto distances = distancesOf(malicious, m_malicious, variance, shift.malicious);
        shift.maliciousInterval = percentiles(distances);
        shift.benignInterval = percentiles(distancesOf(benign, m_benign, variance, shift.benign));
        const double length = std::max(dot(axis.data(), axis.data(), axis.size()), kLeastVariance);
        const auto left = [&](const std::vector<double>& a, const std::vector<double>& b) { return 1.0 + (malicious.along(a) - benign.along(b)) / length; };
        shift.separation = left(m_malicious.even, m_benign.even);
        std::vector<double> separations;
        for (std::size_t i = 0; i < distances.size(); ++i) {
            separations.push_back(left(m_malicious.resamples[i], m_benign.resamples[i]));
            m_moved[i] += distances[i] / m_signature.blocks;
            m_separation[i] += separations.back() / m_signature.blocks;
        }
        shift.separationInterval = percentiles(std::move(separations));
        shift.maliciousCalled = calledMalicious(m_signature, block, rows, m_malicious.rows);
        shift.benignCalled = calledMalicious(m_signature, block, rows, m_benign.rows);
        m_check.moved += shift.malicious / m_signature.blocks;
        m_check.separation += (shift.separation - 1.0) / m_signature.blocks;
        m_check.blocks.push_back(shift);
    }

    SignatureCheck result() {
        m_check.movedInterval = percentiles(m_moved);
        m_check.separationInterval = percentiles(m_separation);
        return std::move(m_check);
    }

private:
    const AlignmentSignature& m_signature;
    ClassWeights m_malicious, m_benign;
    std::vector<double> m_moved, m_separation;
    SignatureCheck m_check;
};

}  // namespace

Expected<SignatureCheck> checkSignature(const AlignmentSignature& signature, const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format,
                                        const PromptSet& set, std::uint64_t seed, const std::string& where, const Progress& progress, const OtherBlocks* other) {
    const auto chosen = fittingPrompts(signature, *checkpoint, format, set, where);
    if (!chosen) return fail(chosen.error());
    std::vector<TailPrompt> prompts;
    std::vector<int> clusters;
    std::vector<std::size_t> malicious, benign;
    for (std::size_t i = 0; i < chosen->indices.size(); ++i) {
        const Prompt& prompt = set.prompts[chosen->indices[i]];
        prompts.push_back({prompt.id, prompt.text});
        clusters.push_back(prompt.cluster);
        (i < static_cast<std::size_t>(chosen->malicious) ? malicious : benign).push_back(i);
    }
    SignatureComparison comparison(signature, classWeights(malicious, clusters, seed, "signature, malicious"), classWeights(benign, clusters, seed, "signature, benign"));
    const auto visited = visitTails(checkpoint, format, prompts, signature.tail, [&](int block, const Matrix& rows) { comparison.add(block, rows); }, progress, other);
    if (!visited) return fail(visited.error());
    return comparison.result();
}

}  // namespace safequant
