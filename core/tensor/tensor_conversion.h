// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// Uninitialised memory of this machine to copy to or from a device: pinned for CUDA, so that copies need not be waited for.
at::Tensor hostTensor(at::IntArrayRef sizes, at::ScalarType type, const at::Device& device);
/// Values on a device, `[n]` int64. These copies, as all below, are in order with what is computed there next; nobody waits for them.
at::Tensor indexTensor(std::span<const std::int64_t> values, const at::Device& device);

/// A copy of a matrix on a device, `[rows, cols]` float32.
at::Tensor tensorOf(const Matrix& matrix, const at::Device& device);
/// A copy of values on a device, `[n]` float32; an undefined tensor of no values.
at::Tensor tensorOf(std::span<const float> values, const at::Device& device);
/// Chosen rows of a matrix on a device, `[rows.size(), cols]` float32.
at::Tensor gatherRows(const Matrix& matrix, std::span<const std::int32_t> rows, const at::Device& device);

/// A copy of a float tensor of two dimensions. Throws std::invalid_argument on another shape.
Matrix matrixOf(const at::Tensor& tensor);
/// A copy of all values in row-major order; empty of an undefined tensor.
std::vector<float> valuesOf(const at::Tensor& tensor);

}  // namespace safequant
