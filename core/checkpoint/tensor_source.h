// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/base/files.h"
#include "core/checkpoint/gguf_types.h"

namespace safequant {

/// Bytes of a mapped file that hold one tensor. Gives its pages back to the kernel once they have been converted, so that
/// resident memory does not grow with the part of the model read so far. Thread-safe.
class MappedRange {
public:
    MappedRange(std::shared_ptr<const MappedFile> file, std::uint64_t offset, std::uint64_t bytes)
        : m_file(std::move(file)), m_offset(offset), m_bytes(bytes) {}

    const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(m_file->bytes().data()) + m_offset; }
    std::uint64_t bytes() const { return m_bytes; }
    /// Says that bytes `[begin, begin + count)` of the range were read. Scattered small reads are given back together.
    void used(std::uint64_t begin, std::uint64_t count) const;

private:
    std::shared_ptr<const MappedFile> m_file;
    std::uint64_t m_offset = 0;
    std::uint64_t m_bytes = 0;
    mutable std::atomic<std::uint64_t> m_touched = 0;
};

/// Converts the rows of one stored tensor to float32. A 1-D tensor is one row. Immutable and thread-safe.
class TensorSource {
public:
    virtual ~TensorSource() = default;
    /// Rows `[first, first + count)`, which exist; `out` holds count * columns values.
    virtual void readRows(std::int64_t first, std::int64_t count, float* out) const = 0;
    /// All rows as signed codes times scales, see StorageType::codes. False: the tensor is not stored so.
    virtual bool readCodes(std::int8_t*, float*) const { return false; }
};

/// A tensor stored row after row in one type. `rotaryHeads` > 0: rows of each head lie in llama.cpp's order (row 2i is
/// row i, row 2i + 1 is row i + d/2, for heads of d rows) and are put back; a 1-D tensor has its values put back likewise.
std::unique_ptr<TensorSource> makeDenseSource(std::shared_ptr<const MappedFile> file, std::uint64_t offset, const StorageType& type,
                                              std::int64_t rows, std::int64_t columns, int rotaryHeads);

/// The rows of another source plus `shift`.
std::unique_ptr<TensorSource> makeShiftedSource(std::unique_ptr<TensorSource> source, std::int64_t columns, float shift);

/// The rows of another source from `firstRow` on.
std::unique_ptr<TensorSource> makeRowRangeSource(std::shared_ptr<const TensorSource> source, std::int64_t firstRow);

/// Row of a stored (llama.cpp) tensor that holds row `row` of the Hugging Face tensor, for heads of `headRows` rows.
std::int64_t storedRotaryRow(std::int64_t row, std::int64_t headRows);

}  // namespace safequant
