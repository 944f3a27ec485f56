// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"

namespace safequant {

/// vocab.json and merges.txt of byte-level BPE, where a folder has no tokenizer.json. How text is split follows tokenizer_class of
/// tokenizer_config.json (`config`): GPT2Tokenizer or Qwen2Tokenizer; tokens that it declares (added_tokens_decoder) and names
/// (bos_token, ...) are special ones. Errors: bad_input with file and line, unsupported (another class, add_prefix_space, tokens
/// that strip the space beside them).
Expected<GgufVocabulary> readVocabularyAndMerges(std::string_view vocabulary, std::string_view merges, const nlohmann::json& config);

/// qwen.tiktoken of Qwen 1: lines "base64 rank"; its special tokens follow the ranks (tokenization_qwen.py). Errors: bad_input with
/// the line.
Expected<GgufVocabulary> readQwenTiktoken(std::string_view content);

/// A special token of a tokenizer's JSON files: a string or an object with "content"; empty when it is neither, or absent.
std::string specialTokenText(const nlohmann::json& token);
std::string specialTokenText(const nlohmann::json& config, const char* field);

}  // namespace safequant
