// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/training/training_blocks.h"

namespace safequant {

/// The blocks of a checkpoint before any quantization, each read when it is asked for. Nothing learns: gradients go to a visitor. A block
/// that cannot be read is thrown as std::runtime_error.
class WholeBlocks final : public TrainingBlocks {
public:
    /// Called for every linear of a block that a gradient came back through, with its weight, which has it.
    using Visitor = std::function<void(int block, LinearRole role, const at::Tensor& weight)>;

    explicit WholeBlocks(std::shared_ptr<const Checkpoint> checkpoint, Visitor visitor = {})
        : m_checkpoint(std::move(checkpoint)), m_visitor(std::move(visitor)) {}

    TensorBlock block(std::size_t index) override;
    void learned(std::size_t index, const TensorBlock& used) override;

private:
    std::shared_ptr<const Checkpoint> m_checkpoint;
    Visitor m_visitor;
};

}  // namespace safequant
