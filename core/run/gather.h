// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/matrix.h"

namespace safequant {

/// Rows of a matrix, in the order of `rows`.
inline Matrix gather(const Matrix& x, const std::vector<std::size_t>& rows) {
    Matrix chosen(rows.size(), x.cols());
    for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(x.row(rows[i]), x.cols(), chosen.row(i));
    return chosen;
}

/// The values that belong to them.
template <typename Values>
auto gatherValues(const Values& values, const std::vector<std::size_t>& rows) {
    std::vector<typename Values::value_type> chosen;
    chosen.reserve(rows.size());
    for (const auto row : rows) chosen.push_back(values[row]);
    return chosen;
}

}  // namespace safequant
