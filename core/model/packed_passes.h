// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/model/block_runner.h"
#include "core/model/decoder.h"
#include "core/model/model_passes.h"
#include "core/model/output_logits.h"

namespace safequant {

/// Passes on the processor: every block packed in memory, embeddings read from the mapped checkpoint.
class PackedPasses final : public ModelPasses {
public:
    PackedPasses(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head);
    void addBlock(const BlockWeights& weights) { m_blocks.emplace_back(m_checkpoint->config(), weights); }

    std::size_t rowsPerPass() const override;
    Expected<void> logits(const PackedSequences& sequences, std::span<const std::int32_t> rows, const TakeLogits& take,
                          const std::stop_token& stop) override;
    Expected<std::vector<double>> losses(const PackedSequences& sequences, std::span<const Prediction> predictions,
                                         const std::stop_token& stop) override;
    Expected<std::unique_ptr<DecodingPasses>> decode(const PackedSequences& prompts, std::size_t sequences, int positions,
                                                     const std::stop_token& stop) override;

private:
    class Decoding;

    /// Output of the last block, keys and values dropped block by block.
    Expected<Matrix> forward(const PackedSequences& sequences, const std::stop_token& stop);
    void takeLogits(const Matrix& hidden, std::span<const std::int32_t> rows, const TakeLogits& take) const;
    void takeLargest(const Matrix& hidden, std::span<const std::int32_t> rows, std::span<std::int32_t> chosen);

    std::shared_ptr<const Checkpoint> m_checkpoint;
    PackedHead m_head;
    std::vector<PackedBlock> m_blocks;
    BlockRunner m_runner;
};

}  // namespace safequant
