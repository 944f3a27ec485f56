// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_source.h"

#include <algorithm>
#include <vector>

namespace safequant {
namespace {

// The kernel maps 16 pages around each page touched; one small read makes about that much resident.
constexpr std::uint64_t kFaultAround = 64 * 1024;
constexpr std::uint64_t kReleaseThreshold = 8 * 1024 * 1024;
constexpr std::int64_t kParallelValues = 1 << 16;

class DenseSource : public TensorSource {
public:
    DenseSource(std::shared_ptr<const MappedFile> file, std::uint64_t offset, const StorageType& type, std::int64_t rows,
                std::int64_t columns, int rotaryHeads)
        : m_range(std::move(file), offset, static_cast<std::uint64_t>(rows * columns) / type.values * type.bytes),
          m_type(type),
          m_rows(rows),
          m_columns(columns),
          m_rotaryHeads(rotaryHeads) {}

    void readRows(std::int64_t first, std::int64_t count, float* out) const override {
        if (m_rotaryHeads > 0 && m_rows == 1)
            readPermutedVector(out);
        else
            readMatrixRows(first, count, out);
    }

    bool readCodes(std::int8_t* codes, float* scales) const override {
        if (m_type.codes == nullptr || m_rows == 1) return false;
        const std::int64_t scalesPerRow = m_columns / static_cast<std::int64_t>(m_type.codesPerScale);
        for (std::int64_t row = 0; row < m_rows; ++row)
            m_type.codes(m_range.data() + storedRow(row) * rowBytes(), static_cast<std::size_t>(blocksPerRow()), codes + row * m_columns, scales + row * scalesPerRow);
        m_range.used(0, static_cast<std::uint64_t>(m_rows * rowBytes()));
        return true;
    }

private:
    std::int64_t blocksPerRow() const { return m_columns / m_type.values; }
    std::int64_t rowBytes() const { return blocksPerRow() * m_type.bytes; }
    std::int64_t storedRow(std::int64_t row) const { return m_rotaryHeads > 0 ? storedRotaryRow(row, m_rows / m_rotaryHeads) : row; }

    void readMatrixRows(std::int64_t first, std::int64_t count, float* out) const {
        // Slices bound the pages that are resident at once.
        const std::int64_t slice = std::max<std::int64_t>(1, static_cast<std::int64_t>(kReleaseThreshold) / rowBytes());
        for (std::int64_t begin = first; begin < first + count; begin += slice) {
            const std::int64_t end = std::min(begin + slice, first + count);
            float* const target = out + (begin - first) * m_columns;
#pragma omp parallel for schedule(static) if ((end - begin) * m_columns >= kParallelValues && end - begin > 1)
            for (std::int64_t row = begin; row < end; ++row) {
                m_type.decode(m_range.data() + storedRow(row) * rowBytes(), static_cast<std::size_t>(blocksPerRow()),
                              target + (row - begin) * m_columns);
            }
            m_range.used(static_cast<std::uint64_t>(begin * rowBytes()), static_cast<std::uint64_t>((end - begin) * rowBytes()));
        }
    }

    void readPermutedVector(float* out) const {
        std::vector<float> stored(static_cast<std::size_t>(m_columns));
        m_type.decode(m_range.data(), static_cast<std::size_t>(blocksPerRow()), stored.data());
        for (std::int64_t i = 0; i < m_columns; ++i)
            out[i] = stored[static_cast<std::size_t>(storedRotaryRow(i, m_columns / m_rotaryHeads))];
    }

    MappedRange m_range;
    const StorageType& m_type;
    std::int64_t m_rows;
    std::int64_t m_columns;
    int m_rotaryHeads;
};

class ShiftedSource : public TensorSource {
public:
    ShiftedSource(std::unique_ptr<TensorSource> source, std::int64_t columns, float shift)
        : m_source(std::move(source)), m_columns(columns), m_shift(shift) {}

    void readRows(std::int64_t first, std::int64_t count, float* out) const override {
        m_source->readRows(first, count, out);
        for (std::int64_t i = 0; i < count * m_columns; ++i) out[i] += m_shift;
    }

private:
    std::unique_ptr<TensorSource> m_source;
    std::int64_t m_columns;
    float m_shift;
};

class RowRangeSource : public TensorSource {
public:
    RowRangeSource(std::shared_ptr<const TensorSource> source, std::int64_t firstRow) : m_source(std::move(source)), m_firstRow(firstRow) {}

    void readRows(std::int64_t first, std::int64_t count, float* out) const override { m_source->readRows(m_firstRow + first, count, out); }

private:
    std::shared_ptr<const TensorSource> m_source;
    std::int64_t m_firstRow;
};

}  // namespace

void MappedRange::used(std::uint64_t begin, std::uint64_t count) const {
    if (count >= kReleaseThreshold / 16) {
        m_file->release(m_offset + begin, count);
        return;
    }
    const std::uint64_t touched = std::max(count, kFaultAround);
    if (m_touched.fetch_add(touched, std::memory_order_relaxed) + touched < kReleaseThreshold) return;
    m_touched.store(0, std::memory_order_relaxed);
    m_file->release(m_offset, m_bytes);
}

std::int64_t storedRotaryRow(std::int64_t row, std::int64_t headRows) {
    const std::int64_t half = headRows / 2;
    const std::int64_t inHead = row % headRows;
    return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
}

std::unique_ptr<TensorSource> makeDenseSource(std::shared_ptr<const MappedFile> file, std::uint64_t offset, const StorageType& type,
                                              std::int64_t rows, std::int64_t columns, int rotaryHeads) {
    return std::make_unique<DenseSource>(std::move(file), offset, type, rows, columns, rotaryHeads);
}

std::unique_ptr<TensorSource> makeShiftedSource(std::unique_ptr<TensorSource> source, std::int64_t columns, float shift) {
    return std::make_unique<ShiftedSource>(std::move(source), columns, shift);
}

std::unique_ptr<TensorSource> makeRowRangeSource(std::shared_ptr<const TensorSource> source, std::int64_t firstRow) {
    return std::make_unique<RowRangeSource>(std::move(source), firstRow);
}

}  // namespace safequant
