// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/realign/learning_options.h"

#include <algorithm>

namespace safequant {

RealignObjective RealignObjective::reconstruction() {
    RealignObjective objective;
    objective.target = MaliciousTarget::FineTuned;
    objective.maliciousLast = 0.0;
    return objective;
}

RealignObjective RealignObjective::published() {
    RealignObjective objective;
    objective.target = MaliciousTarget::FineTuned;
    objective.malicious = 0.0;
    objective.maliciousLast = 0.0;
    objective.probeMalicious = 1.0;
    objective.normalise = false;
    return objective;
}

RealignObjective RealignObjective::dualStream() {
    RealignObjective objective;
    objective.metric = ErrorMetric::AsNormsRead;
    objective.malicious = objective.maliciousLast = 2.0;
    return objective;
}

RealignObjective RealignObjective::signature(double gain) {
    RealignObjective objective;
    objective.target = MaliciousTarget::Signature;
    objective.metric = ErrorMetric::AsNormsRead;
    objective.gain = gain;
    return objective;
}

bool RealignObjective::isMalicious(SampleKind kind) const {
    return kind == (swapLabels ? SampleKind::Benign : SampleKind::Malicious);
}

bool LearnableTerms::any() const {
    return clipping || offsets || std::any_of(equivalences.begin(), equivalences.end(), [](bool on) { return on; });
}

}  // namespace safequant
