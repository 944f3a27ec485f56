// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/realign/calibration_rows.h"
#include "core/realign/learning_options.h"

namespace safequant {

/// Streams and constants a block is learned towards.
struct BlockTargets {
    CalibrationStream fineTuned;
    CalibrationStream malicious;  ///< Empty: the fine-tuned one.
    BlockProbe probe;
    std::vector<float> channelWeights;  ///< `[hidden]`, for ErrorMetric::AsNormsRead: one of channelWeights().
};

/// Per block, `[hidden]`: mean over the norms behind it (of the residual stream: before attention, before the feed-forward layer, the
/// final one) of their weights squared, each norm's divided by its mean. What a difference in a channel counts for those who read it.
Expected<std::vector<std::vector<float>>> channelWeights(const Checkpoint& checkpoint);

/// Mean difference of two streams over an objective's malicious samples at the last tokens of their prompts, `[objective.tail, hidden]`, the
/// last token last.
Matrix meanShift(const RealignObjective& objective, const CalibrationRows& rows, const CalibrationStream& from, const CalibrationStream& to);

/// The malicious stream of a block for an objective. `aligned` may be empty unless the target asks for it: for Signature it gives the shift
/// where `shift`, `[tail, hidden]`, is empty.
CalibrationStream maliciousTarget(const RealignObjective& objective, const CalibrationRows& rows, const CalibrationStream& fineTuned,
                                  const CalibrationStream& aligned, const Matrix& shift = {});

/// Mean square of a stream's values.
double meanSquare(const CalibrationStream& stream);

/// Loss of a batch and its parts, each summed over its samples and divided as the objective says.
struct BatchLoss {
    at::Tensor total;
    double benign = 0.0, malicious = 0.0, probe = 0.0;
};

/// Computes the loss of batches of one block. `share` multiplies the weights of malicious samples and of the probe.
class BlockLoss {
public:
    BlockLoss(const RealignObjective& objective, const CalibrationRows& rows, const BlockTargets& targets, const at::Device& device);
    BatchLoss operator()(const CalibrationBatch& batch, const at::Tensor& output, double share = 1.0) const;

private:
    const RealignObjective m_objective;
    const CalibrationRows& m_rows;
    const BlockTargets& m_targets;
    at::Device m_device;
    at::Tensor m_probe, m_channels;
    double m_scale = 1.0;
};

}  // namespace safequant
