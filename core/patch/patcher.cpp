// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/patcher.h"

#include "core/patch/alignment_training.h"
#include "core/patch/patch_training.h"

namespace safequant {
namespace {

class GridPatcher final : public Patcher {
public:
    GridPatcher(std::shared_ptr<const Checkpoint> checkpoint, const PatchOptions& options, bool scaled)
        : m_checkpoint(std::move(checkpoint)),
          m_options(options),
          m_blocks(std::make_shared<GridBlocks>(m_checkpoint->config(), options.factors, options.seed, scaled)) {}

    void add(const BlockWeights& original, CodedBlock quantized) override { m_blocks->add(original, std::move(quantized)); }
    Expected<void> begin(std::vector<PreferencePair> pairs, const std::string& reference, const Progress& progress) override {
        auto training = PatchTraining::create(m_checkpoint, m_blocks, std::move(pairs), m_options, progress, reference);
        if (!training) return fail(training.error());
        m_training = std::make_unique<PatchTraining>(std::move(*training));
        return {};
    }
    Expected<void> begin(std::vector<AlignmentSample> samples, const AlignmentTeachers& teachers, const std::string& reference,
                         const Progress& progress) override {
        auto training = AlignmentTraining::create(m_blocks, std::move(samples), teachers, m_options, progress, reference);
        if (!training) return fail(training.error());
        m_training = std::make_unique<AlignmentTraining>(std::move(*training));
        return {};
    }
    int done() const override { return m_training->done(); }
    Expected<PatchStep> step(const std::stop_token& stop) override { return m_training->step(stop); }
    PatchedBlock patched(int block, const BlockWeights& original) const override { return m_blocks->patched(static_cast<std::size_t>(block), original); }
    OpenCodes openCodes(int block) const override { return m_blocks->openCodes(static_cast<std::size_t>(block)); }
    Expected<void> save(const std::string& path) const override { return m_training->save(path); }
    Expected<void> restore(const std::string& path) override { return m_training->restore(path); }

private:
    std::shared_ptr<const Checkpoint> m_checkpoint;
    PatchOptions m_options;
    std::shared_ptr<GridBlocks> m_blocks;
    std::unique_ptr<FactorTraining> m_training;
};

}  // namespace

std::unique_ptr<Patcher> Patcher::create(std::shared_ptr<const Checkpoint> checkpoint, const PatchOptions& options, bool scaled) {
    return std::make_unique<GridPatcher>(std::move(checkpoint), options, scaled);
}

}  // namespace safequant
