// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/matrix.h"
#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/integer_weight.h"
#include "core/model/packed_sequences.h"

namespace safequant {

/// How the input of a linear is quantized on the fly, per token (compressed-tensors' convention): symmetric with scale = absmax /
/// ((2^bits - 1) / 2), else with a zero point over the range widened to hold 0; codes clamped to [-2^(bits-1), 2^(bits-1) - 1].
struct ActivationScheme {
    int bits = 16;  ///< 16: left alone; 8, 6 or 4.
    bool symmetric = true;
    /// Above 0: LLM.int8()'s convention instead. Entries of at least this magnitude stay as they are; the others get 8 bits with scale = their
    /// absmax / 127. Each token is on its own, where bitsandbytes keeps a column of all tokens at once because of one of them: what a token
    /// computes must not depend on its neighbours. For a single token both are the same.
    float keptFrom = 0.0F;

    bool operator==(const ActivationScheme&) const = default;
};
/// LLM.int8()'s line between ordinary activations and outliers (arXiv 2208.07339, section 3.2).
inline constexpr float kOutlierMagnitude = 6.0F;

/// One linear, float32: y = x W^T + b.
struct LinearWeights {
    Matrix weight;            ///< `[out, in]`, dequantized when quantized.
    std::vector<float> bias;  ///< `[out]` or empty.
    ActivationScheme input;
    /// The codes that `weight` stands for. Where they are there, the processor's products are computed from them.
    std::shared_ptr<const IntegerWeight> integers = nullptr;
};

/// The weights of one decoder block.
struct BlockWeights {
    std::array<LinearWeights, kLinearsPerBlock> linears;  ///< Indexed by LinearRole.
    int index = 0;                         ///< Which block: decides its window and rotary positions.
    std::vector<float> inputNorm;          ///< `[hidden]`; norms are as the files have them, without the 1 of normAddsOne.
    std::vector<float> preFeedForwardNorm; ///< `[hidden]`.
    std::vector<float> attentionOutputNorm, feedForwardOutputNorm;  ///< `[hidden]` with postNorms, else empty.
    std::vector<float> queryNorm, keyNorm;                          ///< `[headDim]` with qkNorm, else empty.

    LinearWeights& operator[](LinearRole role) { return linears[static_cast<std::size_t>(role)]; }
    const LinearWeights& operator[](LinearRole role) const { return linears[static_cast<std::size_t>(role)]; }
};

/// Reads one block. Memory: the block in float32.
Expected<BlockWeights> loadBlock(const Checkpoint& checkpoint, int block);

/// Embeddings of packed tokens, `[rows, hidden]`, scaled where the model scales them, read row by row from the mapped file.
Expected<Matrix> embedTokens(const Checkpoint& checkpoint, std::span<const std::int32_t> tokens);

/// Runs one block over packed sequences, in place: `hidden` is `[rows, hidden]`. Work is cut into pieces so that memory beyond
/// `hidden` stays within a few tens of MB whatever the number of rows. Throws std::invalid_argument on shapes that disagree.
/// Returns false when stopped (hidden is then undefined).
bool forwardBlock(const DecoderConfig& config, const BlockWeights& weights, const PackedSequences& sequences, Matrix& hidden,
                  const std::stop_token& stop = {});

/// Final norm and language-model head.
struct OutputHead {
    std::vector<float> norm;  ///< `[hidden]`.
    Matrix weight;            ///< `[vocabulary, hidden]`; empty where there are codes.
    std::shared_ptr<const IntegerWeight> integers = nullptr;  ///< The same as codes, which logits are computed from.
};
/// Whether a model with this first block has its logits from codes: its blocks are computed from codes, and the checkpoint stores the head in some.
bool headIsCodes(const Checkpoint& checkpoint, const BlockWeights& first);
/// `codes`: as the codes that the checkpoint stores it in. Errors: those of reading; bad_input where it stores none.
Expected<OutputHead> loadOutputHead(const Checkpoint& checkpoint, bool codes = false);

/// Logits `[rows.size(), vocabulary]`, capped where the model caps them, of chosen rows of the last block's output.
Matrix computeLogits(const DecoderConfig& config, const OutputHead& head, const Matrix& hidden, std::span<const std::int32_t> rows);

/// Gives the weights of a block: the checkpoint's, or a quantized run's.
using BlockSource = std::function<Expected<BlockWeights>(int block)>;
/// The source that reads the checkpoint.
BlockSource checkpointBlocks(std::shared_ptr<const Checkpoint> checkpoint);
/// The same, with the codes of linears that the checkpoint stores as codes (Checkpoint::readIntegers): products are computed from these.
BlockSource storedBlocks(std::shared_ptr<const Checkpoint> checkpoint);

/// CPU features used at run time, for manifests and benchmarks, e.g. "avx512_vnni avx512f avx2 fma".
std::string cpuFeatures();
/// Threads used for matrix products; settable once at start (SAFEQUANT_THREADS or hardware).
int threadCount();
void setThreadCount(int threads);

}  // namespace safequant
