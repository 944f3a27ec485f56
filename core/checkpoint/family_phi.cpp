// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family_phi.h"

namespace safequant {
namespace {

Expected<void> readPhi3Json(JsonFields& fields, DecoderConfig& config) {
    setWindowEverywhere(config, fields.integer("sliding_window", 0));
    return {};
}

Expected<void> readPhi3Gguf(GgufKeys& keys, DecoderConfig& config) {
    setWindowEverywhere(config, keys.integer("attention.sliding_window", 0));
    return {};
}

}  // namespace

constinit const ModelFamily kPhi3Family = {
    .modelType = "phi3",
    .ggufArchitecture = "phi3",
    .className = "Phi3ForCausalLM",
    .maxPositions = 4096,
    .normEpsilon = 1e-5,
    .originalPositions = 4096,
    .fusedProjections = true,
    .partialRotary = true,
    .readJson = readPhi3Json,
    .readGguf = readPhi3Gguf,
    .writeJson = writeWindowEverywhere,
};

}  // namespace safequant
