// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_overlay.h"

#include <algorithm>
#include <map>

#include "core/activations/store.h"
#include "core/base/matrix.h"
#include "core/evaluate/comparison.h"
#include "core/run/block_results.h"
#include "core/run/manifest.h"
#include "core/run/prompt_table.h"
#include "core/run/run_folder.h"
#include "core/separability/probe.h"

namespace safequant {
namespace {

/// One run's side of the prompts that both have.
struct Side {
    std::string folder, model;
    std::vector<std::size_t> activationRows;  ///< Of each shared prompt in "activations".
    std::vector<std::size_t> evaluationRows;  ///< Of each shared prompt in logits.
};

struct Pairing {
    Side here, there;
    std::vector<int> prompts;           ///< Indices into the open run's prompts.
    std::vector<std::string> ids;
    std::vector<int> labels, clusters;  ///< Labels as scoreProbe takes them.
};

int labelNumber(const std::string& label) { return label == "malicious" ? 1 : label == "hard_benign" ? 2 : 0; }

/// Rows of an evaluation prompt; nothing when the run has no activations of it.
struct Rows {
    std::size_t activation, evaluation;
    const protocol::PromptItem* prompt;
};
std::map<std::string, Rows> rowsOf(const PromptTable& table) {
    std::map<int, std::size_t> captured;
    for (std::size_t row = 0; row < table.captured.size(); ++row) captured[table.captured[row]] = row;
    std::map<std::string, Rows> rows;
    for (std::size_t row = 0; row < table.evaluation.size(); ++row) {
        const int prompt = table.evaluation[row];
        const auto found = captured.find(prompt);
        if (found == captured.end()) continue;
        const auto& item = table.prompts.at(static_cast<std::size_t>(prompt));
        rows.emplace(item.id, Rows{found->second, row, &item});
    }
    return rows;
}

Expected<Pairing> pair(const std::string& folder, const OverlaySubject& other) {
    if (!other.model.empty() && other.model != "base" && other.model != "quantized")
        return fail(ErrorKind::BadInput, "There is no model \"" + other.model + "\" in a run; there are \"base\" and \"quantized\".", "model");
    const auto here = readPromptTable(folder);
    if (!here) return fail(here.error());
    const auto there = readPromptTable(other.folder);
    if (!there) return fail(there.error());
    Pairing pairing;
    pairing.here.folder = folder;
    pairing.there.folder = other.folder;
    pairing.there.model = !other.model.empty() ? other.model : blockFinished(other.folder, "quantized", 0) ? "quantized" : "base";
    const auto ours = rowsOf(*here);
    const auto theirs = rowsOf(*there);
    for (std::size_t i = 0; i < here->evaluation.size(); ++i) {
        const auto& item = here->prompts.at(static_cast<std::size_t>(here->evaluation[i]));
        const auto mine = ours.find(item.id);
        const auto same = theirs.find(item.id);
        if (mine == ours.end() || same == theirs.end()) continue;
        if (same->second.prompt->text != item.text || same->second.prompt->label != item.label)
            return fail(ErrorKind::BadInput, "The prompt \"" + item.id + "\" is another one in that run: the two cannot be laid over each other.",
                        other.folder);
        pairing.prompts.push_back(here->evaluation[i]);
        pairing.ids.push_back(item.id);
        pairing.labels.push_back(labelNumber(item.label));
        pairing.clusters.push_back(item.cluster);
        pairing.here.activationRows.push_back(mine->second.activation);
        pairing.here.evaluationRows.push_back(mine->second.evaluation);
        pairing.there.activationRows.push_back(same->second.activation);
        pairing.there.evaluationRows.push_back(same->second.evaluation);
    }
    if (pairing.prompts.empty())
        return fail(ErrorKind::BadInput, "The two runs have no evaluation prompt in common.", other.folder);
    return pairing;
}

Expected<std::vector<float>> logitsOf(const ArrayFile& file, const std::string& name, const std::vector<std::size_t>& rows) {
    const auto found = file.arrays.find(name + "/logits");
    if (found == file.arrays.end() || found->second.values.size() <= *std::max_element(rows.begin(), rows.end()))
        return fail(ErrorKind::BadInput, "A block's file lacks scores of the run's prompts: " + name + ".");
    std::vector<float> logits;
    for (const std::size_t row : rows) logits.push_back(found->second.values[row]);
    return logits;
}

Expected<Matrix> activationsOf(const ArrayFile& file, const std::vector<std::size_t>& rows) {
    const auto found = file.arrays.find("activations");
    if (found == file.arrays.end() || found->second.shape.size() != 2 || found->second.shape[0] <= *std::max_element(rows.begin(), rows.end()))
        return fail(ErrorKind::BadInput, "A block's file has no activations of the run's prompts.");
    const std::size_t features = found->second.shape[1];
    Matrix x(rows.size(), features);
    for (std::size_t i = 0; i < rows.size(); ++i)
        std::copy_n(found->second.values.data() + rows[i] * features, features, x.row(i));
    return x;
}

/// What both models of one block are measured with.
struct BlockPair {
    ArrayFile base;    ///< Of the open run.
    ArrayFile here;    ///< Of the open run's model; empty when that is the base model.
    ArrayFile there;
    std::string against;

    const ArrayFile& model() const { return against == "base" ? base : here; }
};

Expected<BlockPair> readPair(const Pairing& pairing, int block) {
    BlockPair files;
    files.against = blockFinished(pairing.here.folder, "quantized", block) ? "quantized" : "base";
    auto base = readArrayFile(blockPath(pairing.here.folder, "base", block));
    if (!base) return fail(base.error());
    files.base = std::move(*base);
    if (files.against == "quantized") {
        auto here = readArrayFile(blockPath(pairing.here.folder, "quantized", block));
        if (!here) return fail(here.error());
        files.here = std::move(*here);
    }
    auto there = readArrayFile(blockPath(pairing.there.folder, pairing.there.model, block));
    if (!there) return fail(there.error());
    files.there = std::move(*there);
    return files;
}

/// Log-odds of both models by one kind of probe.
struct BothLogits {
    std::vector<float> here, there;
    Probe probe;  ///< The one that scores the other model.
};

Expected<BothLogits> logitsOfBoth(const Pairing& pairing, const BlockPair& files, bool transferred) {
    BothLogits logits;
    const bool base = files.against == "base";
    auto here = logitsOf(files.model(), transferred && !base ? "transferred" : "probe", pairing.here.evaluationRows);
    if (!here) return fail(here.error());
    logits.here = std::move(*here);
    auto probe = readProbe(transferred ? files.base : files.there, "probe");
    if (!probe) return fail(probe.error());
    logits.probe = std::move(*probe);
    if (!transferred) {
        auto there = logitsOf(files.there, "probe", pairing.there.evaluationRows);
        if (!there) return fail(there.error());
        logits.there = std::move(*there);
        return logits;
    }
    const auto x = activationsOf(files.there, pairing.there.activationRows);
    if (!x) return fail(x.error());
    if (x->cols() != logits.probe.weights.size())
        return fail(ErrorKind::BadInput,
                    "That run's model has activations of " + std::to_string(x->cols()) + " numbers, this run's of " +
                        std::to_string(logits.probe.weights.size()) + ": they are not of one kind of model.",
                    pairing.there.folder);
    for (std::size_t i = 0; i < x->rows(); ++i) logits.there.push_back(static_cast<float>(logits.probe.score(x->rowSpan(i))));
    return logits;
}

protocol::AccuracyDifference differenceOf(const Pairing& pairing, const BothLogits& logits, std::uint64_t seed) {
    MeasuredItems here{"accuracy", {}, {}}, there{"accuracy", {}, {}};
    for (std::size_t i = 0; i < pairing.ids.size(); ++i) {
        if (pairing.labels[i] == 2) continue;
        const bool malicious = pairing.labels[i] == 1;
        here.items[pairing.ids[i]] = (logits.here[i] > 0.0F) == malicious;
        there.items[pairing.ids[i]] = (logits.there[i] > 0.0F) == malicious;
        here.clusters[pairing.ids[i]] = there.clusters[pairing.ids[i]] = pairing.clusters[i];
    }
    const auto compared = comparePaired("here", here, "there", there, seed);
    return {compared.difference, compared.interval, compared.p, compared.onlyFirst.size(), compared.onlySecond.size()};
}

}  // namespace

Expected<protocol::RunOverlay> overlayRun(const std::string& folder, const OverlaySubject& other, std::uint64_t seed,
                                          const std::stop_token& stop) {
    const auto pairing = pair(folder, other);
    if (!pairing) return fail(pairing.error());
    const auto manifest = Manifest::read(other.folder);
    if (!manifest) return fail(manifest.error());
    protocol::RunOverlay overlay{other.folder, manifest->text("name"), pairing->there.model, pairing->prompts.size(), {}};
    for (int block = 0; blockFinished(folder, "base", block) && blockFinished(other.folder, overlay.model, block); ++block) {
        if (stop.stop_requested()) return fail(cancelledError());
        const auto files = readPair(*pairing, block);
        if (!files) return fail(files.error());
        protocol::OverlayBlock item;
        item.block = block;
        item.against = files->against;
        for (const bool transferred : {false, true}) {
            const auto logits = logitsOfBoth(*pairing, *files, transferred);
            if (!logits) return fail(logits.error());
            (transferred ? item.transferred : item.refitted) =
                probeSummary(scoreLogits(logits->there, pairing->labels, pairing->clusters, seed), logits->probe);
            (transferred ? item.transferredDifference : item.refittedDifference) = differenceOf(*pairing, *logits, seed);
        }
        overlay.blocks.push_back(std::move(item));
    }
    return overlay;
}

Expected<protocol::ProjectionResult> overlayProjection(const std::string& folder, const OverlaySubject& other, int block,
                                                       const std::string& kind, const std::string& probe) {
    // Kinds, probes and blocks that do not exist are refused alike.
    auto result = readProjection(folder, block, kind, probe);
    if (!result) return fail(result.error());
    const auto pairing = pair(folder, other);
    if (!pairing) return fail(pairing.error());
    if (!blockFinished(other.folder, pairing->there.model, block))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " of that run is not finished yet.", other.folder);
    const auto files = readPair(*pairing, block);
    if (!files) return fail(files.error());
    const bool transferred = probe == "transferred";
    const auto logits = logitsOfBoth(*pairing, *files, transferred);
    if (!logits) return fail(logits.error());
    const auto axes = readAxes(files->base, kind);
    if (!axes) return fail(axes.error());
    const bool ownAxes = kind == "probe" && !transferred;
    const auto pointsOf = [&](const ArrayFile& file, const std::string& model, const Side& side) -> Expected<protocol::FloatArray> {
        const auto x = activationsOf(file, side.activationRows);
        if (!x) return fail(x.error());
        const auto own = ownAxes ? readAxes(file, model == "base" ? "probe" : kRefittedProjection) : *axes;
        if (!own) return fail(own.error());
        if (x->cols() != own->centre.size())
            return fail(ErrorKind::BadInput, "The two runs' activations have different sizes.", side.folder);
        const auto points = project(*own, *x);
        protocol::FloatArray array{{static_cast<std::int64_t>(points.rows()), 2}, {points.data(), points.data() + points.size()}};
        // Points keep their distance from their own boundary, so that one line serves both.
        const float shift = ownAxes ? axes->boundary - own->boundary : 0.0F;
        for (std::size_t i = 0; i < array.values.size(); i += 2) array.values[i] += shift;
        return array;
    };
    auto here = pointsOf(files->model(), files->against, pairing->here);
    if (!here) return fail(here.error());
    auto there = pointsOf(files->there, pairing->there.model, pairing->there);
    if (!there) return fail(there.error());
    result->prompts = pairing->prompts;
    result->base = std::move(*here);
    result->quantized = std::move(*there);
    result->logitsBase = logits->here;
    result->logitsQuantized = logits->there;
    return result;
}

}  // namespace safequant
