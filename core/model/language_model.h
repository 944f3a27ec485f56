// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/model/generation.h"
#include "core/model/model_passes.h"

namespace safequant {

/// The one language model there is: decoding, likelihoods and checks over passes computed anywhere.
class PassLanguageModel final : public LanguageModel {
public:
    PassLanguageModel(std::shared_ptr<const Checkpoint> checkpoint, std::unique_ptr<ModelPasses> passes)
        : m_checkpoint(std::move(checkpoint)), m_passes(std::move(passes)) {}

    const DecoderConfig& config() const override { return m_checkpoint->config(); }
    Expected<std::vector<GeneratedAnswer>> generate(
        const std::vector<std::vector<std::int32_t>>& prompts, const DecodingOptions& options,
        const std::function<void(std::size_t index, const GeneratedAnswer&)>& finished, const Progress& progress) override;
    Expected<Likelihood> score(const std::vector<std::vector<std::int32_t>>& windows, const Progress& progress) override;
    Expected<std::vector<Likelihood>> scoreContinuations(const std::vector<std::int32_t>& prompt,
                                                         const std::vector<std::vector<std::int32_t>>& continuations,
                                                         const Progress& progress) override;
    Matrix lastLogits(const std::vector<std::vector<std::int32_t>>& sequences) override;

private:
    struct Answer;

    /// Checks ids, lengths and emptiness; `what` names the items in messages ("Prompt 3 ..."), `room` is wanted behind each.
    Expected<void> checkTokens(const std::vector<std::vector<std::int32_t>>& items, const char* what, std::size_t room) const;
    /// Positions that a prompt and its answer may take.
    int endOf(const PackedSequences& prompts, std::size_t index, const DecodingOptions& options) const;
    Answer begin(std::size_t index, const PackedSequences& prompts, const DecodingOptions& options, DecodingPasses& passes) const;
    /// LongRope's frequencies change where a sequence outgrows the original context: its keys are computed anew there, as
    /// transformers does for Phi-3.
    void restartWhereKeysChange(Answer& answer, const PackedSequences& prompts, DecodingPasses& passes) const;

    std::shared_ptr<const Checkpoint> m_checkpoint;
    std::unique_ptr<ModelPasses> m_passes;
};

}  // namespace safequant
