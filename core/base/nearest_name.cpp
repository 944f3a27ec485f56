// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace safequant {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t editDistance(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> table((a.size() + 1) * width);
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                table[i * width + j] = i + j;
                continue;
            }
            const std::size_t replaced = table[(i - 1) * width + j - 1] + (lower(a[i - 1]) != lower(b[j - 1]) ? 1 : 0);
            std::size_t best = std::min({replaced, table[(i - 1) * width + j] + 1, table[i * width + j - 1] + 1});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                best = std::min(best, table[(i - 2) * width + j - 2] + 1);
            table[i * width + j] = best;
        }
    }
    return table.back();
}

constexpr std::size_t kLongest = 128;  // A name from a file may be any size, and the table of edits grows with it.

struct Nearest {
    std::string_view name;
    std::size_t edits = 0;
};

Nearest nearest(std::string_view name, std::span<const std::string_view> known) {
    const std::string_view shortened = name.substr(0, kLongest);
    Nearest best;
    for (const std::string_view candidate : known) {
        const std::size_t edits = editDistance(shortened, candidate);
        if (best.name.empty() || edits < best.edits) best = {candidate, edits};
    }
    return best;
}

}  // namespace

std::string_view nearestName(std::string_view name, std::span<const std::string_view> known) {
    return nearest(name, known).name;
}

std::string nearName(std::string_view name, std::span<const std::string> known) {
    const std::vector<std::string_view> views(known.begin(), known.end());
    const Nearest found = nearest(name, views);
    return found.edits > std::max<std::size_t>(2, std::min(name.size(), kLongest) / 2) ? std::string() : std::string(found.name);
}

std::string didYouMean(std::string_view name, std::span<const std::string> known) {
    const std::string near = nearName(name, known);
    return near.empty() ? "." : "; did you mean \"" + near + "\"?";
}

std::string unknownNameMessage(std::string_view kind, std::string_view name, std::span<const std::string_view> known) {
    std::string message = "Unknown " + std::string(kind) + " \"" + std::string(name) + "\"";
    if (known.empty()) return message + ".";
    return message + "; did you mean \"" + std::string(nearestName(name, known)) + "\"?";
}

}  // namespace safequant
