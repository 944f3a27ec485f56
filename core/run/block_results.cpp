// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/block_results.h"

#include <cmath>
#include <cstdio>

#include "core/base/files.h"
#include "core/run/gather.h"

namespace safequant {
namespace {

constexpr std::array kKinds{ProjectionKind::Probe, ProjectionKind::Lda, ProjectionKind::Pca};

ArrayFile::Array arrayOf(const Matrix& matrix) {
    return {{matrix.rows(), matrix.cols()}, {matrix.data(), matrix.data() + matrix.size()}};
}

ArrayFile::Array arrayOf(const std::vector<float>& values) {
    return {{values.size()}, values};
}

Probe fitOn(const RunInputs& inputs, const Matrix& activations, const std::vector<std::size_t>& rows, const std::stop_token& stop = {}) {
    ProbeOptions options;
    options.folds = inputs.spec.probeFolds;
    options.pathLength = inputs.spec.probePathLength;
    options.seed = inputs.spec.seed;
    return fitProbe(gather(activations, rows), gatherValues(inputs.layout.positive, rows),
                    gatherValues(inputs.layout.cluster, rows), options, stop);
}

/// The evaluation rows and what is known of them, gathered once for every probe.
struct Held {
    Matrix x;
    std::vector<int> labels, clusters;
};

Held heldOut(const RunInputs& inputs, const Matrix& activations) {
    const auto& rows = inputs.layout.evaluationRows;
    return {gather(activations, rows), gatherValues(inputs.layout.label, rows),
            gatherValues(inputs.layout.cluster, rows)};
}

/// Scores a probe and keeps the logits under `name`.
protocol::ProbeSummary score(const RunInputs& inputs, const Probe& probe, const Held& held, const std::string& name,
                             ArrayFile& file) {
    const auto scores = scoreProbe(probe, held.x, held.labels, held.clusters, inputs.spec.seed);
    file.arrays[name + "/logits"] = arrayOf(scores.logits);
    return probeSummary(scores, probe);
}

void keepProbe(const Probe& probe, const std::string& name, ArrayFile& file) {
    file.arrays[name + "/weights"] = arrayOf(probe.weights);
    const nlohmann::json json{
        {"intercept", probe.intercept},
        {"c", probe.c},
        {"non_zeros", probe.nonZeros},
        {"path", {{"c", probe.pathC}, {"deviance", probe.pathDeviance}, {"standard_error", probe.pathError}}}};
    file.texts[name + "/fit"] = json.dump();
}

void keepAxes(const ProjectionAxes& axes, const std::string& kind, ArrayFile& file) {
    const std::string name = "axes/" + kind;
    file.arrays[name + "/centre"] = arrayOf(axes.centre);
    file.arrays[name + "/axis1"] = arrayOf(axes.axis1);
    file.arrays[name + "/axis2"] = arrayOf(axes.axis2);
    file.arrays[name + "/numbers"] = arrayOf(std::vector<float>{axes.boundary, axes.explained1, axes.explained2});
}

}  // namespace

Expected<Probe> readProbe(const ArrayFile& file, const std::string& name) {
    const auto weights = file.arrays.find(name + "/weights");
    const auto text = file.texts.find(name + "/fit");
    if (weights == file.arrays.end() || text == file.texts.end())
        return fail(ErrorKind::BadInput, "A block's file has no " + name + ".");
    const auto json = nlohmann::json::parse(text->second, nullptr, false);
    if (!json.is_object() || !json.contains("intercept") || !json["intercept"].is_number())
        return fail(ErrorKind::BadInput, "A block's file has a broken " + name + ".");
    Probe probe;
    probe.weights = weights->second.values;
    probe.intercept = json["intercept"].get<double>();
    probe.c = json.value("c", 0.0);
    probe.nonZeros = json.value("non_zeros", 0);
    return probe;
}

protocol::FloatArray pointsOn(const ProjectionAxes& axes, const Matrix& x, float shift) {
    const auto points = project(axes, x);
    protocol::FloatArray array{{static_cast<std::int64_t>(points.rows()), 2}, {points.data(), points.data() + points.size()}};
    for (std::size_t i = 0; i < array.values.size(); i += 2) array.values[i] += shift;
    return array;
}

Expected<ProjectionAxes> readAxes(const ArrayFile& file, const std::string& kind) {
    const std::string name = "axes/" + kind;
    ProjectionAxes axes;
    axes.kind = kind == "lda" ? ProjectionKind::Lda : kind == "pca" ? ProjectionKind::Pca : ProjectionKind::Probe;
    std::vector<float> numbers;
    for (const auto& [part, target] : {std::pair{"/centre", &axes.centre},
                                       {"/axis1", &axes.axis1},
                                       {"/axis2", &axes.axis2},
                                       {"/numbers", &numbers}}) {
        const auto found = file.arrays.find(name + part);
        if (found == file.arrays.end()) return fail(ErrorKind::BadInput, "A block's file has no " + name + part + ".");
        *target = found->second.values;
    }
    if (numbers.size() != 3 || axes.axis1.size() != axes.centre.size() || axes.axis2.size() != axes.centre.size())
        return fail(ErrorKind::BadInput, "A block's file has broken " + name + ".");
    axes.boundary = numbers[0];
    axes.explained1 = numbers[1];
    axes.explained2 = numbers[2];
    return axes;
}

protocol::ProbeSummary probeSummary(const ProbeScores& scores, const Probe& probe) {
    protocol::ProbeSummary summary;
    summary.accuracy = scores.accuracy;
    summary.accuracyBootstrap = scores.accuracyBootstrap;
    summary.auc = scores.auc;
    summary.aucInterval = scores.aucInterval;
    summary.hardBenign = scores.hardBenign;
    summary.nonZeros = probe.nonZeros;
    summary.c = probe.c;
    summary.meanLogitMalicious = scores.meanLogitMalicious;
    summary.meanLogitBenign = scores.meanLogitBenign;
    summary.meanLogitHardBenign = scores.meanLogitHardBenign;
    return summary;
}

namespace {

void keepCoordinates(const ProjectionAxes& axes, const std::string& kind, const Matrix& x, ArrayFile& file) {
    file.arrays["coordinates/" + kind] = arrayOf(project(axes, x));
}

void keepSummary(BlockOutcome& outcome) {
    // NaN has no place in JSON; whole summaries travel by the protocol's own rules.
    outcome.file.texts["summary"] = protocol::toJson(outcome.summary).dump();
}

struct StreamError {
    double relative = 0.0;
    std::vector<float> ofPrompts;
};

StreamError streamError(const Matrix& quantized, const ArrayFile::Array& base) {
    StreamError error;
    double difference = 0.0, norm = 0.0;
    for (std::size_t row = 0; row < quantized.rows(); ++row) {
        const float* q = quantized.row(row);
        const float* b = base.values.data() + row * quantized.cols();
        double rowDifference = 0.0, rowNorm = 0.0;
        for (std::size_t i = 0; i < quantized.cols(); ++i) {
            const double d = static_cast<double>(q[i]) - static_cast<double>(b[i]);
            rowDifference += d * d;
            rowNorm += static_cast<double>(b[i]) * static_cast<double>(b[i]);
        }
        error.ofPrompts.push_back(rowNorm > 0.0 ? static_cast<float>(std::sqrt(rowDifference / rowNorm)) : 0.0F);
        difference += rowDifference;
        norm += rowNorm;
    }
    error.relative = norm > 0.0 ? std::sqrt(difference / norm) : 0.0;
    return error;
}

}  // namespace

BlockOutcome measureBaseBlock(const RunInputs& inputs, int block, const Matrix& activations) {
    BlockOutcome outcome;
    outcome.summary.model = "base";
    outcome.summary.block = block;
    outcome.file.arrays["activations"] = arrayOf(activations);

    const auto& layout = inputs.layout;
    const auto held = heldOut(inputs, activations);
    const auto ordinary = fitOn(inputs, activations, layout.fitRows);
    keepProbe(ordinary, "probe", outcome.file);
    outcome.summary.refitted = score(inputs, ordinary, held, "probe", outcome.file);
    const auto withHard = fitOn(inputs, activations, layout.fitRowsWithHard);
    keepProbe(withHard, "probe_with_hard", outcome.file);
    outcome.summary.refittedWithHard = score(inputs, withHard, held, "probe_with_hard", outcome.file);

    const auto fitX = gather(activations, layout.fitRows);
    const auto fitPositive = gatherValues(layout.positive, layout.fitRows);
    for (const auto& axes : {fitProbeAxes(fitX, fitPositive, ordinary), fitLda(fitX, fitPositive), fitPca(fitX)}) {
        keepAxes(axes, projectionKindName(axes.kind), outcome.file);
        keepCoordinates(axes, projectionKindName(axes.kind), held.x, outcome.file);
    }
    keepSummary(outcome);
    return outcome;
}

Expected<BaseInstruments> readInstruments(const ArrayFile& base) {
    BaseInstruments instruments;
    auto ordinary = readProbe(base, "probe");
    if (!ordinary) return fail(ordinary.error());
    instruments.ordinary = std::move(*ordinary);
    auto withHard = readProbe(base, "probe_with_hard");
    if (!withHard) return fail(withHard.error());
    instruments.withHard = std::move(*withHard);
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
        auto axes = readAxes(base, projectionKindName(kKinds[i]));
        if (!axes) return fail(axes.error());
        instruments.axes[i] = std::move(*axes);
    }
    return instruments;
}

Expected<BlockOutcome> measureQuantizedBlock(const RunInputs& inputs, int block, const Matrix& activations,
                                             const ArrayFile& base, std::vector<protocol::LinearInfo> linears,
                                             const std::stop_token& stop) {
    const auto instruments = readInstruments(base);
    if (!instruments) return fail(instruments.error());
    const auto baseActivations = base.arrays.find("activations");
    if (baseActivations == base.arrays.end() || baseActivations->second.values.size() != activations.size())
        return fail(ErrorKind::BadInput, "A block's file has no activations of these prompts.");

    BlockOutcome outcome;
    outcome.summary.model = "quantized";
    outcome.summary.block = block;
    outcome.summary.linears = std::move(linears);
    outcome.file.arrays["activations"] = arrayOf(activations);

    const auto held = heldOut(inputs, activations);
    const auto ordinary = fitOn(inputs, activations, inputs.layout.fitRows, stop);
    const auto withHard = fitOn(inputs, activations, inputs.layout.fitRowsWithHard, stop);
    if (stop.stop_requested()) return fail(cancelledError());
    keepProbe(ordinary, "probe", outcome.file);
    outcome.summary.refitted = score(inputs, ordinary, held, "probe", outcome.file);
    keepProbe(withHard, "probe_with_hard", outcome.file);
    outcome.summary.refittedWithHard = score(inputs, withHard, held, "probe_with_hard", outcome.file);
    outcome.summary.transferred = score(inputs, instruments->ordinary, held, "transferred", outcome.file);
    outcome.summary.transferredWithHard =
        score(inputs, instruments->withHard, held, "transferred_with_hard", outcome.file);

    for (const auto& axes : instruments->axes) keepCoordinates(axes, projectionKindName(axes.kind), held.x, outcome.file);
    const auto own = fitProbeAxes(gather(activations, inputs.layout.fitRows),
                                  gatherValues(inputs.layout.positive, inputs.layout.fitRows), ordinary);
    keepAxes(own, kRefittedProjection, outcome.file);
    keepCoordinates(own, kRefittedProjection, held.x, outcome.file);
    const auto error = streamError(activations, baseActivations->second);
    outcome.summary.streamRelativeError = error.relative;
    outcome.file.arrays["stream_relative_error"] = arrayOf(error.ofPrompts);
    keepSummary(outcome);
    return outcome;
}

protocol::ProbeSummary scoreEvaluation(const RunInputs& inputs, const Probe& probe, const Matrix& activations) {
    const auto& rows = inputs.layout.evaluationRows;
    return probeSummary(scoreProbe(probe, activations, gatherValues(inputs.layout.label, rows),
                                   gatherValues(inputs.layout.cluster, rows), inputs.spec.seed),
                        probe);
}

double relativeDistance(const Matrix& activations, const Matrix& base) {
    return streamError(activations, arrayOf(base)).relative;
}

std::string blockPath(const std::string& folder, const std::string& model, int block) {
    char number[16];
    std::snprintf(number, sizeof(number), "%03d", block);
    return folder + "/blocks/" + model + "-" + number + ".h5";
}

bool blockFinished(const std::string& folder, const std::string& model, int block) {
    return block >= 0 && isFile(blockPath(folder, model, block));
}

int finishedBlockCount(const std::string& folder, const std::string& model) {
    int count = 0;
    while (blockFinished(folder, model, count)) ++count;
    return count;
}

std::optional<protocol::BlockSeparability> readBlockSummary(const std::string& folder, const std::string& model,
                                                            int block) {
    const auto file = readArrayFile(blockPath(folder, model, block));
    if (!file) return std::nullopt;
    const auto text = file->texts.find("summary");
    if (text == file->texts.end()) return std::nullopt;
    const auto json = nlohmann::json::parse(text->second, nullptr, false);
    if (json.is_discarded()) return std::nullopt;
    auto summary = protocol::parseMessage<protocol::BlockSeparability>(json);
    if (!summary || summary->model != model || summary->block != block) return std::nullopt;
    return std::move(*summary);
}

protocol::LinearInfo linearInfo(const LinearPlan& plan, const DecoderConfig& config) {
    protocol::LinearInfo info;
    info.name = plan.name;
    info.block = plan.block;
    info.requested = plan.requested.describe();
    info.actual = plan.actual.describe();
    info.reason = plan.reason;
    info.requestedBits = plan.requested.weightBits;
    info.actualBits = plan.actual.weightBits;
    info.actualGroup = plan.actual.groupSize;
    const auto [rows, columns] = linearShape(config, plan.role);
    info.bitsPerWeight = schemeBitsPerWeight(plan.actual, rows, columns);
    return info;
}

protocol::LinearInfo linearInfo(const LinearOutcome& outcome, const DecoderConfig& config) {
    auto info = linearInfo(outcome.plan, config);
    info.bitsPerWeight = outcome.bitsPerWeight;
    info.relativeError = outcome.error.relative;
    info.outputError = outcome.outputError;
    return info;
}

}  // namespace safequant
