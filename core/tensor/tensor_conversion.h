// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

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
