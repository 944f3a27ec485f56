// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/packed_source.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace safequant {
namespace {

constexpr std::int64_t kParallelUnpack = 1 << 16;
constexpr std::int64_t kSliceBytes = 8 * 1024 * 1024;
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
/// Values of a 4-bit float (E2M1).
constexpr float kFloat4[16] = {0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                               -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};

/// What a code is: an integer in words of 32 bits, one in a byte, or a float of 8 or of 4 bits (two a byte, the first
/// one low).
enum class CodeKind { PackedInteger, Integer8, Float8, Float4 };

struct Layout {
    std::int64_t rows = 0, columns = 0;
    CodeKind kind = CodeKind::Integer8;
    int bits = 8;  ///< Of packed integers.
    bool straddles =
        true;  ///< Codes cross word borders; false: each word holds whole codes (library versions below 0.18).
    std::int64_t scaleRows = 0, groups = 0;
    std::int64_t rowsPerScale = 1, groupSize = 1;
    std::int64_t perWord() const { return 32 / bits; }
    std::int64_t words(std::int64_t codes) const {
        return straddles ? (codes * bits + 31) / 32 : (codes + perWord() - 1) / perWord();
    }
    std::int64_t codeRowBytes() const {
        return kind == CodeKind::PackedInteger ? words(columns) * 4 : kind == CodeKind::Float4 ? columns / 2 : columns;
    }
    /// Bit at which code `index` of a line begins.
    std::int64_t bitOf(std::int64_t index) const {
        return straddles ? index * bits : index / perWord() * 32 + index % perWord() * bits;
    }
};

std::uint32_t wordAt(const std::uint8_t* data, std::int64_t index) {
    std::uint32_t word = 0;
    std::memcpy(&word, data + index * 4, sizeof word);
    return word;
}

class QuantizedSource : public TensorSource {
public:
    QuantizedSource(const QuantizedParts& parts, const Layout& layout)
        : m_layout(layout),
          m_codeType(storageTypeNamed(parts.codes->tensor.type)),
          m_scaleType(*storageTypeNamed(parts.scale->tensor.type)),
          m_codes(parts.codes->range()),
          m_scale(parts.scale->range()) {
        const auto optional = [](const FileTensor* part) {
            return part != nullptr ? std::unique_ptr<MappedRange>(new MappedRange(part->range())) : nullptr;
        };
        m_zero = optional(parts.zeroPoint);
        m_zeroPacked = parts.zeroPoint != nullptr && parts.zeroPoint->tensor.type == "I32";
        m_order = optional(parts.order);
        m_globalScale = optional(parts.globalScale);
    }

    void readRows(std::int64_t first, std::int64_t count, float* out) const override {
        const std::int64_t rowBytes = m_layout.codeRowBytes();
        const std::int64_t slice = std::max<std::int64_t>(1, kSliceBytes / rowBytes);
        const std::vector<std::int32_t> order = columnGroups();
        for (std::int64_t begin = first; begin < first + count; begin += slice) {
            const std::int64_t end = std::min(begin + slice, first + count);
            float* const target = out + (begin - first) * m_layout.columns;
#pragma omp parallel if ((end - begin) * m_layout.columns >= kParallelUnpack && end - begin > 1)
            {
                std::vector<float> scales(static_cast<std::size_t>(m_layout.groups));
                std::vector<float> zeros(scales.size());
#pragma omp for schedule(static)
                for (std::int64_t row = begin; row < end; ++row)
                    readRow(row, order, scales, zeros, target + (row - begin) * m_layout.columns);
            }
            m_codes.used(static_cast<std::uint64_t>(begin * rowBytes),
                         static_cast<std::uint64_t>((end - begin) * rowBytes));
        }
        for (const MappedRange* part : std::initializer_list<const MappedRange*>{&m_scale, m_zero.get(), m_order.get()})
            if (part != nullptr) part->used(0, part->bytes());
    }

private:
    /// The group of each column; empty when columns lie in order (also stored as -1).
    std::vector<std::int32_t> columnGroups() const {
        std::vector<std::int32_t> groups;
        if (!m_order) return groups;
        groups.resize(static_cast<std::size_t>(m_layout.columns));
        std::memcpy(groups.data(), m_order->data(), groups.size() * sizeof(std::int32_t));
        if (std::find(groups.begin(), groups.end(), -1) != groups.end()) groups.clear();
        return groups;
    }

    void readRow(std::int64_t row, const std::vector<std::int32_t>& order, std::vector<float>& scales,
                 std::vector<float>& zeros, float* out) const {
        unpackCodes(row, out);
        const std::int64_t scaleRow = row / m_layout.rowsPerScale;
        m_scaleType.decode(m_scale.data() + scaleRow * m_layout.groups * m_scaleType.bytes, scales.size(),
                           scales.data());
        if (m_globalScale) {
            float divisor = 0.0F;
            std::memcpy(&divisor, m_globalScale->data(), sizeof divisor);
            for (float& scale : scales) scale /= divisor;
        }
        for (std::int64_t group = 0; group < m_layout.groups; ++group)
            zeros[static_cast<std::size_t>(group)] = static_cast<float>(zeroAt(scaleRow, group));
        if (!order.empty()) {
            for (std::int64_t c = 0; c < m_layout.columns; ++c) {
                const auto group = static_cast<std::size_t>(order[static_cast<std::size_t>(c)]);
                out[c] = group < scales.size() ? (out[c] - zeros[group]) * scales[group] : kNotANumber;
            }
            return;
        }
        for (std::int64_t group = 0; group < m_layout.groups; ++group) {
            const float scale = scales[static_cast<std::size_t>(group)];
            const float zero = zeros[static_cast<std::size_t>(group)];
            const std::int64_t end = std::min((group + 1) * m_layout.groupSize, m_layout.columns);
            for (std::int64_t c = group * m_layout.groupSize; c < end; ++c) out[c] = (out[c] - zero) * scale;
        }
    }

    void unpackCodes(std::int64_t row, float* out) const {
        const std::uint8_t* data = m_codes.data() + row * m_layout.codeRowBytes();
        if (m_layout.kind == CodeKind::Integer8) {
            for (std::int64_t c = 0; c < m_layout.columns; ++c)
                out[c] = static_cast<float>(static_cast<std::int8_t>(data[c]));
            return;
        }
        if (m_layout.kind == CodeKind::Float8) {
            m_codeType->decode(data, static_cast<std::size_t>(m_layout.columns), out);
            return;
        }
        if (m_layout.kind == CodeKind::Float4) {
            for (std::int64_t c = 0; c < m_layout.columns; ++c) out[c] = kFloat4[data[c / 2] >> (c % 2 * 4) & 15];
            return;
        }
        const int bits = m_layout.bits;
        const std::uint32_t mask = (1U << bits) - 1U;
        const int middle = 1 << (bits - 1);
        if (m_layout.straddles && 32 % bits != 0) {
            std::uint64_t buffer = 0;
            int available = 0;
            for (std::int64_t c = 0, w = 0; c < m_layout.columns; ++c, buffer >>= bits, available -= bits) {
                if (available < bits) {
                    buffer |= static_cast<std::uint64_t>(wordAt(data, w++)) << available;
                    available += 32;
                }
                out[c] = static_cast<float>(static_cast<int>(static_cast<std::uint32_t>(buffer) & mask) - middle);
            }
            return;
        }
        const std::int64_t perWord = m_layout.perWord();
        for (std::int64_t c = 0, w = 0; c < m_layout.columns; ++w) {
            std::uint32_t word = wordAt(data, w);
            for (std::int64_t k = 0; k < perWord && c < m_layout.columns; ++k, ++c, word >>= bits)
                out[c] = static_cast<float>(static_cast<int>(word & mask) - middle);
        }
    }

    int zeroAt(std::int64_t row, std::int64_t group) const {
        if (!m_zero) return 0;
        if (!m_zeroPacked) return static_cast<std::int8_t>(m_zero->data()[row * m_layout.groups + group]);
        const int bits = m_layout.bits;
        const std::int64_t bit = m_layout.bitOf(row);
        const int shift = static_cast<int>(bit % 32);
        std::uint64_t word = wordAt(m_zero->data(), bit / 32 * m_layout.groups + group);
        if (shift + bits > 32)
            word |= static_cast<std::uint64_t>(wordAt(m_zero->data(), (bit / 32 + 1) * m_layout.groups + group)) << 32;
        return static_cast<int>(word >> shift & ((1U << bits) - 1U)) - (1 << (bits - 1));
    }

    Layout m_layout;
    const StorageType* m_codeType;  ///< Of 8-bit floats.
    const StorageType& m_scaleType;
    MappedRange m_codes;
    MappedRange m_scale;
    std::unique_ptr<MappedRange> m_zero, m_order, m_globalScale;
    bool m_zeroPacked = false;
};

Expected<Layout> codeLayout(const QuantizedParts& parts) {
    Layout layout;
    const SafetensorsTensor& codes = parts.codes->tensor;
    if (codes.shape.size() != 2) return parts.codes->wrong("must have two dimensions");
    layout.rows = codes.shape[0];
    layout.columns = codes.shape[1];
    if (parts.shape != nullptr) {
        layout.kind = CodeKind::PackedInteger;
        const SafetensorsTensor& shape = parts.shape->tensor;
        if (codes.type != "I32") return parts.codes->wrong("must be of type I32");
        if ((shape.type != "I64" && shape.type != "I32") || shape.shape != std::vector<std::int64_t>{2})
            return parts.shape->wrong("must hold two whole numbers");
        if (parts.bits < 2 || parts.bits > 8)
            return fail(ErrorKind::BadInput,
                        "quantization_config gives no whole number of bits between 2 and 8 to \"" + parts.linear +
                            "\", which is stored packed.",
                        parts.codes->file->path());
        layout.bits = parts.bits;
        std::int64_t sizes[2] = {};
        const std::byte* data = parts.shape->file->bytes().data() + shape.offset;
        for (std::size_t i = 0; i < 2; ++i) {
            if (shape.type == "I64") {
                std::memcpy(&sizes[i], data + i * 8, 8);
            } else {
                std::int32_t size = 0;
                std::memcpy(&size, data + i * 4, 4);
                sizes[i] = size;
            }
            if (sizes[i] < 1 || sizes[i] > std::numeric_limits<std::int32_t>::max())
                return parts.shape->wrong("holds " + std::to_string(sizes[i]) + ", which is no size of a weight");
        }
        layout.columns = sizes[1];
        if (codes.shape[1] != layout.words(layout.columns)) layout.straddles = false;
        if (codes.shape[0] != sizes[0] || codes.shape[1] != layout.words(layout.columns))
            return parts.codes->wrong("has another shape than a weight [" + std::to_string(sizes[0]) + ", " +
                                      std::to_string(sizes[1]) + "] packed in " + std::to_string(parts.bits) + " bits");
    } else if (parts.globalScale != nullptr) {
        layout.kind = CodeKind::Float4;
        layout.columns *= 2;
        if (codes.type != "U8") return parts.codes->wrong("must be of type U8");
        if (parts.globalScale->tensor.type != "F32" || parts.globalScale->tensor.bytes != 4)
            return parts.globalScale->wrong("must be one F32");
    } else if (codes.type == "F8_E4M3" || codes.type == "F8_E5M2") {
        layout.kind = CodeKind::Float8;
    } else if (codes.type != "I8") {
        return parts.codes->wrong("must be of type I8, F8_E4M3 or F8_E5M2");
    }
    if (layout.rows < 1 || layout.columns < 1) return parts.codes->wrong("is empty");
    return layout;
}

/// How rows and columns share scales.
Expected<void> scaleLayout(const QuantizedParts& parts, Layout& layout) {
    const SafetensorsTensor& scale = parts.scale->tensor;
    const bool plain = scale.type == "F32" || scale.type == "F16" || scale.type == "BF16";
    if (!plain && !(layout.kind == CodeKind::Float4 && scale.type == "F8_E4M3"))
        return parts.scale->wrong("must be of type F32, F16 or BF16");
    layout.scaleRows = scale.shape.empty() ? 1 : scale.shape[0];
    layout.groups = scale.shape.size() > 1 ? scale.shape[1] : 1;
    const auto misfit = [&] {
        return parts.scale->wrong("has a shape that does not fit a weight of " + std::to_string(layout.rows) +
                                  " rows and " + std::to_string(layout.columns) + " columns");
    };
    if (scale.shape.size() > 2 || layout.groups < 1 || layout.scaleRows < 1) return misfit();
    const bool whole = layout.scaleRows == 1 && layout.groups == 1;
    if (parts.blockRows > 0 && !whole) {
        const std::int64_t height = parts.blockRows, width = parts.blockColumns;
        layout.rowsPerScale = height;
        layout.groupSize = width;
        if (layout.scaleRows != (layout.rows + height - 1) / height ||
            layout.groups != (layout.columns + width - 1) / width)
            return misfit();
        return {};
    }
    if (layout.scaleRows != layout.rows && !whole) return misfit();
    if (layout.columns % layout.groups != 0 && parts.order == nullptr) return misfit();
    layout.rowsPerScale = whole ? layout.rows : 1;
    layout.groupSize = layout.columns / layout.groups;
    return {};
}

}  // namespace

tl::unexpected<Error> FileTensor::wrong(const std::string& rule) const {
    return fail(ErrorKind::BadInput, "Tensor \"" + tensor.name + "\" (" + tensor.type + ") " + rule + ".",
                file->path());
}

Expected<QuantizedWeight> makeQuantizedSource(const QuantizedParts& parts) {
    auto layout = codeLayout(parts);
    if (!layout) return fail(layout.error());
    if (auto fits = scaleLayout(parts, *layout); !fits) return fail(fits.error());
    if (parts.zeroPoint != nullptr) {
        const SafetensorsTensor& zero = parts.zeroPoint->tensor;
        const std::vector<std::int64_t> packedShape = {layout->words(layout->scaleRows), layout->groups};
        const bool packed = layout->kind == CodeKind::PackedInteger && zero.type == "I32" && zero.shape == packedShape;
        const bool plain = zero.type == "I8" && zero.shape == parts.scale->tensor.shape;
        // The zero points of floats are zeros of their own type.
        const bool none = layout->kind == CodeKind::Float8 && zero.type == parts.codes->tensor.type;
        if (!packed && !plain && !none)
            return parts.zeroPoint->wrong("has a type or shape that does not fit the scales");
    }
    if (parts.order != nullptr &&
        (parts.order->tensor.type != "I32" || parts.order->tensor.shape != std::vector<std::int64_t>{layout->columns}))
        return parts.order->wrong("must hold a whole number for each of the " + std::to_string(layout->columns) +
                                  " columns");
    QuantizedParts used = parts;
    if (layout->kind == CodeKind::Float8) used.zeroPoint = nullptr;
    QuantizedWeight weight;
    weight.shape = {layout->rows, layout->columns};
    weight.source = std::make_unique<QuantizedSource>(used, *layout);
    return weight;
}

}  // namespace safequant
