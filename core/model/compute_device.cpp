// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/compute_device.h"

namespace safequant {
namespace {

class Processor final : public ComputeDevice {
public:
    std::string name() const override { return "cpu"; }
    bool isProcessor() const override { return true; }
    bool forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                      const std::stop_token& stop) const override {
        return safequant::forwardBlock(config, weights, sequences, hidden, stop);
    }
    Expected<std::unique_ptr<LanguageModel>> load(std::shared_ptr<const Checkpoint> checkpoint, const BlockSource& blocks,
                                                  const Progress& progress) const override {
        return LanguageModel::load(std::move(checkpoint), blocks, progress);
    }
};

}  // namespace

std::shared_ptr<const ComputeDevice> processor() { return std::make_shared<Processor>(); }

}  // namespace safequant
