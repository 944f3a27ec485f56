// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/tensor_change.h"

namespace safequant {

/// A LoRA adapter as PEFT saves it (adapter_config.json and adapter_model.safetensors), fitted to a base model.
struct Adapter {
    std::string name;                ///< Of its folder.
    std::vector<std::string> files;  ///< Configuration and weights.
    /// Tensors of the base by name and what happens to them, in this order.
    std::vector<std::pair<std::string, std::unique_ptr<TensorChange>>> changes;

    /// Reads the header only. Fused projections (qkv_proj, gate_up_proj) are given to the rows of the base's separate
    /// ones. Errors: not_found; bad_input naming the tensor that has no place in the base, or does not fit it;
    /// unsupported (see AdapterConfig; embeddings of a model that uses them as its head; biases that the base lacks).
    static Expected<Adapter> open(const std::string& path, const Checkpoint& base);
};

/// Whether a folder holds an adapter and no model.
bool isAdapterFolder(const std::string& path);

/// `base` with adapters merged one after the other, in float32 and tensor by tensor as they are read. Tensors that an
/// adapter changes count as F32. Errors: those of Adapter::open.
Expected<std::shared_ptr<const Checkpoint>> adaptCheckpoint(std::shared_ptr<const Checkpoint> base,
                                                            const std::vector<std::string>& adapters);

}  // namespace safequant
