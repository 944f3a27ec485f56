// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/pattern.h"

namespace safequant {

/// How the quantized weights of a Hugging Face folder are stored, as its `quantization_config` says.
struct QuantizationConfig {
    enum class Method {
        CompressedTensors,  ///< Names ending in weight_packed or weight, weight_scale, weight_zero_point, weight_g_idx.
        BlockFloat8,        ///< "fp8": 8-bit floats with weight_scale_inv, one a block.
        Gptq,               ///< qweight, qzeros, scales, g_idx; words along the inputs.
        Awq                 ///< qweight, qzeros, scales; words along the outputs (version "gemm").
    };
    /// Of one linear in compressed-tensors.
    struct Weights {
        int bits = 0;  ///< 0: no group names the linear.
        int blockRows = 0, blockColumns = 0;
    };

    Method method = Method::CompressedTensors;
    int bits = 4;                         ///< GPTQ and AWQ.
    int groupSize = -1;                   ///< GPTQ and AWQ: inputs that share a scale; -1: all.
    bool storesZeroMinusOne = false;      ///< GPTQ's checkpoint_format "gptq"; "gptq_v2" stores zero points themselves.
    int blockRows = 0, blockColumns = 0;  ///< BlockFloat8; 0: one scale a tensor.

    /// Errors: unsupported (other methods, formats, widths), bad_input (missing or broken fields).
    static Expected<QuantizationConfig> parse(const nlohmann::json& config, const std::string& path);

    /// The group whose target is the linear's name, else whose "re:" pattern matches its beginning, else whose target
    /// is "Linear".
    Expected<Weights> weightsOf(const std::string& linear) const;

private:
    Expected<void> parseGroups(const nlohmann::json& config, const std::string& path);
    Expected<void> parsePacked(const nlohmann::json& config, const std::string& path);

    std::vector<std::pair<std::string, Weights>> m_names;
    std::vector<std::pair<Pattern, Weights>> m_patterns;
    Weights m_everyLinear;
};

}  // namespace safequant
