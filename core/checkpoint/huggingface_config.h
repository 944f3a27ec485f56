// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"

namespace safequant {

/// The configuration of the text model alone: `json` itself, or of a multimodal Gemma 3 its text_config as that of a Gemma 3
/// text model, with the fields that lie outside of it. Error: bad_input, `path` as context.
Expected<nlohmann::json> textModelConfig(const nlohmann::json& json, const std::string& path);

/// Reads the text model's config.json of a Hugging Face folder and the end tokens of generation_config.json, which win. Errors:
/// bad_input naming the field, unsupported naming what is missing.
Expected<DecoderConfig> readHuggingFaceConfig(const nlohmann::json& json, const std::string& folder);

/// What transformers' configuration class needs to build the same model, for checkpoints that have no config.json.
nlohmann::json makeConfigJson(const DecoderConfig& config);

/// The tokenizer (tokenizer.json, tokenizer.model, tekken.json, vocab.json with merges.txt, qwen.tiktoken: the first that is there),
/// tokenizer_config.json, special_tokens_map.json and the chat template (chat_template.jinja wins). Files that do not exist leave
/// their fields empty.
Expected<TokenizerSource> readHuggingFaceTokenizer(const std::string& folder);

/// A folder's model name; of a hub cache snapshot the repository's.
std::string huggingFaceModelName(const std::string& folder);

}  // namespace safequant
