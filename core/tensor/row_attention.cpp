// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tensor/row_attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "core/tensor/linear_product.h"

namespace safequant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// First position a query at `position` sees.
int firstSeen(const AttentionShape& shape, int position) { return shape.window > 0 ? std::max(0, position - shape.window + 1) : 0; }

/// One sequence and one head of keys and values, with the query heads that share it.
class HeadTask {
public:
    HeadTask(const SequenceRows& sequence, const AttentionShape& shape, int kvHead)
        : m_sequence(sequence), m_shape(shape), m_kvHead(kvHead), m_keys(sequence.keys()) {
        const auto rows = static_cast<std::size_t>(sequence.rows), keys = static_cast<std::size_t>(m_keys);
        const auto width = static_cast<std::size_t>(shape.headDim);
        m_key.resize(keys * width);
        m_value.resize(keys * width);
        m_scores.resize(rows * keys);
    }

    void forward(const float* queries, const float* keys, const float* values, float* out) {
        gather(keys, m_key);
        gather(values, m_value);
        for (int head = firstHead(); head < firstHead() + group(); ++head) {
            probabilities(queries + offset(head));
            multiplyMatrices(false, false, m_sequence.rows, m_shape.headDim, m_keys, m_scores.data(), m_keys, m_value.data(),
                             m_shape.headDim, false, out + offset(head), queryWidth());
        }
    }

    /// Adds to the gradients of keys and values, `[keys, headDim]` each, and writes that of the queries.
    void backward(const float* queries, const float* keys, const float* values, const float* out, const float* gradient,
                  float* queryGradient, std::vector<float>& keyGradient, std::vector<float>& valueGradient) {
        gather(keys, m_key);
        gather(values, m_value);
        keyGradient.assign(m_key.size(), 0.0F);
        valueGradient.assign(m_value.size(), 0.0F);
        m_scoreGradient.resize(m_scores.size());
        const int rows = m_sequence.rows, width = m_shape.headDim;
        for (int head = firstHead(); head < firstHead() + group(); ++head) {
            const std::ptrdiff_t at = offset(head);
            probabilities(queries + at);
            multiplyMatrices(true, false, m_keys, width, rows, m_scores.data(), m_keys, gradient + at, queryWidth(), true,
                             valueGradient.data(), width);
            multiplyMatrices(false, true, rows, m_keys, width, gradient + at, queryWidth(), m_value.data(), width, false,
                             m_scoreGradient.data(), m_keys);
            throughSoftmax(out + at, gradient + at);
            multiplyMatrices(false, false, rows, width, m_keys, m_scoreGradient.data(), m_keys, m_key.data(), width, false,
                             queryGradient + at, queryWidth(), m_shape.scale);
            multiplyMatrices(true, false, m_keys, width, rows, m_scoreGradient.data(), m_keys, queries + at, queryWidth(), true,
                             keyGradient.data(), width, m_shape.scale);
        }
    }

private:
    int group() const { return m_shape.heads / m_shape.kvHeads; }
    int firstHead() const { return m_kvHead * group(); }
    std::int64_t queryWidth() const { return static_cast<std::int64_t>(m_shape.heads) * m_shape.headDim; }
    std::ptrdiff_t offset(int head) const { return m_sequence.first * queryWidth() + static_cast<std::ptrdiff_t>(head) * m_shape.headDim; }

    void gather(const float* matrix, std::vector<float>& out) const {
        const std::ptrdiff_t width = static_cast<std::ptrdiff_t>(m_shape.kvHeads) * m_shape.headDim;
        for (int key = 0; key < m_keys; ++key)
            std::copy_n(matrix + m_sequence.rowAt(key) * width + static_cast<std::ptrdiff_t>(m_kvHead) * m_shape.headDim, m_shape.headDim,
                        out.data() + static_cast<std::ptrdiff_t>(key) * m_shape.headDim);
    }

    /// m_scores: softmax of the scores of one head's queries, 0 where a key is not seen; m_slopes: what a capped score passes on.
    void probabilities(const float* queries) {
        multiplyMatrices(false, true, m_sequence.rows, m_keys, m_shape.headDim, queries, queryWidth(), m_key.data(), m_shape.headDim, false,
                         m_scores.data(), m_keys, m_shape.scale);
        if (m_shape.softcap > 0.0F) {
            m_slopes.resize(m_scores.size());
            for (std::size_t i = 0; i < m_scores.size(); ++i) {
                const float t = std::tanh(m_scores[i] / m_shape.softcap);
                m_scores[i] = m_shape.softcap * t;
                m_slopes[i] = 1.0F - t * t;
            }
        }
        for (int r = 0; r < m_sequence.rows; ++r) {
            float* row = m_scores.data() + static_cast<std::ptrdiff_t>(r) * m_keys;
            const int position = m_sequence.prefixRows + r;
            const int begin = firstSeen(m_shape, position), end = position + 1;
            const float largest = *std::max_element(row + begin, row + end);
            float total = 0.0F;
            for (int k = begin; k < end; ++k) {
                row[k] = std::exp(row[k] - largest);
                total += row[k];
            }
            std::fill(row, row + begin, 0.0F);
            for (int k = begin; k < end; ++k) row[k] /= total;
            std::fill(row + end, row + m_keys, 0.0F);
        }
    }

    /// m_scoreGradient: from the gradient of probabilities to that of scores.
    void throughSoftmax(const float* out, const float* gradient) {
        for (int r = 0; r < m_sequence.rows; ++r) {
            const float* o = out + r * queryWidth();
            const float* g = gradient + r * queryWidth();
            float dot = 0.0F;
            for (int d = 0; d < m_shape.headDim; ++d) dot += o[d] * g[d];
            const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(r) * m_keys;
            for (std::ptrdiff_t i = first; i < first + m_keys; ++i) m_scoreGradient[static_cast<std::size_t>(i)] =
                m_scores[static_cast<std::size_t>(i)] * (m_scoreGradient[static_cast<std::size_t>(i)] - dot);
        }
        if (m_shape.softcap > 0.0F)
            for (std::size_t i = 0; i < m_scoreGradient.size(); ++i) m_scoreGradient[i] *= m_slopes[i];
    }

    SequenceRows m_sequence;
    AttentionShape m_shape;
    int m_kvHead, m_keys;
    std::vector<float> m_key, m_value, m_scores, m_scoreGradient, m_slopes;
};

/// Calls body(sequence, kvHead) for every pair, shared out among threads.
template <typename Body>
void forEachHead(const RowLayout& layout, const AttentionShape& shape, const Body& body) {
    const auto sequences = static_cast<std::int64_t>(layout.sequences.size());
    at::parallel_for(0, sequences * shape.kvHeads, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t task = first; task < last; ++task)
            body(static_cast<std::size_t>(task / shape.kvHeads), static_cast<int>(task % shape.kvHeads));
    });
}

/// A layout and a shape, kept for the way back.
struct Attention : torch::CustomClassHolder {
    RowLayout layout;
    AttentionShape shape;
};

class RowAttention : public torch::autograd::Function<RowAttention> {
public:
    static at::Tensor forward(AutogradContext* context, at::Tensor queries, at::Tensor keys, at::Tensor values,
                              c10::intrusive_ptr<Attention> attention) {
        queries = queries.contiguous();
        keys = keys.contiguous();
        values = values.contiguous();
        at::Tensor out = at::empty_like(queries);
        forEachHead(attention->layout, attention->shape, [&](std::size_t sequence, int kvHead) {
            HeadTask(attention->layout.sequences[sequence], attention->shape, kvHead)
                .forward(queries.data_ptr<float>(), keys.data_ptr<float>(), values.data_ptr<float>(), out.data_ptr<float>());
        });
        context->save_for_backward({queries, keys, values, out});
        context->saved_data["attention"] = c10::IValue::make_capsule(attention);
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list outputs) {
        const auto saved = context->get_saved_variables();
        const at::Tensor gradient = outputs[0].contiguous();
        const auto attention = c10::static_intrusive_pointer_cast<Attention>(context->saved_data["attention"].toCapsule());
        const RowLayout& layout = attention->layout;
        const AttentionShape& shape = attention->shape;
        at::Tensor queryGradient = at::empty_like(saved[0]);
        at::Tensor keyGradient = at::zeros_like(saved[1]), valueGradient = at::zeros_like(saved[2]);
        // Sequences of one prefix add to the same rows: their shares are kept, and added in order.
        struct Share {
            std::vector<float> key, value;
        };
        std::vector<Share> shares(layout.sequences.size() * static_cast<std::size_t>(shape.kvHeads));
        forEachHead(layout, shape, [&](std::size_t sequence, int kvHead) {
            Share& share = shares[sequence * static_cast<std::size_t>(shape.kvHeads) + static_cast<std::size_t>(kvHead)];
            HeadTask(layout.sequences[sequence], shape, kvHead)
                .backward(saved[0].data_ptr<float>(), saved[1].data_ptr<float>(), saved[2].data_ptr<float>(), saved[3].data_ptr<float>(),
                          gradient.data_ptr<float>(), queryGradient.data_ptr<float>(), share.key, share.value);
        });
        const std::ptrdiff_t width = static_cast<std::ptrdiff_t>(shape.kvHeads) * shape.headDim;
        at::parallel_for(0, shape.kvHeads, 1, [&](std::int64_t firstHead, std::int64_t lastHead) {
            for (std::int64_t head = firstHead; head < lastHead; ++head)
                for (std::size_t s = 0; s < layout.sequences.size(); ++s) {
                    const SequenceRows& sequence = layout.sequences[s];
                    const Share& share = shares[s * static_cast<std::size_t>(shape.kvHeads) + static_cast<std::size_t>(head)];
                    for (int key = 0; key < sequence.keys(); ++key) {
                        const std::ptrdiff_t at = sequence.rowAt(key) * width + head * shape.headDim;
                        for (int d = 0; d < shape.headDim; ++d) {
                            keyGradient.data_ptr<float>()[at + d] += share.key[static_cast<std::size_t>(key * shape.headDim + d)];
                            valueGradient.data_ptr<float>()[at + d] += share.value[static_cast<std::size_t>(key * shape.headDim + d)];
                        }
                    }
                }
        });
        return {queryGradient, keyGradient, valueGradient, {}};
    }
};

/// `[sequences, heads, longest, headDim]` of chosen rows, heads repeated.
at::Tensor padded(const at::Tensor& matrix, const at::Tensor& rows, int heads, int headDim, int repeats) {
    const std::int64_t sequences = rows.size(0), longest = rows.size(1);
    at::Tensor result = matrix.index_select(0, rows.flatten()).view({sequences, longest, heads, headDim}).transpose(1, 2);
    return repeats > 1 ? result.repeat_interleave(repeats, 1) : result;
}

}  // namespace

at::Tensor rowAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, const RowLayout& layout,
                        const AttentionShape& shape) {
    if (queries.size(0) != layout.rows || keys.size(0) != layout.rows || values.size(0) != layout.rows || shape.kvHeads <= 0 ||
        shape.heads % shape.kvHeads != 0 || queries.size(1) != shape.heads * shape.headDim ||
        keys.size(1) != shape.kvHeads * shape.headDim)
        throw std::invalid_argument("[rowAttention] got queries of " + std::to_string(queries.size(0)) + " x " +
                                    std::to_string(queries.size(1)) + ", need " + std::to_string(layout.rows) + " rows of " +
                                    std::to_string(shape.heads) + " heads of " + std::to_string(shape.headDim));
    if (!queries.is_cpu()) return composeRowAttention(queries, keys, values, layout, shape);
    auto attention = c10::make_intrusive<Attention>();
    attention->layout = layout;
    attention->shape = shape;
    return RowAttention::apply(queries, keys, values, attention);
}

at::Tensor composeRowAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, const RowLayout& layout,
                               const AttentionShape& shape) {
    const auto sequences = static_cast<std::int64_t>(layout.sequences.size());
    std::int64_t longestQueries = 0, longestKeys = 0;
    for (const SequenceRows& sequence : layout.sequences) {
        longestQueries = std::max<std::int64_t>(longestQueries, sequence.rows);
        longestKeys = std::max<std::int64_t>(longestKeys, sequence.keys());
    }
    at::Tensor queryRows = at::zeros({sequences, longestQueries}, at::kLong), keyRows = at::zeros({sequences, longestKeys}, at::kLong);
    at::Tensor unseen = at::ones({sequences, 1, longestQueries, longestKeys}, at::kBool);
    at::Tensor places = at::empty({layout.rows}, at::kLong);  // Where a row lies among the padded queries.
    for (std::int64_t s = 0; s < sequences; ++s) {
        const SequenceRows& sequence = layout.sequences[static_cast<std::size_t>(s)];
        for (int key = 0; key < sequence.keys(); ++key) keyRows.data_ptr<std::int64_t>()[s * longestKeys + key] = sequence.rowAt(key);
        for (std::int64_t r = 0; r < longestQueries; ++r) {
            bool* row = unseen.data_ptr<bool>() + (s * longestQueries + r) * longestKeys;
            if (r >= sequence.rows) {
                row[0] = false;  // A padded query sees something, so that its softmax is finite.
                continue;
            }
            queryRows.data_ptr<std::int64_t>()[s * longestQueries + r] = sequence.first + r;
            places.data_ptr<std::int64_t>()[sequence.first + r] = s * longestQueries + r;
            const int position = sequence.prefixRows + static_cast<int>(r);
            std::fill(row + firstSeen(shape, position), row + position + 1, false);
        }
    }
    const at::Device device = queries.device();
    const int repeats = shape.heads / shape.kvHeads;
    const at::Tensor q = padded(queries, queryRows.to(device), shape.heads, shape.headDim, 1);
    const at::Tensor k = padded(keys, keyRows.to(device), shape.kvHeads, shape.headDim, repeats);
    const at::Tensor v = padded(values, keyRows.to(device), shape.kvHeads, shape.headDim, repeats);
    at::Tensor scores = at::matmul(q, k.transpose(2, 3)) * shape.scale;
    if (shape.softcap > 0.0F) scores = at::tanh(scores / shape.softcap) * shape.softcap;
    scores = scores.masked_fill(unseen.to(device), -std::numeric_limits<double>::infinity());
    const at::Tensor out = at::matmul(at::softmax(scores, -1), v).transpose(1, 2).reshape({sequences * longestQueries, -1});
    return out.index_select(0, places.to(device));
}

}  // namespace safequant
