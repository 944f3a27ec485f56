// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/sensitivities.h"

#include <cmath>

#include "core/run/run_inputs.h"

namespace safequant {
namespace {

/// Model and plan of a spec, without its prompts.
Expected<RunInputs> openModelOf(const RunSpec& spec) {
    RunSpec needed = spec;
    needed.method = "rtn";
    needed.stages.clear();
    return openInputs(needed, false);
}

std::uint64_t otherBytesOf(const RunInputs& inputs) {
    double linearBits = 0.0;
    for (const LinearPlan& entry : inputs.plan) {
        const auto [rows, columns] = linearShape(inputs.checkpoint->config(), entry.role);
        linearBits += schemeBitsPerWeight(entry.actual, rows, columns) * rows * columns;
    }
    const auto preflight = preflightExport(inputs.checkpoint->config(), inputs.plan, {}, inputs.checkpoint.get(), inputs.spec.exporting);
    const auto linearBytes = static_cast<std::uint64_t>(std::llround(linearBits / 8.0));
    return preflight.bytes > linearBytes ? preflight.bytes - linearBytes : 0;
}

}  // namespace

Expected<ModelSensitivities> measureWeightErrors(const RunSpec& spec, const Progress& progress) {
    const auto inputs = openModelOf(spec);
    if (!inputs) return fail(inputs.error());
    auto linears = measureWeightErrors(*inputs->checkpoint, inputs->plan, progress);
    if (!linears) return fail(linears.error());
    return ModelSensitivities{std::move(*linears), otherBytesOf(*inputs)};
}

Expected<ModelSensitivities> measureOutputErrors(const RunSpec& spec, WhatIf& whatIf, const Progress& progress) {
    const auto inputs = openModelOf(spec);
    if (!inputs) return fail(inputs.error());
    if (!whatIf.sameModel(spec))
        return fail(ErrorKind::Mismatch, "The run is of another model, adapters or rotation than the spec: its activations say nothing of it.", whatIf.folder());
    auto linears = whatIf.outputErrors(inputs->plan, progress);
    if (!linears) return fail(linears.error());
    return ModelSensitivities{std::move(*linears), otherBytesOf(*inputs)};
}

}  // namespace safequant
