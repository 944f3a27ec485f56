// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "core/model/decoder.h"
#include "core/model/integer_product.h"
#include "core/model/kv_cache.h"
#include "core/model/matmul.h"
#include "core/model/rope.h"

namespace safequant {

/// The gains of a norm: its weights, plus 1 with normAddsOne.
std::vector<float> normGains(const DecoderConfig& config, std::vector<float> weights);

/// How a linear's products are computed.
enum class ProductKind : std::uint8_t {
    Floats,       ///< Weights in float32.
    WeightCodes,  ///< Codes of weights, rows of floats.
    Codes,        ///< Codes of both, sums in int32.
};
/// Of a block's linears, in the order of LinearRole. Linears that share an input are computed alike.
std::array<ProductKind, kLinearsPerBlock> productKinds(const BlockWeights& weights);

/// Linears that share an input, ready to multiply: by codes where all of them have some that go together, else in float32.
struct PackedLinears {
    PackedWeight floats;
    PackedIntegers integers;

    bool byCodes() const { return !integers.empty(); }
    std::size_t in() const { return byCodes() ? integers.in() : floats.in(); }
    std::size_t columns() const { return byCodes() ? integers.columns() : floats.columns(); }
    std::size_t offset(std::size_t part) const { return byCodes() ? integers.offset(part) : floats.offset(part); }
    /// The weights of a panel, `[16, in]`; rows beyond the last column are 0.
    void unpack(std::size_t panel, Matrix& weights) const {
        if (byCodes()) integers.unpack(panel, weights);
        else floats.unpack(panel, weights);
    }
    /// One row times one panel, 16 products: what multiply() makes of that row there, to the bit. Of rows that are not quantized.
    void multiplyPanel(std::size_t panel, const float* row, float* y) const {
        if (byCodes()) integers.multiplyPanel(panel, row, y);
        else safequant::multiplyPanel(floats, panel, row, y);
    }
};

/// One block ready to multiply.
struct PackedBlock {
    PackedLinears queryKeyValue;  ///< Parts: query, key, value.
    PackedLinears output;
    PackedLinears gateUp;  ///< Parts: gate, up.
    PackedLinears down;
    std::vector<float> inputNorm, preFeedForwardNorm;               ///< Gains, with the 1 of normAddsOne.
    std::vector<float> attentionOutputNorm, feedForwardOutputNorm;  ///< Empty without postNorms.
    std::vector<float> queryNorm, keyNorm;                          ///< Empty without qkNorm.
    BlockAttention attention;
    std::array<ActivationScheme, kLinearsPerBlock> inputs;  ///< Indexed by LinearRole.

    /// Throws std::invalid_argument when a shape is not the configuration's.
    PackedBlock(const DecoderConfig& config, const BlockWeights& weights);
};

/// Consecutive rows of one sequence. They attend to the whole tiles of `prefix` (may be null) and to `own`, which gets their
/// keys and values.
struct SequenceRun {
    std::size_t firstRow = 0;
    std::size_t rows = 0;
    int position = 0;  ///< Absolute position of the first row.
    int length = 0;    ///< Positions of the whole sequence, which some rotary scalings depend on; at least position + rows.
    const KvCache* prefix = nullptr;
    KvCache* own = nullptr;
};

/// What of a block runs, and who sees the inputs of its linears on the way.
struct BlockPart {
    bool attention = true;    ///< False: rows that the attention's branch was added to already.
    bool feedForward = true;  ///< False: rows are left with the attention's branch added.
    bool keysAndValues = true;  ///< False: the runs' caches have them already.
    bool queries = true;        ///< False: ends once keys and values are in the caches; rows are left as they are.
    /// Query, Output, Gate or Down: ends once the input of this linear is known; what was not added to the rows by then never is.
    std::optional<LinearRole> upTo;
    /// Gets the inputs of Query (key and value have the same), Output, Gate (up has the same) and Down before they are quantized,
    /// chunk by chunk, from the calling thread: `rows` rows, `stride` floats apart.
    std::function<void(LinearRole role, const float* x, std::size_t stride, std::size_t rows)> observe;
};

/// Runs blocks over rows of many sequences, without padding. Scratch memory stays within a few MB: rows are worked off in chunks.
/// Each row's result depends on its own sequence alone, bit for bit.
class BlockRunner {
public:
    explicit BlockRunner(const DecoderConfig& config);

    const DecoderConfig& config() const { return m_config; }
    /// From now on only a part of each block runs.
    void setPart(BlockPart part) { m_part = std::move(part); }
    /// Rows worked on at once.
    static std::size_t chunkRows();

    /// One block, in place: `hidden` is `[rows, hidden]` and the runs cover [0, rows) in order. Returns false when stopped.
    bool run(const PackedBlock& block, std::span<const SequenceRun> runs, Matrix& hidden, const std::stop_token& stop = {});

    /// The same for rows that fit one chunk, starting at `hidden`.
    void runChunk(const PackedBlock& block, std::span<const SequenceRun> runs, float* hidden, std::size_t rows);

private:
    /// Each adds a branch to the rows; false when the part ends before.
    bool addAttention(const PackedBlock& block, std::span<const SequenceRun> runs, float* hidden, std::size_t rows);
    bool addFeedForward(const PackedBlock& block, float* hidden, std::size_t rows);
    /// Shows the input of a linear; true when the part ends here.
    bool endsAt(LinearRole role, const Matrix& x, std::size_t rows) const;
    void normalize(const float* hidden, std::size_t rows, const std::vector<float>& weight);
    /// hidden += product of x, quantized as `input` says, and a weight, normalised first when `norm` is not empty.
    void addBranch(const PackedLinears& linear, Matrix& x, std::size_t rows, const ActivationScheme& input, const std::vector<float>& norm, float* hidden);
    /// Products of m_normed and the parts of a weight from `firstPart` on, `inputs` being the schemes of these parts.
    void project(const PackedLinears& linears, std::size_t firstPart, std::span<const ActivationScheme> inputs, std::size_t rows, Matrix& out);
    void attend(const PackedBlock& block, std::span<const SequenceRun> runs);
    /// Rotates queries, and keys on their way into the caches.
    void rotateAndStore(const PackedBlock& block, std::span<const SequenceRun> runs);

    DecoderConfig m_config;
    BlockPart m_part;
    std::vector<RopeTable> m_ropes;  // One for each of the configuration.
    // Scratch of one chunk.
    Matrix m_normed, m_requantized, m_qkv, m_attended, m_branch, m_gateUp;
    Matrix m_scores;
};

}  // namespace safequant
