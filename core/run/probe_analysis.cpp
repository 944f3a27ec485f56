// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/probe_analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/activations/array_group.h"
#include "core/run/block_results.h"
#include "core/run/kept_activations.h"
#include "core/separability/probe_quality.h"

namespace safequant {
namespace {

constexpr const char* kMalicious = "malicious";
constexpr const char* kBenign = "benign";
constexpr const char* kHardBenign = "hard_benign";

Expected<void> checkModel(const std::string& model) {
    if (model == "base" || model == "quantized") return {};
    return fail(ErrorKind::BadInput, "There is no model \"" + model + "\"; there are \"base\" and \"quantized\".", "model");
}

/// Leading blocks with results. Error: not_found when there is none.
Expected<std::vector<int>> finishedBlocks(const std::string& folder, const std::string& model) {
    if (auto checked = checkModel(model); !checked) return fail(checked.error());
    std::vector<int> blocks(static_cast<std::size_t>(finishedBlockCount(folder, model)));
    std::iota(blocks.begin(), blocks.end(), 0);
    if (blocks.empty()) return fail(ErrorKind::NotFound, "No block of the " + model + " model is finished yet.", folder);
    return blocks;
}

Expected<Probe> keptProbe(const std::string& folder, const std::string& model, int block) {
    const auto path = blockPath(folder, model, block);
    const auto file = readArrayGroup(path, "probe");
    if (!file) return fail(file.error());
    auto probe = readProbe(*file, "probe");
    if (!probe) return fail(probe.error().kind, probe.error().message, path);
    return probe;
}

/// Prompts of a split and a label, of those that were captured.
std::vector<int> captured(const PromptTable& table, const char* split, const char* label) {
    std::vector<int> chosen;
    for (const int prompt : table.captured) {
        const auto& item = table.prompts[static_cast<std::size_t>(prompt)];
        if (item.split == split && item.label == label) chosen.push_back(prompt);
    }
    return chosen;
}

std::vector<double> columnMeans(const Matrix& x) {
    std::vector<double> means(x.cols(), 0.0);
    for (std::size_t r = 0; r < x.rows(); ++r)
        for (std::size_t c = 0; c < x.cols(); ++c) means[c] += static_cast<double>(x(r, c));
    for (double& mean : means) mean /= static_cast<double>(std::max<std::size_t>(x.rows(), 1));
    return means;
}

/// Labels of the evaluation prompts in their order: malicious or not, of the rows that are not hard benign.
struct EvaluationRows {
    std::vector<std::size_t> ordinary;  ///< Rows of logits: malicious and ordinary benign.
    std::vector<std::size_t> hard;
    std::vector<bool> positive;         ///< Of `ordinary`.
};

EvaluationRows evaluationRows(const PromptTable& table) {
    EvaluationRows rows;
    for (std::size_t row = 0; row < table.evaluation.size(); ++row) {
        const auto& label = table.prompts[static_cast<std::size_t>(table.evaluation[row])].label;
        if (label == kHardBenign) {
            rows.hard.push_back(row);
            continue;
        }
        rows.ordinary.push_back(row);
        rows.positive.push_back(label == kMalicious);
    }
    return rows;
}

protocol::ReliabilityCurve reliability(std::span<const double> probabilities, const std::vector<bool>& positive, int bins, Binning binning) {
    const auto found = reliabilityBins(probabilities, positive, bins, binning);
    protocol::ReliabilityCurve curve{binning == Binning::EqualWidth ? "width" : "count", expectedCalibrationError(found), {}};
    for (const auto& bin : found) curve.bins.push_back({bin.low, bin.high, bin.meanProbability, bin.malicious});
    return curve;
}

protocol::ProbeCalibration calibrationOf(const std::string& name, const std::vector<float>& logits, const EvaluationRows& rows, int bins) {
    std::vector<double> scores, probabilities;
    std::uint64_t caught = 0, malicious = 0, benignRight = 0, hardRight = 0;
    for (std::size_t i = 0; i < rows.ordinary.size(); ++i) {
        const auto logit = static_cast<double>(logits[rows.ordinary[i]]);
        scores.push_back(logit);
        probabilities.push_back(probabilityOf(logit));
        malicious += rows.positive[i] ? 1 : 0;
        caught += rows.positive[i] && logit > 0.0 ? 1 : 0;
        benignRight += !rows.positive[i] && logit <= 0.0 ? 1 : 0;
    }
    for (const std::size_t row : rows.hard) hardRight += logits[row] <= 0.0F ? 1 : 0;

    protocol::ProbeCalibration result;
    result.probe = name;
    result.brier = brierScore(probabilities, rows.positive);
    result.auc = areaUnderCurve(scores, rows.positive);
    result.aucInterval = areaUnderCurveInterval(scores, rows.positive);
    for (const auto binning : {Binning::EqualWidth, Binning::EqualCount})
        result.curves.push_back(reliability(probabilities, rows.positive, bins, binning));
    result.maliciousCaught = rateOf(caught, malicious);
    result.benignRight = rateOf(benignRight, rows.ordinary.size() - malicious);
    result.hardBenignRight = rateOf(hardRight, rows.hard.size());
    const auto curve = rocCurve(scores, rows.positive);
    result.roc.shape = {static_cast<std::int64_t>(curve.size()), 3};
    for (const auto& point : curve)
        for (const double value : {point.falsePositives, point.truePositives, point.threshold})
            result.roc.values.push_back(static_cast<float>(value));
    return result;
}

}  // namespace

Expected<protocol::ProbeWeights> readProbeWeights(const std::string& folder, const std::string& model, int block) {
    if (auto checked = checkModel(model); !checked) return fail(checked.error());
    if (!blockFinished(folder, model, block))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " of the " + model + " model is not finished yet.", folder);
    const auto probe = keptProbe(folder, model, block);
    if (!probe) return fail(probe.error());
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto path = blockPath(folder, model, block);
    const auto malicious = captured(*table, "calibration", kMalicious), benign = captured(*table, "calibration", kBenign);
    const auto high = keptActivations(path, *table, malicious);
    if (!high) return fail(high.error());
    const auto low = keptActivations(path, *table, benign);
    if (!low) return fail(low.error());
    if (high->cols() != probe->weights.size())
        return fail(ErrorKind::BadInput, "The block's probe has another width than its activations.", path);

    protocol::ProbeWeights result;
    result.model = model;
    result.block = block;
    result.hidden = static_cast<int>(probe->weights.size());
    result.intercept = probe->intercept;
    result.c = probe->c;
    result.malicious = malicious.size();
    result.benign = benign.size();
    const auto highMeans = columnMeans(*high), lowMeans = columnMeans(*low);
    for (std::size_t i = 0; i < probe->weights.size(); ++i)
        if (probe->weights[i] != 0.0F)
            result.weights.push_back({static_cast<int>(i), static_cast<double>(probe->weights[i]), highMeans[i] - lowMeans[i]});
    std::stable_sort(result.weights.begin(), result.weights.end(),
                     [](const auto& a, const auto& b) { return std::fabs(a.weight) > std::fabs(b.weight); });
    return result;
}

Expected<protocol::ProbeSimilarity> readProbeSimilarity(const std::string& folder, const std::string& model) {
    const auto blocks = finishedBlocks(folder, model);
    if (!blocks) return fail(blocks.error());
    std::vector<std::vector<float>> weights;
    for (const int block : *blocks) {
        auto probe = keptProbe(folder, model, block);
        if (!probe) return fail(probe.error());
        weights.push_back(std::move(probe->weights));
        if (weights.back().size() != weights.front().size())
            return fail(ErrorKind::BadInput, "The block's probe has another width than the first one's.", blockPath(folder, model, block));
    }
    const auto product = [](const std::vector<float>& a, const std::vector<float>& b) {
        double sum = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
        return sum;
    };
    protocol::ProbeSimilarity result;
    result.model = model;
    result.blocks = *blocks;
    const auto count = static_cast<std::int64_t>(weights.size());
    result.cosines.shape = {count, count};
    for (const auto& a : weights)
        for (const auto& b : weights) {
            const double norms = std::sqrt(product(a, a) * product(b, b));
            result.cosines.values.push_back(norms > 0.0 ? static_cast<float>(product(a, b) / norms) : std::numeric_limits<float>::quiet_NaN());
        }
    return result;
}

Expected<protocol::ProbeTransfer> measureProbeTransfer(const std::string& folder, const std::string& model) {
    const auto blocks = finishedBlocks(folder, model);
    if (!blocks) return fail(blocks.error());
    const auto probed = finishedBlocks(folder, "base");
    if (!probed) return fail(probed.error());
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto rows = evaluationRows(*table);
    std::vector<int> prompts;
    for (const std::size_t row : rows.ordinary) prompts.push_back(table->evaluation[row]);
    std::vector<Probe> probes;
    for (const int block : *probed) {
        auto probe = keptProbe(folder, "base", block);
        if (!probe) return fail(probe.error());
        probes.push_back(std::move(*probe));
    }

    protocol::ProbeTransfer result;
    result.model = model;
    result.probes = *probed;
    result.blocks = *blocks;
    result.total = prompts.size();
    const std::size_t columns = blocks->size();
    result.correct.resize(probes.size() * columns);
    result.auc.shape = {static_cast<std::int64_t>(probes.size()), static_cast<std::int64_t>(columns)};
    result.auc.values.resize(probes.size() * columns);
    std::vector<double> scores(prompts.size());
    for (std::size_t column = 0; column < columns; ++column) {
        const auto path = blockPath(folder, model, (*blocks)[column]);
        const auto x = keptActivations(path, *table, prompts);
        if (!x) return fail(x.error());
        for (std::size_t p = 0; p < probes.size(); ++p) {
            if (probes[p].weights.size() != x->cols())
                return fail(ErrorKind::BadInput, "The block's activations have another width than the base model's probes.", path);
            std::uint64_t correct = 0;
            for (std::size_t i = 0; i < prompts.size(); ++i) {
                scores[i] = probes[p].score(x->rowSpan(i));
                correct += (scores[i] > 0.0) == rows.positive[i] ? 1 : 0;
            }
            result.correct[p * columns + column] = correct;
            result.auc.values[p * columns + column] = static_cast<float>(areaUnderCurve(scores, rows.positive));
        }
    }
    return result;
}

Expected<protocol::BlockCalibrationResult> measureProbeCalibration(const std::string& folder, int block, int bins) {
    if (bins < 2 || bins > 100)
        return fail(ErrorKind::BadInput, std::to_string(bins) + " bins cannot be used. Choose 2 to 100.", "bins");
    if (!blockFinished(folder, "base", block))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not finished yet.", folder);
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto rows = evaluationRows(*table);
    protocol::BlockCalibrationResult result{block, {}};
    for (const auto& [name, model, array] : {std::tuple{"base", "base", "probe/logits"}, std::tuple{"refitted", "quantized", "probe/logits"},
                                             std::tuple{"transferred", "quantized", "transferred/logits"}}) {
        if (!blockFinished(folder, model, block)) continue;
        const auto path = blockPath(folder, model, block);
        const auto logits = readArray(path, array);
        if (!logits) return fail(logits.error());
        if (logits->values.size() != table->evaluation.size())
            return fail(ErrorKind::BadInput, "The block's probe scores are not those of the run's evaluation prompts.", path);
        result.probes.push_back(calibrationOf(name, logits->values, rows, bins));
    }
    return result;
}

}  // namespace safequant
