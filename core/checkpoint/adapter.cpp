// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/adapter.h"

#include <filesystem>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/checkpoint/adapter_config.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/model_file_names.h"
#include "core/checkpoint/safetensors.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "base_model.model.";

/// What the adapter stores for one module.
struct ModuleParts {
    std::optional<AdapterTensor> a, b, embeddingA, embeddingB, magnitude, productBias, weight, bias;
};

using Slot = std::optional<AdapterTensor> ModuleParts::*;
constexpr std::pair<std::string_view, Slot> kEndings[] = {
    {".lora_A.weight", &ModuleParts::a},
    {".lora_B.weight", &ModuleParts::b},
    {".lora_B.bias", &ModuleParts::productBias},
    {".lora_embedding_A", &ModuleParts::embeddingA},
    {".lora_embedding_B", &ModuleParts::embeddingB},
    {".lora_magnitude_vector", &ModuleParts::magnitude},
    {".lora_magnitude_vector.weight", &ModuleParts::magnitude},
    {".base_layer.weight", &ModuleParts::weight},
    {".base_layer.bias", &ModuleParts::bias},
    {".weight", &ModuleParts::weight},
    {".bias", &ModuleParts::bias},
};

/// Rows of a module of the adapter that are a weight of the base.
struct Rows {
    std::string module;
    std::int64_t first = 0;
    std::vector<std::int64_t> shape;  ///< Of the base's weight.
};

/// Puts the parts of one adapter on a base.
class Fitting {
public:
    Fitting(const Checkpoint& base, const AdapterConfig& config, std::string path, Adapter& target)
        : m_base(base), m_config(config), m_path(std::move(path)), m_target(target) {}

    Expected<void> add(const std::string& module, const ModuleParts& parts) {
        const auto places = placesOf(module);
        if (!places) return fail(places.error());
        if (parts.weight)
            if (auto added = addReplacement(module, ".weight", *parts.weight, *places); !added) return added;
        if (parts.bias)
            if (auto added = addReplacement(module, ".bias", *parts.bias, *places); !added) return added;
        if (parts.a || parts.b || parts.magnitude || parts.productBias)
            if (auto added = addProduct(module, parts, *places); !added) return added;
        if (parts.embeddingA || parts.embeddingB) return addEmbedding(module, parts, places->front().shape);
        return {};
    }

private:
    tl::unexpected<Error> misfit(const std::string& module, const std::string& rule) const {
        return fail(ErrorKind::BadInput, "\"" + module + "\" " + rule + ".", m_path);
    }

    /// The tensors of the base that a module stands for, with their first rows in it.
    Expected<std::vector<Rows>> placesOf(const std::string& module) const {
        if (m_base.config().tiedEmbeddings && (module == "lm_head" || module == "model.embed_tokens"))
            return fail(ErrorKind::Unsupported,
                        "The adapter changes \"" + module +
                            "\" of a model whose embeddings serve as its head "
                            "too; merge it with PEFT and open the result.",
                        m_path);
        if (const TensorInfo* info = m_base.find(module + ".weight"); info != nullptr)
            return std::vector<Rows>{{module, 0, info->shape}};
        std::vector<Rows> places;
        const auto split = [&](std::string_view fused, const std::vector<const char*>& parts) {
            if (!module.ends_with(fused)) return;
            const std::string stem = module.substr(0, module.size() - fused.size());
            std::int64_t first = 0;
            for (const char* part : parts) {
                const TensorInfo* info = m_base.find(stem + part + ".weight");
                if (info == nullptr) return;
                places.push_back({stem + part, first, info->shape});
                first += info->shape[0];
            }
        };
        split(".qkv_proj", {".q_proj", ".k_proj", ".v_proj"});
        split(".gate_up_proj", {".gate_proj", ".up_proj"});
        if (places.empty())
            return fail(ErrorKind::BadInput,
                        "The adapter changes \"" + module +
                            "\", which the base model does not have: it was made "
                            "for another model.",
                        m_path);
        return places;
    }

    static std::int64_t totalRows(const std::vector<Rows>& places) {
        return places.back().first + places.back().shape[0];
    }

    Expected<void> addReplacement(const std::string& module, const std::string& kind, const AdapterTensor& tensor,
                                  const std::vector<Rows>& places) {
        for (const Rows& place : places) {
            const TensorInfo* info = m_base.find(place.module + kind);
            if (info == nullptr)
                return fail(ErrorKind::Unsupported,
                            "The adapter stores \"" + module + kind + "\", which the base model does not have.",
                            m_path);
            const std::int64_t columns = info->shape.size() == 2 ? info->shape[1] : 1;
            if (tensor.columns() != columns || tensor.rows() != totalRows(places))
                return misfit(module + kind, "is stored as " + shapeText({tensor.rows(), tensor.columns()}) +
                                                 ", but the base model has " + shapeText(info->shape) +
                                                 ": the adapter was made for another model");
            m_target.changes.emplace_back(info->name, makeReplacement(tensor, place.first));
        }
        return {};
    }

    Expected<void> addProduct(const std::string& module, const ModuleParts& parts, const std::vector<Rows>& places) {
        if (!parts.a || !parts.b) return misfit(module, "has only one of lora_A and lora_B");
        const auto targeted = m_config.targets(module);
        if (!targeted) return fail(targeted.error());
        if (!*targeted)
            return misfit(module, "has weights, although target_modules does not name it: files of different adapters");
        const auto scaling = m_config.scaling(module, parts.a->rows());
        if (!scaling) return fail(scaling.error());
        if (m_config.isDora() != parts.magnitude.has_value())
            return misfit(module, m_config.isDora() ? "has no lora_magnitude_vector, although use_dora is set"
                                                    : "has a lora_magnitude_vector, although use_dora is not set");
        const std::int64_t rows = totalRows(places);
        const std::int64_t columns = places.front().shape.back();
        if (parts.a->columns() != columns || parts.b->rows() != rows || parts.b->columns() != parts.a->rows())
            return misfit(module, "has lora_A " + shapeText({parts.a->rows(), parts.a->columns()}) + " and lora_B " +
                                      shapeText({parts.b->rows(), parts.b->columns()}) +
                                      ", but the base model's weight is " + shapeText({rows, columns}) +
                                      ": the adapter was made for another model");
        if (parts.magnitude && parts.magnitude->rows() * parts.magnitude->columns() != rows)
            return misfit(module, "has a lora_magnitude_vector of another length than its weight has rows");
        for (const Rows& place : places) {
            LowRankProduct product{*parts.a, *parts.b, *scaling, place.first, nullptr};
            if (parts.magnitude) product.magnitude = std::make_shared<AdapterTensor>(*parts.magnitude);
            m_target.changes.emplace_back(place.module + ".weight", makeLowRankChange(std::move(product)));
            if (!parts.productBias) continue;
            if (!m_base.has(place.module + ".bias") || parts.productBias->rows() != rows)
                return misfit(module, "has a lora_B.bias that does not fit a bias of the base model");
            m_target.changes.emplace_back(place.module + ".bias", makeSum(*parts.productBias, *scaling, place.first));
        }
        return {};
    }

    Expected<void> addEmbedding(const std::string& module, const ModuleParts& parts,
                                const std::vector<std::int64_t>& shape) {
        if (!parts.embeddingA || !parts.embeddingB)
            return misfit(module, "has only one of lora_embedding_A and lora_embedding_B");
        if (m_config.isDora())
            return fail(ErrorKind::Unsupported,
                        "DoRA on \"" + module + "\" cannot be merged; merge it with PEFT and open the result.", m_path);
        const AdapterTensor& a = *parts.embeddingA;
        const AdapterTensor& b = *parts.embeddingB;
        const auto scaling = m_config.scaling(module, a.rows());
        if (!scaling) return fail(scaling.error());
        if (a.columns() != shape[0] || b.rows() != shape.back() || b.columns() != a.rows())
            return misfit(module, "has lora_embedding_A " + shapeText({a.rows(), a.columns()}) +
                                      " and lora_embedding_B " + shapeText({b.rows(), b.columns()}) +
                                      ", but the base model's embeddings are " + shapeText(shape));
        m_target.changes.emplace_back(module + ".weight", makeEmbeddingChange(a, b, *scaling));
        return {};
    }

    const Checkpoint& m_base;
    const AdapterConfig& m_config;
    std::string m_path;
    Adapter& m_target;
};

Expected<std::map<std::string, ModuleParts>> sortParts(const SafetensorsFile& file) {
    std::map<std::string, ModuleParts> modules;
    for (const SafetensorsTensor& stored : file.tensors()) {
        const auto refused = [&](const std::string& rule) {
            return fail(ErrorKind::BadInput, "Tensor \"" + stored.name + "\" " + rule + ".", file.path());
        };
        if (!stored.name.starts_with(kPrefix))
            return refused("does not begin with \"base_model.model.\", as PEFT writes them");
        const std::string name = stored.name.substr(kPrefix.size());
        Slot slot = nullptr;
        std::string module;
        for (const auto& [ending, part] : kEndings) {
            if (slot != nullptr || !name.ends_with(ending)) continue;
            slot = part;
            module = name.substr(0, name.size() - ending.size());
        }
        if (slot == nullptr || module.find("lora_") != std::string::npos)
            return refused("is no part of a LoRA adapter that can be merged");
        auto tensor = AdapterTensor::create({stored, file.file()});
        if (!tensor) return fail(tensor.error());
        auto& place = modules[module].*slot;
        if (place) return refused("says again what another tensor says of \"" + module + "\"");
        place = std::move(*tensor);
    }
    if (modules.empty()) return fail(ErrorKind::BadInput, "The adapter holds no tensors.", file.path());
    return modules;
}

/// The base with changes applied on the way out.
class AdaptedCheckpoint : public Checkpoint {
public:
    explicit AdaptedCheckpoint(std::shared_ptr<const Checkpoint> base)
        : m_base(std::move(base)), m_config(m_base->config()), m_files(m_base->files()), m_tensors(m_base->tensors()) {
        for (std::size_t i = 0; i < m_tensors.size(); ++i) m_index.emplace(m_tensors[i].name, i);
        m_changes.resize(m_tensors.size());
    }

    Expected<void> add(const std::string& path) {
        auto adapter = Adapter::open(path, *m_base);
        if (!adapter) return fail(adapter.error());
        m_config.name += " + " + adapter->name;
        m_names.push_back(path);
        m_files.insert(m_files.end(), adapter->files.begin(), adapter->files.end());
        for (auto& [name, change] : adapter->changes) {
            const std::size_t index = m_index.at(name);
            m_tensors[index].storedType = "F32";
            m_changes[index].push_back(std::move(change));
        }
        return {};
    }

    const std::string& path() const override { return m_base->path(); }
    const std::string& format() const override { return m_base->format(); }
    const DecoderConfig& config() const override { return m_config; }
    const TokenizerSource& tokenizerSource() const override { return m_base->tokenizerSource(); }
    const std::vector<TensorInfo>& tensors() const override { return m_tensors; }
    std::vector<std::string> files() const override { return m_files; }
    nlohmann::json configJson() const override { return m_base->configJson(); }
    nlohmann::json metadata() const override {
        auto metadata = m_base->metadata();
        metadata["adapters"] = m_names;
        return metadata;
    }
    const TensorInfo* find(const std::string& name) const override {
        const auto found = m_index.find(name);
        return found != m_index.end() ? &m_tensors[found->second] : nullptr;
    }
    Expected<void> read(const std::string& name, std::span<float> out) const override {
        if (auto done = m_base->read(name, out); !done) return done;
        const auto& shape = m_tensors[m_index.at(name)].shape;
        return change(name, 0, shape[0], shape.size() == 2 ? shape[1] : 1, out.data());
    }
    Expected<void> readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows,
                            std::span<float> out) const override {
        if (auto done = m_base->readRows(name, firstRow, rows, out); !done) return done;
        return change(name, firstRow, rows, m_tensors[m_index.at(name)].shape[1], out.data());
    }
    Expected<std::optional<IntegerWeight>> readIntegers(const std::string& name) const override {
        const auto found = m_index.find(name);
        if (found != m_index.end() && !m_changes[found->second].empty()) return std::optional<IntegerWeight>();
        return m_base->readIntegers(name);
    }

private:
    Expected<void> change(const std::string& name, std::int64_t first, std::int64_t rows, std::int64_t columns,
                          float* values) const {
        if (rows == 0) return {};
        for (const auto& step : m_changes[m_index.at(name)]) {
            auto done = step->apply(first, rows, columns, values);
            if (!done)
                return fail(done.error().kind, "Tensor \"" + name + "\": " + done.error().message,
                            done.error().context.empty() ? path() : done.error().context);
        }
        return {};
    }

    std::shared_ptr<const Checkpoint> m_base;
    DecoderConfig m_config;
    std::vector<std::string> m_names;
    std::vector<std::string> m_files;
    std::vector<TensorInfo> m_tensors;
    std::vector<std::vector<std::unique_ptr<TensorChange>>> m_changes;  ///< Parallel to m_tensors.
    std::unordered_map<std::string, std::size_t> m_index;
};

}  // namespace

bool isAdapterFolder(const std::string& path) {
    return isFile((fs::path(path) / kAdapterConfigName).string()) && !isFile((fs::path(path) / "config.json").string());
}

Expected<Adapter> Adapter::open(const std::string& path, const Checkpoint& base) {
    std::error_code code;
    const fs::path folder = isFile(path) ? fs::path(path).parent_path() : fs::path(path);
    const std::string configPath = (folder / kAdapterConfigName).string();
    const std::string weightsPath = (folder / kAdapterWeightsName).string();
    if (!fs::is_directory(folder, code)) return fail(ErrorKind::NotFound, "There is no such adapter folder.", path);
    if (!isFile(configPath))
        return fail(ErrorKind::NotFound,
                    "The folder has no adapter_config.json; give the folder that PEFT's save_pretrained wrote.",
                    folder.string());
    if (!isFile(weightsPath) && isFile((folder / "adapter_model.bin").string()))
        return fail(ErrorKind::Unsupported,
                    "The adapter is stored in PyTorch's pickle format (adapter_model.bin); save it as safetensors.",
                    folder.string());
    const auto config = AdapterConfig::read(configPath);
    if (!config) return fail(config.error());
    const auto file = SafetensorsFile::open(weightsPath);
    if (!file) return fail(file.error());
    const auto modules = sortParts(**file);
    if (!modules) return fail(modules.error());

    Adapter adapter;
    adapter.name = fs::path(fs::absolute(folder, code).lexically_normal() / "").parent_path().filename().string();
    adapter.files = {configPath, weightsPath};
    Fitting fitting(base, *config, weightsPath, adapter);
    for (const auto& [module, parts] : *modules)
        if (auto added = fitting.add(module, parts); !added) return fail(added.error());
    return adapter;
}

Expected<std::shared_ptr<const Checkpoint>> adaptCheckpoint(std::shared_ptr<const Checkpoint> base,
                                                            const std::vector<std::string>& adapters) {
    auto adapted = std::make_shared<AdaptedCheckpoint>(std::move(base));
    for (const std::string& path : adapters)
        if (auto added = adapted->add(path); !added) return fail(added.error());
    return adapted;
}

}  // namespace safequant
