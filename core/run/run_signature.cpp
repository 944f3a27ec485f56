// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_signature.h"

#include "core/run/coded_blocks.h"
#include "core/run/quantized_blocks.h"
#include "core/run/run_folder.h"
#include "core/run/run_inputs.h"

namespace safequant {
namespace {

protocol::MeasuredValue measured(double value, const Interval& interval) { return {value, interval.low, interval.high}; }

/// The quantized model's blocks, in the space of the base model's stream.
Expected<BlockSource> quantizedSource(const std::string& folder, const RunInputs& inputs) {
    if (inputs.spec.keepsBlocks())
        for (int block = 0; block < inputs.checkpoint->config().blocks; ++block)
            if (!hasCodedBlock(folder, block))
                return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " is not quantized yet; let the run finish, or check its base model.", folder);
    return quantizedBlocks(folder, inputs);
}

}  // namespace

protocol::SignatureReport signatureReport(const AlignmentSignature& signature, const SignatureCheck& check, const std::string& model) {
    protocol::SignatureReport report;
    report.signatureOf = signature.modelName;
    report.model = model;
    report.moved = measured(check.moved, check.movedInterval);
    report.separation = measured(check.separation, check.separationInterval);
    if (signature.scores) report.harmfulScore = signature.scores->harmfulScore.value;
    for (const BlockShift& block : check.blocks)
        report.blocks.push_back({measured(block.malicious, block.maliciousInterval), measured(block.benign, block.benignInterval),
                                 measured(block.separation, block.separationInterval), block.maliciousCalled.value, block.benignCalled.value});
    return report;
}

Expected<protocol::SignatureReport> checkRunSignature(const std::string& folder, const std::string& file, const std::string& model, const Progress& progress) {
    const bool base = model == "base";
    if (!base && model != "quantized") return fail(ErrorKind::BadInput, "A run's models are \"base\" and \"quantized\", not \"" + model + "\".", "model");
    const auto signature = readSignature(file);
    if (!signature) return fail(signature.error());
    auto spec = readRunSpec(folder + "/spec.json");
    if (!spec) return fail(spec.error());
    spec->stages = {"capture"};
    spec->exportFolder.clear();
    spec->signature.clear();
    auto inputs = openInputs(*spec, false);
    if (!inputs) return fail(inputs.error());
    OtherBlocks quantized;
    if (!base) {
        auto blocks = quantizedSource(folder, *inputs);
        if (!blocks) return fail(blocks.error());
        quantized.source = std::move(*blocks);
        if (inputs->residualRotation) quantized.rotation = &*inputs->residualRotation;
    }
    const auto check = checkSignature(*signature, base ? inputs->base : inputs->checkpoint, inputs->format, inputs->prompts, spec->seed, file, progress, base ? nullptr : &quantized);
    if (!check) return fail(check.error());
    return signatureReport(*signature, *check, model);
}

}  // namespace safequant
