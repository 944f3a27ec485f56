// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "core/model/model_passes.h"
#include "core/tensor/device_blocks.h"
#include "core/tensor/row_plan.h"

namespace safequant {

/// Sizes of what is held on a device at once.
struct TensorLimits {
    std::size_t chunkRows = 4096;                                  ///< Rows sent through a block in one go.
    std::size_t residentBlocks = static_cast<std::size_t>(-1);     ///< Blocks kept there; fewer where it has no room.
};

/// Passes through a model on a device, embeddings read from the mapped checkpoint. Nothing waits for the device but the results.
class TensorPasses final : public ModelPasses {
public:
    TensorPasses(std::shared_ptr<const Checkpoint> checkpoint, const OutputHead& head, const at::Device& device, const TensorLimits& limits);
    void addBlock(const BlockWeights& weights) { m_blocks.add(weights); }
    const DeviceBlocks& blocks() const { return m_blocks; }

    std::size_t rowsPerPass() const override;
    Expected<void> logits(const PackedSequences& sequences, std::span<const std::int32_t> rows, const TakeLogits& take,
                          const std::stop_token& stop) override;
    Expected<std::vector<double>> losses(const PackedSequences& sequences, std::span<const Prediction> predictions,
                                         const std::stop_token& stop) override;
    Expected<std::unique_ptr<DecodingPasses>> decode(const PackedSequences& prompts, std::size_t sequences, int positions,
                                                     const std::stop_token& stop) override;

private:
    class Decoding;
    /// Rows on their way through the blocks.
    struct Part {
        CachedLayout layout;
        at::Tensor hidden;  // `[rows, hidden]`.
    };

    const DecoderConfig& config() const { return m_checkpoint->config(); }
    Expected<at::Tensor> embed(std::span<const std::int32_t> tokens) const;
    static at::Tensor joined(const std::vector<Part>& parts);
    /// Output of a block for a part.
    using Step = std::function<at::Tensor(std::size_t block, const TensorBlock& weights, std::size_t part)>;
    /// Sends parts through all blocks. False when stopped.
    bool forward(std::vector<Part>& parts, const Step& step, const std::stop_token& stop);
    /// Output of the last block.
    Expected<at::Tensor> forward(const PackedSequences& sequences, const std::stop_token& stop);
    at::Tensor logitsOf(const at::Tensor& hidden, std::span<const std::int64_t> rows) const;
    void takeLogits(const at::Tensor& hidden, std::span<const std::int64_t> rows, const TakeLogits& take);

    std::shared_ptr<const Checkpoint> m_checkpoint;
    at::Device m_device;
    TensorLimits m_limits;
    DeviceBlocks m_blocks;
    std::vector<RopeTable> m_ropes;
    at::Tensor m_norm, m_head;
};

}  // namespace safequant
