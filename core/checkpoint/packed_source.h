// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_source.h"

namespace safequant {

/// One stored tensor and the file it lies in.
struct FileTensor {
    SafetensorsTensor tensor;
    std::shared_ptr<const MappedFile> file;

    MappedRange range() const { return MappedRange(file, tensor.offset, tensor.bytes); }
    /// An error of kind bad_input that names tensor and type.
    tl::unexpected<Error> wrong(const std::string& rule) const;
};

/// The parts of one quantized linear stored row by row; absent ones are null.
struct QuantizedParts {
    std::string linear;
    const FileTensor* codes = nullptr;  ///< `weight_packed` int32 or (4-bit floats) uint8, `weight` int8 or float8.
    const FileTensor* shape = nullptr;  ///< `weight_shape`, with packed integers only.
    const FileTensor* scale = nullptr;  ///< [1], [rows, 1], [rows, groups] or [row blocks, column blocks].
    const FileTensor* zeroPoint = nullptr;
    const FileTensor* order = nullptr;        ///< `weight_g_idx` int32 [columns]: the group of each column.
    const FileTensor* globalScale = nullptr;  ///< With 4-bit floats: what their scales are divided by.
    int bits = 8;                             ///< Of packed integers.
    int blockRows = 0, blockColumns = 0;      ///< Of a block with a scale; 0: rows or groups have scales.
};

/// A quantized linear presented as its dequantized weight.
struct QuantizedWeight {
    std::vector<std::int64_t> shape;
    std::unique_ptr<TensorSource> source;
};

/// Checks the shapes and types of the parts against each other (formats of compressed-tensors, and 8-bit floats with
/// scales of blocks). w = (code - zero point) * scale in float32; what lies outside a table becomes not-a-number.
/// Error: bad_input naming the tensor.
Expected<QuantizedWeight> makeQuantizedSource(const QuantizedParts& parts);

}  // namespace safequant
