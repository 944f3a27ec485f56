// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/evaluate/comparison.h"

namespace safequant {

struct ComparisonOptions {
    std::string judge;               ///< Empty: the first run's.
    std::optional<std::string> model;  ///< "base" or "quantized": that one of every run; absent: all there are.
    bool lastModel = false;            ///< Of every run only what came out of it: the quantized model, or the base where nothing was quantized.
    std::uint64_t seed = 0;
};

/// One model of one run.
struct ComparedModel {
    std::string name;  ///< "RUN, MODEL"; a run by its name, or by its folder's where several share a name.
    std::string folder, model;
};

/// A table of paired differences: every model of every run against the first one.
struct RunComparison {
    std::string judge;
    std::vector<ComparedModel> models;  ///< The first is what the others are compared with.
    std::vector<PairedComparison> rows;
};

/// Compares the answers of runs on the prompts they have in common. Errors: those of reading; bad_input when there are not two
/// models, or when one id has different prompts in two runs.
Expected<RunComparison> compareRuns(const std::vector<std::string>& folders, const ComparisonOptions& options);

nlohmann::json toJson(const RunComparison& comparison);

}  // namespace safequant
