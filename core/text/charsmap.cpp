// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/charsmap.h"

#include <cstring>

namespace safequant {

namespace {

constexpr const char* kWhere = "precompiled_charsmap";

// Fields of a Darts-clone unit.
bool hasLeaf(std::uint32_t unit) {
    return (unit >> 8 & 1) != 0;
}
std::uint32_t valueOf(std::uint32_t unit) {
    return unit & 0x7FFFFFFF;
}
std::uint32_t labelOf(std::uint32_t unit) {
    return unit & 0x800000FF;
}
std::uint32_t offsetOf(std::uint32_t unit) {
    return (unit >> 10) << ((unit & (1U << 9)) >> 6);
}

}  // namespace

Expected<Charsmap> Charsmap::parse(std::string_view blob) {
    Charsmap map;
    if (blob.empty()) return map;
    const auto bad = [](const std::string& what) {
        return fail(ErrorKind::BadInput, "The character map " + what + "; the file is damaged, fetch it again.",
                    kWhere);
    };
    std::uint32_t trieBytes = 0;
    if (blob.size() < sizeof trieBytes) return bad("is cut off");
    std::memcpy(&trieBytes, blob.data(), sizeof trieBytes);
    if (trieBytes == 0 || trieBytes % 4 != 0 || trieBytes > blob.size() - sizeof trieBytes) {
        return bad("says its trie has " + std::to_string(trieBytes) + " of " + std::to_string(blob.size()) + " bytes");
    }
    map.m_units.resize(trieBytes / 4);
    std::memcpy(map.m_units.data(), blob.data() + sizeof trieBytes, trieBytes);
    map.m_replacements = blob.substr(sizeof trieBytes + trieBytes);
    if (map.m_replacements.empty() || map.m_replacements.back() != '\0') return bad("has replacements without an end");
    map.m_blob = blob;
    return map;
}

Charsmap::Match Charsmap::find(std::string_view text, bool first) const {
    Match match;
    if (m_units.empty()) return match;
    std::uint32_t at = offsetOf(m_units[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        at ^= byte;
        if (at >= m_units.size() || labelOf(m_units[at]) != byte) break;
        const std::uint32_t unit = m_units[at];
        at ^= offsetOf(unit);
        if (at >= m_units.size()) break;
        if (!hasLeaf(unit)) continue;
        const std::uint32_t offset = valueOf(m_units[at]);
        if (offset >= m_replacements.size()) break;
        match = {i + 1, std::string_view(m_replacements.data() + offset)};
        if (first) break;
    }
    return match;
}

}  // namespace safequant
