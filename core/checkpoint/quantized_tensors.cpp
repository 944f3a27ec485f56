// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/quantized_tensors.h"

#include <initializer_list>

#include "core/checkpoint/transposed_source.h"

namespace safequant {
namespace {

using Method = QuantizationConfig::Method;

class Collector {
public:
    Collector(const FileTensors& tensors, const QuantizationConfig& config,
              std::unordered_map<std::string, StoredTensor>& stored)
        : m_tensors(tensors), m_config(config), m_stored(stored) {}

    Expected<void> add(const std::string& name) {
        const bool transposed = m_config.method == Method::Gptq || m_config.method == Method::Awq;
        if (transposed) return name.ends_with(".qweight") ? addTransposed(stemOf(name, ".qweight")) : Expected<void>();
        if (name.ends_with(".weight_packed")) return addRows(stemOf(name, ".weight_packed"), name);
        const std::string& type = m_tensors.at(name).tensor.type;
        if (name.ends_with(".weight") && (type == "I8" || type == "F8_E4M3" || type == "F8_E5M2"))
            return addRows(stemOf(name, ".weight"), name);
        return {};
    }
    std::set<std::string> used() && { return std::move(m_used); }

private:
    static std::string stemOf(const std::string& name, std::string_view ending) {
        return name.substr(0, name.size() - ending.size());
    }
    const FileTensor* find(const std::string& name) const {
        const auto found = m_tensors.find(name);
        return found != m_tensors.end() ? &found->second : nullptr;
    }
    static tl::unexpected<Error> missing(const FileTensor& codes, const std::string& name) {
        return fail(ErrorKind::BadInput, "Tensor \"" + name + "\" is missing beside \"" + codes.tensor.name + "\".",
                    codes.file->path());
    }

    Expected<void> addRows(const std::string& linear, const std::string& codes) {
        const auto weights = m_config.weightsOf(linear);
        if (!weights) return fail(weights.error());
        QuantizedParts parts;
        parts.linear = linear;
        parts.codes = find(codes);
        const std::string scale =
            linear + (m_config.method == Method::BlockFloat8 ? ".weight_scale_inv" : ".weight_scale");
        parts.scale = find(scale);
        parts.zeroPoint = find(linear + ".weight_zero_point");
        parts.order = find(linear + ".weight_g_idx");
        const std::string& type = parts.codes->tensor.type;
        std::string shown = type == "I8" ? "INT8" : type;
        if (codes.ends_with("_packed") && type == "U8") {
            parts.globalScale = find(linear + ".weight_global_scale");
            if (parts.globalScale == nullptr) return missing(*parts.codes, linear + ".weight_global_scale");
            shown = "NVFP4";
        } else if (codes.ends_with("_packed")) {
            parts.shape = find(linear + ".weight_shape");
            if (parts.shape == nullptr) return missing(*parts.codes, linear + ".weight_shape");
            parts.bits = weights->bits;
            shown = "INT" + std::to_string(parts.bits);
        }
        parts.blockRows = m_config.method == Method::BlockFloat8 ? m_config.blockRows : weights->blockRows;
        parts.blockColumns = m_config.method == Method::BlockFloat8 ? m_config.blockColumns : weights->blockColumns;
        if (parts.scale == nullptr) return missing(*parts.codes, scale);
        auto weight = makeQuantizedSource(parts);
        if (!weight) return fail(weight.error());
        store(linear, shown, std::move(*weight),
              {parts.codes, parts.shape, parts.scale, parts.zeroPoint, parts.order, parts.globalScale});
        return {};
    }

    Expected<void> addTransposed(const std::string& linear) {
        TransposedParts parts;
        parts.linear = linear;
        parts.codes = find(linear + ".qweight");
        parts.zeros = find(linear + ".qzeros");
        parts.scales = find(linear + ".scales");
        parts.order = find(linear + ".g_idx");
        if (parts.zeros == nullptr) return missing(*parts.codes, linear + ".qzeros");
        if (parts.scales == nullptr) return missing(*parts.codes, linear + ".scales");
        auto weight = makeTransposedSource(parts, m_config);
        if (!weight) return fail(weight.error());
        store(linear, (m_config.method == Method::Gptq ? "GPTQ" : "AWQ") + std::to_string(m_config.bits),
              std::move(*weight), {parts.codes, parts.zeros, parts.scales, parts.order});
        return {};
    }

    void store(const std::string& linear, const std::string& shownType, QuantizedWeight weight,
               std::initializer_list<const FileTensor*> parts) {
        StoredTensor entry;
        entry.info.name = linear + ".weight";
        entry.info.storedType = shownType;
        entry.info.shape = weight.shape;
        entry.info.file = (*parts.begin())->file->path();
        entry.source = std::move(weight.source);
        for (const FileTensor* part : parts) {
            if (part == nullptr) continue;
            entry.info.bytes += part->tensor.bytes;
            m_used.insert(part->tensor.name);
        }
        const std::string name = entry.info.name;
        m_stored.emplace(name, std::move(entry));
    }

    const FileTensors& m_tensors;
    const QuantizationConfig& m_config;
    std::unordered_map<std::string, StoredTensor>& m_stored;
    std::set<std::string> m_used;
};

}  // namespace

Expected<std::set<std::string>> addQuantizedTensors(const FileTensors& tensors, const QuantizationConfig& config,
                                                    std::unordered_map<std::string, StoredTensor>& stored) {
    Collector collector(tensors, config, stored);
    for (const auto& [name, tensor] : tensors)
        if (auto added = collector.add(name); !added) return fail(added.error());
    auto used = std::move(collector).used();
    const bool transposed = config.method == Method::Gptq || config.method == Method::Awq;
    if (transposed && used.empty() && !tensors.empty())
        return fail(ErrorKind::BadInput,
                    "The configuration says that the weights are quantized, but there is no tensor \"qweight\".",
                    tensors.begin()->second.file->path());
    return used;
}

}  // namespace safequant
