// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"

namespace safequant {

/// How the codes of a weight stand for values.
enum class WeightFormat : std::uint8_t {
    Grid,       ///< (code - zero) * scale on an integer grid of any bits and groups.
    Nf4,        ///< bitsandbytes' 4-bit NormalFloat in blocks of 64.
    Nf4Double,  ///< The same with scales in 8 bits.
    Fp4,        ///< bitsandbytes' 4-bit float in blocks of 64.
    Int8Rows,   ///< LLM.int8(): one float32 scale a row, and outliers among the activations in full precision.
    Codebooks,  ///< AQLM: sums of codebook entries, each for 8 neighbouring columns, times one scale a row.
};

/// Grid of one linear, or the format of its own that its method has.
struct QuantizationScheme {
    int weightBits = 4;      ///< 2 to 8, or 16: left alone.
    int groupSize = 64;      ///< Columns that share a scale; -1: one scale a row (per channel).
    bool symmetric = false;
    int activationBits = 16; ///< 16, 8, 6 or 4, per token, dynamic.
    /// Groups hold columns of like importance instead of neighbours, and files list the group of each column (`g_idx`). Not a choice of
    /// its own: GPTQ's column order "group" makes it so.
    bool orderedGroups = false;
    bool activationSymmetric = true;  ///< False: each token's grid has a zero point.
    /// Not a choice of its own either: the method has it. Formats other than Grid settle bits, group, symmetry and activations, see planSchemes.
    WeightFormat format = WeightFormat::Grid;

    bool operator==(const QuantizationScheme&) const = default;
    /// "W4A16 g64 asymmetric", "W8A8 per channel symmetric, asymmetric activations", "NF4 g64", "LLM.int8 W8A8", "AQLM 2x8".
    std::string describe() const;
};

/// "NF4", "NF4 with double quantization", "FP4", "LLM.int8()", "AQLM"; empty for Grid.
std::string formatTitle(WeightFormat format);
/// The scheme of a format, for a wish of so many bits; `Grid`: what specs begin with.
QuantizationScheme schemeOfFormat(WeightFormat format, int wantedBits);
/// Weights that share a scale in NF4 and FP4, along the flattened weight: blocks run on from row to row where rows are no multiple of it.
inline constexpr int kDataTypeBlock = 64;
/// Scales that share a scale of their own in double quantization.
inline constexpr int kScaleBlock = 256;
/// Columns that an AQLM code stands for.
inline constexpr int kCodebookColumns = 8;
/// Average bits that a weight `[rows, columns]` takes in a scheme, with scales, zero points and tables.
double schemeBitsPerWeight(const QuantizationScheme& scheme, int rows, int columns);

/// Says what is out of range, empty when nothing is: weight bits 2 to 8 or 16, group size -1 or 2 to 65,536, activation bits 4,
/// 6, 8 or 16.
std::string schemeProblem(const QuantizationScheme& scheme);

/// `{"weight_bits": 4, "group_size": 64, "symmetric": false, "activation_bits": 16, "activation_symmetric": true}`; missing fields keep `defaults`, but
/// `"weight_bits": 16` alone leaves the activations alone as well. Errors: bad_input (unknown field, wrong type, out of range).
Expected<QuantizationScheme> schemeFromJson(const nlohmann::json& json, const QuantizationScheme& defaults, const std::string& where);
nlohmann::json schemeToJson(const QuantizationScheme& scheme);

/// "Linears in whose full name this regular expression is found get this scheme"; the first match wins. Perl syntax, case
/// matters, found anywhere unless anchored (as Python's re.search): "mlp\\.down_proj$", "layers\\.(0|29)\\.".
struct SchemeRule {
    std::string pattern;
    QuantizationScheme scheme;
};

/// The fields of a scheme and `"pattern"`. Errors: bad_input, also for a pattern that does not compile.
Expected<SchemeRule> schemeRuleFromJson(const nlohmann::json& json, const QuantizationScheme& defaults, const std::string& where);
nlohmann::json schemeRuleToJson(const SchemeRule& rule);

/// What was asked for one linear, what it gets, and why they differ.
struct LinearPlan {
    std::string name;
    int block = 0;
    LinearRole role = LinearRole::Query;
    QuantizationScheme requested;
    QuantizationScheme actual;
    std::string reason;   ///< Empty when equal, else e.g. "576 columns are not a multiple of 128: group 64 used".

    /// False for a linear whose weights are left alone.
    bool quantized() const { return actual.weightBits < 16; }
};

/// Plans every linear of a model, block by block in the order of LinearRole. Where the request cannot stand, `actual` differs and
/// `reason` says why:
/// - a group of at least as many columns as the linear has becomes one scale a row;
/// - a group that does not divide the columns becomes the largest divisor below it, and for a power of two the largest power
///   of two that divides them and is at least 16 (inference kernels take no others); below 8 columns, one scale a row;
/// - weights left alone (16 bits) leave the activations alone;
/// - a `format` of a method's own brings its bits, group, symmetry and activations (AQLM: the nearest of 2, 3 and 4 bits), and leaves a linear
///   alone that it cannot hold.
/// Errors: bad_input for a broken pattern, a rule whose pattern is found in no name (naming it), or values out of range.
Expected<std::vector<LinearPlan>> planSchemes(const DecoderConfig& config, const QuantizationScheme& defaults,
                                              const std::vector<SchemeRule>& rules, WeightFormat format = WeightFormat::Grid);

/// Marks every linear that has groups as one whose groups follow an order of their own.
void orderGroups(std::vector<LinearPlan>& plan);

}  // namespace safequant
