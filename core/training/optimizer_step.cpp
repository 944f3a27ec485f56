// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/optimizer_step.h"

#include <cmath>
#include <string>

namespace safequant {

Expected<TakenStep> takeStep(AdamW& optimizer, double loss, int done, const StepPlan& plan) {
    TakenStep taken;
    taken.gradientNorm = clipGradients(optimizer.parameters(), plan.clipNorm);
    if (!std::isfinite(loss) || !std::isfinite(taken.gradientNorm))
        return fail(ErrorKind::Failed, "The loss is no longer a number at step " + std::to_string(done + 1) + "; choose a smaller learning rate.");
    const double factor = rateFactor(plan.schedule, done, plan.warmup, plan.steps);
    taken.learningRate = plan.learningRate * factor;
    optimizer.step(factor);
    return taken;
}

}  // namespace safequant
