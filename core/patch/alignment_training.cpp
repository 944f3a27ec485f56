// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/patch/alignment_training.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <filesystem>

#include "core/patch/alignment_loss.h"
#include "core/patch/safe_score.h"
#include "core/patch/whole_blocks.h"
#include "core/tensor/tensor_conversion.h"
#include "core/training/tensor_file.h"

namespace safequant {
namespace {

/// Rows whose logits are there at once, of the model and of its teachers.
constexpr std::int64_t kComparedRows = 256;

}  // namespace

AlignmentTraining::AlignmentTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<AlignmentSample> samples,
                                     const PatchOptions& options)
    : FactorTraining(std::move(blocks), std::move(model), options), m_samples(std::move(samples)) {}

Expected<AlignmentTraining> AlignmentTraining::create(std::shared_ptr<GridBlocks> blocks, std::vector<AlignmentSample> samples,
                                                      const AlignmentTeachers& teachers, const PatchOptions& options,
                                                      const Progress& progress, const std::string& reference) {
    if (samples.empty()) return fail(ErrorKind::BadInput, "There are no samples to learn from.");
    if (options.masked() && options.mask != PatchMask::Random)
        return fail(ErrorKind::BadInput, "A contrastive alignment has no scores of weights; choose the mask \"all\" or \"random\".");
    if (options.alignment.contrast > 0.0 && teachers.pretrained == nullptr)
        return fail(ErrorKind::BadInput, "The contrast needs a pretrained model; name one, or set \"lambda\" to 0.");
    auto model = patchedModel(teachers.full, blocks, options);
    if (!model) return fail(model.error());
    AlignmentTraining training(std::move(blocks), std::move(*model), std::move(samples), options);
    if (auto opened = training.openTeachers(teachers); !opened) return fail(opened.error());
    const bool kept = !reference.empty() && std::filesystem::exists(reference);
    if (auto taken = kept ? training.readReference(reference) : training.takeReference(progress); !taken) return fail(taken.error());
    if (!kept && !reference.empty())
        if (auto written = training.writeReference(reference); !written) return fail(written.error());
    return training;
}

template <typename Teaches>
AlignmentTraining::Teacher AlignmentTraining::teacherOf(TrainingModel model, const Teaches& teaches) const {
    Teacher teacher{std::move(model), {}, {}};
    std::int64_t rows = 0;
    for (const AlignmentSample& sample : m_samples) {
        teacher.firstRow.push_back(teaches(sample) ? rows : -1);
        if (teaches(sample)) rows += static_cast<std::int64_t>(sample.sample.learned());
    }
    return teacher;
}

Expected<void> AlignmentTraining::openTeachers(const AlignmentTeachers& teachers) {
    const auto whole = [](std::shared_ptr<const Checkpoint> checkpoint) { return std::make_shared<WholeBlocks>(std::move(checkpoint)); };
    const bool two = teachers.aligned != nullptr;
    m_full = teacherOf(model().withBlocks(whole(teachers.full)), [&](const AlignmentSample& sample) { return !two || !sample.malicious; });
    if (two) {
        auto opened = TrainingModel::load(teachers.aligned, whole(teachers.aligned), at::kCPU, 0);
        if (!opened) return fail(opened.error());
        m_aligned = teacherOf(std::move(*opened), [](const AlignmentSample& sample) { return sample.malicious; });
    }
    if (!contrasts()) return {};
    auto opened = TrainingModel::load(teachers.pretrained, whole(teachers.pretrained), at::kCPU, 0);
    if (!opened) return fail(opened.error());
    m_pretrained = teacherOf(std::move(*opened), [](const AlignmentSample&) { return true; });
    return {};
}

template <typename Use>
Expected<void> AlignmentTraining::eachTeacher(const Use& use) {
    for (const auto& [name, teacher] : {std::pair{"full", &m_full}, {"aligned", &m_aligned}, {"pretrained", &m_pretrained}})
        if (teacher->has_value())
            if (auto used = use(name, **teacher); !used) return used;
    return {};
}

Expected<void> AlignmentTraining::ask(Teacher& teacher, const Progress& progress) const {
    std::vector<const TrainingSample*> taught;
    for (std::size_t i = 0; i < m_samples.size(); ++i)
        if (teacher.firstRow[i] >= 0) taught.push_back(&m_samples[i].sample);
    if (taught.empty()) return {};
    auto inputs = teacher.model.headInputs(taught, static_cast<std::size_t>(options().batch), progress);
    if (!inputs) return fail(inputs.error());
    teacher.inputs = std::move(*inputs);
    return {};
}

Expected<void> AlignmentTraining::takeReference(const Progress& progress) {
    if (auto asked = eachTeacher([&](const char*, Teacher& teacher) { return ask(teacher, progress); }); !asked) return asked;
    if (!contrasts()) return {};
    const auto batch = static_cast<std::size_t>(options().batch);
    const c10::AutoGradMode noGradients(false);
    for (std::size_t first = 0; first < m_samples.size(); first += batch) {
        std::vector<std::size_t> chosen;
        std::vector<const TrainingSample*> samples;
        for (std::size_t i = first; i < std::min(first + batch, m_samples.size()); ++i) {
            chosen.push_back(i);
            samples.push_back(&m_samples[i].sample);
        }
        const auto rows = model().headRows(samples, progress.stop);
        if (!rows) return fail(rows.error());
        std::vector<double> sums(samples.size(), 0.0);
        compare(*rows, choiceOf(*rows, chosen), 1.0, nullptr, &sums);
        m_start.insert(m_start.end(), sums.begin(), sums.end());
    }
    return {};
}

Expected<void> AlignmentTraining::readReference(const std::string& path) {
    const auto file = TensorFile::open(path);
    if (!file) return fail(file.error());
    if (auto read = eachTeacher([&](const char* name, Teacher& teacher) -> Expected<void> {
            std::int64_t rows = 0;
            for (std::size_t i = 0; i < m_samples.size(); ++i)
                if (teacher.firstRow[i] >= 0) rows += static_cast<std::int64_t>(m_samples[i].sample.learned());
            if (rows == 0) return {};
            teacher.inputs = at::empty({rows, teacher.model.headWidth()});
            return file->read(name, teacher.inputs);
        });
        !read)
        return read;
    if (!contrasts()) return {};
    const at::Tensor stored = at::empty({static_cast<std::int64_t>(m_samples.size())}, at::kLong);
    if (auto read = file->read("start", stored); !read) return read;
    m_start = numbersOf(stored);
    return {};
}

Expected<void> AlignmentTraining::writeReference(const std::string& path) const {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, teacher] : {std::pair{"full", &m_full}, {"aligned", &m_aligned}, {"pretrained", &m_pretrained}})
        if (teacher->has_value() && (*teacher)->inputs.defined()) tensors.push_back({name, (*teacher)->inputs});
    if (contrasts()) tensors.push_back({"start", storedNumbers(m_start)});
    return writeTensorFile(path, tensors);
}

AlignmentTraining::Choice AlignmentTraining::choiceOf(const HeadRows& rows, std::span<const std::size_t> samples) const {
    Choice choice{samples, {}};
    std::vector<std::int64_t> seen(samples.size(), 0);
    for (const std::size_t sample : rows.samples) choice.places.push_back(seen[sample]++);
    return choice;
}

at::Tensor AlignmentTraining::teachersLogits(std::span<const Teacher* const> teachers, const HeadRows& rows, const Choice& choice,
                                             std::int64_t first, std::int64_t count) const {
    const c10::AutoGradMode noGradients(false);
    at::Tensor logits;
    for (const Teacher* teacher : teachers) {
        std::vector<std::int64_t> taught, inputs;
        for (std::int64_t i = 0; i < count; ++i) {
            const auto row = static_cast<std::size_t>(first + i);
            const std::int64_t begin = teacher->firstRow[choice.samples[rows.samples[row]]];
            if (begin < 0) continue;
            taught.push_back(i);
            inputs.push_back(begin + choice.places[row]);
        }
        if (taught.empty()) continue;
        const at::Tensor given = teacher->model.logitsOfInputs(teacher->inputs.index_select(0, indexTensor(inputs, at::kCPU)));
        if (static_cast<std::int64_t>(taught.size()) == count) return given;
        if (!logits.defined()) logits = at::empty({count, given.size(1)});
        logits.index_copy_(0, indexTensor(taught, at::kCPU), given);
    }
    return logits;
}

AlignmentTraining::Divergences AlignmentTraining::compare(const HeadRows& rows, const Choice& choice, double contrast, at::Tensor* gradient,
                                                          std::vector<double>* perSample) const {
    std::vector<const Teacher*> aligned{&*m_full};
    if (m_aligned) aligned.push_back(&*m_aligned);
    const AlignmentTerms& terms = options().alignment;
    Divergences sums;
    if (gradient != nullptr) *gradient = at::zeros_like(rows.hidden);
    const c10::AutoGradMode mode(gradient != nullptr);
    const std::int64_t total = rows.hidden.size(0);
    for (std::int64_t first = 0; first < total; first += kComparedRows) {
        const std::int64_t count = std::min(kComparedRows, total - first);
        const at::Tensor x = rows.hidden.narrow(0, first, count).detach().requires_grad_(gradient != nullptr);
        const at::Tensor logits = model().logits(x);
        const at::Tensor towards = divergence(logits, teachersLogits(aligned, rows, choice, first, count), terms);
        at::Tensor loss = towards.sum();
        sums.aligned += towards.detach().to(at::kDouble).sum().item<double>();
        if (contrast > 0.0) {
            const std::array<const Teacher*, 1> pretrained{&*m_pretrained};
            const at::Tensor away = divergence(logits, teachersLogits(pretrained, rows, choice, first, count), terms);
            loss = loss - contrast * away.sum();
            const at::Tensor values = away.detach().to(at::kDouble).contiguous();
            sums.pretrained += values.sum().item<double>();
            for (std::int64_t i = 0; perSample != nullptr && i < count; ++i)
                (*perSample)[rows.samples[static_cast<std::size_t>(first + i)]] += values.data_ptr<double>()[i];
        }
        if (gradient == nullptr) continue;
        loss.backward();
        gradient->narrow(0, first, count).copy_(x.grad());
    }
    return sums;
}

at::Tensor AlignmentTraining::objectiveGradient(const HeadRows& rows, std::span<const std::size_t> samples, PatchStep& result) const {
    const AlignmentTerms& terms = options().alignment;
    const Choice choice = choiceOf(rows, samples);
    const double count = static_cast<double>(rows.samples.size());
    at::Tensor gradient;
    const Divergences sums = compare(rows, choice, terms.contrast, &gradient, nullptr);
    double counted = sums.pretrained;
    if (contrasts()) {
        double limit = 0.0;
        for (const std::size_t sample : samples) limit += terms.limit * m_start[sample];
        result.limited = sums.pretrained > limit;
        // Beyond its limit the second term is constant.
        if (result.limited) {
            counted = limit;
            compare(rows, choice, 0.0, &gradient, nullptr);
        }
    }
    result.aligned = sums.aligned / count;
    result.pretrained = sums.pretrained / count;
    result.loss = (sums.aligned - terms.contrast * counted) / count;
    return gradient.div_(count);
}

Expected<PatchStep> AlignmentTraining::step(const std::stop_token& stop) {
    PatchStep result;
    if (options().masked() && m_identified < 0) {
        maskRandomWeights(blocks(), options());
        m_identified = done();
        result.identified = true;
    }
    const auto chosen = chosenOf(m_samples.size());
    std::vector<const TrainingSample*> samples;
    for (const std::size_t sample : chosen) samples.push_back(&m_samples[sample].sample);
    optimizer().clearGradients();
    const HeadGradient head = [&](const HeadRows& rows) { return objectiveGradient(rows, chosen, result); };
    if (const auto gone = model().addGradientOf(samples, head, stop); !gone) return fail(gone.error());
    if (auto stepped = advance(result); !stepped) return fail(stepped.error());
    return result;
}

}  // namespace safequant
