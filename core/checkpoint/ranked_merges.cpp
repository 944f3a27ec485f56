// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/ranked_merges.h"

#include <string_view>
#include <unordered_map>

namespace safequant {
namespace {

constexpr std::size_t kLongestToken = 4096;
constexpr std::size_t kBytes = 256;

using Ranks = std::unordered_map<std::string_view, std::int32_t>;

/// The two tokens a token is merged from: what byte pair encoding with the lower ranks alone leaves of it. An empty first one when
/// it cannot be made.
std::pair<std::string_view, std::string_view> splitOf(std::string_view token, std::int32_t rank, const Ranks& ranks) {
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i < token.size(); ++i) parts.push_back(token.substr(i, 1));
    while (parts.size() > 2) {
        std::int32_t lowest = rank;
        std::size_t at = 0;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto it = ranks.find({parts[i].data(), parts[i].size() + parts[i + 1].size()});
            if (it == ranks.end() || it->second >= lowest) continue;
            lowest = it->second;
            at = i;
        }
        if (lowest == rank) return {};
        parts[at] = {parts[at].data(), parts[at].size() + parts[at + 1].size()};
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    return {parts[0], parts[1]};
}

}  // namespace

Expected<std::vector<std::pair<std::int32_t, std::int32_t>>> rankedMerges(const std::vector<std::string>& tokens,
                                                                          const std::string& where) {
    const auto bad = [&](std::size_t rank, const std::string& what) {
        return fail(ErrorKind::BadInput, "Token " + std::to_string(rank) + " of the vocabulary " + what, where);
    };
    if (tokens.size() < kBytes)
        return fail(ErrorKind::BadInput, "The vocabulary has " + std::to_string(tokens.size()) +
                                             " tokens; it must begin with the 256 single bytes.", where);
    Ranks ranks;
    for (std::size_t rank = 0; rank < tokens.size(); ++rank) {
        const std::string& token = tokens[rank];
        if (token.empty() || token.size() > kLongestToken)
            return bad(rank, "has " + std::to_string(token.size()) + " bytes; 1 to " + std::to_string(kLongestToken) + " are possible.");
        if (rank < kBytes && token.size() != 1) return bad(rank, "is not a single byte; the first 256 must be.");
        if (!ranks.emplace(token, static_cast<std::int32_t>(rank)).second) return bad(rank, "stands there twice.");
    }
    std::vector<std::pair<std::int32_t, std::int32_t>> merges;
    for (std::size_t rank = kBytes; rank < tokens.size(); ++rank) {
        const auto [left, right] = splitOf(tokens[rank], static_cast<std::int32_t>(rank), ranks);
        if (!left.empty()) merges.emplace_back(ranks.at(left), ranks.at(right));
    }
    return merges;
}

}  // namespace safequant
