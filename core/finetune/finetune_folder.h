// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/finetune/finetune_spec.h"

namespace safequant {

/// Called with every event after it stands in events.jsonl (docs/file-formats.md).
using FinetuneListener = std::function<void(const nlohmann::json& event)>;

/// Makes a folder for a fine-tuning with its spec.json in it: `folder`, which must be new or empty, or when that is empty
/// "<workspace>/finetunes/<time>-<name>". Errors: bad_input, io.
Expected<std::string> createFinetuneFolder(const std::string& folder, const std::string& workspace, const FinetuneSpec& spec);

/// Runs or resumes the fine-tuning in a folder until adapter/, or model/ with full fine-tuning, is there, and holds the folder's lock meanwhile. A resumed one goes on
/// from the last kept state, bit for bit as if it had never stopped; it refuses when checkpoint, conversations or spec have
/// changed (mismatch). Errors: those of the work; cancelled after keeping the state.
Expected<void> executeFinetuning(const std::string& folder, const FinetuneListener& listener, const std::stop_token& stop);

}  // namespace safequant
