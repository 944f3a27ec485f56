// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/decoder.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/checkpoint/decoder_tensors.h"
#include "core/checkpoint/gguf_types.h"
#include "core/model/block_runner.h"
#include "core/model/output_logits.h"
#include "core/model/packed_forward.h"

namespace safequant {

Expected<BlockWeights> loadBlock(const Checkpoint& checkpoint, int block) {
    const DecoderConfig& config = checkpoint.config();
    if (block < 0 || block >= config.blocks)
        return fail(ErrorKind::NotFound, "Block " + std::to_string(block) + " does not exist: the model has blocks 0 to " +
                                             std::to_string(config.blocks - 1) + ".", checkpoint.path());
    try {
        BlockWeights weights;
        weights.index = block;
        for (int i = 0; i < kLinearsPerBlock; ++i) {
            const auto role = static_cast<LinearRole>(i);
            const std::string name = linearName(block, role);
            const auto [out, in] = linearShape(config, role);
            LinearWeights& linear = weights[role];
            linear.weight = Matrix(static_cast<std::size_t>(out), static_cast<std::size_t>(in));
            if (auto read = checkpoint.read(name + ".weight", linear.weight.span()); !read) return fail(read.error());
            if (!checkpoint.has(name + ".bias")) continue;
            linear.bias.resize(static_cast<std::size_t>(out));
            if (auto read = checkpoint.read(name + ".bias", linear.bias); !read) return fail(read.error());
        }
        std::vector<std::pair<std::vector<float>*, TensorKind>> norms = {{&weights.inputNorm, TensorKind::InputNorm},
                                                                         {&weights.preFeedForwardNorm, TensorKind::PreFeedForwardNorm}};
        if (config.postNorms) {
            norms.emplace_back(&weights.attentionOutputNorm, TensorKind::AttentionOutputNorm);
            norms.emplace_back(&weights.feedForwardOutputNorm, TensorKind::FeedForwardOutputNorm);
        }
        if (config.qkNorm) {
            norms.emplace_back(&weights.queryNorm, TensorKind::QueryNorm);
            norms.emplace_back(&weights.keyNorm, TensorKind::KeyNorm);
        }
        for (const auto& [norm, kind] : norms) {
            auto read = checkpoint.readVector(normName(config, kind, block));
            if (!read) return fail(read.error());
            *norm = std::move(*read);
        }
        return weights;
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory for the weights of block " + std::to_string(block) + ".",
                    checkpoint.path());
    }
}

Expected<Matrix> embedTokens(const Checkpoint& checkpoint, std::span<const std::int32_t> tokens) {
    const DecoderConfig& config = checkpoint.config();
    const std::string name = "model.embed_tokens.weight";
    Matrix rows(tokens.size(), static_cast<std::size_t>(config.hiddenSize));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i] < 0 || tokens[i] >= config.vocabulary)
            return fail(ErrorKind::BadInput, "Token id " + std::to_string(tokens[i]) + " is outside the model's vocabulary of " +
                                                 std::to_string(config.vocabulary) + ": tokenizer and model do not belong together.",
                        checkpoint.path());
        if (auto read = checkpoint.readRows(name, tokens[i], 1, rows.rowSpan(i)); !read) return fail(read.error());
    }
    if (config.embeddingScale != 1.0F)
        for (float& value : rows.span()) value *= config.embeddingScale;
    return rows;
}

bool forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                  const std::stop_token& stop) {
    const PackedBlock block(config, weights);
    BlockRunner runner(config);
    return runPackedSequences(runner, block, sequences, hidden, stop);
}

namespace {

/// Name of the tensor that makes logits: the head's own or the embeddings.
std::string headTensorName(const Checkpoint& checkpoint) {
    const bool own = !checkpoint.config().tiedEmbeddings && checkpoint.has("lm_head.weight");
    return own ? "lm_head.weight" : "model.embed_tokens.weight";
}

}  // namespace

bool headIsCodes(const Checkpoint& checkpoint, const BlockWeights& first) {
    if (std::ranges::none_of(first.linears, [](const LinearWeights& linear) { return linear.integers != nullptr; })) return false;
    const TensorInfo* head = checkpoint.find(headTensorName(checkpoint));
    const StorageType* type = head != nullptr ? storageTypeNamed(head->storedType) : nullptr;
    return type != nullptr && type->codes != nullptr;
}

Expected<OutputHead> loadOutputHead(const Checkpoint& checkpoint, bool codes) {
    const DecoderConfig& config = checkpoint.config();
    try {
        OutputHead head;
        head.norm.resize(static_cast<std::size_t>(config.hiddenSize));
        if (auto read = checkpoint.read("model.norm.weight", head.norm); !read) return fail(read.error());
        const std::string name = headTensorName(checkpoint);
        if (codes) {
            auto integers = checkpoint.readIntegers(name);
            if (!integers) return fail(integers.error());
            if (!*integers) return fail(ErrorKind::BadInput, "The head \"" + name + "\" is not stored as codes.", checkpoint.path());
            head.integers = std::make_shared<const IntegerWeight>(std::move(**integers));
            return head;
        }
        head.weight = Matrix(static_cast<std::size_t>(config.vocabulary), static_cast<std::size_t>(config.hiddenSize));
        if (auto read = checkpoint.read(name, head.weight.span()); !read) return fail(read.error());
        return head;
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "Not enough memory for the language-model head.", checkpoint.path());
    }
}

Matrix computeLogits(const DecoderConfig& config, const OutputHead& head, const Matrix& hidden, std::span<const std::int32_t> rows) {
    return PackedHead(config, head).logits(hidden, rows);
}

BlockSource checkpointBlocks(std::shared_ptr<const Checkpoint> checkpoint) {
    return [checkpoint = std::move(checkpoint)](int block) { return loadBlock(*checkpoint, block); };
}

BlockSource storedBlocks(std::shared_ptr<const Checkpoint> checkpoint) {
    return [checkpoint = std::move(checkpoint)](int block) -> Expected<BlockWeights> {
        auto weights = loadBlock(*checkpoint, block);
        if (!weights) return weights;
        for (int i = 0; i < kLinearsPerBlock; ++i) {
            const auto role = static_cast<LinearRole>(i);
            auto integers = checkpoint->readIntegers(linearName(block, role) + ".weight");
            if (!integers) return fail(integers.error());
            if (*integers) (*weights)[role].integers = std::make_shared<const IntegerWeight>(std::move(**integers));
        }
        return weights;
    };
}

}  // namespace safequant
