// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/judge_model.h"

namespace safequant {

Expected<JudgeModel> JudgeModel::load(const JudgeOptions& options, const char* judge, const Progress& progress) {
    if (options.checkpoint.empty())
        return fail(ErrorKind::BadInput, "The judge needs a model: name the checkpoint of a causal language model.", judge);
    JudgeModel loaded;
    auto checkpoint = openCheckpoint(options.checkpoint, options.adapters);
    if (!checkpoint) return fail(checkpoint.error());
    loaded.checkpoint = std::move(*checkpoint);
    auto format = ChatFormat::create(loaded.checkpoint->tokenizerSource());
    if (!format) return fail(format.error());
    loaded.format = std::move(*format);
    auto model = LanguageModel::load(loaded.checkpoint, checkpointBlocks(loaded.checkpoint), progress);
    if (!model) return fail(model.error());
    loaded.model = std::move(*model);
    return loaded;
}

Expected<nlohmann::json> JudgeModel::describe(const JudgeOptions& options) const {
    const auto hash = checkpoint->contentHash();
    if (!hash) return fail(hash.error());
    nlohmann::json json{{"checkpoint", options.checkpoint}, {"checkpoint_sha256", *hash}};
    if (!options.adapters.empty()) json["adapters"] = options.adapters;
    return json;
}

}  // namespace safequant
