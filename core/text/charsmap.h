// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// SentencePiece's precompiled character map: a double-array trie (Darts-clone) from texts to offsets of
/// zero-terminated replacements. Immutable and thread-safe.
class Charsmap {
public:
    struct Match {
        std::size_t length = 0;  ///< 0: nothing matches.
        std::string_view replacement;
    };

    Charsmap() = default;
    /// Layout: u32 size of the trie in bytes, the trie's u32 units, the replacements. Errors: bad_input.
    static Expected<Charsmap> parse(std::string_view blob);

    bool empty() const { return m_units.empty(); }
    const std::string& blob() const { return m_blob; }
    /// The longest, or the shortest, key that `text` begins with.
    Match longest(std::string_view text) const { return find(text, false); }
    Match shortest(std::string_view text) const { return find(text, true); }

private:
    Match find(std::string_view text, bool first) const;

    std::string m_blob;
    std::vector<std::uint32_t> m_units;
    std::string m_replacements;
};

}  // namespace safequant
