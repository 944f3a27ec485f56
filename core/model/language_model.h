// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/model/block_runner.h"
#include "core/model/generation.h"
#include "core/model/output_logits.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// The one language model there is: every block packed in memory, embeddings read from the mapped checkpoint.
class PackedLanguageModel final : public LanguageModel {
public:
    PackedLanguageModel(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head);
    void addBlock(const BlockWeights& weights) { m_blocks.emplace_back(config(), weights); }

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
    /// A row of hidden states and the token that is to follow it.
    struct Prediction {
        std::int32_t row;
        std::int32_t token;
    };

    /// Checks ids, lengths and emptiness; `what` names the items in messages ("Prompt 3 ..."), `room` is wanted behind each.
    Expected<void> checkTokens(const std::vector<std::vector<std::int32_t>>& items, const char* what, std::size_t room) const;
    /// Output of the last block, keys and values dropped block by block.
    Expected<Matrix> forward(const PackedSequences& sequences, const std::stop_token& stop);
    /// Feeds tokens of answers in progress (or of the prefix) through all blocks, extending their caches.
    Expected<Matrix> feed(const std::vector<std::int32_t>& tokens, std::vector<SequenceRun>& runs,
                          const std::vector<std::vector<KvCache>*>& caches, const std::vector<KvCache>& prefix,
                          const std::stop_token& stop);
    /// -log p of every prediction, in nats.
    Expected<std::vector<double>> losses(const Matrix& hidden, const std::vector<Prediction>& predictions, const std::stop_token& stop) const;
    Expected<std::vector<KvCache>> prefillPrefix(const PackedSequences& prompts, const std::stop_token& stop);
    Answer begin(std::size_t index, const PackedSequences& prompts, const std::vector<KvCache>& prefix, const DecodingOptions& options);
    /// LongRope's frequencies change where a sequence outgrows the original context: its keys are computed anew there, as
    /// transformers does for Phi-3.
    void restartWhereKeysChange(Answer& answer, const PackedSequences& prompts) const;
    void choose(const Matrix& hidden, const std::vector<std::int32_t>& lastRows, const DecodingOptions& options,
                std::vector<Answer>& active) const;

    std::shared_ptr<const Checkpoint> m_checkpoint;
    PackedHead m_head;
    std::vector<PackedBlock> m_blocks;
    BlockRunner m_runner;
};

}  // namespace safequant
