// SPDX-License-Identifier: GPL-3.0-or-later
#include <optional>

#include "core/tensor/device.h"
#include "core/tuning/latent_blocks.h"
#include "core/tuning/tuner.h"
#include "core/tuning/tuning_loop.h"

namespace safequant {
namespace {

class LatentTuner final : public Tuner {
public:
    LatentTuner(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options)
        : m_checkpoint(std::move(checkpoint)), m_options(options), m_blocks(std::make_shared<LatentBlocks>(m_checkpoint->config())) {}

    void add(BlockWeights weights, std::span<const LinearPlan> plan) override { m_blocks->add(std::move(weights), plan); }

    Expected<void> begin(std::vector<TrainingSample> samples, const Progress& progress) override {
        if (samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to learn from.");
        if (m_blocks->parameters().empty()) return fail(ErrorKind::BadInput, "No linear is quantized, so there is nothing to tune.");
        prepareTensorThreads();
        auto model = TrainingModel::load(m_checkpoint, m_blocks, at::kCPU, m_options.graphBytes());
        if (!model) return fail(model.error());
        // Nothing has been learned yet: the latent weights are the full-precision model's.
        m_blocks->setFullPrecision(true);
        auto labels = takeLabels(*model, samples, progress);
        m_blocks->setFullPrecision(false);
        if (!labels) return fail(labels.error());
        m_loop.emplace(std::move(*model), std::move(samples), std::move(*labels), m_blocks->parameters(), m_options);
        return {};
    }

    int done() const override { return m_loop->done(); }
    Expected<TuningStep> step(const std::stop_token& stop) override { return m_loop->step(stop); }
    CodedBlock tuned(int block) const override { return m_blocks->rounded(static_cast<std::size_t>(block)); }
    Expected<void> save(const std::string& path) const override { return m_loop->save(path); }
    Expected<void> restore(const std::string& path) override { return m_loop->restore(path); }

private:
    /// Of the samples that steps take.
    Expected<std::vector<at::Tensor>> takeLabels(const TrainingModel& model, const std::vector<TrainingSample>& samples,
                                                 const Progress& progress) const {
        std::vector<at::Tensor> labels(samples.size());
        const std::vector<std::size_t> taken = samplesTaken(m_options, samples.size());
        std::vector<const TrainingSample*> asked;
        for (const std::size_t index : taken) asked.push_back(&samples[index]);
        const auto inputs = model.headInputs(asked, static_cast<std::size_t>(m_options.batch), progress);
        if (!inputs) return fail(inputs.error());
        std::int64_t first = 0;
        for (const std::size_t index : taken) {
            const auto rows = static_cast<std::int64_t>(samples[index].learned());
            labels[index] = inputs->narrow(0, first, rows);
            first += rows;
        }
        return labels;
    }

    std::shared_ptr<const Checkpoint> m_checkpoint;
    TuningOptions m_options;
    std::shared_ptr<LatentBlocks> m_blocks;
    std::optional<TuningLoop> m_loop;
};

}  // namespace

std::unique_ptr<Tuner> Tuner::latentWeights(std::shared_ptr<const Checkpoint> checkpoint, const TuningOptions& options) {
    return std::make_unique<LatentTuner>(std::move(checkpoint), options);
}

}  // namespace safequant
