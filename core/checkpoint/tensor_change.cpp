// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_change.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

namespace safequant {
namespace {

constexpr std::int64_t kParallelChange = 1 << 16;

/// row += sum over k of weights[k] * factors[k], each factor a row of `columns` numbers.
void addWeightedRows(const float* weights, std::int64_t rank, double scaling, const float* factors,
                     std::int64_t columns, float* row) {
    for (std::int64_t k = 0; k < rank; ++k) {
        const auto weight = static_cast<float>(static_cast<double>(weights[k]) * scaling);
        const float* const factor = factors + k * columns;
        for (std::int64_t c = 0; c < columns; ++c) row[c] += weight * factor[c];
    }
}

/// Gives a row a length. False when it has none of its own.
bool setLength(float length, std::int64_t columns, float* row) {
    double sum = 0.0;
    for (std::int64_t c = 0; c < columns; ++c) sum += static_cast<double>(row[c]) * static_cast<double>(row[c]);
    if (sum == 0.0) return false;
    const auto factor = static_cast<float>(static_cast<double>(length) / std::sqrt(sum));
    for (std::int64_t c = 0; c < columns; ++c) row[c] *= factor;
    return true;
}

class LowRankChange : public TensorChange {
public:
    explicit LowRankChange(LowRankProduct product) : m_product(std::move(product)) {}

    Expected<void> apply(std::int64_t first, std::int64_t count, std::int64_t columns, float* values) const override {
        const std::int64_t rank = m_product.a.rows();
        const auto a = m_product.a.read(0, rank);
        if (!a) return fail(a.error());
        const auto b = m_product.b.read(m_product.firstRow + first, count);
        if (!b) return fail(b.error());
        std::vector<float> lengths;
        if (m_product.magnitude) {
            auto read = m_product.magnitude->read(m_product.firstRow + first, count);
            if (!read) return fail(read.error());
            lengths = std::move(*read);
        }
        bool zeroRow = false;
#pragma omp parallel for schedule(static) reduction(|| : zeroRow) if (count * columns >= kParallelChange && count > 1)
        for (std::int64_t i = 0; i < count; ++i) {
            float* const row = values + i * columns;
            addWeightedRows(b->data() + i * rank, rank, m_product.scaling, a->data(), columns, row);
            if (!lengths.empty()) zeroRow = !setLength(lengths[static_cast<std::size_t>(i)], columns, row) || zeroRow;
        }
        if (zeroRow) return fail(ErrorKind::BadInput, "A row of the weight is zero: DoRA cannot give it a length.");
        return {};
    }

private:
    LowRankProduct m_product;
};

class EmbeddingChange : public TensorChange {
public:
    EmbeddingChange(AdapterTensor a, AdapterTensor b, double scaling)
        : m_a(std::move(a)), m_b(std::move(b)), m_scaling(scaling) {}

    Expected<void> apply(std::int64_t first, std::int64_t count, std::int64_t columns, float* values) const override {
        // Rows are asked for one by one, in any order: the factors are turned once.
        std::call_once(m_once, [this] { m_error = turn(); });
        if (m_error) return fail(*m_error);
        const std::int64_t rank = m_a.rows();
        for (std::int64_t i = 0; i < count; ++i)
            addWeightedRows(m_tokens.data() + (first + i) * rank, rank, m_scaling, m_directions.data(), columns,
                            values + i * columns);
        return {};
    }

private:
    static void transpose(const std::vector<float>& from, std::int64_t rows, std::int64_t columns,
                          std::vector<float>& to) {
        to.resize(from.size());
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t c = 0; c < columns; ++c)
                to[static_cast<std::size_t>(c * rows + r)] = from[static_cast<std::size_t>(r * columns + c)];
    }
    std::optional<Error> turn() const {
        const auto a = m_a.read(0, m_a.rows());
        if (!a) return a.error();
        const auto b = m_b.read(0, m_b.rows());
        if (!b) return b.error();
        transpose(*a, m_a.rows(), m_a.columns(), m_tokens);
        transpose(*b, m_b.rows(), m_b.columns(), m_directions);
        return std::nullopt;
    }

    AdapterTensor m_a, m_b;
    double m_scaling;
    mutable std::once_flag m_once;
    mutable std::optional<Error> m_error;
    mutable std::vector<float> m_tokens;      ///< [vocabulary, rank].
    mutable std::vector<float> m_directions;  ///< [rank, hidden].
};

/// scaling * tensor, added to the base or in its place.
class Blend : public TensorChange {
public:
    Blend(AdapterTensor tensor, bool added, double scaling, std::int64_t firstRow)
        : m_tensor(std::move(tensor)), m_added(added), m_scaling(static_cast<float>(scaling)), m_firstRow(firstRow) {}

    Expected<void> apply(std::int64_t first, std::int64_t count, std::int64_t columns, float* values) const override {
        const auto read = m_tensor.read(m_firstRow + first, count);
        if (!read) return fail(read.error());
        for (std::int64_t i = 0; i < count * columns; ++i) {
            const float own = m_scaling * (*read)[static_cast<std::size_t>(i)];
            values[i] = m_added ? values[i] + own : own;
        }
        return {};
    }

private:
    AdapterTensor m_tensor;
    bool m_added;
    float m_scaling;
    std::int64_t m_firstRow;
};

}  // namespace

Expected<AdapterTensor> AdapterTensor::create(const FileTensor& stored) {
    const SafetensorsTensor& tensor = stored.tensor;
    const StorageType* type = storageTypeNamed(tensor.type);
    const auto refused = [&](ErrorKind kind, const std::string& rule) {
        return fail(kind, "Tensor \"" + tensor.name + "\" (" + tensor.type + ") " + rule + ".", stored.file->path());
    };
    if (type == nullptr || type->decode == nullptr)
        return refused(ErrorKind::Unsupported, "must hold floating-point numbers");
    if (tensor.shape.empty() || tensor.shape.size() > 2 || tensor.bytes == 0)
        return refused(ErrorKind::BadInput, "must have one or two dimensions and be not empty");
    AdapterTensor out;
    out.m_name = tensor.name;
    out.m_path = stored.file->path();
    out.m_rows = tensor.shape[0];
    out.m_columns = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
    out.m_source = makeDenseSource(stored.file, tensor.offset, *type, out.m_rows, out.m_columns, 0);
    return out;
}

Expected<std::vector<float>> AdapterTensor::read(std::int64_t first, std::int64_t count) const {
    std::vector<float> values(static_cast<std::size_t>(count * m_columns));
    m_source->readRows(first, count, values.data());
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
        return fail(ErrorKind::BadInput,
                    "Tensor \"" + m_name +
                        "\" holds values that are not finite: the adapter is damaged or its "
                        "training diverged.",
                    m_path);
    return values;
}

std::unique_ptr<TensorChange> makeLowRankChange(LowRankProduct product) {
    return std::make_unique<LowRankChange>(std::move(product));
}

std::unique_ptr<TensorChange> makeEmbeddingChange(const AdapterTensor& a, const AdapterTensor& b, double scaling) {
    return std::make_unique<EmbeddingChange>(a, b, scaling);
}

std::unique_ptr<TensorChange> makeReplacement(const AdapterTensor& tensor, std::int64_t firstRow) {
    return std::make_unique<Blend>(tensor, false, 1.0, firstRow);
}

std::unique_ptr<TensorChange> makeSum(const AdapterTensor& tensor, double scaling, std::int64_t firstRow) {
    return std::make_unique<Blend>(tensor, true, scaling, firstRow);
}

}  // namespace safequant
