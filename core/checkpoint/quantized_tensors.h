// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "core/checkpoint/mapped_checkpoint.h"
#include "core/checkpoint/packed_source.h"
#include "core/checkpoint/quantization_config.h"

namespace safequant {

using FileTensors = std::map<std::string, FileTensor>;

/// Puts the parts of every quantized linear together as "NAME.weight" in `stored`. Returns the names of the parts.
/// Errors: bad_input naming a part that is missing or does not fit.
Expected<std::set<std::string>> addQuantizedTensors(const FileTensors& tensors, const QuantizationConfig& config,
                                                    std::unordered_map<std::string, StoredTensor>& stored);

}  // namespace safequant
