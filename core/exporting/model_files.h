// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/exporting/export_layout.h"
#include "core/quantize/scheme.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// The text files of an export by name: config.json, generation_config.json, tokenizer.json, tokenizer_config.json,
/// special_tokens_map.json, chat_template.jinja (when the model has one), provenance.json, README.md; for GPTQ
/// quantize_config.json, which older loaders want.
std::map<std::string, std::string> modelFiles(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                              const std::vector<LinearPlan>& plan, const std::string& computeType,
                                              const nlohmann::json& provenance, const FolderLayout& layout = {});

}  // namespace safequant
