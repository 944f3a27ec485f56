// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include "core/model/compute_device.h"
#include "core/tensor/tensor_passes.h"

namespace safequant {

/// Computes with libtorch: rows in chunks through one block after the other, copies to and from the device beside its work.
class TensorDevice final : public ComputeDevice {
public:
    explicit TensorDevice(const at::Device& device, const TensorLimits& limits = {}) : m_device(device), m_limits(limits) {}

    std::string name() const override;
    bool forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                      const std::stop_token& stop = {}) const override;
    Expected<std::unique_ptr<LanguageModel>> load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                  const Progress& progress = {}) const override;

private:
    at::Device m_device;
    TensorLimits m_limits;
};

}  // namespace safequant
