// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/quantize/calibration_options.h"
#include "core/run/spec_reader.h"

namespace safequant {

/// Options of methods, JSON form ("quantization.options"), every field optional:
/// gptq         {"order": "static", "damping": 0.01, "block_columns": 128, "clip_search": "none", "smoothing": false, "alpha": 0.5}
/// smoothquant  {"alpha": 0.5}
/// awq          {"steps": 20, "weight_scales": true, "clipping": true}
/// nf4          {"double_quantization": false}
/// aqlm         {"rounds": 4, "beam": 8, "damping": 0.01}
/// Orders are "static", "group" and "none", clip searches "none" and "mse"; see CalibrationOptions. Other methods have none.
/// `quantization` is the reader of the section that holds "options".
void readMethodOptions(SpecReader& quantization, const std::string& method, CalibrationOptions& options);
/// What the method reads, an empty object where it has no options.
nlohmann::json methodOptionsToJson(const std::string& method, const CalibrationOptions& options);

}  // namespace safequant
