// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/patch_probing.h"

#include <algorithm>

#include "core/activations/store.h"
#include "core/base/random.h"
#include "core/run/block_results.h"
#include "core/run/patch_spec.h"

namespace safequant {
namespace {

/// Rows of the layout, ascending: as many of both classes as are looked at.
std::vector<std::size_t> probedRows(const RunInputs& inputs) {
    std::vector<std::size_t> rows;
    for (const int label : {1, 0}) {
        std::vector<std::size_t> of;
        for (const std::size_t row : inputs.layout.evaluationRows)
            if (inputs.layout.label[row] == label) of.push_back(row);
        if (of.empty()) return {};
        RandomStream(inputs.spec.seed, label == 1 ? "patch probes, malicious" : "patch probes, benign").shuffle(of);
        of.resize(std::min(of.size(), static_cast<std::size_t>(kProbedPromptsOfAClass)));
        rows.insert(rows.end(), of.begin(), of.end());
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

}  // namespace

Expected<std::optional<PatchProbing>> PatchProbing::open(const std::string& folder, const RunInputs& inputs) {
    const int blocks = inputs.checkpoint->config().blocks;
    const auto rows = probedRows(inputs);
    if (!inputs.spec.hasStage("capture") || rows.empty()) return std::optional<PatchProbing>();
    std::vector<std::string> texts, ids;
    for (const std::size_t row : rows) {
        const Prompt& prompt = inputs.prompts.prompts[inputs.layout.prompts[row]];
        texts.push_back(prompt.text);
        ids.push_back(prompt.id);
    }
    auto stream = openStream(*inputs.checkpoint, inputs.format, texts, ids);
    if (!stream) return fail(stream.error());
    PatchProbing probing(inputs, std::move(*stream));
    for (const std::size_t row : rows) probing.m_malicious.push_back(inputs.layout.positive[row]);
    for (int block = 0; block < blocks; ++block) {
        const std::string path = blockPath(folder, "base", block);
        const auto file = readArrayFile(path);
        if (!file) return fail(file.error());
        auto probe = readProbe(*file, "probe");
        if (!probe) return fail(probe.error());
        const auto kept = file->arrays.find("activations");
        const auto width = static_cast<std::size_t>(inputs.base->config().hiddenSize);
        if (kept == file->arrays.end() || kept->second.shape != std::vector<std::size_t>{inputs.layout.prompts.size(), width})
            return fail(ErrorKind::BadInput, "The block's activations are not those of the run's prompts.", path);
        Matrix activations(rows.size(), width);
        for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(kept->second.values.data() + rows[i] * width, width, activations.row(i));
        probing.m_base.push_back(probing.judge(*probe, activations));
        probing.m_probes.push_back(std::move(*probe));
    }
    return std::optional<PatchProbing>(std::move(probing));
}

Rate PatchProbing::judge(const Probe& probe, const Matrix& activations) const {
    std::uint64_t right = 0;
    for (std::size_t i = 0; i < m_malicious.size(); ++i) right += (probe.score({activations.row(i), activations.cols()}) > 0.0) == m_malicious[i] ? 1 : 0;
    return rateOf(right, m_malicious.size());
}

Expected<std::vector<Rate>> PatchProbing::look(const std::function<Expected<BlockWeights>(int)>& block, const std::stop_token& stop) const {
    std::vector<Rate> rates;
    ActivationStream stream{m_start.sequences, m_start.hidden.clone()};
    for (std::size_t i = 0; i < m_probes.size(); ++i) {
        const auto weights = block(static_cast<int>(i));
        if (!weights) return fail(weights.error());
        auto activations = advance(stream, m_inputs.checkpoint->config(), *weights, stop, *m_inputs.device);
        if (!activations) return fail(activations.error());
        // Probes are the base model's.
        if (m_inputs.residualRotation) m_inputs.residualRotation->applyInverse(activations->data(), activations->rows());
        rates.push_back(judge(m_probes[i], *activations));
    }
    return rates;
}

}  // namespace safequant
