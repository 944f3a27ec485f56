// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/export_format.h"

#include <algorithm>
#include <array>

#include "core/exporting/export_layout.h"
#include "core/exporting/gguf_export.h"

namespace safequant {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"compressed-tensors", "gptq", "awq", "gguf", "bf16"};
constexpr int kWordBits = 32;

/// GPTQ and AWQ describe a model by one scheme, for weights alone. `plan`: a stored one.
std::string singleSchemeProblem(ExportFormat format, const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    const bool awq = format == ExportFormat::Awq;
    const std::string name = awq ? "AWQ" : "GPTQ";
    const LinearPlan* first = nullptr;
    for (const LinearPlan& entry : plan) {
        const QuantizationScheme& scheme = entry.actual;
        if (!entry.quantized()) continue;  // AWQ: modules_to_not_convert names it, GPTQ: dynamic.
        if (first != nullptr && !(scheme == first->actual))
            return entry.name + " has " + scheme.describe() + " and " + first->name + " " + first->actual.describe() +
                   "; the " + name +
                   " format has one scheme for all linears: quantize all alike, or export as compressed-tensors.";
        first = &entry;
        if (scheme.activationBits < 16)
            return "The " + name +
                   " format stores weights alone: choose activations of 16 bits, or export as compressed-tensors.";
        const bool bitsFit =
            awq ? scheme.weightBits == 4 : scheme.weightBits == 2 || scheme.weightBits == 4 || scheme.weightBits == 8;
        if (!bitsFit)
            return "The " + name + " format holds weights of " + (awq ? "4" : "2, 4 or 8") + " bits, not " +
                   std::to_string(scheme.weightBits) + ": choose 4 bits, or export as compressed-tensors.";
        if (awq && scheme.orderedGroups)
            return "The AWQ format has groups of neighbouring columns, not of an order of their own: quantize with another column order, or export as "
                   "GPTQ.";
        if (awq && scheme.groupSize <= 0)
            return "The AWQ format has one scale a group, not a row: choose groups of 128, or export as GPTQ.";
        const int perWord = kWordBits / scheme.weightBits;
        const auto [rows, cols] = storedShape(config, entry);
        if (rows % perWord != 0 || (!awq && cols % perWord != 0))
            return entry.name + " has " + std::to_string(rows) + " x " + std::to_string(cols) +
                   " weights, which fill no whole words of " + std::to_string(perWord) +
                   " codes: export as compressed-tensors.";
    }
    return {};
}

/// Weights in a format of their method's own are on no grid that the other formats could store.
std::string ownFormatProblem(ExportFormat format, const std::vector<LinearPlan>& plan) {
    const auto own = std::find_if(plan.begin(), plan.end(), [](const LinearPlan& p) { return p.quantized() && p.actual.format != WeightFormat::Grid; });
    if (own == plan.end()) return {};
    return formatTitle(own->actual.format) + " weights are on no integer grid, which is all that the format " + std::string(exportFormatName(format)) +
           " stores: export as bf16, or quantize with rtn, gptq or another method with integer grids.";
}

}  // namespace

std::string_view exportFormatName(ExportFormat format) {
    return kNames.at(static_cast<std::size_t>(format));
}

std::optional<ExportFormat> exportFormatNamed(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<ExportFormat>(found - kNames.begin());
}

std::span<const std::string_view> exportFormatNames() {
    return kNames;
}

std::string formatProblem(ExportFormat format, const DecoderConfig& config, const std::vector<LinearPlan>& plan) {
    if (format == ExportFormat::Bf16) return {};
    if (std::string problem = ownFormatProblem(format, plan); !problem.empty()) return problem;
    if (format == ExportFormat::Gguf) return ggufProblem(config, plan);
    if (std::string problem = fusedProblem(config, plan); !problem.empty()) return problem;
    return format == ExportFormat::CompressedTensors ? std::string() : singleSchemeProblem(format, config, storedPlan(config, plan));
}

}  // namespace safequant
