// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "core/model/decoder.h"
#include "core/model/generation.h"

namespace safequant {

/// Where blocks and language models are computed.
class ComputeDevice {
public:
    virtual ~ComputeDevice() = default;

    /// "cpu", "cuda:0".
    virtual std::string name() const = 0;
    /// Whether this is the processor with this program's own kernels, which leave no core idle.
    virtual bool isProcessor() const { return false; }
    /// What the free function of this name does.
    virtual bool forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                              const std::stop_token& stop = {}) const = 0;
    /// What LanguageModel::load does.
    virtual Expected<std::unique_ptr<LanguageModel>> load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                          const Progress& progress = {}) const = 0;
};

/// The processor.
std::shared_ptr<const ComputeDevice> processor();

}  // namespace safequant
