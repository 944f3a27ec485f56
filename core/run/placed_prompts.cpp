// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/placed_prompts.h"

#include "core/activations/capture.h"
#include "core/activations/store.h"
#include "core/run/block_results.h"
#include "core/run/quantized_blocks.h"
#include "core/run/run_inputs.h"
#include "core/run/run_spec.h"
#include "core/text/chat_template.h"

namespace safequant {
namespace {

std::vector<float> scoresOf(const Probe& probe, const Matrix& x) {
    std::vector<float> scores;
    for (std::size_t i = 0; i < x.rows(); ++i) scores.push_back(static_cast<float>(probe.score(x.rowSpan(i))));
    return scores;
}

Expected<protocol::PlacedBlock> measure(const std::string& folder, const std::string& model, int block, const Matrix& x) {
    const auto base = readArrayFile(blockPath(folder, "base", block));
    if (!base) return fail(base.error());
    const auto instruments = readInstruments(*base);
    if (!instruments) return fail(instruments.error());
    if (instruments->ordinary.weights.size() != x.cols())
        return fail(ErrorKind::BadInput, "The run's blocks are of another model than its checkpoint.", folder);
    protocol::PlacedBlock placed;
    placed.model = model;
    placed.block = block;
    for (const auto& axes : instruments->axes) {
        auto& points = axes.kind == ProjectionKind::Probe ? placed.probe : axes.kind == ProjectionKind::Lda ? placed.lda : placed.pca;
        points = pointsOn(axes, x);
    }
    placed.logitsTransferred = scoresOf(instruments->ordinary, x);
    placed.logitsRefitted = placed.logitsTransferred;
    if (model == "base") return placed;
    const auto quantized = readArrayFile(blockPath(folder, model, block));
    if (!quantized) return fail(quantized.error());
    const auto own = readProbe(*quantized, "probe");
    if (!own) return fail(own.error());
    placed.logitsRefitted = scoresOf(*own, x);
    const auto axes = readAxes(*quantized, kRefittedProjection);
    if (!axes) return fail(axes.error());
    placed.refitted = pointsOn(*axes, x, instruments->axes.front().boundary - axes->boundary);
    return placed;
}

}  // namespace

Expected<protocol::PlacedPrompts> placePrompts(const std::string& folder, const std::vector<std::string>& texts, const Progress& progress) {
    if (texts.empty()) return fail(ErrorKind::BadInput, "There is no prompt to place.", "texts");
    std::vector<std::string> ids;
    for (const auto& text : texts) {
        ids.push_back(std::to_string(ids.size() + 1));
        if (text.find_first_not_of(" \t\r\n") == std::string::npos)
            return fail(ErrorKind::BadInput, "Prompt " + ids.back() + " is empty: type what the user would ask.", "texts");
    }
    const int baseBlocks = finishedBlockCount(folder, "base");
    const int quantizedBlockCount = finishedBlockCount(folder, "quantized");
    if (baseBlocks == 0) return fail(ErrorKind::NotFound, "The run has no finished block yet.", folder);
    auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    // The run's own prompts, texts and tasks are not needed.
    spec->stages.clear();
    auto inputs = openInputs(*spec, false);
    if (!inputs) return fail(inputs.error());
    const auto format = ChatFormat::create(inputs->checkpoint->tokenizerSource(), spec->systemPrompt);
    if (!format) return fail(format.error());

    protocol::PlacedPrompts result;
    std::uint64_t done = 0;
    for (const auto& [model, count] : {std::pair{"base", baseBlocks}, {"quantized", std::min(quantizedBlockCount, baseBlocks)}}) {
        if (count == 0) continue;
        const bool base = std::string(model) == "base";
        const auto& checkpoint = base ? inputs->base : inputs->checkpoint;
        auto stream = openStream(*checkpoint, *format, texts, ids);
        if (!stream) return fail(stream.error());
        if (base)
            for (std::size_t i = 0; i < texts.size(); ++i)
                result.tokens.push_back(stream->sequences.prefixLength + stream->sequences.offsets[i + 1] - stream->sequences.offsets[i]);
        const auto blocks = base ? checkpointBlocks(checkpoint) : quantizedBlocks(folder, *inputs);
        for (int block = 0; block < count; ++block) {
            if (progress.stopRequested()) return fail(cancelledError());
            const auto weights = blocks(block);
            if (!weights) return fail(weights.error());
            auto activations = advance(*stream, checkpoint->config(), *weights, progress.stop, *inputs->device);
            if (!activations) return fail(activations.error());
            if (!base && inputs->residualRotation) inputs->residualRotation->applyInverse(activations->data(), activations->rows());
            auto placed = measure(folder, model, block, *activations);
            if (!placed) return fail(placed.error());
            result.blocks.push_back(std::move(*placed));
            progress(++done, static_cast<std::uint64_t>(baseBlocks + quantizedBlockCount));
        }
    }
    return result;
}

}  // namespace safequant
