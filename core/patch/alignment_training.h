// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/patch/factor_training.h"

namespace safequant {

/// A patch learned by AAQ's loss (arXiv 2511.07842) where the paper learns rotations and smoothing. Of the teachers what their heads read
/// is kept, `[rows, hidden]` in float32 each, and their logits are computed anew in every step: exact, and a vocabulary smaller than the
/// distributions.
class AlignmentTraining final : public FactorTraining {
public:
    /// Takes what the teachers' heads read at all rows, and the quantized model's divergence from the pretrained one; or reads them from
    /// the file `reference` (empty: none), which is written when it is not there. `blocks` are whole. Progress counts blocks of teachers.
    /// Errors: bad_input without samples, or without a pretrained model that the contrast needs, or with a mask that needs scores; those of
    /// TrainingModel; io; mismatch when the file is of other samples.
    static Expected<AlignmentTraining> create(std::shared_ptr<GridBlocks> blocks, std::vector<AlignmentSample> samples,
                                              const AlignmentTeachers& teachers, const PatchOptions& options, const Progress& progress = {},
                                              const std::string& reference = {});

    Expected<PatchStep> step(const std::stop_token& stop = {}) override;

private:
    /// A model whose distributions are compared with.
    struct Teacher {
        TrainingModel model;
        std::vector<std::int64_t> firstRow;  // Of each sample among its rows; -1: it does not teach that one.
        at::Tensor inputs;                   // What its head reads, `[rows, hidden]`.
    };
    /// Sums over rows, in nats.
    struct Divergences {
        double aligned = 0.0, pretrained = 0.0;
    };
    /// A step's samples and the place of each row among those of its sample.
    struct Choice {
        std::span<const std::size_t> samples;
        std::vector<std::int64_t> places;
    };

    AlignmentTraining(std::shared_ptr<GridBlocks> blocks, TrainingModel model, std::vector<AlignmentSample> samples,
                      const PatchOptions& options);

    bool contrasts() const { return options().alignment.contrast > 0.0; }
    Expected<void> openTeachers(const AlignmentTeachers& teachers);
    template <typename Teaches>
    Teacher teacherOf(TrainingModel model, const Teaches& teaches) const;
    Expected<void> ask(Teacher& teacher, const Progress& progress) const;
    Expected<void> takeReference(const Progress& progress);
    Expected<void> readReference(const std::string& path);
    Expected<void> writeReference(const std::string& path) const;
    /// Each teacher with its name in files.
    template <typename Use>
    Expected<void> eachTeacher(const Use& use);

    Choice choiceOf(const HeadRows& rows, std::span<const std::size_t> samples) const;
    /// Logits of rows from `first` on by their teachers.
    at::Tensor teachersLogits(std::span<const Teacher* const> teachers, const HeadRows& rows, const Choice& choice, std::int64_t first,
                              std::int64_t count) const;
    /// `gradient`, unless null, gets that of aligned - contrast * pretrained by the rows; the second divergence is left out with a contrast
    /// of 0. `perSample`, unless null, gets its sums for each of the choice's samples.
    Divergences compare(const HeadRows& rows, const Choice& choice, double contrast, at::Tensor* gradient,
                        std::vector<double>* perSample) const;
    at::Tensor objectiveGradient(const HeadRows& rows, std::span<const std::size_t> samples, PatchStep& result) const;

    std::vector<AlignmentSample> m_samples;
    std::optional<Teacher> m_full, m_aligned, m_pretrained;
    std::vector<double> m_start;  // Divergence of each sample from the pretrained model at the start, over its rows.
};

}  // namespace safequant
