// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/decoder_config.h"
#include "core/checkpoint/gguf_keys.h"
#include "core/checkpoint/json_file.h"

namespace safequant {

/// One model family: what its files say differently from the others. A new one is a pair of files that define such a record, a
/// line in the registry (family.cpp) and a case of the test.
struct ModelFamily {
    std::string_view modelType;         ///< `model_type` of config.json.
    std::string_view ggufArchitecture;  ///< `general.architecture` of GGUF files.
    std::string_view className;         ///< transformers' class, for `architectures`.

    // Defaults of transformers' configuration class, for fields that config.json leaves out.
    int maxPositions = 2048;
    double normEpsilon = 1e-6;
    double ropeTheta = 10000.0;
    double localRopeTheta = 0.0;  ///< Above 0: blocks with a window have rotary positions of their own, unscaled.
    int originalPositions = 0;    ///< Above 0: original_max_position_embeddings is a field of its own, with this default.
    int heads = 0;       ///< 0: must be given.
    int kvHeads = 0;     ///< 0: as many as heads.
    int headDim = 0;     ///< 0: hidden_size / num_attention_heads.
    int vocabulary = 0;  ///< 0: must be given.
    bool tiedEmbeddings = false;
    Activation activation = Activation::Silu;
    std::string_view activationField = "hidden_act";

    // Facts that no field says.
    bool fusedProjections = false;
    bool normAddsOne = false;
    bool postNorms = false;
    bool qkNorm = false;
    bool partialRotary = false;           ///< partial_rotary_factor is heeded.
    bool ggufPermutesRotaryRows = false;  ///< GGUF files hold query and key rows in llama.cpp's order.

    /// Reads the fields that only this family has: biases, windows, caps, scales. The common ones are set already. Errors are
    /// left in `fields` or returned.
    Expected<void> (*readJson)(JsonFields& fields, DecoderConfig& config) = nullptr;
    /// The same from the keys of a GGUF file ("<architecture>." is prepended).
    Expected<void> (*readGguf)(GgufKeys& keys, DecoderConfig& config) = nullptr;
    /// Writes the fields that readJson reads.
    void (*writeJson)(const DecoderConfig& config, nlohmann::json& json) = nullptr;
};

/// The family of a `model_type`; null when there is none. "gemma3" is found under "gemma3_text", its text model's.
const ModelFamily* familyOfModelType(std::string_view modelType);
/// The first family of a GGUF architecture; null when there is none.
const ModelFamily* familyOfArchitecture(std::string_view architecture);
/// The family of a configuration; Llama when its model type is unknown or empty.
const ModelFamily& familyOf(const DecoderConfig& config);
/// Copies what no field of a file says into the configuration.
void setFamilyFacts(const ModelFamily& family, DecoderConfig& config);
/// Every `model_type` that can be opened, sorted.
std::vector<std::string> supportedModelTypes();

/// Why a model family cannot be opened, naming what this program lacks for it. `family` is a `model_type` or a GGUF
/// architecture. Always an error of kind unsupported.
Error unsupportedFamily(const std::string& family, const std::string& path);

/// `layer_types` of config.json as one flag a block: true for "sliding_attention", false for "full_attention". Empty when the
/// field is absent. Error: bad_input on other words or another number of them.
Expected<std::vector<bool>> slidingLayerTypes(JsonFields& fields, int blocks);
/// The words of `layer_types` for the windows of a configuration.
std::vector<std::string> layerTypeNames(const DecoderConfig& config);
/// The window of the blocks that have one; 0 when none does.
int slidingWindow(const DecoderConfig& config);
/// Gives every block a window; 0: none.
void setWindowEverywhere(DecoderConfig& config, int window);
/// Writes the field `sliding_window` of families whose blocks are all alike.
void writeWindowEverywhere(const DecoderConfig& config, nlohmann::json& json);

}  // namespace safequant
