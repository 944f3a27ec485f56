// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/method_options.h"

#include <vector>

namespace safequant {
namespace {

const std::vector<std::string> kOrders = {"none", "static", "group"};  // By ColumnOrder.
const std::vector<std::string> kClipSearches = {"none", "mse"};  // By GptqOptions::searchRange.

void readGptq(SpecReader& reader, GptqOptions& gptq) {
    reader.choice("order", "order of columns", kOrders, gptq.order);
    reader.number("damping", gptq.damping, 0.0, 1.0, true);
    reader.whole("block_columns", gptq.blockColumns, 1, 100'000);
    reader.choice("clip_search", "search of ranges", kClipSearches, gptq.searchRange);
}

}  // namespace

void readMethodOptions(SpecReader& quantization, const std::string& method, CalibrationOptions& options) {
    const auto* json = quantization.child("options");
    if (json == nullptr) return;
    SpecReader reader(*json, quantization.pathOf("options"), quantization.where());
    if (method == "gptq") {
        readGptq(reader, options.gptq);
        reader.truth("smoothing", options.smoothing.on);
        reader.number("alpha", options.smoothing.alpha, 0.0, 1.0);
    } else if (method == "smoothquant") {
        reader.number("alpha", options.smoothing.alpha, 0.0, 1.0);
    } else if (method == "awq") {
        reader.whole("steps", options.awq.steps, 1, 1000);
        reader.truth("weight_scales", options.awq.weightScales);
        reader.truth("clipping", options.awq.clipping);
    } else if (method == "nf4") {
        reader.truth("double_quantization", options.nf4.doubleQuantization);
    } else if (method == "aqlm") {
        reader.whole("rounds", options.aqlm.rounds, 1, 1000);
        reader.whole("beam", options.aqlm.beam, 1, 64);
        reader.number("damping", options.aqlm.damping, 0.0, 1.0);
    } else if (!json->empty()) {
        quantization.reject("options", "has fields, and the method \"" + method + "\" takes none.");
        return;
    }
    quantization.finishInner(reader);
}

nlohmann::json methodOptionsToJson(const std::string& method, const CalibrationOptions& options) {
    if (method == "smoothquant") return {{"alpha", options.smoothing.alpha}};
    if (method == "awq")
        return {{"steps", options.awq.steps}, {"weight_scales", options.awq.weightScales}, {"clipping", options.awq.clipping}};
    if (method == "nf4") return {{"double_quantization", options.nf4.doubleQuantization}};
    if (method == "aqlm") return {{"rounds", options.aqlm.rounds}, {"beam", options.aqlm.beam}, {"damping", options.aqlm.damping}};
    if (method != "gptq") return nlohmann::json::object();
    return {{"order", kOrders[static_cast<std::size_t>(options.gptq.order)]},
            {"damping", options.gptq.damping},
            {"block_columns", options.gptq.blockColumns},
            {"clip_search", kClipSearches[options.gptq.searchRange ? 1 : 0]},
            {"smoothing", options.smoothing.on},
            {"alpha", options.smoothing.alpha}};
}

}  // namespace safequant
