// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/block_runner.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/model/activation_quantization.h"
#include "core/model/parallel.h"
#include "core/model/simd_kernels.h"

namespace safequant {
namespace {

/// A multiple of both tile heights (14 and 6 rows), small enough that a chunk's inputs stay in the second-level cache.
constexpr std::size_t kChunkRows = 336;

/// Queries of one attention task: enough to amortise its start, few enough to share out a long sequence.
constexpr int kQueriesPerTask = 32;

/// Products of queries and keys that one call of a worker should at least do.
constexpr std::int64_t kAttentionGrain = 32768;

const Matrix* checkedWeight(const DecoderConfig& config, const BlockWeights& weights, LinearRole role) {
    const auto [out, in] = linearShape(config, role);
    const Matrix& weight = weights[role].weight;
    if (weight.rows() != static_cast<std::size_t>(out) || weight.cols() != static_cast<std::size_t>(in))
        throw std::invalid_argument(std::string("[PackedBlock] got ") + linearSuffix(role) + " of " + std::to_string(weight.rows()) +
                                    " x " + std::to_string(weight.cols()) + ", need " + std::to_string(out) + " x " +
                                    std::to_string(in));
    return &weight;
}

bool sameScheme(const ActivationScheme& a, const ActivationScheme& b) {
    return a.bits >= 16 ? b.bits >= 16 : a == b;
}

constexpr std::array kQueryKeyValue{LinearRole::Query, LinearRole::Key, LinearRole::Value};
constexpr std::array kOutput{LinearRole::Output};
constexpr std::array kGateUp{LinearRole::Gate, LinearRole::Up};
constexpr std::array kDown{LinearRole::Down};

/// Parts of linears that share an input; empty when they cannot be multiplied by their codes.
std::vector<PackedIntegers::Part> integerParts(const BlockWeights& weights, std::span<const LinearRole> roles) {
    std::vector<PackedIntegers::Part> parts;
    const ActivationScheme& input = weights[roles.front()].input;
    for (const LinearRole role : roles) {
        if (!sameScheme(weights[role].input, input)) return {};
        parts.push_back({weights[role].integers.get(), weights[role].bias});
    }
    if (!PackedIntegers::fit(parts, input)) parts.clear();
    return parts;
}

PackedLinears packed(const DecoderConfig& config, const BlockWeights& weights, std::span<const LinearRole> roles) {
    PackedLinears result;
    std::vector<PackedWeight::Part> floats;
    for (const LinearRole role : roles) floats.push_back({checkedWeight(config, weights, role), weights[role].bias});
    if (const auto integers = integerParts(weights, roles); !integers.empty()) result.integers = PackedIntegers(integers, weights[roles.front()].input);
    else result.floats = PackedWeight(floats);
    return result;
}

void checkNorm(const char* name, const std::vector<float>& norm, std::size_t width) {
    if (norm.size() != width)
        throw std::invalid_argument("[PackedBlock] got " + std::string(name) + " of " + std::to_string(norm.size()) + " weights, need " +
                                    std::to_string(width));
}

void grow(Matrix& matrix, std::size_t rows, std::size_t cols) {
    if (matrix.rows() < rows || matrix.cols() != cols) matrix = Matrix(rows, cols);
}

}  // namespace

std::array<ProductKind, kLinearsPerBlock> productKinds(const BlockWeights& weights) {
    std::array<ProductKind, kLinearsPerBlock> kinds{};
    for (const std::span<const LinearRole> roles : {std::span<const LinearRole>(kQueryKeyValue), {kOutput}, {kGateUp}, {kDown}}) {
        if (integerParts(weights, roles).empty()) continue;
        for (const LinearRole role : roles)
            kinds[static_cast<std::size_t>(role)] = weights[role].input.bits <= 8 ? ProductKind::Codes : ProductKind::WeightCodes;
    }
    return kinds;
}

std::vector<float> normGains(const DecoderConfig& config, std::vector<float> weights) {
    if (config.normAddsOne)
        for (float& weight : weights) weight += 1.0F;
    return weights;
}

PackedBlock::PackedBlock(const DecoderConfig& config, const BlockWeights& weights)
    : queryKeyValue(packed(config, weights, kQueryKeyValue)),
      output(packed(config, weights, kOutput)),
      gateUp(packed(config, weights, kGateUp)),
      down(packed(config, weights, kDown)),
      inputNorm(normGains(config, weights.inputNorm)),
      preFeedForwardNorm(normGains(config, weights.preFeedForwardNorm)),
      attentionOutputNorm(normGains(config, weights.attentionOutputNorm)),
      feedForwardOutputNorm(normGains(config, weights.feedForwardOutputNorm)),
      queryNorm(normGains(config, weights.queryNorm)),
      keyNorm(normGains(config, weights.keyNorm)) {
    if (weights.index < 0 || weights.index >= std::max(config.blocks, 1))
        throw std::invalid_argument("[PackedBlock] got block " + std::to_string(weights.index) + ", need one below " +
                                    std::to_string(config.blocks));
    attention = config.blockAttention(weights.index);
    const auto hidden = static_cast<std::size_t>(config.hiddenSize);
    const auto head = static_cast<std::size_t>(config.headDim);
    checkNorm("inputNorm", inputNorm, hidden);
    checkNorm("preFeedForwardNorm", preFeedForwardNorm, hidden);
    checkNorm("attentionOutputNorm", attentionOutputNorm, config.postNorms ? hidden : 0);
    checkNorm("feedForwardOutputNorm", feedForwardOutputNorm, config.postNorms ? hidden : 0);
    checkNorm("queryNorm", queryNorm, config.qkNorm ? head : 0);
    checkNorm("keyNorm", keyNorm, config.qkNorm ? head : 0);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = weights.linears[i].input;
}

BlockRunner::BlockRunner(const DecoderConfig& config) : m_config(config) {
    if (config.kvHeads <= 0 || config.heads <= 0 || config.heads % config.kvHeads != 0 || config.headDim <= 0 ||
        config.headDim % 2 != 0)
        throw std::invalid_argument("[BlockRunner] got " + std::to_string(config.heads) + " heads, " +
                                    std::to_string(config.kvHeads) + " key and value heads of " + std::to_string(config.headDim) +
                                    ", need a multiple and an even head size");
    for (const RopeParameters& rope : config.ropes) m_ropes.emplace_back(rope, config.rotaryWidth(), config.maxPositions);
}

std::size_t BlockRunner::chunkRows() { return kChunkRows; }

bool BlockRunner::run(const PackedBlock& block, std::span<const SequenceRun> runs, Matrix& hidden, const std::stop_token& stop) {
    std::vector<SequenceRun> chunk;
    std::size_t next = 0;
    std::size_t done = 0;  // Rows of runs[next] already worked off.
    for (std::size_t first = 0; first < hidden.rows(); first += kChunkRows) {
        if (stop.stop_requested()) return false;
        const std::size_t rows = std::min(kChunkRows, hidden.rows() - first);
        chunk.clear();
        for (std::size_t filled = 0; filled < rows;) {
            if (next == runs.size())
                throw std::invalid_argument("[BlockRunner::run] got runs that end before row " + std::to_string(first + filled) +
                                            ", need runs over all " + std::to_string(hidden.rows()));
            SequenceRun run = runs[next];
            const std::size_t take = std::min(run.rows - done, rows - filled);
            run.firstRow = filled;
            run.position += static_cast<int>(done);
            run.rows = take;
            chunk.push_back(run);
            filled += take;
            done += take;
            if (done == runs[next].rows) {
                ++next;
                done = 0;
            }
        }
        runChunk(block, chunk, hidden.row(first), rows);
    }
    return true;
}

void BlockRunner::runChunk(const PackedBlock& block, std::span<const SequenceRun> runs, float* hidden, std::size_t rows) {
    if (m_part.attention && !addAttention(block, runs, hidden, rows)) return;
    if (m_part.feedForward) addFeedForward(block, hidden, rows);
}

bool BlockRunner::endsAt(LinearRole role, const Matrix& x, std::size_t rows) const {
    if (m_part.observe) m_part.observe(role, x.data(), x.cols(), rows);
    return m_part.upTo == role;
}

bool BlockRunner::addAttention(const PackedBlock& block, std::span<const SequenceRun> runs, float* hidden, std::size_t rows) {
    const auto width = static_cast<std::size_t>(m_config.hiddenSize);
    const auto queryWidth = static_cast<std::size_t>(m_config.queryWidth());
    const auto scheme = [&block](LinearRole role) { return block.inputs[static_cast<std::size_t>(role)]; };
    grow(m_normed, rows, width);
    grow(m_qkv, rows, block.queryKeyValue.columns());
    grow(m_attended, rows, queryWidth);

    normalize(hidden, rows, block.inputNorm);
    if (endsAt(LinearRole::Query, m_normed, rows)) return false;
    const ActivationScheme attentionInputs[] = {scheme(LinearRole::Query), scheme(LinearRole::Key), scheme(LinearRole::Value)};
    const std::size_t firstPart = m_part.queries ? 0 : 1;
    const std::size_t parts = (m_part.keysAndValues ? 3 : 1) - firstPart;
    project(block.queryKeyValue, firstPart, std::span(attentionInputs).subspan(firstPart, parts), rows, m_qkv);
    rotateAndStore(block, runs);
    if (!m_part.queries) return false;
    attend(block, runs);
    if (endsAt(LinearRole::Output, m_attended, rows)) return false;
    addBranch(block.output, m_attended, rows, scheme(LinearRole::Output), block.attentionOutputNorm, hidden);
    return true;
}

bool BlockRunner::addFeedForward(const PackedBlock& block, float* hidden, std::size_t rows) {
    const auto intermediate = static_cast<std::size_t>(m_config.intermediateSize);
    const auto scheme = [&block](LinearRole role) { return block.inputs[static_cast<std::size_t>(role)]; };
    grow(m_normed, rows, static_cast<std::size_t>(m_config.hiddenSize));
    grow(m_gateUp, rows, block.gateUp.columns());

    normalize(hidden, rows, block.preFeedForwardNorm);
    if (endsAt(LinearRole::Gate, m_normed, rows)) return false;
    const ActivationScheme mlpInputs[] = {scheme(LinearRole::Gate), scheme(LinearRole::Up)};
    project(block.gateUp, 0, mlpInputs, rows, m_gateUp);
    const auto gate = simdKernels().gate(m_config.activation);
    parallelRows(rows, kRowGrain / intermediate + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            gate(m_gateUp.row(r), m_gateUp.row(r) + block.gateUp.offset(1), intermediate);
    });
    if (endsAt(LinearRole::Down, m_gateUp, rows)) return false;
    addBranch(block.down, m_gateUp, rows, scheme(LinearRole::Down), block.feedForwardOutputNorm, hidden);
    return true;
}

void BlockRunner::addBranch(const PackedLinears& linear, Matrix& x, std::size_t rows, const ActivationScheme& input, const std::vector<float>& norm,
                            float* hidden) {
    const auto width = static_cast<std::size_t>(m_config.hiddenSize);
    const bool direct = norm.empty();
    if (!direct) grow(m_branch, rows, width);
    float* y = direct ? hidden : m_branch.data();
    if (linear.byCodes()) {
        linear.integers.multiply(0, 1, x.data(), x.cols(), rows, y, width, direct);
    } else {
        quantizeActivationRows(x.data(), x.cols(), rows, linear.in(), input);
        multiply(linear.floats, x.data(), x.cols(), rows, y, width, direct);
    }
    if (direct) return;
    const SimdKernels& kernels = simdKernels();
    parallelRows(rows, kRowGrain / width + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            kernels.addRmsNorm(m_branch.row(r), norm.data(), width, m_config.normEpsilon, hidden + r * width);
    });
}

void BlockRunner::normalize(const float* hidden, std::size_t rows, const std::vector<float>& weight) {
    const SimdKernels& kernels = simdKernels();
    const std::size_t width = weight.size();
    parallelRows(rows, kRowGrain / width + 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            kernels.rmsNorm(hidden + r * width, weight.data(), width, m_config.normEpsilon, m_normed.row(r));
    });
}

void BlockRunner::project(const PackedLinears& linears, std::size_t firstPart, std::span<const ActivationScheme> inputs, std::size_t rows,
                          Matrix& out) {
    const std::size_t in = linears.in();
    if (linears.byCodes())
        return linears.integers.multiply(firstPart, inputs.size(), m_normed.data(), in, rows, out.data() + linears.offset(firstPart), out.cols());
    const PackedWeight& weight = linears.floats;
    const bool shared = std::all_of(inputs.begin(), inputs.end(), [&](const auto& s) { return sameScheme(s, inputs.front()); });
    if (shared) {
        quantizeActivationRows(m_normed.data(), in, rows, in, inputs.front());
        multiplyParts(weight, firstPart, inputs.size(), m_normed.data(), in, rows, out.data() + weight.offset(firstPart), out.cols());
        return;
    }
    grow(m_requantized, rows, in);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        std::copy_n(m_normed.data(), rows * in, m_requantized.data());
        quantizeActivationRows(m_requantized.data(), in, rows, in, inputs[i]);
        multiplyParts(weight, firstPart + i, 1, m_requantized.data(), in, rows, out.data() + weight.offset(firstPart + i), out.cols());
    }
}

void BlockRunner::rotateAndStore(const PackedBlock& block, std::span<const SequenceRun> runs) {
    RopeTable& rope = m_ropes[static_cast<std::size_t>(block.attention.rope)];
    rope.forgetLengths();
    std::size_t rows = 0;
    for (const SequenceRun& run : runs) {
        rope.prepare(run.length, run.position, static_cast<int>(run.rows));
        rows += run.rows;
    }
    const SimdKernels& kernels = simdKernels();
    const std::size_t keyOffset = block.queryKeyValue.offset(1);
    const std::size_t valueOffset = block.queryKeyValue.offset(2);
    const int headDim = m_config.headDim;
    const auto normAndRotate = [&](float* head, const std::vector<float>& norm, const RopeAngles& angles) {
        if (!norm.empty()) kernels.rmsNorm(head, norm.data(), norm.size(), m_config.normEpsilon, head);
        kernels.rotate(head, angles.cosines, angles.sines, rope.half());
    };
    const auto rotateRun = [&](const SequenceRun& run) {
        for (std::size_t r = 0; r < run.rows; ++r) {
            const int position = run.position + static_cast<int>(r);
            const RopeAngles angles = rope.angles(run.length, position);
            float* row = m_qkv.row(run.firstRow + r);
            for (int head = 0; m_part.queries && head < m_config.heads; ++head) normAndRotate(row + head * headDim, block.queryNorm, angles);
            for (int head = 0; m_part.keysAndValues && head < m_config.kvHeads; ++head) {
                float* key = row + keyOffset + head * headDim;
                normAndRotate(key, block.keyNorm, angles);
                run.own->put(head, position, key, row + valueOffset + head * headDim);
            }
        }
    };
    const std::size_t runsPerTask = runs.size() * kRowGrain / (rows * m_qkv.cols()) + 1;
    parallelRows(runs.size(), runsPerTask, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) rotateRun(runs[i]);
    });
}

void BlockRunner::attend(const PackedBlock& block, std::span<const SequenceRun> runs) {
    struct Piece {
        const SequenceRun* run;
        int first, count;
    };
    std::vector<Piece> pieces;
    int longest = 0;
    std::size_t work = 0;  // Products of a query and a key or value.
    for (const SequenceRun& run : runs) {
        const int rows = static_cast<int>(run.rows);
        longest = std::max(longest, run.position + rows);
        work += run.rows * static_cast<std::size_t>(run.position + rows) * m_attended.cols();
        for (int first = 0; first < rows; first += kQueriesPerTask)
            pieces.push_back({&run, first, std::min(kQueriesPerTask, rows - first)});
    }
    const auto scoreStride = static_cast<std::size_t>((longest + kTilePositions - 1) / kTilePositions * kTilePositions);
    const int threads = threadCount();
    grow(m_scores, static_cast<std::size_t>(threads), 4 * scoreStride);

    const SimdKernels& kernels = simdKernels();
    const int headDim = m_config.headDim;
    const int group = m_config.heads / m_config.kvHeads;
    const auto attendPiece = [&](const Piece& piece, int kvHead, std::size_t worker) {
        const SequenceRun& run = *piece.run;
        const std::size_t row = run.firstRow + static_cast<std::size_t>(piece.first);
        const std::size_t column = static_cast<std::size_t>(kvHead) * static_cast<std::size_t>(group * headDim);
        AttentionTask task;
        task.queries = m_qkv.row(row) + column;
        task.queryStride = m_qkv.cols();
        task.queryCount = piece.count;
        task.firstPosition = run.position + piece.first;
        task.heads = group;
        task.headDim = headDim;
        task.valueStride = run.own->valueStride();
        task.scale = m_config.scoreScale();
        task.softcap = m_config.attentionSoftcap;
        task.window = block.attention.window;
        task.prefixTiles = run.own->firstTile();
        if (task.prefixTiles > 0) {
            task.prefixKeys = run.prefix->keys(kvHead);
            task.prefixValues = run.prefix->values(kvHead);
        }
        task.keys = run.own->keys(kvHead);
        task.values = run.own->values(kvHead);
        task.output = m_attended.row(row) + column;
        task.outputStride = m_attended.cols();
        task.scores = m_scores.row(worker);
        task.scoreStride = scoreStride;
        kernels.attend(task);
    };
    const auto tasks = static_cast<std::int64_t>(pieces.size()) * m_config.kvHeads;
    const std::int64_t tasksPerCall = std::max<std::int64_t>(1, tasks * kAttentionGrain / static_cast<std::int64_t>(work + 1));
    parallelFor((tasks + tasksPerCall - 1) / tasksPerCall, [&](std::int64_t call, std::size_t worker) {
        for (std::int64_t t = call * tasksPerCall; t < std::min(tasks, (call + 1) * tasksPerCall); ++t)
            attendPiece(pieces[static_cast<std::size_t>(t / m_config.kvHeads)], static_cast<int>(t % m_config.kvHeads), worker);
    });
}

}  // namespace safequant
