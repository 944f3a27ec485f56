// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/packed_source.h"
#include "core/checkpoint/tensor_source.h"

namespace safequant {

/// A stored tensor of plain floats, read as rows. A 1-D tensor is a column: one value a row.
class AdapterTensor {
public:
    /// Errors: unsupported for types other than floats, bad_input for more than two dimensions or none.
    static Expected<AdapterTensor> create(const FileTensor& stored);

    std::int64_t rows() const { return m_rows; }
    std::int64_t columns() const { return m_columns; }
    /// Rows `[first, first + count)`, which exist. Error: bad_input when a value is not finite.
    Expected<std::vector<float>> read(std::int64_t first, std::int64_t count) const;

private:
    std::string m_name, m_path;
    std::int64_t m_rows = 0, m_columns = 0;
    std::shared_ptr<const TensorSource> m_source;
};

/// What an adapter does to one tensor of its base. Immutable and thread-safe.
class TensorChange {
public:
    virtual ~TensorChange() = default;
    /// Changes rows `[first, first + count)` of the tensor, `values` holding count * columns numbers. A 1-D tensor has
    /// one column.
    virtual Expected<void> apply(std::int64_t first, std::int64_t count, std::int64_t columns, float* values) const = 0;
};

/// W + scaling * B A, with the rows of B that begin at `firstRow`. With `magnitude` (DoRA, Liu et al. 2024, eq. 5)
/// every row is then scaled to that length.
struct LowRankProduct {
    AdapterTensor a;  ///< [rank, columns].
    AdapterTensor b;  ///< [rows, rank].
    double scaling = 1.0;
    std::int64_t firstRow = 0;
    std::shared_ptr<const AdapterTensor> magnitude;  ///< [rows, 1], or null.
};
std::unique_ptr<TensorChange> makeLowRankChange(LowRankProduct product);

/// Embeddings plus scaling * (B A)^T: `a` is [rank, vocabulary], `b` [hidden, rank].
std::unique_ptr<TensorChange> makeEmbeddingChange(const AdapterTensor& a, const AdapterTensor& b, double scaling);

/// The values of `tensor` from row `firstRow` on instead of the base's.
std::unique_ptr<TensorChange> makeReplacement(const AdapterTensor& tensor, std::int64_t firstRow);

/// The base's values plus scaling * those of `tensor` from row `firstRow` on.
std::unique_ptr<TensorChange> makeSum(const AdapterTensor& tensor, double scaling, std::int64_t firstRow);

}  // namespace safequant
