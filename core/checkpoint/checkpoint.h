// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/matrix.h"
#include "core/base/progress.h"
#include "core/checkpoint/decoder_config.h"
#include "core/checkpoint/integer_weight.h"

namespace safequant {

/// One tensor as the file declares it, under its Hugging Face name and with its Hugging Face shape (`[out, in]`).
struct TensorInfo {
    std::string name;         ///< e.g. "model.layers.0.self_attn.q_proj.weight".
    std::string storedType;   ///< "F32", "F16", "BF16", "Q4_1", ...
    std::vector<std::int64_t> shape;
    std::uint64_t bytes = 0;  ///< Size in the file.
    std::string file;         ///< File it lies in.
};

/// Vocabulary and merges as GGUF metadata holds them.
struct GgufVocabulary {
    std::string model;                     ///< "gpt2" (byte-level BPE), "llama", ...
    std::string preTokenizer;              ///< "smollm", "llama-bpe", "gpt-2", ...
    std::vector<std::string> tokens;       ///< Byte-level alphabet for "gpt2".
    std::vector<std::int32_t> tokenTypes;  ///< 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    std::vector<std::string> merges;       ///< "a b".
    std::vector<float> scores;
    int beginToken = -1, endToken = -1, unknownToken = -1, padToken = -1;
    bool addBegin = false, addEnd = false;
    bool addSpacePrefix = true;           ///< "llama": a space is put before a text.
    bool removeExtraWhitespaces = false;  ///< "llama": runs of spaces become one.
};

/// Everything a checkpoint says about text. Of the tokenizers the first that is there counts; none is there when it has none.
struct TokenizerSource {
    std::string path;            ///< The folder or file all of it comes from, for messages; may be empty.
    std::string tokenizerJson;   ///< Content of tokenizer.json; empty for GGUF.
    std::string tokenizerModel;  ///< Content of tokenizer.model (SentencePiece), read when there is no tokenizer.json.
    std::string tekkenJson;      ///< Content of tekken.json (Mistral), read when there is neither.
    std::optional<GgufVocabulary> vocabulary;
    std::string chatTemplate;   ///< Jinja source; empty when the model has none.
    std::string beginText, endText, unknownText, padText;  ///< Special tokens as text, for the template; may be empty.
    nlohmann::json tokenizerConfig;  ///< tokenizer_config.json, null for GGUF.

    bool hasTokenizer() const {
        return !tokenizerJson.empty() || !tokenizerModel.empty() || !tekkenJson.empty() || vocabulary.has_value();
    }
};

/// A model file or folder, mapped into memory. Opening reads metadata only. Thread-safe after opening.
class Checkpoint {
public:
    virtual ~Checkpoint() = default;

    virtual const std::string& path() const = 0;
    virtual const std::string& format() const = 0;      ///< "gguf" or "huggingface".
    virtual const DecoderConfig& config() const = 0;
    virtual const TokenizerSource& tokenizerSource() const = 0;
    virtual const std::vector<TensorInfo>& tensors() const = 0;
    /// Files the checkpoint consists of, sorted; hashed into the manifest.
    virtual std::vector<std::string> files() const = 0;
    /// config.json as it is (Hugging Face), or one made from the metadata (GGUF): what an export writes.
    virtual nlohmann::json configJson() const = 0;
    /// Other metadata worth showing, flat (GGUF keys, safetensors __metadata__).
    virtual nlohmann::json metadata() const = 0;

    bool has(const std::string& name) const;
    /// Null when there is no such tensor. Takes constant time.
    virtual const TensorInfo* find(const std::string& name) const = 0;

    /// Converts a tensor to float32 in Hugging Face layout (GGUF's permuted q and k rows are put back). `out` must have exactly
    /// as many elements. Errors: not_found, unsupported type, bad_input (also values that are not finite).
    virtual Expected<void> read(const std::string& name, std::span<float> out) const = 0;

    /// A range of rows of a 2-D tensor, for embeddings. `out` holds rows * cols elements.
    virtual Expected<void> readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows,
                                    std::span<float> out) const = 0;

    /// A 2-D tensor as the codes it is stored in: rows in GGUF's types of signed codes and scales (Q4_0, Q5_0, Q6_K, Q8_0) that nothing changes
    /// on the way out. Nothing for other tensors. Errors: not_found, bad_input (a scale that is not finite).
    virtual Expected<std::optional<IntegerWeight>> readIntegers(const std::string& name) const = 0;

    /// The whole of a 2-D tensor.
    Expected<Matrix> readMatrix(const std::string& name) const;
    /// The whole of a 1-D tensor.
    Expected<std::vector<float>> readVector(const std::string& name) const;
    /// SHA-256 over all files in order: of each its name, size and content.
    Expected<std::string> contentHash(const Progress& progress = {}) const;
};

/// Opens a GGUF file, a Hugging Face folder, a safetensors file inside one, or a model of the local Hugging Face cache
/// ("org/name", "org/name@revision"), and merges PEFT LoRA adapters (folders, or names in the cache) one after the other. Errors
/// name the file, the field and the cure; an unsupported model is named with its `model_type` and what is missing.
Expected<std::shared_ptr<const Checkpoint>> openCheckpoint(const std::string& path, const std::vector<std::string>& adapters = {});

}  // namespace safequant
