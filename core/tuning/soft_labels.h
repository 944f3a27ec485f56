// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/training/training_model.h"

namespace safequant {

/// Cross entropy with a teacher's probabilities, -sum q log p over the vocabulary, in nats.
struct SoftLoss {
    double sum = 0.0;      ///< Over all rows.
    double entropy = 0.0;  ///< Of the probabilities themselves: below it the sum cannot fall.
};

/// Of rows of the last block's output `[rows, hidden]`, against the probabilities that the head makes of `taught`, what
/// TrainingModel::headInputs gave of the teacher for the same rows. `gradient`, unless null, gets that of the sum by the rows. Logits in
/// pieces. Throws std::invalid_argument when the rows differ in number.
SoftLoss softCrossEntropy(const TrainingModel& model, const at::Tensor& hidden, const at::Tensor& taught, at::Tensor* gradient = nullptr);

}  // namespace safequant
