// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "core/evaluate/judge.h"
#include "core/model/generation.h"
#include "core/text/chat_template.h"

namespace safequant {

/// A language model that a judge asks.
struct JudgeModel {
    std::shared_ptr<const Checkpoint> checkpoint;
    ChatFormat format;
    std::unique_ptr<LanguageModel> model;

    /// Opens and loads what the options name. `judge` names it in errors. Errors: bad_input (none named), those of checkpoint and
    /// template.
    static Expected<JudgeModel> load(const JudgeOptions& options, const char* judge, const Progress& progress);
    /// Path, adapters and SHA-256 of the content.
    Expected<nlohmann::json> describe(const JudgeOptions& options) const;
};

}  // namespace safequant
