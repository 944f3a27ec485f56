// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace safequant::testing {

/// Shape of the model that `writeTinyModel` writes: small enough for tests, with grouped-query attention.
struct TinyModelOptions {
    int hidden = 64;
    int intermediate = 128;
    int blocks = 3;
    int heads = 4;
    int kvHeads = 2;
    std::uint64_t seed = 1;
    bool fused = false;  ///< A Phi-3: query, key and value are one tensor, gate and up another.
};

/// Writes a random Llama (or Phi-3) checkpoint as a Hugging Face folder: config.json, model.safetensors (float32, tied embeddings), a
/// byte-level tokenizer.json without merges, and a ChatML template. Throws std::runtime_error when the folder cannot be written.
void writeTinyModel(const std::string& folder, const TinyModelOptions& options = {});

/// Writes a labelled prompt file (JSON Lines, calibration and evaluation split) of harmless stand-ins: `perClass` malicious and
/// benign prompts and a quarter as many hard benign ones in each split.
void writeTinyPrompts(const std::string& path, int perClass);

}  // namespace safequant::testing
