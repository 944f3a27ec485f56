// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// What a nonlinear projection is made with.
struct EmbeddingSettings {
    std::string kind;           ///< "tsne" | "umap".
    double perplexity = 30.0;   ///< t-SNE: 1 or more, below a third of the points.
    int neighbours = 15;        ///< UMAP: 2 to the number of points, the point itself included.
    double minDistance = 0.1;   ///< UMAP: 0 to 1.
    std::uint64_t seed = 0;     ///< UMAP; t-SNE begins at principal components and draws nothing.
};

/// `projection/embed` {folder, block, settings, ticket} -> {ticket}, at once; tickets ascend, and a new one ends the one at work. Then
/// notifications `projection/frame` ProjectionFrame, at most 25 a second, and `projection/finished` {ticket, result: ProjectionResult |
/// error}. Points of base and quantized model are embedded together, so that their places can be compared; kind "tsne" | "umap",
/// boundary NaN. `projection/cancel` {ticket} ends that ticket and all before it with an error of kind cancelled.
struct ProjectionFrame {
    std::int64_t ticket = 0;
    int step = 0, steps = 0;  ///< Done and in all.
    FloatArray base;          ///< `[n, 2]`, rows as in the result.
    FloatArray quantized;     ///< `[n, 2]`, or empty.
};

nlohmann::json toJson(const EmbeddingSettings& message);
nlohmann::json toJson(const ProjectionFrame& message);
void fromJson(const nlohmann::json& json, EmbeddingSettings& message);
void fromJson(const nlohmann::json& json, ProjectionFrame& message);

}  // namespace safequant::protocol
