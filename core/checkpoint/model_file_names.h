// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

namespace safequant {

/// Names of the files that Hugging Face folders of models and adapters are made of.
inline constexpr const char* kConfigName = "config.json";
inline constexpr const char* kWeightsName = "model.safetensors";
inline constexpr const char* kWeightsIndexName = "model.safetensors.index.json";
inline constexpr const char* kAdapterConfigName = "adapter_config.json";
inline constexpr const char* kAdapterWeightsName = "adapter_model.safetensors";
/// Files beside the weights that belong to a model when they are there.
inline constexpr std::array kSideFileNames{kConfigName,       "generation_config.json", "tokenizer.json",
                                           "tokenizer.model", "tekken.json",            "tokenizer_config.json",
                                           "special_tokens_map.json", "chat_template.jinja", "quantize_config.json",
                                           "quant_config.json"};

/// Of the files that a model's folder could have, those that opening it reads beside the weights, in the order given. Of several
/// tokenizers it is the one that readHuggingFaceTokenizer takes.
std::vector<std::string> neededSideFiles(std::span<const std::string> names);

}  // namespace safequant
