// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/tensor_conversion.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace safequant {
namespace {

at::Tensor emptyRows(std::size_t rows, std::size_t cols, const at::Device& device) {
    return hostTensor({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols)}, at::kFloat, device);
}

at::Tensor onHost(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kFloat).contiguous(); }

}  // namespace

at::Tensor hostTensor(at::IntArrayRef sizes, at::ScalarType type, const at::Device& device) {
    return at::empty(sizes, at::TensorOptions(type).pinned_memory(device.is_cuda()));
}

at::Tensor indexTensor(std::span<const std::int64_t> values, const at::Device& device) {
    at::Tensor tensor = hostTensor({static_cast<std::int64_t>(values.size())}, at::kLong, device);
    std::copy(values.begin(), values.end(), tensor.data_ptr<std::int64_t>());
    return tensor.to(device, true);
}

at::Tensor tensorOf(const Matrix& matrix, const at::Device& device) {
    at::Tensor tensor = emptyRows(matrix.rows(), matrix.cols(), device);
    std::copy_n(matrix.data(), matrix.size(), tensor.data_ptr<float>());
    return tensor.to(device, true);
}

at::Tensor tensorOf(std::span<const float> values, const at::Device& device) {
    if (values.empty()) return {};
    at::Tensor tensor = hostTensor({static_cast<std::int64_t>(values.size())}, at::kFloat, device);
    std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
    return tensor.to(device, true);
}

at::Tensor gatherRows(const Matrix& matrix, std::span<const std::int32_t> rows, const at::Device& device) {
    at::Tensor tensor = emptyRows(rows.size(), matrix.cols(), device);
    float* out = tensor.data_ptr<float>();
    for (std::size_t i = 0; i < rows.size(); ++i)
        std::copy_n(matrix.row(static_cast<std::size_t>(rows[i])), matrix.cols(), out + i * matrix.cols());
    return tensor.to(device, true);
}

Matrix matrixOf(const at::Tensor& tensor) {
    if (tensor.dim() != 2)
        throw std::invalid_argument("[matrixOf] got a tensor of " + std::to_string(tensor.dim()) + " dimensions, need 2");
    const at::Tensor host = onHost(tensor);
    Matrix matrix(static_cast<std::size_t>(host.size(0)), static_cast<std::size_t>(host.size(1)));
    std::copy_n(host.data_ptr<float>(), matrix.size(), matrix.data());
    return matrix;
}

std::vector<float> valuesOf(const at::Tensor& tensor) {
    if (!tensor.defined()) return {};
    const at::Tensor host = onHost(tensor);
    return {host.data_ptr<float>(), host.data_ptr<float>() + host.numel()};
}

}  // namespace safequant
