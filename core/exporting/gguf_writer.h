// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/gguf_types.h"

namespace safequant {

/// A value of GGUF metadata, of the types that llama.cpp's keys have.
using GgufMetadataValue = std::variant<std::uint32_t, float, bool, std::string, std::vector<std::string>,
                                       std::vector<std::int32_t>, std::vector<float>>;
/// Keys and values in the order they are written.
using GgufMetadata = std::vector<std::pair<std::string, GgufMetadataValue>>;

/// A tensor that is going to be written.
struct GgufTensorToWrite {
    std::string name;
    std::vector<std::int64_t> shape;  ///< `[out, in]` or `[width]`; the file has the dimensions the other way round.
    const StorageType* type = nullptr;

    std::uint64_t bytes() const;
};

/// Writes one GGUF file, version 3, little-endian, alignment 32 (ggml's docs/gguf.md). Same content, same bytes.
class GgufWriter {
public:
    /// Creates the file with its metadata and tensor infos. Errors: io.
    Expected<void> open(const std::string& path, const GgufMetadata& metadata,
                        const std::vector<GgufTensorToWrite>& tensors);
    /// Appends bytes to the tensors, one after the other in the order announced; a piece must not cross the end of its
    /// tensor (std::invalid_argument). Errors: io.
    Expected<void> append(std::span<const std::uint8_t> piece);
    /// Flushes everything to disk. Errors: io; failed when a tensor is incomplete.
    Expected<void> finish();

private:
    Expected<void> put(std::span<const std::uint8_t> bytes);

    std::string m_path;
    std::ofstream m_file;
    std::vector<std::uint64_t> m_sizes;
    std::size_t m_tensor = 0;
    std::uint64_t m_written = 0;  ///< Of the present tensor.
};

}  // namespace safequant
