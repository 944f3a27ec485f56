// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/transposed_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace safequant {
namespace {

// A tile of floats takes half of a first-level cache; its words are whole cache lines.
constexpr std::int64_t kTileOutputs = 32;
constexpr std::int64_t kTileInputs = 128;
constexpr std::int64_t kParallelTranspose = 1 << 16;
/// Place in an AWQ word of each of its eight outputs.
constexpr std::array<int, 8> kAwqPlaces = {0, 4, 1, 5, 2, 6, 3, 7};

struct TransposedLayout {
    bool alongOutputs = false;  ///< AWQ: a word holds outputs of one input. GPTQ: inputs of one output.
    int bits = 4;
    int zeroShift = 0;  ///< Added to stored zero points.
    std::int64_t inputs = 0, outputs = 0, groups = 1, groupSize = 1;
    std::int64_t perWord() const { return 32 / bits; }
    unsigned mask() const { return (1U << bits) - 1U; }
};

std::uint32_t wordAt(const MappedRange& range, std::int64_t index) {
    std::uint32_t word = 0;
    std::memcpy(&word, range.data() + index * 4, sizeof word);
    return word;
}

/// Scales and zero points of the outputs of a tile, group after group.
struct TileTables {
    std::vector<float> scales, zeros;  ///< [groups, kTileOutputs].
};

class TransposedSource : public TensorSource {
public:
    TransposedSource(const TransposedParts& parts, const TransposedLayout& layout)
        : m_layout(layout),
          m_scaleType(*storageTypeNamed(parts.scales->tensor.type)),
          m_codes(parts.codes->range()),
          m_zeros(parts.zeros->range()),
          m_scales(parts.scales->range()) {
        if (parts.order != nullptr) m_order.reset(new MappedRange(parts.order->range()));
    }

    void readRows(std::int64_t first, std::int64_t count, float* out) const override {
        const std::vector<std::int32_t> groups = groupOfInputs();
#pragma omp parallel if (count * m_layout.inputs >= kParallelTranspose)
        {
            TileTables tables;
#pragma omp for schedule(static)
            for (std::int64_t begin = first; begin < first + count; begin += kTileOutputs) {
                const std::int64_t end = std::min(begin + kTileOutputs, first + count);
                fillTables(begin, end, tables);
                for (std::int64_t i = 0; i < m_layout.inputs; i += kTileInputs)
                    readTile(begin, end, i, std::min(i + kTileInputs, m_layout.inputs), groups, tables,
                             out + (begin - first) * m_layout.inputs);
            }
        }
        for (const MappedRange* part :
             std::initializer_list<const MappedRange*>{&m_codes, &m_zeros, &m_scales, m_order.get()})
            if (part != nullptr) part->used(0, part->bytes());
    }

private:
    std::vector<std::int32_t> groupOfInputs() const {
        std::vector<std::int32_t> groups(static_cast<std::size_t>(m_layout.inputs));
        if (m_order) {
            std::memcpy(groups.data(), m_order->data(), groups.size() * sizeof(std::int32_t));
        } else {
            for (std::int64_t i = 0; i < m_layout.inputs; ++i)
                groups[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i / m_layout.groupSize);
        }
        return groups;
    }

    /// Bit of a word's value for an output, among the outputs that share words.
    int shiftOfOutput(std::int64_t output) const {
        const auto place = static_cast<std::size_t>(output % m_layout.perWord());
        return m_layout.bits * (m_layout.alongOutputs ? kAwqPlaces[place] : static_cast<int>(place));
    }

    void fillTables(std::int64_t begin, std::int64_t end, TileTables& tables) const {
        tables.scales.resize(static_cast<std::size_t>(m_layout.groups * kTileOutputs));
        tables.zeros.resize(tables.scales.size());
        const std::int64_t wordsPerGroup = m_layout.outputs / m_layout.perWord();
        for (std::int64_t group = 0; group < m_layout.groups; ++group) {
            m_scaleType.decode(m_scales.data() + (group * m_layout.outputs + begin) * m_scaleType.bytes,
                               static_cast<std::size_t>(end - begin), tables.scales.data() + group * kTileOutputs);
            for (std::int64_t o = begin; o < end; ++o) {
                const std::uint32_t word = wordAt(m_zeros, group * wordsPerGroup + o / m_layout.perWord());
                const unsigned stored = word >> shiftOfOutput(o) & m_layout.mask();
                tables.zeros[static_cast<std::size_t>(group * kTileOutputs + o - begin)] =
                    static_cast<float>((stored + static_cast<unsigned>(m_layout.zeroShift)) & m_layout.mask());
            }
        }
    }

    /// Outputs `[begin, end)` of inputs `[low, high)`; `rows` is the row of `begin`.
    void readTile(std::int64_t begin, std::int64_t end, std::int64_t low, std::int64_t high,
                  const std::vector<std::int32_t>& groups, const TileTables& tables, float* rows) const {
        const std::int64_t inputs = m_layout.inputs, perWord = m_layout.perWord();
        for (std::int64_t i = low; i < high; ++i) {
            const std::int32_t group = groups[static_cast<std::size_t>(i)];
            if (group < 0 || group >= m_layout.groups) {
                for (std::int64_t o = begin; o < end; ++o)
                    rows[(o - begin) * inputs + i] = std::numeric_limits<float>::quiet_NaN();
                continue;
            }
            const float* const scales = tables.scales.data() + group * kTileOutputs;
            const float* const zeros = tables.zeros.data() + group * kTileOutputs;
            const std::int64_t line =
                m_layout.alongOutputs ? i * (m_layout.outputs / perWord) : i / perWord * m_layout.outputs;
            const int inputShift = m_layout.bits * static_cast<int>(i % perWord);
            for (std::int64_t o = begin; o < end; ++o) {
                const std::uint32_t word = wordAt(m_codes, line + (m_layout.alongOutputs ? o / perWord : o));
                const unsigned code = word >> (m_layout.alongOutputs ? shiftOfOutput(o) : inputShift) & m_layout.mask();
                rows[(o - begin) * inputs + i] = (static_cast<float>(code) - zeros[o - begin]) * scales[o - begin];
            }
        }
    }

    TransposedLayout m_layout;
    const StorageType& m_scaleType;
    MappedRange m_codes, m_zeros, m_scales;
    std::unique_ptr<MappedRange> m_order;
};

}  // namespace

Expected<QuantizedWeight> makeTransposedSource(const TransposedParts& parts, const QuantizationConfig& config) {
    TransposedLayout layout;
    layout.alongOutputs = config.method == QuantizationConfig::Method::Awq;
    layout.bits = config.bits;
    layout.zeroShift = config.storesZeroMinusOne ? 1 : 0;
    for (const FileTensor* part : {parts.codes, parts.zeros}) {
        if (part->tensor.type != "I32") return part->wrong("must be of type I32");
        if (part->tensor.shape.size() != 2 || part->tensor.bytes == 0)
            return part->wrong("must have two dimensions and be not empty");
    }
    const auto& codes = parts.codes->tensor.shape;
    layout.inputs = layout.alongOutputs ? codes[0] : codes[0] * layout.perWord();
    layout.outputs = layout.alongOutputs ? codes[1] * layout.perWord() : codes[1];
    layout.groupSize = config.groupSize > 0 ? config.groupSize : layout.inputs;
    layout.groups = (layout.inputs + layout.groupSize - 1) / layout.groupSize;
    const std::string weight = " of a weight with " + std::to_string(layout.inputs) + " inputs and " +
                               std::to_string(layout.outputs) + " outputs in groups of " +
                               std::to_string(layout.groupSize);
    if (layout.outputs % layout.perWord() != 0)
        return parts.codes->wrong("has " + std::to_string(layout.outputs) + " outputs, not a multiple of the " +
                                  std::to_string(layout.perWord()) + " whose zero points share a word");
    const std::string& type = parts.scales->tensor.type;
    if (type != "F16" && type != "BF16" && type != "F32")
        return parts.scales->wrong("must be of type F16, BF16 or F32");
    if (parts.scales->tensor.shape != std::vector<std::int64_t>{layout.groups, layout.outputs})
        return parts.scales->wrong("has another shape than the scales" + weight);
    if (parts.zeros->tensor.shape != std::vector<std::int64_t>{layout.groups, layout.outputs / layout.perWord()})
        return parts.zeros->wrong("has another shape than the zero points" + weight);
    if (parts.order != nullptr &&
        (parts.order->tensor.type != "I32" || parts.order->tensor.shape != std::vector<std::int64_t>{layout.inputs}))
        return parts.order->wrong("must hold a whole number for each of the " + std::to_string(layout.inputs) +
                                  " inputs");
    QuantizedWeight out;
    out.shape = {layout.outputs, layout.inputs};
    out.source = std::make_unique<TransposedSource>(parts, layout);
    return out;
}

}  // namespace safequant
