// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/separability/spectral_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "core/base/random.h"
#include "core/model/parallel.h"
#include "core/separability/kernels.h"
#include "core/separability/lanczos.h"

namespace safequant {
namespace {

using Place = std::array<double, 2>;
using Apply = std::function<void(const std::vector<double>& v, std::vector<double>& into)>;

constexpr double kExtent = 10.0;
constexpr double kNoise = 1e-4;
constexpr std::size_t kSmallPart = 5;
constexpr std::size_t kPartsOnAxes = 4;

/// Second and third eigenvectors of an adjacency normalised by `degrees`, as places of its nodes.
std::vector<Place> eigenvectorPlaces(const Apply& normalised, const std::vector<double>& degrees,
                                     RandomStream& random) {
    const std::size_t n = degrees.size();
    const std::size_t length = paddedLength(n);
    std::vector<double> first(length, 0.0);
    for (std::size_t i = 0; i < n; ++i) first[i] = std::sqrt(degrees[i]);
    std::vector<std::vector<double>> known;
    if (normalise(first)) known.push_back(std::move(first));
    LanczosLimits limits;
    limits.residual = 1e-4;
    std::vector<Place> places(n, Place{});
    for (std::size_t axis = 0; axis < 2; ++axis) {
        limits.steps = std::min<std::size_t>(n - known.size(), 200);
        std::vector<double> start(length, 0.0);
        for (std::size_t i = 0; i < n; ++i) start[i] = random.normal();
        // Half of identity and adjacency together: no eigenvalue is negative.
        auto vector = leadingEigenvector(
            [&](const std::vector<double>& v, std::vector<double>& into) {
                normalised(v, into);
                for (std::size_t i = 0; i < n; ++i) into[i] = 0.5 * (v[i] + into[i]);
            },
            std::move(start), known, limits);
        if (vector.empty()) break;
        const auto largest = std::max_element(vector.begin(), vector.end(),
                                              [](double a, double b) { return std::abs(a) < std::abs(b); });
        const double sign = *largest < 0.0 ? -1.0 : 1.0;
        for (std::size_t i = 0; i < n; ++i) places[i][axis] = sign * vector[i];
        known.push_back(std::move(vector));
    }
    return places;
}

double largestCoordinate(std::span<const Place> places) {
    double largest = 0.0;
    for (const Place& place : places) largest = std::max({largest, std::abs(place[0]), std::abs(place[1])});
    return largest;
}

/// Places of the nodes of one part. `local` numbers the part's nodes.
std::vector<Place> placesOfPart(const SparseGraph& graph, std::span<const std::size_t> nodes,
                                std::span<const std::size_t> local, RandomStream& random) {
    std::vector<double> degrees(nodes.size(), 0.0);
    for (std::size_t i = 0; i < nodes.size(); ++i)
        for (std::size_t e = graph.offsets[nodes[i]]; e < graph.offsets[nodes[i] + 1]; ++e)
            degrees[i] += static_cast<double>(graph.values[e]);
    std::vector<double> inverseRoots(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) inverseRoots[i] = 1.0 / std::sqrt(degrees[i]);
    const auto normalised = [&](const std::vector<double>& v, std::vector<double>& into) {
        parallelRows(nodes.size(), 512, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                double sum = 0.0;
                for (std::size_t e = graph.offsets[nodes[i]]; e < graph.offsets[nodes[i] + 1]; ++e) {
                    const std::size_t j = local[graph.columns[e]];
                    sum += static_cast<double>(graph.values[e]) * inverseRoots[j] * v[j];
                }
                into[i] = inverseRoots[i] * sum;
            }
        });
    };
    return eigenvectorPlaces(normalised, degrees, random);
}

/// Where the parts of a graph lie: the ends of the axes, or from how far their mean features are apart.
std::vector<Place> placesOfParts(const Matrix& features, const std::vector<std::vector<std::size_t>>& parts,
                                 RandomStream& random) {
    const std::size_t n = parts.size();
    if (n <= kPartsOnAxes) {
        const std::vector<Place> ends{{1.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {0.0, -1.0}};
        if (n == 2) return {ends[0], ends[2]};
        return {ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(n)};
    }
    std::vector<std::vector<double>> means(n, std::vector<double>(features.cols(), 0.0));
    for (std::size_t p = 0; p < n; ++p)
        for (const std::size_t node : parts[p])
            for (std::size_t j = 0; j < features.cols(); ++j)
                means[p][j] += static_cast<double>(features(node, j)) / static_cast<double>(parts[p].size());
    std::vector<double> affinity(n * n, 0.0);
    double meanSquare = 0.0;
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
            for (std::size_t j = 0; j < features.cols(); ++j)
                affinity[a * n + b] += (means[a][j] - means[b][j]) * (means[a][j] - means[b][j]);
            meanSquare += affinity[a * n + b] / static_cast<double>(n * n);
        }
    std::vector<double> degrees(n, 0.0);
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b) {
            affinity[a * n + b] = std::exp(meanSquare > 0.0 ? -affinity[a * n + b] / meanSquare : 0.0);
            degrees[a] += affinity[a * n + b];
        }
    const auto normalised = [&](const std::vector<double>& v, std::vector<double>& into) {
        for (std::size_t a = 0; a < n; ++a) {
            into[a] = 0.0;
            for (std::size_t b = 0; b < n; ++b)
                into[a] += affinity[a * n + b] * v[b] / std::sqrt(degrees[a] * degrees[b]);
        }
    };
    auto places = eigenvectorPlaces(normalised, degrees, random);
    const double largest = largestCoordinate(places);
    for (Place& place : places)
        for (double& value : place) value = largest > 0.0 ? value / largest : random.uniform();
    return places;
}

/// Half the way from a part's place to the nearest other.
double roomOf(std::size_t part, const std::vector<Place>& places) {
    double nearest = std::numeric_limits<double>::infinity();
    for (const Place& other : places) {
        const double distance = std::hypot(places[part][0] - other[0], places[part][1] - other[1]);
        if (distance > 0.0) nearest = std::min(nearest, distance);
    }
    return std::isfinite(nearest) ? 0.5 * nearest : 1.0;
}

}  // namespace

Matrix spectralLayout(const SparseGraph& graph, const Matrix& features, std::uint64_t seed) {
    RandomStream random(seed, "umap-layout");
    const std::size_t n = graph.nodes();
    const auto partOf = connectedParts(graph);
    std::vector<std::vector<std::size_t>> parts;
    std::vector<std::size_t> local(n);
    for (std::size_t i = 0; i < n; ++i) {
        if (partOf[i] == parts.size()) parts.emplace_back();
        local[i] = parts[partOf[i]].size();
        parts[partOf[i]].push_back(i);
    }
    const auto centres = parts.size() > 1 ? placesOfParts(features, parts, random) : std::vector<Place>{{0.0, 0.0}};
    std::vector<Place> places(n);
    for (std::size_t p = 0; p < parts.size(); ++p) {
        const double room = roomOf(p, centres);
        if (parts[p].size() <= kSmallPart) {
            for (const std::size_t node : parts[p])
                for (std::size_t c = 0; c < 2; ++c)
                    places[node][c] = centres[p][c] + room * (2.0 * random.uniform() - 1.0);
            continue;
        }
        const auto inside = placesOfPart(graph, parts[p], local, random);
        const double largest = largestCoordinate(inside);
        for (std::size_t i = 0; i < inside.size(); ++i)
            for (std::size_t c = 0; c < 2; ++c)
                places[parts[p][i]][c] = centres[p][c] + (largest > 0.0 ? room / largest * inside[i][c] : 0.0);
    }
    const double largest = largestCoordinate(places);
    Matrix layout(n, 2);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < 2; ++c)
            layout(i, c) =
                static_cast<float>((largest > 0.0 ? kExtent / largest * places[i][c] : 0.0) + kNoise * random.normal());
    return layout;
}

}  // namespace safequant
