// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "core/base/files.h"
#include "core/checkpoint/huggingface_config.h"
#include "core/checkpoint/json_file.h"
#include "core/checkpoint/mapped_checkpoint.h"
#include "core/checkpoint/model_file_names.h"
#include "core/checkpoint/quantized_tensors.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

std::string inside(const std::string& folder, const std::string& name) { return (fs::path(folder) / name).string(); }

/// The weights of a folder before they are given their meaning.
struct Weights {
    FileTensors tensors;
    std::vector<std::string> files;
    nlohmann::json metadata = nlohmann::json::object();
};

/// Gives a tensor of a multimodal model's text part its name in a text model; false: it belongs to another part.
bool renameTextTensor(std::string& name) {
    for (const std::string_view other : {"vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."})
        if (name.starts_with(other)) return false;
    constexpr std::string_view kOlder = "language_model.";        // language_model.model.layers..., language_model.lm_head
    constexpr std::string_view kNewer = "model.language_model.";  // model.language_model.layers...
    if (name.starts_with(kOlder)) name.erase(0, kOlder.size());
    if (name.starts_with(kNewer)) name.replace(0, kNewer.size(), "model.");
    return true;
}

Expected<void> addFile(Weights& weights, const std::string& path, const std::set<std::string>* wanted) {
    const auto opened = SafetensorsFile::open(path);
    if (!opened) return fail(opened.error());
    const SafetensorsFile& file = **opened;
    weights.files.push_back(path);
    weights.metadata.update(file.metadata());
    std::set<std::string> missing = wanted != nullptr ? *wanted : std::set<std::string>();
    for (const SafetensorsTensor& tensor : file.tensors()) {
        if (wanted != nullptr && missing.erase(tensor.name) == 0) continue;
        FileTensor entry{tensor, file.file()};
        if (!renameTextTensor(entry.tensor.name)) continue;
        const std::string name = entry.tensor.name;
        weights.tensors.emplace(name, std::move(entry));
    }
    if (!missing.empty())
        return fail(ErrorKind::BadInput, "Tensor \"" + *missing.begin() + "\" is missing here, although " + kWeightsIndexName +
                                             " says that it lies in this file.", path);
    return {};
}

Expected<Weights> readSharded(const std::string& folder) {
    const std::string indexPath = inside(folder, kWeightsIndexName);
    const auto index = readJsonObject(indexPath);
    if (!index) return fail(index.error());
    const auto map = index->find("weight_map");
    if (map == index->end() || !map->is_object() || map->empty())
        return fail(ErrorKind::BadInput, "Field \"weight_map\" must map tensors to files.", indexPath);
    std::map<std::string, std::set<std::string>> shards;
    for (const auto& [tensor, file] : map->items()) {
        if (!file.is_string()) return fail(ErrorKind::BadInput, "weight_map: the file of \"" + tensor + "\" must be a string.", indexPath);
        const auto name = file.get<std::string>();
        if (name.empty() || fs::path(name).filename() != name || name == "." || name == "..")
            return fail(ErrorKind::BadInput, "weight_map: \"" + name + "\" must be the name of a file in the same folder.", indexPath);
        shards[name].insert(tensor);
    }
    Weights weights;
    weights.files.push_back(indexPath);
    for (const auto& [name, tensors] : shards) {
        const std::string path = inside(folder, name);
        if (!isFile(path))
            return fail(ErrorKind::NotFound, "The weights are incomplete: " + std::string(kWeightsIndexName) + " names this file, but it does "
                                             "not exist. Fetch the model again.", path);
        if (auto added = addFile(weights, path, &tensors); !added) return fail(added.error());
    }
    return weights;
}

Expected<Weights> readWeights(const std::string& folder, const std::string& chosen) {
    if (isFile(inside(folder, kWeightsIndexName))) return readSharded(folder);
    std::string name = chosen.empty() ? kWeightsName : chosen;
    if (chosen.empty() && !isFile(inside(folder, name))) {
        std::vector<std::string> found;
        bool otherFormat = false;
        std::error_code code;
        for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
            const auto extension = entry->path().extension();
            if (extension == ".safetensors") found.push_back(entry->path().filename().string());
            otherFormat = otherFormat || extension == ".bin" || extension == ".pt" || extension == ".pth";
        }
        if (found.size() > 1)
            return fail(ErrorKind::NotFound, "The folder holds several safetensors files but no " + std::string(kWeightsIndexName) +
                                                 " that says what lies where. Fetch the model again.", folder);
        if (found.empty() && otherFormat)
            return fail(ErrorKind::Unsupported, "The folder holds weights in PyTorch's pickle format only; convert them to "
                                                "safetensors first.", folder);
        if (found.empty()) return fail(ErrorKind::NotFound, "The folder has a config.json but no safetensors file.", folder);
        name = found.front();
    }
    Weights weights;
    if (auto added = addFile(weights, inside(folder, name), nullptr); !added) return fail(added.error());
    return weights;
}

/// How the weights are quantized: the field of config.json, or the file of their own that older GPTQ and AWQ folders have.
Expected<std::optional<QuantizationConfig>> readQuantization(const nlohmann::json& config, const std::string& folder) {
    std::string path = inside(folder, "config.json");
    nlohmann::json json = config.contains("quantization_config") ? config["quantization_config"] : nlohmann::json();
    for (const auto& [file, method] : {std::pair("quantize_config.json", "gptq"), std::pair("quant_config.json", "awq")}) {
        if (!json.is_null() || !isFile(inside(folder, file))) continue;
        path = inside(folder, file);
        auto own = readJsonObject(path);
        if (!own) return fail(own.error());
        json = std::move(*own);
        if (!json.contains("quant_method")) json["quant_method"] = method;
    }
    if (json.is_null()) return std::optional<QuantizationConfig>();
    auto quantization = QuantizationConfig::parse(json, path);
    if (!quantization) return fail(quantization.error());
    return std::optional<QuantizationConfig>(std::move(*quantization));
}

Expected<std::unordered_map<std::string, StoredTensor>> giveMeaning(const FileTensors& tensors,
                                                                    const std::optional<QuantizationConfig>& quantization) {
    std::unordered_map<std::string, StoredTensor> stored;
    std::set<std::string> used;
    if (quantization) {
        auto parts = addQuantizedTensors(tensors, *quantization, stored);
        if (!parts) return fail(parts.error());
        used = std::move(*parts);
    }
    for (const auto& [name, tensor] : tensors) {
        // Old exports store the rotary frequencies, which follow from the configuration.
        if (used.contains(name) || name.ends_with(".rotary_emb.inv_freq")) continue;
        StoredTensor entry;
        entry.info = {name, tensor.tensor.type, tensor.tensor.shape, tensor.tensor.bytes, tensor.file->path()};
        const StorageType* type = storageTypeNamed(tensor.tensor.type);
        const auto& shape = tensor.tensor.shape;
        const bool readable = type != nullptr && type->decode != nullptr && (shape.size() == 1 || shape.size() == 2);
        if (readable && tensor.tensor.bytes > 0)
            entry.source = makeDenseSource(tensor.file, tensor.tensor.offset, *type, shape.size() == 2 ? shape[0] : 1, shape.back(), 0);
        stored.emplace(name, std::move(entry));
    }
    return stored;
}

}  // namespace

Expected<std::shared_ptr<const Checkpoint>> openHuggingFaceCheckpoint(const std::string& folder, const std::string& chosen) {
    const std::string configPath = inside(folder, "config.json");
    auto json = readJsonObject(configPath);
    if (!json) {
        if (json.error().kind == ErrorKind::NotFound)
            return fail(ErrorKind::NotFound, "The weights need their config.json beside them; fetch the whole model folder.", configPath);
        return fail(json.error());
    }
    json = textModelConfig(*json, configPath);
    if (!json) return fail(json.error());
    auto config = readHuggingFaceConfig(*json, folder);
    if (!config) return fail(config.error());
    auto tokenizer = readHuggingFaceTokenizer(folder);
    if (!tokenizer) return fail(tokenizer.error());
    auto weights = readWeights(folder, chosen);
    if (!weights) return fail(weights.error());
    const auto quantization = readQuantization(*json, folder);
    if (!quantization) return fail(quantization.error());
    auto stored = giveMeaning(weights->tensors, *quantization);
    if (!stored) return fail(stored.error());

    CheckpointContent content;
    content.path = folder;
    content.format = "huggingface";
    content.config = std::move(*config);
    content.tokenizer = std::move(*tokenizer);
    content.files = std::move(weights->files);
    for (const char* name : kSideFileNames)
        if (isFile(inside(folder, name))) content.files.push_back(inside(folder, name));
    content.configJson = std::move(*json);
    content.metadata = std::move(weights->metadata);
    return MappedCheckpoint::create(std::move(content), std::move(*stored));
}

}  // namespace safequant
