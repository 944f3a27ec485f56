// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/low_rank_adapter.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/checkpoint/adapter_config.h"
#include "core/training/tensor_file.h"
#include "core/tensor/tensor_conversion.h"

namespace safequant {
namespace {

constexpr const char* kConfigName = "/adapter_config.json";
constexpr const char* kWeightsName = "/adapter_model.safetensors";

std::string factorName(const LowRankAdapter::Module& module, char factor) {
    return "base_model.model." + module.name + ".lora_" + factor + ".weight";
}

/// Linears that share a tensor with others in files have no module of their own that PEFT could change.
bool isFused(const DecoderConfig& config, LinearRole role) {
    return config.fusedProjections && role != LinearRole::Output && role != LinearRole::Down;
}

}  // namespace

std::string targetName(LinearRole role) {
    const std::string suffix = linearSuffix(role);
    return suffix.substr(suffix.find('.') + 1);
}

Expected<void> LowRankAdapter::checkTargets(const DecoderConfig& config, const LowRankOptions& options) {
    for (const LinearRole role : options.targets)
        if (isFused(config, role))
            return fail(ErrorKind::Unsupported, "The model's files hold " + targetName(role) +
                                                    " fused with other linears, where PEFT has no adapter for it alone; "
                                                    "choose o_proj and down_proj as targets.");
    return {};
}

LowRankAdapter LowRankAdapter::create(const DecoderConfig& config, const LowRankOptions& options, std::uint64_t seed, const at::Device& device) {
    LowRankAdapter adapter;
    adapter.m_options = options;
    const std::int64_t rank = options.rank;
    for (int block = 0; block < config.blocks; ++block) {
        for (const LinearRole role : options.targets) {
            Module module{linearName(block, role), role, block, {}};
            const auto [out, in] = linearShape(config, role);
            RandomStream random(seed, "finetune." + module.name);
            const float bound = 1.0F / std::sqrt(static_cast<float>(in));
            std::vector<float> values(static_cast<std::size_t>(rank) * static_cast<std::size_t>(in));
            for (float& value : values) value = bound * static_cast<float>(2.0 * random.uniform() - 1.0);
            module.change.a = tensorOf(values, device).view({rank, in}).requires_grad_();
            module.change.b = at::zeros({out, rank}, at::TensorOptions().device(device)).requires_grad_();
            module.change.scale = static_cast<float>(options.alpha / options.rank);
            adapter.m_modules.push_back(std::move(module));
        }
    }
    return adapter;
}

std::vector<at::Tensor> LowRankAdapter::parameters() const {
    std::vector<at::Tensor> parameters;
    for (const Module& module : m_modules) {
        parameters.push_back(module.change.a);
        parameters.push_back(module.change.b);
    }
    return parameters;
}

Expected<void> LowRankAdapter::load(const std::string& folder) {
    const auto config = AdapterConfig::read(folder + kConfigName);
    if (!config) return fail(config.error());
    const auto file = TensorFile::open(folder + kWeightsName);
    if (!file) return fail(file.error());
    const auto other = [&](const std::string& problem) { return fail(ErrorKind::Mismatch, problem, folder); };
    if (file->size() != 2 * m_modules.size())
        return other("The adapter has " + std::to_string(file->size()) + " tensors where the spec's targets need " +
                     std::to_string(2 * m_modules.size()) + "; give both the same targets.");
    for (const Module& module : m_modules) {
        const auto scale = config->scaling(module.name, m_options.rank);
        if (!scale) return fail(scale.error());
        if (static_cast<float>(*scale) != module.change.scale)
            return other("The adapter scales " + module.name + " by " + std::to_string(*scale) +
                         ", the spec by alpha / rank = " + std::to_string(module.change.scale) + ".");
        for (const auto& [tensor, factor] : {std::pair(module.change.a, 'A'), std::pair(module.change.b, 'B')})
            if (auto read = file->read(factorName(module, factor), tensor); !read) return read;
    }
    return {};
}

Expected<void> LowRankAdapter::save(const std::string& folder, const std::string& baseName, const std::string& type) const {
    nlohmann::json targets = nlohmann::json::array();
    for (const LinearRole role : m_options.targets) targets.push_back(targetName(role));
    const nlohmann::json config{{"peft_type", "LORA"},
                                {"task_type", "CAUSAL_LM"},
                                {"base_model_name_or_path", baseName},
                                {"r", m_options.rank},
                                {"lora_alpha", m_options.alpha},
                                {"lora_dropout", 0.0},
                                {"target_modules", targets},
                                {"bias", "none"},
                                {"fan_in_fan_out", false},
                                {"inference_mode", true},
                                {"init_lora_weights", true},
                                {"modules_to_save", nullptr},
                                {"use_dora", false},
                                {"use_rslora", false}};
    if (auto written = writeFileAtomically(folder + kConfigName, config.dump(2) + "\n"); !written) return written;
    std::vector<NamedTensor> tensors;
    for (const Module& module : m_modules) {
        tensors.push_back({factorName(module, 'A'), module.change.a});
        tensors.push_back({factorName(module, 'B'), module.change.b});
    }
    return writeTensorFile(folder + kWeightsName, tensors, type);
}

}  // namespace safequant
