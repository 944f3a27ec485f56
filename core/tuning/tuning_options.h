// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace safequant {

/// How a method with tuning learns.
struct TuningOptions {
    int steps = 60;
    int batch = 8;  ///< Samples a step.
    double learningRate = 5e-5;
    double weightDecay = 0.0;        ///< Decoupled, as AdamW takes it.
    int warmupSteps = 6;             ///< The rate rises over them, and falls along half a cosine over all steps.
    double clipNorm = 1.0;           ///< Largest norm of a step's gradient; 0: no limit.
    double graphMemoryGib = 0.5;     ///< For activations that spare running a block again.
    int rank = 16;                   ///< Of an adapter.
    double alpha = 32.0;             ///< An adapter's change is multiplied by alpha / rank.
    bool doubleQuantization = true;  ///< Scales of NF4 blocks are quantized as well.
    std::uint64_t seed = 0;

    std::uint64_t graphBytes() const { return static_cast<std::uint64_t>(graphMemoryGib * 1024.0 * 1024.0 * 1024.0); }
};

/// What one step did, before it changed anything.
struct TuningStep {
    int step = 0;       ///< Counted from 1.
    double loss = 0.0;  ///< Mean cross entropy a target, in nats.
    double divergence =
        0.0;  ///< The same less the entropy of soft labels: from the teacher, KL(teacher || model). Equals the loss where ids are learned.
    double learningRate = 0.0, gradientNorm = 0.0;  ///< The norm before clipping.
    std::int64_t targets = 0;
};

}  // namespace safequant
