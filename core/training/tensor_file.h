// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"

namespace safequant {

/// A tensor and its name in a file.
struct NamedTensor {
    std::string name;
    at::Tensor tensor;  ///< Float32, or int64.
};

/// Writes a safetensors file whole or not at all: int64 tensors as I64, the others as `floatType` ("F32", or "BF16" rounded to the
/// nearest). Errors: io.
Expected<void> writeTensorFile(const std::string& path, const std::vector<NamedTensor>& tensors, const std::string& floatType = "F32");

/// A safetensors file as a source of tensors.
class TensorFile {
public:
    /// Errors: those of SafetensorsFile::open.
    static Expected<TensorFile> open(const std::string& path);

    std::size_t size() const { return m_places.size(); }  ///< Tensors in the file.
    /// Copies a tensor into one of the same shape on any device: F32, F16, BF16 and other floats into float32, I64 into int64. Errors:
    /// mismatch when there is none of this name or shape, unsupported for another type.
    Expected<void> read(const std::string& name, at::Tensor target) const;

private:
    std::shared_ptr<const SafetensorsFile> m_file;
    std::unordered_map<std::string, const SafetensorsTensor*> m_places;
};

}  // namespace safequant
