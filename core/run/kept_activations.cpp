// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/kept_activations.h"

#include <algorithm>

#include "core/activations/store.h"

namespace safequant {

Expected<std::size_t> appendActivations(const std::string& path, const PromptTable& table, std::span<const int> prompts,
                                        std::vector<float>& into) {
    const auto array = readArray(path, "activations");
    if (!array) return fail(array.error());
    if (array->shape.size() != 2 || array->shape[0] != table.captured.size() || array->shape[1] == 0)
        return fail(ErrorKind::BadInput, "The block's activations are not those of the run's prompts.", path);
    const std::size_t features = array->shape[1];
    for (const int prompt : prompts) {
        const auto row = std::find(table.captured.begin(), table.captured.end(), prompt);
        if (row == table.captured.end()) return fail(ErrorKind::BadInput, "The block lacks activations of a prompt that was asked for.", path);
        const auto first = array->values.begin() + (row - table.captured.begin()) * static_cast<std::ptrdiff_t>(features);
        into.insert(into.end(), first, first + static_cast<std::ptrdiff_t>(features));
    }
    return features;
}

Expected<Matrix> keptActivations(const std::string& path, const PromptTable& table, std::span<const int> prompts) {
    std::vector<float> rows;
    const auto features = appendActivations(path, table, prompts, rows);
    if (!features) return fail(features.error());
    Matrix x(prompts.size(), *features);
    std::copy(rows.begin(), rows.end(), x.data());
    return x;
}

}  // namespace safequant
