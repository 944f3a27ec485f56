// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/training/training_sample.h"
#include "tests/core/model/model_fixtures.h"

namespace safequant::testing {

/// What tests/references/make_patch.py wrote.
inline nlohmann::json patchReference() { return readJson(std::string(SAFEQUANT_TEST_DATA) + "/patch/patch.json"); }

/// Ids, and where the answer begins: [[1, 5, 17], 2].
inline TrainingSample sampleOf(const nlohmann::json& json) {
    const auto tokens = json[0].get<std::vector<std::int32_t>>();
    const auto begin = json[1].get<std::size_t>();
    TrainingSample sample;
    sample.tokens.assign(tokens.begin(), tokens.end() - 1);
    for (std::size_t i = 1; i < tokens.size(); ++i) sample.targets.push_back(i >= begin ? tokens[i] : -1);
    return sample;
}

/// The model that the reference is of; `epsilon` of its norms unless 0.
inline std::shared_ptr<const Checkpoint> referenceModel(const std::string& folder, double epsilon = 0.0) {
    auto data = readJson(familyData("llama.json"));
    if (epsilon > 0.0) data["config"]["rms_norm_eps"] = epsilon;
    return openFamily(folder, data["weights"], data["config"]);
}

}  // namespace safequant::testing
