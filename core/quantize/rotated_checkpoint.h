// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>

#include "core/checkpoint/checkpoint.h"
#include "core/quantize/hadamard.h"

namespace safequant {

/// Which rotations are multiplied into a model's weights (QuaRot, arXiv 2404.00456; SpinQuant's names, arXiv 2405.16406).
struct RotationOptions {
    bool residual = true;  ///< R1: the stream between blocks becomes h R1.
    bool heads = true;     ///< R2, one a block: value heads become v R2.
    std::uint64_t seed = 0;

    bool operator==(const RotationOptions&) const = default;
};

/// R1 of a model of this width: a row h of the model as it was is h R1 in the rotated model, after every block.
Rotation residualRotation(int hiddenSize, const RotationOptions& options);

/// The same function computed by rotated weights, which have fewer outliers and quantize better; nothing is computed at run time.
/// - R1: the gains of the norms are multiplied into the linears behind them (the norms become 1), embeddings, query, key, value, gate, up
///   and head into W R1, output and down into R1^T W with their biases; embeddings and head become two tensors.
/// - R2: rows of each value head and its bias into R2^T W, columns of each head of the output into W R2.
/// Tensors are changed as they are read, in float64 and rounded once to float32; memory: the tensor and a band of it. Changed tensors
/// count as F32. Error: unsupported when R1 would not be exact, because the outputs of layers pass norms of their own (Gemma 2 and 3).
Expected<std::shared_ptr<const Checkpoint>> rotateCheckpoint(std::shared_ptr<const Checkpoint> base, const RotationOptions& options);

}  // namespace safequant
