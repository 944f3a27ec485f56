// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/activations/capture.h"
#include "core/base/statistics.h"
#include "core/run/run_inputs.h"
#include "core/separability/probe.h"

namespace safequant {

/// Looks at a quantized model with the base model's probes while it is patched, on a seeded part of the evaluation prompts.
class PatchProbing {
public:
    /// Empty where the run captures nothing, or has no evaluation prompts of both classes. Errors: those of the base blocks' files and of
    /// openStream. `inputs` must outlive it.
    static Expected<std::optional<PatchProbing>> open(const std::string& folder, const RunInputs& inputs);

    /// Of the base model itself, by block.
    const std::vector<Rate>& base() const { return m_base; }
    /// Of a model whose blocks are given in their order, by block. Errors: those of `block`; cancelled.
    Expected<std::vector<Rate>> look(const std::function<Expected<BlockWeights>(int)>& block, const std::stop_token& stop) const;

private:
    PatchProbing(const RunInputs& inputs, ActivationStream stream) : m_inputs(inputs), m_start(std::move(stream)) {}
    Rate judge(const Probe& probe, const Matrix& activations) const;

    const RunInputs& m_inputs;
    ActivationStream m_start;          // At the embeddings.
    std::vector<bool> m_malicious;     // Of each prompt.
    std::vector<Probe> m_probes;       // By block.
    std::vector<Rate> m_base;
};

}  // namespace safequant
