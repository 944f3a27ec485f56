// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tuning/tuning_loop.h"

#include <set>

#include "core/training/optimizer_state.h"
#include "core/training/optimizer_step.h"
#include "core/training/training_schedule.h"
#include "core/tuning/soft_labels.h"

namespace safequant {
namespace {

constexpr const char* kOrderStream = "tuning.pass.";

std::vector<at::Tensor> tensorsOf(const std::vector<NamedTensor>& named) {
    std::vector<at::Tensor> tensors;
    for (const NamedTensor& each : named) tensors.push_back(each.tensor);
    return tensors;
}

}  // namespace

std::vector<std::size_t> samplesTaken(const TuningOptions& options, std::size_t samples) {
    std::set<std::size_t> taken;
    for (int step = 0; step < options.steps && taken.size() < samples; ++step)
        for (const std::size_t index : samplesOfStep(step, static_cast<std::size_t>(options.batch), samples, options.seed, kOrderStream))
            taken.insert(index);
    return {taken.begin(), taken.end()};
}

TuningLoop::TuningLoop(TrainingModel model, std::vector<TrainingSample> samples, std::vector<at::Tensor> labels,
                       std::vector<NamedTensor> parameters, const TuningOptions& options)
    : m_model(std::move(model)),
      m_samples(std::move(samples)),
      m_labels(std::move(labels)),
      m_options(options),
      m_optimizer({{tensorsOf(parameters), options.learningRate, options.weightDecay}}) {
    for (NamedTensor& parameter : parameters) m_names.push_back(std::move(parameter.name));
}

Expected<TuningLoss> TuningLoop::gradient(const std::stop_token& stop) {
    std::vector<const TrainingSample*> chosen;
    std::vector<at::Tensor> labels;
    TuningLoss loss;
    for (const std::size_t index :
         samplesOfStep(m_done, static_cast<std::size_t>(m_options.batch), m_samples.size(), m_options.seed, kOrderStream)) {
        chosen.push_back(&m_samples[index]);
        loss.targets += static_cast<std::int64_t>(chosen.back()->learned());
        if (!m_labels.empty()) labels.push_back(m_labels[index]);
    }
    const double share = 1.0 / static_cast<double>(loss.targets);
    if (labels.empty()) {
        const auto weights = [&](std::span<const SampleLoss> losses) { return std::vector<double>(losses.size(), share); };
        const auto learned = m_model.addGradient(chosen, weights, stop);
        if (!learned) return fail(learned.error());
        loss.sum = learned->sum;
        return loss;
    }
    const HeadGradient head = [&](const HeadRows& rows) {
        at::Tensor gradient;
        const SoftLoss soft = softCrossEntropy(m_model, rows.hidden, at::cat(labels), &gradient);
        loss.sum = soft.sum;
        loss.entropy = soft.entropy;
        return gradient.mul_(share);
    };
    if (const auto learned = m_model.addGradientOf(chosen, head, stop); !learned) return fail(learned.error());
    return loss;
}

Expected<TuningStep> TuningLoop::step(const std::stop_token& stop) {
    m_optimizer.clearGradients();
    const auto loss = gradient(stop);
    if (!loss) return fail(loss.error());
    TuningStep result;
    result.loss = loss->sum / static_cast<double>(loss->targets);
    result.divergence = (loss->sum - loss->entropy) / static_cast<double>(loss->targets);
    result.targets = loss->targets;
    const auto taken = takeStep(m_optimizer, result.loss, m_done,
                                {RateSchedule::Cosine, m_options.learningRate, m_options.warmupSteps, m_options.steps, m_options.clipNorm});
    if (!taken) return fail(taken.error());
    result.gradientNorm = taken->gradientNorm;
    result.learningRate = taken->learningRate;
    result.step = ++m_done;
    return result;
}

Expected<void> TuningLoop::save(const std::string& path) const {
    return saveOptimizer(path, m_optimizer, m_names, {m_done});
}

Expected<void> TuningLoop::restore(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    const auto counts = restoreOptimizer(*file, m_optimizer, m_names, 1);
    if (!counts) return fail(counts.error());
    if (counts->front() < 0 || counts->front() > m_options.steps)
        return fail(ErrorKind::Mismatch, "The state is of another number of steps.", path);
    m_done = static_cast<int>(counts->front());
    return {};
}

}  // namespace safequant
