// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/export_layout.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "core/checkpoint/decoder_tensors.h"
#include "core/exporting/bit_packing.h"

namespace safequant {
namespace {

nlohmann::json weightArguments(const QuantizationScheme& scheme) {
    nlohmann::json json = {{"num_bits", scheme.weightBits},
                           {"type", "int"},
                           {"symmetric", scheme.symmetric},
                           {"strategy", scheme.groupSize > 0 ? "group" : "channel"},
                           {"group_size", nullptr},
                           {"dynamic", false}};
    if (scheme.groupSize > 0) json["group_size"] = scheme.groupSize;
    if (scheme.orderedGroups) json["actorder"] = "group";
    return json;
}

nlohmann::json activationArguments(const QuantizationScheme& scheme) {
    if (scheme.activationBits == 16) return nullptr;
    return {{"num_bits", scheme.activationBits}, {"type", "int"},  {"symmetric", scheme.activationSymmetric}, {"strategy", "token"},
            {"group_size", nullptr},             {"dynamic", true}};
}

std::string escapedForPattern(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '.') result += '\\';
        result += c;
    }
    return result;
}

std::unordered_map<std::string, const LinearPlan*> quantizedByTensor(const std::vector<LinearPlan>& plan) {
    std::unordered_map<std::string, const LinearPlan*> quantized;
    for (const LinearPlan& entry : plan) {
        if (entry.quantized()) quantized[entry.name + ".weight"] = &entry;
    }
    return quantized;
}

/// A head that is the embeddings is not stored twice.
bool isSharedHead(const Checkpoint& checkpoint, const TensorInfo& tensor) {
    return checkpoint.config().tiedEmbeddings && tensor.name == "lm_head.weight";
}

std::vector<TensorToWrite> transposedTensors(const LinearPlan& plan, int rows, int cols, std::int64_t groups, ExportFormat format) {
    const int perWord = 32 / plan.actual.weightBits;
    const std::int64_t words = rows / perWord;
    if (format == ExportFormat::Awq)
        return {{plan.name + ".qweight", "I32", {cols, words}},
                {plan.name + ".qzeros", "I32", {groups, words}},
                {plan.name + ".scales", "F16", {groups, rows}}};
    return {{plan.name + ".qweight", "I32", {cols / perWord, rows}},
            {plan.name + ".qzeros", "I32", {groups, words}},
            {plan.name + ".scales", "F16", {groups, rows}},
            {plan.name + ".g_idx", "I32", {cols}}};
}

/// Modules that GPTQModel and vLLM leave alone, by pattern ("-:PATTERN" in `dynamic`). vLLM asks by the name of the fused linear, so
/// one whose parts are all left alone is named too.
nlohmann::json leftAloneByPattern(const std::vector<LinearPlan>& plan) {
    struct Fused {
        const char* name;
        LinearRole first, last;
    };
    constexpr std::array<Fused, 2> kFused = {Fused{"self_attn.qkv_proj", LinearRole::Query, LinearRole::Value},
                                             Fused{"mlp.gate_up_proj", LinearRole::Gate, LinearRole::Up}};
    nlohmann::json patterns = nlohmann::json::object();
    const auto add = [&](const std::string& name) { patterns["-:^" + escapedForPattern(name) + "$"] = nlohmann::json::object(); };
    std::map<std::pair<int, std::size_t>, int> parts;
    for (const LinearPlan& entry : plan) {
        if (entry.quantized()) continue;
        add(entry.name);
        for (std::size_t f = 0; f < kFused.size(); ++f) {
            const auto& [name, first, last] = kFused[f];
            if (entry.role < first || entry.role > last) continue;
            const int count = static_cast<int>(last) - static_cast<int>(first) + 1;
            if (++parts[{entry.block, f}] == count)
                add(entry.name.substr(0, entry.name.size() - std::string_view(linearSuffix(entry.role)).size()) + name);
        }
    }
    return patterns;
}

/// What comes before the suffix in the name of a block's linear.
std::size_t prefixLength(int block, LinearRole role) { return linearName(block, role).size() - std::string_view(linearSuffix(role)).size(); }

/// "self_attn.q_proj", or the fused name, of a linear of a stored plan.
std::string suffixOf(const LinearPlan& entry) { return entry.name.substr(prefixLength(entry.block, entry.role)); }

/// Parts of a block that are stored as one.
struct FusedParts {
    std::string name;  // Of the whole.
    std::vector<const LinearPlan*> parts;
};
std::vector<FusedParts> fusedParts(const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    std::map<std::pair<int, LinearRole>, const LinearPlan*> entries;
    for (const LinearPlan& entry : plan) entries[{entry.block, entry.role}] = &entry;
    std::vector<FusedParts> result;
    for (int block = 0; block < config.blocks; ++block)
        for (const StoredLinear& stored : storedLinears(config)) {
            const LinearRole first = stored.parts.front();
            FusedParts fused{linearName(block, first).substr(0, prefixLength(block, first)) + stored.suffix, {}};
            for (const LinearRole role : stored.parts)
                if (const auto found = entries.find({block, role}); found != entries.end()) fused.parts.push_back(found->second);
            if (!fused.parts.empty()) result.push_back(std::move(fused));
        }
    return result;
}

/// The parts of a block that are quantized, as transformers' GPTQConfig lists them (`modules_in_block_to_quantize`); null when blocks
/// differ or all parts are.
nlohmann::json quantizedParts(const std::vector<LinearPlan>& plan) {
    std::array<std::size_t, kLinearsPerBlock> all{}, quantized{};
    std::array<std::string, kLinearsPerBlock> names;
    for (const LinearPlan& entry : plan) {
        names[static_cast<std::size_t>(entry.role)] = suffixOf(entry);
        ++all[static_cast<std::size_t>(entry.role)];
        if (entry.quantized()) ++quantized[static_cast<std::size_t>(entry.role)];
    }
    if (all == quantized) return nullptr;
    nlohmann::json parts = nlohmann::json::array();
    for (std::size_t role = 0; role < all.size(); ++role) {
        if (quantized[role] == 0) continue;
        if (quantized[role] != all[role]) return nullptr;
        parts.push_back({names[role]});
    }
    return parts;
}

/// quantization_config of AutoGPTQ and AutoAWQ, which know one scheme.
nlohmann::json singleSchemeConfig(const std::vector<LinearPlan>& plan, const FolderLayout& layout) {
    const auto first = std::find_if(plan.begin(), plan.end(), [](const LinearPlan& entry) { return entry.quantized(); });
    if (first == plan.end()) return nullptr;
    const QuantizationScheme& scheme = first->actual;
    if (layout.format == ExportFormat::Gptq) {
        nlohmann::json config = {{"quant_method", "gptq"},
                                 {"bits", scheme.weightBits},
                                 {"group_size", scheme.groupSize > 0 ? scheme.groupSize : -1},
                                 {"damp_percent", 0.01},
                                 {"desc_act", scheme.orderedGroups},
                                 {"static_groups", false},
                                 {"sym", scheme.symmetric},
                                 {"true_sequential", true},
                                 {"lm_head", false},
                                 {"checkpoint_format", layout.storesZeroMinusOne ? "gptq" : "gptq_v2"}};
        if (auto patterns = leftAloneByPattern(plan); !patterns.empty()) config["dynamic"] = std::move(patterns);
        if (auto parts = quantizedParts(plan); !parts.is_null()) config["modules_in_block_to_quantize"] = std::move(parts);
        return config;
    }
    nlohmann::json leftAlone = nlohmann::json::array();
    for (const LinearPlan& entry : plan)
        if (!entry.quantized()) leftAlone.push_back(entry.name);
    return {{"quant_method", "awq"},
            {"bits", scheme.weightBits},
            {"group_size", scheme.groupSize},
            {"zero_point", true},
            {"version", "gemm"},
            {"modules_to_not_convert", leftAlone.empty() ? nlohmann::json() : std::move(leftAlone)}};
}

struct Group {
    QuantizationScheme scheme;
    std::vector<const LinearPlan*> linears;
};

/// Bits and groups of linears that are stored alike, in order of first appearance.
std::vector<Group> groupsOf(const std::vector<LinearPlan>& plan) {
    std::vector<Group> groups;
    for (const LinearPlan& entry : plan) {
        if (!entry.quantized()) continue;
        auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.scheme == entry.actual; });
        if (it == groups.end()) it = groups.insert(groups.end(), Group{entry.actual, {}});
        it->linears.push_back(&entry);
    }
    return groups;
}

nlohmann::json targetsOf(const Group& group, const std::vector<LinearPlan>& plan) {
    std::array<std::size_t, kLinearsPerBlock> inModel{}, inGroup{};
    std::array<std::string, kLinearsPerBlock> names;
    for (const LinearPlan& entry : plan) {
        names[static_cast<std::size_t>(entry.role)] = suffixOf(entry);
        ++inModel[static_cast<std::size_t>(entry.role)];
    }
    for (const LinearPlan* entry : group.linears) ++inGroup[static_cast<std::size_t>(entry->role)];
    nlohmann::json targets = nlohmann::json::array();
    for (int role = 0; role < kLinearsPerBlock; ++role) {
        const auto index = static_cast<std::size_t>(role);
        if (inGroup[index] > 0 && inGroup[index] == inModel[index])
            targets.push_back("re:.*\\." + escapedForPattern(names[index]) + "$");
    }
    for (const LinearPlan* entry : group.linears) {
        const auto index = static_cast<std::size_t>(entry->role);
        if (inGroup[index] != inModel[index]) targets.push_back(entry->name);
    }
    return targets;
}

}  // namespace

std::vector<LinearPlan> storedPlan(const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    if (!config.fusedProjections) return plan;
    std::vector<LinearPlan> stored;
    for (const FusedParts& fused : fusedParts(config, plan)) {
        stored.push_back(*fused.parts.front());
        stored.back().name = fused.name;
    }
    return stored;
}

std::pair<int, int> storedShape(const DecoderConfig& config, const LinearPlan& stored) {
    auto [rows, cols] = linearShape(config, stored.role);
    for (const StoredLinear& linear : storedLinears(config)) {
        if (linear.parts.front() != stored.role) continue;
        rows = 0;
        for (const LinearRole part : linear.parts) rows += linearShape(config, part).first;
    }
    return {rows, cols};
}

std::string fusedProblem(const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    if (!config.fusedProjections) return {};
    for (const FusedParts& fused : fusedParts(config, plan))
        for (const LinearPlan* part : fused.parts) {
            const LinearPlan& first = *fused.parts.front();
            if (part->quantized() == first.quantized() && (!part->quantized() || part->actual == first.actual)) continue;
            return fused.name + " holds several linears as one, but " + part->name + " has " + part->actual.describe() + " and " + first.name +
                   " " + first.actual.describe() + ": give them the same scheme.";
        }
    return {};
}

const char* storageFormat(const QuantizationScheme& scheme) {
    if (scheme.weightBits >= 16) return "dense";
    return scheme.activationBits == 16 ? "pack-quantized" : "int-quantized";
}

std::string exportFormat(const std::vector<LinearPlan>& plan) {
    std::string format = "dense";
    for (const LinearPlan& entry : plan) {
        const std::string own = storageFormat(entry.actual);
        if (own == "dense" || own == format) continue;
        if (format != "dense") return "mixed-precision";
        format = own;
    }
    return format;
}

std::string scaleTypeFor(const std::string& computeType) { return computeType == "bfloat16" ? "BF16" : "F32"; }

std::vector<TensorToWrite> quantizedTensors(const LinearPlan& plan, int rows, int cols, const std::string& scaleType, ExportFormat format) {
    const QuantizationScheme& scheme = plan.actual;
    const std::int64_t groups = scheme.groupSize > 0 ? cols / scheme.groupSize : 1;
    if (format != ExportFormat::CompressedTensors) return transposedTensors(plan, rows, cols, groups, format);
    const auto words = [&](int count) {
        return static_cast<std::int64_t>(packedWords(static_cast<std::size_t>(count), scheme.weightBits));
    };
    const bool packed = storageFormat(scheme) == std::string_view("pack-quantized");
    std::vector<TensorToWrite> tensors;
    if (packed) {
        tensors.push_back({plan.name + ".weight_packed", "I32", {rows, words(cols)}});
        tensors.push_back({plan.name + ".weight_shape", "I64", {2}});
    } else {
        tensors.push_back({plan.name + ".weight", "I8", {rows, cols}});
    }
    tensors.push_back({plan.name + ".weight_scale", scaleType, {rows, groups}});
    if (scheme.orderedGroups) tensors.push_back({plan.name + ".weight_g_idx", "I32", {cols}});
    if (!scheme.symmetric) {
        tensors.push_back(packed ? TensorToWrite{plan.name + ".weight_zero_point", "I32", {words(rows), groups}}
                                 : TensorToWrite{plan.name + ".weight_zero_point", "I8", {rows, groups}});
    }
    return tensors;
}

std::string denseType(const TensorInfo& tensor) {
    return tensor.storedType == "BF16" || tensor.storedType == "F16" ? tensor.storedType : "F32";
}

std::vector<ExportedTensor> exportedTensors(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan, ExportFormat format) {
    const DecoderConfig& config = checkpoint.config();
    const auto quantized = quantizedByTensor(plan);
    const bool dense = format == ExportFormat::Bf16;
    const std::string scaleType = scaleTypeFor(computeType(checkpoint, plan));
    std::unordered_map<std::string, std::string> storedNames;
    for (const DecoderTensor& tensor : decoderTensors(config)) storedNames[tensor.name] = tensor.storedName;
    std::unordered_map<std::string, const LinearPlan*> storedPlans;
    const std::vector<LinearPlan> stored = storedPlan(config, plan);
    for (const LinearPlan& entry : stored) storedPlans[entry.name + ".weight"] = &entry;

    std::vector<ExportedTensor> exported;
    std::unordered_map<std::string, std::size_t> places;
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        if (isSharedHead(checkpoint, tensor)) continue;
        const auto known = storedNames.find(tensor.name);
        const std::string& name = known != storedNames.end() ? known->second : tensor.name;
        const auto found = quantized.find(tensor.name);
        const ExportedPart part{&tensor, found != quantized.end() ? found->second : nullptr};
        if (const auto place = places.find(name); place != places.end()) {
            ExportedTensor& whole = exported[place->second];
            whole.parts.push_back(part);
            if (part.plan != nullptr && !dense) continue;
            whole.written.front().shape.front() += tensor.shape.front();
            if (!dense && denseType(tensor) != whole.written.front().type) whole.written.front().type = "F32";
            continue;
        }
        places[name] = exported.size();
        ExportedTensor& whole = exported.emplace_back(ExportedTensor{{}, {part}, {}});
        if (dense) {
            whole.written.push_back({name, "BF16", tensor.shape});
        } else if (part.plan != nullptr) {
            const LinearPlan& entry = *storedPlans.at(name);
            const auto [rows, cols] = storedShape(config, entry);
            whole.linear = entry.name;
            whole.written = quantizedTensors(entry, rows, cols, scaleType, format);
        } else {
            whole.written.push_back({name, denseType(tensor), tensor.shape});
        }
    }
    return exported;
}

std::string computeType(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan) {
    const auto quantized = quantizedByTensor(plan);
    bool bfloat = true, half = quantized.empty();
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        if (isSharedHead(checkpoint, tensor) || quantized.contains(tensor.name)) continue;
        bfloat = bfloat && denseType(tensor) == "BF16";
        half = half && denseType(tensor) == "F16";
    }
    return bfloat ? "bfloat16" : half ? "float16" : "float32";
}

nlohmann::json quantizationConfig(const std::vector<LinearPlan>& plan, const FolderLayout& layout) {
    if (layout.format == ExportFormat::Bf16) return nullptr;
    if (layout.format != ExportFormat::CompressedTensors) return singleSchemeConfig(plan, layout);
    const std::vector<Group> groups = groupsOf(plan);
    if (groups.empty()) return nullptr;
    const std::string format = exportFormat(plan);
    nlohmann::json ignore = {"lm_head"};
    for (const LinearPlan& entry : plan) {
        if (!entry.quantized()) ignore.push_back(entry.name);
    }
    nlohmann::json configGroups = nlohmann::json::object();
    for (std::size_t i = 0; i < groups.size(); ++i) {
        nlohmann::json group = {
            {"targets", groups.size() == 1 ? nlohmann::json{"Linear"} : targetsOf(groups[i], plan)},
            {"weights", weightArguments(groups[i].scheme)},
            {"input_activations", activationArguments(groups[i].scheme)},
            {"output_activations", nullptr}};
        if (format == "mixed-precision") group["format"] = storageFormat(groups[i].scheme);
        configGroups["group_" + std::to_string(i)] = std::move(group);
    }
    return {{"quant_method", "compressed-tensors"},
            {"format", format},
            {"quantization_status", "compressed"},
            {"global_compression_ratio", nullptr},
            {"kv_cache_scheme", nullptr},
            {"ignore", std::move(ignore)},
            {"config_groups", std::move(configGroups)}};
}

}  // namespace safequant
