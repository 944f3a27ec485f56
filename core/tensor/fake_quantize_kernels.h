// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace safequant {

/// One row of a weight under fake quantization; see fakeQuantizeWeight for what the terms mean. Null: all ones, or no offsets.
struct WeightRow {
    const float* weights = nullptr;     ///< `[cols]`.
    const float* inputScale = nullptr;  ///< `[cols]`.
    float outputScale = 1.0F;
    const float* upper = nullptr;    ///< `[cols / group]`.
    const float* lower = nullptr;    ///< `[cols / group]`.
    const float* offsets = nullptr;  ///< `[cols]`.
    int cols = 0, group = 0, bits = 8;
    bool symmetric = false;
};

/// Where one row's codes go; null: not wanted.
struct WeightRowCodes {
    std::int8_t* codes = nullptr;  ///< `[cols]`, signed.
    float* scales = nullptr;       ///< `[cols / group]`.
    std::int8_t* zeros = nullptr;  ///< `[cols / group]`, signed.
};

/// Gradients of one row. Those of `inputScale` are added up, the others are written; null: not wanted.
struct WeightRowGradients {
    const float* output = nullptr;  ///< Of the fake-quantized weights, `[cols]`.
    float* weights = nullptr;
    float* inputScale = nullptr;
    float* outputScale = nullptr;
    float* upper = nullptr;
    float* lower = nullptr;
    float* offsets = nullptr;
    float* scratch = nullptr;  ///< `[2 cols]`.
};

/// The inner loops for one instruction set.
struct FakeQuantizeKernels {
    /// out `[cols]`: the weights on their grid. `scratch` is `[cols]`.
    void (*weightForward)(const WeightRow& row, float* scratch, float* out) = nullptr;
    void (*weightCodes)(const WeightRow& row, float* scratch, const WeightRowCodes& out) = nullptr;
    void (*weightBackward)(const WeightRow& row, const WeightRowGradients& gradients) = nullptr;
    /// One token's activations, `[n]`, and their gradient.
    void (*activationForward)(const float* x, int n, int bits, bool symmetric, float* out) = nullptr;
    void (*activationBackward)(const float* x, const float* gradient, int n, int bits, bool symmetric, float* out) = nullptr;
};

/// The best kernels this processor runs.
const FakeQuantizeKernels& fakeQuantizeKernels();
/// Every set this processor runs, the baseline first, for tests of their agreement.
int fakeQuantizeKernelSets(const FakeQuantizeKernels* (&sets)[3]);

}  // namespace safequant
