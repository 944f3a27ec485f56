// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"
#include "core/tensor/adam_w.h"
#include "core/training/training_schedule.h"

namespace safequant {

/// How far and along what schedule an optimizer goes.
struct StepPlan {
    RateSchedule schedule = RateSchedule::Cosine;
    double learningRate = 0.0;  ///< At the schedule's height.
    int warmup = 0, steps = 1;
    double clipNorm = 0.0;      ///< Largest norm of a step's gradient; 0: no limit.
};

/// What a step did.
struct TakenStep {
    double gradientNorm = 0.0;  ///< Before clipping.
    double learningRate = 0.0;
};

/// Clips the gradients that are there and steps along them, as step `done`, counted from 0. Errors: failed when `loss` or the norm is not
/// finite; no parameter has changed then.
Expected<TakenStep> takeStep(AdamW& optimizer, double loss, int done, const StepPlan& plan);

}  // namespace safequant
