// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/block_embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <sstream>
#include <vector>

#include "core/run/block_results.h"
#include "core/run/kept_activations.h"
#include "core/run/prompt_table.h"
#include "core/run/run_folder.h"
#include "core/separability/tsne.h"
#include "core/separability/umap.h"

namespace safequant {
namespace {

Expected<void> checkSettings(const protocol::EmbeddingSettings& settings) {
    const auto refuse = [](const std::string& what, double value, const char* range, const char* field) {
        std::ostringstream message;
        message << what << " " << value << " cannot be used. Choose " << range << ".";
        return fail(ErrorKind::BadInput, message.str(), field);
    };
    if (settings.kind != "tsne" && settings.kind != "umap")
        return fail(ErrorKind::BadInput,
                    "There is no embedding \"" + settings.kind + "\"; there are \"tsne\" and \"umap\".", "kind");
    if (!(settings.perplexity >= 1.0) || !std::isfinite(settings.perplexity))
        return refuse("Perplexity", settings.perplexity, "1 or more", "perplexity");
    if (settings.neighbours < 2)
        return refuse("A number of neighbours of", settings.neighbours, "2 or more", "neighbours");
    if (!(settings.minDistance >= 0.0 && settings.minDistance <= 1.0))
        return refuse("Minimum distance", settings.minDistance, "0 to 1", "min_distance");
    return {};
}

protocol::FloatArray pointsOf(std::span<const float> points, std::size_t first, std::size_t count) {
    protocol::FloatArray array;
    array.shape = {static_cast<std::int64_t>(count), 2};
    const auto part = points.subspan(2 * first, 2 * count);
    array.values.assign(part.begin(), part.end());
    return array;
}

}  // namespace

Expected<protocol::ProjectionResult> embedBlock(const std::string& folder, int block,
                                                const protocol::EmbeddingSettings& settings,
                                                const std::stop_token& stop, const ProjectionFrameListener& listener) {
    if (const auto checked = checkSettings(settings); !checked) return fail(checked.error());
    // Prompts and probe scores are those of any other projection.
    auto result = readProjection(folder, block, "pca");
    if (!result) return fail(result.error());
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const std::size_t count = result->prompts.size();
    const bool joint = !result->quantized.values.empty();
    std::vector<float> rows;
    const auto features = appendActivations(blockPath(folder, "base", block), *table, table->evaluation, rows);
    if (!features) return fail(features.error());
    if (joint) {
        const auto same = appendActivations(blockPath(folder, "quantized", block), *table, table->evaluation, rows);
        if (!same) return fail(same.error());
        if (*same != *features)
            return fail(ErrorKind::BadInput, "Base and quantized activations differ in width.",
                        blockPath(folder, "quantized", block));
    }
    Matrix x(rows.size() / *features, *features);
    std::copy(rows.begin(), rows.end(), x.data());

    EmbeddingWatch watch;
    watch.stop = stop;
    if (listener)
        watch.frame = [&](const EmbeddingFrame& frame) {
            protocol::ProjectionFrame told;
            told.step = frame.step;
            told.steps = frame.steps;
            told.base = pointsOf(frame.points, 0, count);
            if (joint) told.quantized = pointsOf(frame.points, count, count);
            listener(told);
        };
    TsneOptions tsne;
    tsne.perplexity = settings.perplexity;
    UmapOptions umap;
    umap.neighbours = settings.neighbours;
    umap.minDistance = settings.minDistance;
    umap.seed = settings.seed;
    const auto embedding = settings.kind == "tsne" ? embedTsne(x, tsne, watch) : embedUmap(x, umap, watch);
    if (!embedding) return fail(embedding.error());
    result->kind = settings.kind;
    result->base = pointsOf(embedding->points.span(), 0, count);
    if (joint) result->quantized = pointsOf(embedding->points.span(), count, count);
    result->boundary = std::numeric_limits<double>::quiet_NaN();
    result->explained1 = result->explained2 = 0.0;
    return result;
}

}  // namespace safequant
