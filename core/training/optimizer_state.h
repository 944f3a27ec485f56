// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/tensor/adam_w.h"
#include "core/training/tensor_file.h"

namespace safequant {

/// Parameters with their moments and counts as one file keeps them: "counts" I64, `counts` and then the steps of each parameter, and under
/// each parameter's name its values, NAME.first_moment and NAME.second_moment. `names`: one a parameter, in order. `more` stands in the
/// same file. Errors: io.
Expected<void> saveOptimizer(const std::string& path, const AdamW& optimizer, std::span<const std::string> names,
                             std::vector<std::int64_t> counts, std::vector<NamedTensor> more = {});
/// Puts parameters, moments and steps back in place; returns `counts`, of which there are `size`. Errors: those of TensorFile::read.
Expected<std::vector<std::int64_t>> restoreOptimizer(const TensorFile& file, AdamW& optimizer, std::span<const std::string> names,
                                                     std::size_t size);

}  // namespace safequant
