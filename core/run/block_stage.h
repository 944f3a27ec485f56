// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>

#include "core/activations/capture.h"
#include "core/run/block_results.h"
#include "core/run/session.h"

namespace safequant {

/// The captured prompts of a run at the embeddings of a model, which is the run's base model or what it quantizes. Errors: those of
/// openStream.
Expected<ActivationStream> openCapturedStream(const RunInputs& inputs, const Checkpoint& checkpoint);

/// A stage that moves a stream through a model block by block and leaves one result file a block: what capturing the
/// base model and quantizing have in common. Continues at the last finished block.
class BlockStage {
public:
    /// Loads (and quantizes) a block and moves the stream through it; gives the last-token outputs.
    using Advance = std::function<Expected<Matrix>(ActivationStream& stream, int block)>;
    /// Turns last-token outputs into results.
    using Measure = std::function<Expected<BlockOutcome>(int block, const Matrix& activations)>;

    /// `model`: "base" or "quantized".
    BlockStage(Session& session, std::string stage, std::string model)
        : m_session(session), m_stage(std::move(stage)), m_model(std::move(model)) {}

    Expected<void> run(const Advance& advance, const Measure& measure);

private:
    /// Number of leading blocks whose files are whole; tells of those whose events are missing.
    Expected<int> findFinished();
    Expected<ActivationStream> openAt(int finished);

    Session& m_session;
    std::string m_stage;
    std::string m_model;
};

}  // namespace safequant
