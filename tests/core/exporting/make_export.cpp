// SPDX-License-Identifier: GPL-3.0-or-later
// make_export CHECKPOINT FOLDER PLAN.json: quantizes a checkpoint by rounding, exports it to FOLDER and prints the logits of the
// last token of sample sequences as JSON. tests/references/check_export.py compares them with what other libraries compute.
// PLAN.json: {"default": {scheme}, "rules": [{"pattern": ..., scheme}], "sequences": [[ids], ...], "format": "gguf", "type": "F16"};
// without format compressed-tensors.
#include <iostream>

#include "core/base/files.h"
#include "core/exporting/export_model.h"
#include "core/model/generation.h"
#include "core/quantize/quantize_block.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

void makeExport(const std::string& path, const std::string& folder, const std::string& planPath) {
    const auto json = nlohmann::json::parse(orThrow(readTextFile(planPath)));
    const auto checkpoint = orThrow(openCheckpoint(path));
    const auto tokenizer = orThrow(Tokenizer::create(checkpoint->tokenizerSource()));
    const auto defaults = orThrow(schemeFromJson(json.at("default"), {}, planPath));
    std::vector<SchemeRule> rules;
    for (const auto& rule : json.value("rules", nlohmann::json::array()))
        rules.push_back(orThrow(schemeRuleFromJson(rule, defaults, planPath)));
    const auto plan = orThrow(planSchemes(checkpoint->config(), defaults, rules));

    const auto options = orThrow(exportOptionsNamed(json.value("format", "compressed-tensors"), json.value("type", ""), planPath));
    for (const PreflightItem& item : preflightExport(checkpoint->config(), plan, folder, checkpoint.get(), options).items)
        std::cerr << (item.level == PreflightItem::Level::Ok ? "ok: " : "note: ") << item.message << "\n";
    const QuantizedSource source = [&](const LinearPlan& entry) -> Expected<QuantizedLinear> {
        auto weight = checkpoint->readMatrix(entry.name + ".weight");
        if (!weight) return fail(weight.error());
        return roundToNearest(*weight, entry.actual);
    };
    const ExportResult exported = orThrow(exportModel(*checkpoint, *tokenizer, plan, source, json, folder, {}, options));

    const BlockSource blocks = [&](int block) -> Expected<BlockWeights> {
        auto weights = loadBlock(*checkpoint, block);
        if (!weights) return fail(weights.error());
        return quantizeBlock(std::move(*weights), planOfBlock(plan, block)).weights;
    };
    const auto model = orThrow(LanguageModel::load(checkpoint, blocks));
    const auto sequences = json.at("sequences").get<std::vector<std::vector<std::int32_t>>>();
    const Matrix logits = model->lastLogits(sequences);
    nlohmann::json rows = nlohmann::json::array();
    for (std::size_t r = 0; r < logits.rows(); ++r)
        rows.push_back(std::vector<float>(logits.row(r), logits.row(r) + logits.cols()));
    std::cout << nlohmann::json{{"folder", exported.folder}, {"bytes", exported.bytes}, {"sequences", sequences}, {"logits", rows}}
              << "\n";
}

}  // namespace

int main(int argc, char** argv) {
    return testing::toolMain(argc, argv, "make_export CHECKPOINT FOLDER PLAN.json > LOGITS.json", makeExport);
}
