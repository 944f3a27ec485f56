// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/tensor_source.h"

namespace safequant {

/// What a reader of one format finds out about a checkpoint.
struct CheckpointContent {
    std::string path;
    std::string format;
    DecoderConfig config;
    TokenizerSource tokenizer;
    std::vector<std::string> files;
    nlohmann::json configJson;
    nlohmann::json metadata;
};

/// A stored tensor under its Hugging Face name. `source` null: its type cannot be read.
struct StoredTensor {
    TensorInfo info;
    std::unique_ptr<TensorSource> source;
};

/// A checkpoint whose tensors are read from mapped files.
class MappedCheckpoint : public Checkpoint {
public:
    /// Puts the tensors in the model's order. Errors, with the file as context: a tensor of the model that is missing or has
    /// another shape (bad_input), a tensor of a block that the configured model does not have (unsupported).
    static Expected<std::shared_ptr<const Checkpoint>> create(CheckpointContent content,
                                                              std::unordered_map<std::string, StoredTensor> stored);

    const std::string& path() const override { return m_content.path; }
    const std::string& format() const override { return m_content.format; }
    const DecoderConfig& config() const override { return m_content.config; }
    const TokenizerSource& tokenizerSource() const override { return m_content.tokenizer; }
    const std::vector<TensorInfo>& tensors() const override { return m_tensors; }
    std::vector<std::string> files() const override { return m_content.files; }
    nlohmann::json configJson() const override { return m_content.configJson; }
    nlohmann::json metadata() const override { return m_content.metadata; }
    const TensorInfo* find(const std::string& name) const override;
    Expected<void> read(const std::string& name, std::span<float> out) const override;
    Expected<void> readRows(const std::string& name, std::int64_t firstRow, std::int64_t rows,
                            std::span<float> out) const override;
    Expected<std::optional<IntegerWeight>> readIntegers(const std::string& name) const override;

private:
    explicit MappedCheckpoint(CheckpointContent content) : m_content(std::move(content)) {}
    Expected<std::size_t> readable(const std::string& name) const;

    CheckpointContent m_content;
    std::vector<TensorInfo> m_tensors;
    std::vector<std::unique_ptr<TensorSource>> m_sources;  ///< Parallel to m_tensors.
    std::unordered_map<std::string, std::size_t> m_index;
};

/// Opens a GGUF file. See openCheckpoint.
Expected<std::shared_ptr<const Checkpoint>> openGgufCheckpoint(const std::string& path);
/// Opens a Hugging Face folder; `weights` names the one safetensors file to take, or is empty.
Expected<std::shared_ptr<const Checkpoint>> openHuggingFaceCheckpoint(const std::string& folder, const std::string& weights);

}  // namespace safequant
