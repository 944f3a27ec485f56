// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/what_if.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <new>
#include <numeric>
#include <utility>

#include "core/evaluate/comparison.h"
#include "core/quantize/method.h"
#include "core/run/block_stage.h"
#include "core/run/gather.h"
#include "core/run/method_options.h"
#include "core/run/prompt_table.h"
#include "core/run/quantized_blocks.h"

namespace safequant {
namespace {

/// Bytes that inputs of blocks may take beside that of the block in work.
constexpr std::size_t kKeptBytes = std::size_t{1} << 30;

/// Relative distance of last-token activations that another device or a rotation may make; another checkpoint makes far more.
constexpr double kSameActivations = 1e-2;

double secondsSince(std::chrono::steady_clock::time_point began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

protocol::FloatArray floatArray(const Matrix& matrix) {
    return {{static_cast<std::int64_t>(matrix.rows()), static_cast<std::int64_t>(matrix.cols())}, {matrix.data(), matrix.data() + matrix.size()}};
}

Matrix matrixOf(const ArrayFile::Array& array) {
    Matrix matrix(array.shape[0], array.shape[1]);
    std::copy(array.values.begin(), array.values.end(), matrix.data());
    return matrix;
}

/// Mean bits a weight over linears of different sizes.
double meanBits(const std::vector<LinearOutcome>& linears, const DecoderConfig& config) {
    double bits = 0.0, weights = 0.0;
    for (const LinearOutcome& linear : linears) {
        const auto [rows, columns] = linearShape(config, linear.plan.role);
        const double size = static_cast<double>(rows) * columns;
        bits += linear.bitsPerWeight * size;
        weights += size;
    }
    return bits / weights;
}

std::string schemeOf(const std::vector<LinearOutcome>& linears) {
    const std::string first = linears.front().plan.actual.describe();
    const bool same = std::all_of(linears.begin(), linears.end(), [&](const auto& linear) { return linear.plan.actual.describe() == first; });
    return same ? first : "mixed";
}

}  // namespace

Expected<WhatIfScheme> whatIfSchemeFromJson(const nlohmann::json& quantization) {
    const std::string where = "quantization";
    if (!quantization.is_object()) return fail(ErrorKind::BadInput, "It must be an object with method, default and rules.", where);
    WhatIfScheme asked;
    if (const auto method = quantization.find("method"); method != quantization.end()) {
        if (!method->is_string()) return fail(ErrorKind::BadInput, "\"method\" must be a text.", where);
        asked.method = method->get<std::string>();
    }
    if (const auto method = findQuantizationMethod(asked.method); method && (*method)->format != WeightFormat::Grid) {
        asked.scheme = schemeOfFormat((*method)->format, asked.scheme.weightBits);
        asked.scheme.format = WeightFormat::Grid;
    }
    const auto scheme = schemeFromJson(quantization.value("default", nlohmann::json::object()), asked.scheme, where + ".default");
    if (!scheme) return fail(scheme.error());
    asked.scheme = *scheme;
    const nlohmann::json rules = quantization.value("rules", nlohmann::json::array());
    if (!rules.is_array()) return fail(ErrorKind::BadInput, "\"rules\" must be a list.", where);
    for (std::size_t i = 0; i < rules.size(); ++i) {
        auto rule = schemeRuleFromJson(rules[i], asked.scheme, where + ".rules[" + std::to_string(i) + "]");
        if (!rule) return fail(rule.error());
        asked.rules.push_back(std::move(*rule));
    }
    if (const auto options = quantization.find("options"); options != quantization.end()) {
        const nlohmann::json section{{"options", *options}};
        SpecReader reader(section, where, {});
        readMethodOptions(reader, asked.method, asked.options);
        if (auto read = reader.finish(); !read) return fail(read.error());
    }
    return asked;
}

Expected<std::unique_ptr<WhatIf>> WhatIf::open(const std::string& folder) {
    const auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    if (!spec->hasStage("capture")) return fail(ErrorKind::BadInput, "This run captures no activations: nothing can be tried on them.", folder);
    // What is needed here is the prompts and the model; the evaluation's texts and an export would only cost time.
    RunSpec needed = *spec;
    std::erase_if(needed.stages, [](const std::string& stage) { return stage != "capture" && stage != "quantize"; });
    needed.signature.clear();
    auto inputs = openInputs(needed, false);
    if (!inputs) return fail(inputs.error());
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    const auto& captured = inputs->layout.prompts;
    const auto same = [](int a, std::size_t b) { return static_cast<std::size_t>(a) == b; };
    if (!std::equal(table->captured.begin(), table->captured.end(), captured.begin(), captured.end(), same))
        return fail(ErrorKind::Mismatch, "The prompts are not those this run was made with: run it again.", folder);
    return std::unique_ptr<WhatIf>(new WhatIf(folder, std::move(*inputs)));
}

Expected<void> WhatIf::prepare(int block, const Progress& progress) {
    if (m_prepared && m_prepared->block == block) return m_prepared->own ? Expected<void>{} : tryOwn(progress.stop);
    m_tried.reset();
    const std::string path = blockPath(m_folder, "base", block);
    if (block >= blocks() || !blockFinished(m_folder, "base", block))
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not captured yet.", m_folder);
    auto base = readArrayFile(path);
    if (!base) return fail(base.error());
    auto instruments = readInstruments(*base);
    if (!instruments) return fail(instruments.error());
    const auto& activations = base->arrays["activations"];
    const std::vector<std::size_t> shape{m_inputs.layout.prompts.size(), static_cast<std::size_t>(m_inputs.base->config().hiddenSize)};
    if (activations.shape != shape) return fail(ErrorKind::BadInput, "The block's activations are not those of the run's prompts.", path);
    try {
        auto input = inputOf(block, progress);
        if (!input) return fail(input.error());
        auto weights = loadBlock(*m_inputs.checkpoint, block);
        if (!weights) return fail(weights.error());
        Prepared prepared;
        prepared.block = block;
        prepared.baseActivations = gather(matrixOf(activations), m_inputs.layout.evaluationRows);
        prepared.trial = std::make_unique<BlockTrial>(m_inputs.checkpoint->config(), std::move(*weights), m_sequences, std::move(*input),
                                                      m_inputs.layout.evaluationRows);
        prepared.instruments = std::move(*instruments);
        prepared.base = std::move(*base);
        m_prepared = std::move(prepared);
    } catch (const std::bad_alloc&) {
        m_prepared.reset();
        return fail(ErrorKind::OutOfMemory, "Not enough memory for what enters block " + std::to_string(block) + ".", m_folder);
    }
    if (auto checked = checkAgainstRun(progress.stop); !checked) {
        m_prepared.reset();
        return checked;
    }
    return tryOwn(progress.stop);
}

/// The stream in front of a block, from the nearest block before whose input is kept.
Expected<Matrix> WhatIf::inputOf(int block, const Progress& progress) {
    ActivationStream stream;
    auto nearest = m_kept.upper_bound(block);
    if (nearest != m_kept.begin()) {
        --nearest;
        stream.blocksDone = nearest->first;
        stream.sequences = m_sequences;
        stream.hidden = nearest->second.clone();
    } else {
        auto opened = openCapturedStream(m_inputs, *m_inputs.checkpoint);
        if (!opened) return fail(opened.error());
        stream = std::move(*opened);
        m_sequences = stream.sequences;
        keepInput(0, stream.hidden.clone());
    }
    const auto first = static_cast<std::uint64_t>(stream.blocksDone), last = static_cast<std::uint64_t>(block);
    while (stream.blocksDone < block) {
        progress(static_cast<std::uint64_t>(stream.blocksDone) - first, last - first);
        const auto weights = loadBlock(*m_inputs.checkpoint, stream.blocksDone);
        if (!weights) return fail(weights.error());
        if (auto moved = advance(stream, m_inputs.checkpoint->config(), *weights, progress.stop); !moved) return fail(moved.error());
        keepInput(stream.blocksDone, stream.hidden.clone());
    }
    return std::move(stream.hidden);
}

/// Keeps the inputs nearest to the block they were last computed for.
void WhatIf::keepInput(int block, Matrix input) {
    const std::size_t most = std::max<std::size_t>(1, kKeptBytes / std::max<std::size_t>(1, input.size() * sizeof(float)));
    m_kept[block] = std::move(input);
    while (m_kept.size() > most) {
        const auto first = m_kept.begin(), last = std::prev(m_kept.end());
        m_kept.erase(block - first->first >= last->first - block ? first : last);
    }
}

/// What a block puts out at the last tokens of captured prompts, in the base model's space.
Expected<Matrix> WhatIf::outputs(const PackedBlock& block, std::span<const std::size_t> rows, const std::stop_token& stop) {
    Matrix activations = m_prepared->trial->outputs(block, rows, stop);
    if (activations.empty() && !rows.empty()) return fail(cancelledError());
    if (m_inputs.residualRotation) m_inputs.residualRotation->applyInverse(activations.data(), activations.rows());
    return activations;
}

Expected<void> WhatIf::checkAgainstRun(const std::stop_token& stop) {
    Prepared& prepared = *m_prepared;
    const auto weights = loadBlock(*m_inputs.checkpoint, prepared.block);
    if (!weights) return fail(weights.error());
    const auto activations = outputs(PackedBlock(m_inputs.checkpoint->config(), *weights), m_inputs.layout.evaluationRows, stop);
    if (!activations) return fail(activations.error());
    if (!(relativeDistance(*activations, prepared.baseActivations) < kSameActivations))
        return fail(ErrorKind::Mismatch, "The model is not the one this run was made with: its activations differ. Run it again.", m_folder);
    prepared.baseRight = rightOf(logitsOf(prepared.baseActivations));
    return {};
}

/// The run's own quantized block, where it has one.
Expected<void> WhatIf::tryOwn(const std::stop_token& stop) {
    Prepared& prepared = *m_prepared;
    if (!blockFinished(m_folder, "quantized", prepared.block)) return {};
    const auto quantized = loadQuantizedBlock(m_folder, m_inputs, prepared.block);
    if (!quantized) return fail(quantized.error());
    const auto activations = outputs(PackedBlock(m_inputs.checkpoint->config(), quantized->weights), m_inputs.layout.evaluationRows, stop);
    if (!activations) return fail(activations.error());
    protocol::WhatIfOwn own;
    own.scheme = schemeOf(quantized->linears);
    own.bitsPerWeight = meanBits(quantized->linears, m_inputs.checkpoint->config());
    own.relativeError = relativeDistance(*activations, prepared.baseActivations);
    own.accuracy = scoreEvaluation(m_inputs, prepared.instruments.ordinary, *activations).accuracy;
    prepared.ownRight = rightOf(logitsOf(*activations));
    prepared.own = std::move(own);
    return {};
}

std::vector<std::size_t> WhatIf::calibrationRows() const {
    std::vector<bool> evaluated(m_inputs.layout.prompts.size(), false);
    for (const std::size_t row : m_inputs.layout.evaluationRows) evaluated[row] = true;
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < evaluated.size(); ++row)
        if (!evaluated[row]) rows.push_back(row);
    return rows;
}

std::vector<float> WhatIf::logitsOf(const Matrix& activations) const {
    std::vector<float> logits;
    for (std::size_t i = 0; i < activations.rows(); ++i)
        logits.push_back(static_cast<float>(m_prepared->instruments.ordinary.score(activations.rowSpan(i))));
    return logits;
}

std::vector<bool> WhatIf::rightOf(const std::vector<float>& logits) const {
    std::vector<bool> right;
    for (std::size_t i = 0; i < logits.size(); ++i)
        right.push_back((logits[i] > 0.0F) == m_inputs.layout.positive[m_inputs.layout.evaluationRows[i]]);
    return right;
}

protocol::AccuracyDifference WhatIf::difference(const std::vector<bool>& before, const std::vector<bool>& now) const {
    MeasuredItems first, second;
    for (std::size_t i = 0; i < now.size(); ++i) {
        const std::size_t row = m_inputs.layout.evaluationRows[i];
        if (m_inputs.layout.label[row] == 2) continue;
        const std::string id = std::to_string(i);
        first.items[id] = before[i];
        second.items[id] = now[i];
        first.clusters[id] = m_inputs.layout.cluster[row];
    }
    const PairedComparison compared = comparePaired("before", first, "now", second, m_inputs.spec.seed);
    return {compared.difference, compared.interval, compared.p, compared.onlyFirst.size(), compared.onlySecond.size()};
}

Expected<protocol::WhatIfResult> WhatIf::tryScheme(const WhatIfScheme& scheme, const std::stop_token& stop) {
    const auto began = std::chrono::steady_clock::now();
    if (!m_prepared) return fail(ErrorKind::BadInput, "No block is prepared.", m_folder);
    const auto method = findQuantizationMethod(scheme.method);
    if (!method) return fail(method.error());
    if (!(*method)->quick)
        return fail(ErrorKind::Unsupported, std::string((*method)->title) + " takes minutes over a block: it needs a run.", "method");
    const DecoderConfig& config = m_inputs.checkpoint->config();
    const auto plan = planSchemes(config, scheme.scheme, scheme.rules, formatOf(**method, scheme.options));
    if (!plan) return fail(plan.error());
    Prepared& prepared = *m_prepared;
    const auto own = planOfBlock(*plan, prepared.block);
    std::optional<BlockTrial::Candidate> candidate =
        (*method)->quantize != nullptr ? prepared.trial->round(own) : prepared.trial->calibrate(**method, scheme.options, own, calibrationRows(), stop);
    if (!candidate) return fail(cancelledError());
    auto activations = outputs(candidate->block, m_inputs.layout.evaluationRows, stop);
    if (!activations) return fail(activations.error());

    protocol::WhatIfResult result;
    result.block = prepared.block;
    result.method = scheme.method;
    result.scheme = schemeOf(candidate->linears);
    result.prompts = static_cast<int>(activations->rows());
    for (const LinearOutcome& linear : candidate->linears) result.linears.push_back(linearInfo(linear, config));
    result.bitsPerWeight = meanBits(candidate->linears, config);
    result.relativeError = relativeDistance(*activations, prepared.baseActivations);
    result.logits = logitsOf(*activations);
    // Each of these is a bootstrap, which takes as long as rounding the block.
    const std::vector<bool> right = rightOf(result.logits);
    auto fromBase = std::async(std::launch::async, [&] { return difference(prepared.baseRight, right); });
    auto fromOwn = std::async(std::launch::async, [&] { return prepared.own ? difference(prepared.ownRight, right) : protocol::AccuracyDifference{}; });
    result.transferred = scoreEvaluation(m_inputs, prepared.instruments.ordinary, *activations);
    result.fromBase = fromBase.get();
    result.own = prepared.own;
    if (result.own) result.own->difference = fromOwn.get();
    for (const auto& [axes, points] : {std::pair{0, &result.probe}, {1, &result.lda}, {2, &result.pca}})
        *points = floatArray(project(prepared.instruments.axes[static_cast<std::size_t>(axes)], *activations));
    if (stop.stop_requested()) return fail(cancelledError());
    result.seconds = secondsSince(began);
    m_tried = Tried{std::move(candidate->block), std::move(*activations), result};
    return result;
}

bool WhatIf::sameModel(const RunSpec& spec) const {
    RunSpec asked = spec;
    anchorModels(asked);
    const RunSpec& own = m_inputs.spec;
    return asked.checkpoint == own.checkpoint && asked.adapters == own.adapters && asked.rotation == own.rotation;
}

Expected<std::vector<LinearSensitivity>> WhatIf::outputErrors(std::span<const LinearPlan> plan, const Progress& progress) {
    std::vector<LinearSensitivity> all;
    Progress quiet;
    quiet.stop = progress.stop;
    for (int block = 0; block < blocks(); ++block) {
        progress(static_cast<std::uint64_t>(block), static_cast<std::uint64_t>(blocks()));
        if (auto ready = prepare(block, quiet); !ready) return fail(ready.error());
        const auto own = planOfBlock(plan, block);
        const std::size_t first = all.size();
        for (const LinearPlan& entry : own) {
            const auto [rows, columns] = linearShape(m_inputs.checkpoint->config(), entry.role);
            all.push_back({entry.name, block, entry.role, static_cast<double>(rows) * columns, {}, {}});
        }
        for (std::size_t i = 0; i < kBudgetBits.size(); ++i) {
            if (progress.stopRequested()) return fail(cancelledError());
            std::vector<LinearPlan> tried(own.begin(), own.end());
            for (LinearPlan& entry : tried) entry.actual.weightBits = kBudgetBits[i];
            const BlockTrial::Candidate candidate = m_prepared->trial->round(tried);
            for (std::size_t k = 0; k < candidate.linears.size(); ++k) {
                all[first + k].bitsPerWeight[i] = candidate.linears[k].bitsPerWeight;
                all[first + k].relativeError[i] = std::max(0.0, candidate.linears[k].outputError);
            }
        }
    }
    return all;
}

Expected<protocol::WhatIfResult> WhatIf::refine(const std::stop_token& stop) {
    if (!m_prepared || !m_tried) return fail(ErrorKind::BadInput, "No scheme was tried.", m_folder);
    const auto& evaluation = m_inputs.layout.evaluationRows;
    const std::vector<std::size_t> others = calibrationRows();
    const auto rest = outputs(m_tried->block, others, stop);
    if (!rest) return fail(rest.error());
    Matrix activations(m_inputs.layout.prompts.size(), m_tried->activations.cols());
    for (std::size_t i = 0; i < evaluation.size(); ++i) std::ranges::copy(m_tried->activations.rowSpan(i), activations.row(evaluation[i]));
    for (std::size_t i = 0; i < others.size(); ++i) std::ranges::copy(rest->rowSpan(i), activations.row(others[i]));
    auto measured = measureQuantizedBlock(m_inputs, m_prepared->block, activations, m_prepared->base, m_tried->result.linears, stop);
    if (!measured) return fail(measured.error());
    protocol::WhatIfResult result = m_tried->result;
    result.refined = std::move(measured->summary);
    return result;
}

}  // namespace safequant
