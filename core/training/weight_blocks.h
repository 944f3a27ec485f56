// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/training/tensor_file.h"
#include "core/training/training_blocks.h"

namespace safequant {

/// Blocks whose linears learn themselves, in float32. Biases and norms stay as they are.
class WeightBlocks final : public TrainingBlocks {
public:
    /// Linears of these roles learn. Progress counts blocks. Errors: those of the checkpoint; cancelled, out_of_memory.
    static Expected<std::shared_ptr<WeightBlocks>> load(const Checkpoint& checkpoint, std::span<const LinearRole> roles, const at::Device& device,
                                                        const Progress& progress = {});

    TensorBlock block(std::size_t index) override;
    void learned(std::size_t index, const TensorBlock& used) override;

    /// The weights that learn by the names of their linears, in order: leaves.
    const std::vector<NamedTensor>& parameters() const { return m_parameters; }

private:
    std::vector<LinearRole> m_roles;
    std::vector<TensorBlock> m_blocks;
    std::vector<NamedTensor> m_parameters;
};

}  // namespace safequant
