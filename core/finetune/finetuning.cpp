// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/finetuning.h"

#include <algorithm>

#include "core/training/adapted_blocks.h"
#include "core/tensor/device.h"
#include "core/training/optimizer_state.h"
#include "core/training/optimizer_step.h"

namespace safequant {
namespace {

constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;

AdamW optimizerOf(const FinetuneSpec& spec, const LowRankAdapter& adapter, const WeightBlocks* weights) {
    std::vector<at::Tensor> parameters = adapter.parameters();
    if (weights != nullptr)
        for (const NamedTensor& weight : weights->parameters()) parameters.push_back(weight.tensor);
    return AdamW({{std::move(parameters), spec.training.learningRate, spec.training.weightDecay}});
}

}  // namespace

int stepCount(const TrainingOptions& options, std::size_t samples) {
    if (options.steps > 0) return options.steps;
    const double perStep = static_cast<double>(options.batch) * options.accumulate;
    return std::max(1, static_cast<int>(std::ceil(options.epochs * static_cast<double>(samples) / perStep)));
}

Finetuning::Finetuning(const FinetuneSpec& spec, LowRankAdapter adapter, std::shared_ptr<WeightBlocks> weights, TrainingModel model,
                       std::vector<TrainingSample> samples)
    : m_options(spec.training),
      m_seed(spec.seed),
      m_adapter(std::move(adapter)),
      m_weights(std::move(weights)),
      m_model(std::move(model)),
      m_samples(std::move(samples)),
      m_optimizer(optimizerOf(spec, m_adapter, m_weights.get())),
      m_steps(stepCount(spec.training, m_samples.size())) {}

Expected<Finetuning> Finetuning::create(const FinetuneSpec& spec, std::shared_ptr<const Checkpoint> checkpoint,
                                        std::vector<TrainingSample> samples, const Progress& progress) {
    if (samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to learn from.");
    const auto device = parseDevice(spec.device);
    if (!device) return fail(device.error());
    prepareTensorThreads();
    if (auto possible = LowRankAdapter::checkTargets(checkpoint->config(), spec.lora); !possible) return fail(possible.error());
    const auto graphBytes = static_cast<std::uint64_t>(spec.graphMemoryGib * kBytesPerGib);
    if (spec.full) {
        auto weights = WeightBlocks::load(*checkpoint, spec.lora.targets, *device, progress);
        if (!weights) return fail(weights.error());
        auto model = TrainingModel::load(std::move(checkpoint), *weights, *device, graphBytes);
        if (!model) return fail(model.error());
        return Finetuning(spec, LowRankAdapter(), std::move(*weights), std::move(*model), std::move(samples));
    }
    LowRankAdapter adapter = LowRankAdapter::create(checkpoint->config(), spec.lora, spec.seed, *device);
    if (!spec.initialAdapter.empty())
        if (auto loaded = adapter.load(spec.initialAdapter); !loaded) return fail(loaded.error());
    auto blocks = AdaptedBlocks::load(*checkpoint, adapter, *device, progress);
    if (!blocks) return fail(blocks.error());
    auto model = TrainingModel::load(std::move(checkpoint), std::move(*blocks), *device, graphBytes);
    if (!model) return fail(model.error());
    return Finetuning(spec, std::move(adapter), nullptr, std::move(*model), std::move(samples));
}

std::vector<std::size_t> Finetuning::samplesOf(int step) const {
    const std::size_t perStep = static_cast<std::size_t>(m_options.batch) * static_cast<std::size_t>(m_options.accumulate);
    return samplesOfStep(step, perStep, m_samples.size(), m_seed, "finetune.pass.");
}

Expected<TrainingLoss> Finetuning::gradient(const std::stop_token& stop) {
    std::vector<const TrainingSample*> chosen;
    for (const std::size_t index : samplesOf(m_done)) chosen.push_back(&m_samples[index]);
    std::size_t targets = 0;
    for (const TrainingSample* sample : chosen) targets += sample->learned();
    const auto share = [&](std::span<const SampleLoss> losses) { return std::vector<double>(losses.size(), 1.0 / static_cast<double>(targets)); };
    TrainingLoss total;
    const auto batch = static_cast<std::size_t>(m_options.batch);
    for (std::size_t first = 0; first < chosen.size(); first += batch) {
        const std::span<const TrainingSample* const> samples(chosen.data() + first, batch);
        const auto loss = m_model.addGradient(samples, share, stop);
        if (!loss) return loss;
        total.sum += loss->sum;
        total.targets += loss->targets;
        total.rows += loss->rows;
    }
    return total;
}

Expected<FinetuneStep> Finetuning::step(const std::stop_token& stop) {
    m_optimizer.clearGradients();
    const auto loss = gradient(stop);
    if (!loss) return fail(loss.error());
    FinetuneStep result;
    result.loss = loss->sum / static_cast<double>(loss->targets);
    result.targets = loss->targets;
    result.rows = loss->rows;
    const auto taken = takeStep(m_optimizer, result.loss, m_done,
                                {m_options.schedule, m_options.learningRate, m_options.warmupSteps, m_steps, m_options.clipNorm});
    if (!taken) return fail(taken.error());
    result.gradientNorm = taken->gradientNorm;
    result.learningRate = taken->learningRate;
    result.step = ++m_done;
    return result;
}

const std::vector<NamedTensor>& Finetuning::weights() const {
    static const std::vector<NamedTensor> none;
    return m_weights != nullptr ? m_weights->parameters() : none;
}

std::vector<std::string> Finetuning::names() const {
    std::vector<std::string> names;
    for (const NamedTensor& weight : weights()) names.push_back(weight.name);
    for (const auto& module : m_adapter.modules())
        for (const char* factor : {".lora_A", ".lora_B"}) names.push_back(module.name + factor);
    return names;
}

Expected<void> Finetuning::save(const std::string& path) const { return saveOptimizer(path, m_optimizer, names(), {m_done}); }

Expected<void> Finetuning::restore(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    const auto counts = restoreOptimizer(*file, m_optimizer, names(), 1);
    if (!counts) return fail(counts.error());
    if (counts->front() < 0 || counts->front() > m_steps)
        return fail(ErrorKind::Mismatch, "The state is of another number of steps.", path);
    m_done = static_cast<int>(counts->front());
    return {};
}

}  // namespace safequant
