// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/factor_training.h"

#include <cstring>

#include "core/patch/weight_bits.h"
#include "core/tensor/device.h"
#include "core/training/optimizer_state.h"
#include "core/training/optimizer_step.h"
#include "core/training/training_schedule.h"

namespace safequant {
namespace {

constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;

/// A mask as a file holds it, 64 weights a word.
at::Tensor packedMask(const at::Tensor& mask) {
    const WeightBits bits = packBits({mask.data_ptr<std::uint8_t>(), static_cast<std::size_t>(mask.numel())});
    at::Tensor words = at::empty({static_cast<std::int64_t>(bits.size())}, at::kLong);
    std::memcpy(words.data_ptr<std::int64_t>(), bits.data(), bits.size() * sizeof(std::uint64_t));
    return words;
}

Expected<at::Tensor> readMask(const TensorFile& file, const GridBlocks::Module& module) {
    at::Tensor mask = at::empty(module.grid.latent().sizes(), at::kByte);
    const at::Tensor words = at::zeros({(mask.numel() + 63) / 64}, at::kLong);
    if (auto read = file.read(module.name + ".mask", words); !read) return fail(read.error());
    WeightBits bits(static_cast<std::size_t>(words.numel()));
    std::memcpy(bits.data(), words.data_ptr<std::int64_t>(), bits.size() * sizeof(std::uint64_t));
    unpackBits(bits, {mask.data_ptr<std::uint8_t>(), static_cast<std::size_t>(mask.numel())});
    return mask;
}

}  // namespace

FactorTraining::FactorTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, const PatchOptions& options)
    : m_blocks(std::move(blocks)),
      m_model(std::move(model)),
      m_options(options),
      m_optimizer({{m_blocks->parameters(), options.learningRate, 0.0}}) {}

std::vector<std::size_t> FactorTraining::chosenOf(std::size_t samples) const {
    return samplesOfStep(m_done, static_cast<std::size_t>(m_options.batch), samples, m_options.seed, "patch.pass.");
}

Expected<void> FactorTraining::advance(PatchStep& step) {
    const auto taken = takeStep(m_optimizer, step.loss, m_done,
                                {RateSchedule::Cosine, m_options.learningRate, m_options.warmupSteps, m_options.steps, m_options.clipNorm});
    if (!taken) return fail(taken.error());
    step.gradientNorm = taken->gradientNorm;
    step.learningRate = taken->learningRate;
    step.step = ++m_done;
    return {};
}

std::vector<std::string> FactorTraining::names() const {
    std::vector<std::string> names;
    for (const GridBlocks::Module& module : m_blocks->modules())
        for (const char* factor : {".A", ".B"}) names.push_back(module.name + factor);
    return names;
}

Expected<void> FactorTraining::save(const std::string& path) const {
    std::vector<NamedTensor> masks;
    for (const GridBlocks::Module& module : m_blocks->modules())
        if (module.mask.defined()) masks.push_back({module.name + ".mask", packedMask(module.mask)});
    return saveOptimizer(path, m_optimizer, names(), {m_done, m_identified}, std::move(masks));
}

Expected<void> FactorTraining::restore(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    const auto counts = restoreOptimizer(*file, m_optimizer, names(), 2);
    if (!counts) return fail(counts.error());
    if ((*counts)[0] < 0 || (*counts)[0] > m_options.steps)
        return fail(ErrorKind::Mismatch, "The state is of another number of steps.", path);
    m_done = static_cast<int>((*counts)[0]);
    m_identified = static_cast<int>((*counts)[1]);
    if (m_identified < 0) return {};
    for (GridBlocks::Module& module : m_blocks->modules()) {
        auto mask = readMask(*file, module);
        if (!mask) return fail(mask.error());
        module.mask = std::move(*mask);
    }
    return {};
}

Expected<TrainingModel> patchedModel(std::shared_ptr<const Checkpoint> checkpoint, std::shared_ptr<GridBlocks> blocks,
                                     const PatchOptions& options) {
    if (blocks->modules().empty()) return fail(ErrorKind::BadInput, "No linear is quantized, so there is nothing to patch.");
    prepareTensorThreads();
    return TrainingModel::load(std::move(checkpoint), std::move(blocks), at::kCPU,
                               static_cast<std::uint64_t>(options.graphMemoryGib * kBytesPerGib));
}

at::Tensor storedNumbers(const std::vector<double>& values) {
    at::Tensor stored = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
    std::memcpy(stored.data_ptr<std::int64_t>(), values.data(), values.size() * sizeof(double));
    return stored;
}

std::vector<double> numbersOf(const at::Tensor& stored) {
    std::vector<double> values(static_cast<std::size_t>(stored.numel()));
    std::memcpy(values.data(), stored.data_ptr<std::int64_t>(), values.size() * sizeof(double));
    return values;
}

}  // namespace safequant
