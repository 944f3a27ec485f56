// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/activations/capture.h"
#include "core/base/progress.h"
#include "core/engine/protocol/whatif_messages.h"
#include "core/quantize/block_trial.h"
#include "core/quantize/sensitivity.h"
#include "core/run/block_results.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// How the linears of a model are quantized otherwise.
struct WhatIfScheme {
    std::string method = "rtn";
    QuantizationScheme scheme;
    std::vector<SchemeRule> rules;
    CalibrationOptions options;
};
/// From a run spec's "quantization"; fields other than method, default, rules and options are passed over. Errors: bad_input.
Expected<WhatIfScheme> whatIfSchemeFromJson(const nlohmann::json& quantization);

/// Tries schemes on single blocks of a run. Keeps what enters the block in work, and what enters others on the way to it while that takes
/// no more than 1 GiB: the next scheme costs the rounding of one block and its forward pass over the evaluation prompts, of which all
/// tokens give keys and values. Everything is computed on the processor. Not thread-safe.
class WhatIf {
public:
    /// Opens what the run was made from. Errors: those of openInputs; bad_input for a run without capture; mismatch when the prompts are not
    /// those of the folder any more.
    static Expected<std::unique_ptr<WhatIf>> open(const std::string& folder);

    const std::string& folder() const { return m_folder; }
    int blocks() const { return m_inputs.checkpoint->config().blocks; }

    /// Gets a block ready, unless it is: the base model's stream moves to it (progress counts blocks). Errors: not_found for a block without
    /// results; mismatch when the checkpoint does not give the run's activations; those of the checkpoint; cancelled.
    Expected<void> prepare(int block, const Progress& progress = {});

    /// What the prepared block does under a scheme, on all evaluation prompts. A method that calibrates does so on the captured calibration
    /// prompts, all their tokens; the first time on a block takes longer. Errors: unsupported for a method that takes long over a block;
    /// those of planSchemes; cancelled.
    Expected<protocol::WhatIfResult> tryScheme(const WhatIfScheme& scheme, const std::stop_token& stop = {});

    /// The same for the last scheme tried, with both probes fitted anew. Errors: cancelled.
    Expected<protocol::WhatIfResult> refine(const std::stop_token& stop = {});

    /// Whether a spec quantizes the model of this run: equal checkpoint, adapters and rotation.
    bool sameModel(const RunSpec& spec) const;
    /// Errors of every linear's output at kBudgetBits, by a plan's groups, at the last tokens of the evaluation prompts. Prepares every block
    /// (progress counts them). Errors: those of `prepare`.
    Expected<std::vector<LinearSensitivity>> outputErrors(std::span<const LinearPlan> plan, const Progress& progress = {});

private:
    /// A scheme that was tried.
    struct Tried {
        PackedBlock block;
        Matrix activations;  ///< Of the evaluation prompts, in the base model's space.
        protocol::WhatIfResult result;
    };
    /// What is known of the block in work.
    struct Prepared {
        int block = 0;
        std::unique_ptr<BlockTrial> trial;
        ArrayFile base;
        Matrix baseActivations;  ///< Of the evaluation prompts.
        BaseInstruments instruments;
        std::vector<bool> baseRight;  ///< Whether the probe puts each evaluation prompt of the base model on its side.
        std::optional<protocol::WhatIfOwn> own;
        std::vector<bool> ownRight;
    };

    WhatIf(std::string folder, RunInputs inputs) : m_folder(std::move(folder)), m_inputs(std::move(inputs)) {}
    Expected<Matrix> inputOf(int block, const Progress& progress);
    void keepInput(int block, Matrix input);
    Expected<Matrix> outputs(const PackedBlock& block, std::span<const std::size_t> rows, const std::stop_token& stop);
    Expected<void> checkAgainstRun(const std::stop_token& stop);
    Expected<void> tryOwn(const std::stop_token& stop);
    /// Captured prompts that are not evaluated.
    std::vector<std::size_t> calibrationRows() const;
    /// The base probe's scores of the evaluation prompts' activations, and whether they are on the right side.
    std::vector<float> logitsOf(const Matrix& activations) const;
    std::vector<bool> rightOf(const std::vector<float>& logits) const;
    protocol::AccuracyDifference difference(const std::vector<bool>& before, const std::vector<bool>& now) const;

    std::string m_folder;
    RunInputs m_inputs;
    PackedSequences m_sequences;
    std::map<int, Matrix> m_kept;  ///< Inputs of blocks, `[rows, hidden]`.
    std::optional<Prepared> m_prepared;
    std::optional<Tried> m_tried;
};

}  // namespace safequant
