// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/text/tokenizer.h"

namespace safequant {

/// Decodes ids as they come. Characters whose bytes are spread over several tokens are held back until they are whole,
/// so that what push() and finish() return, joined, is what Tokenizer::decode() returns for all ids.
class TokenStream {
public:
    TokenStream(std::shared_ptr<const Tokenizer> tokenizer, bool skipSpecial)
        : m_tokenizer(std::move(tokenizer)), m_skipSpecial(skipSpecial) {}

    /// The text that is certain now; may be empty.
    std::string push(std::int32_t id);
    /// What was held back; an incomplete character becomes U+FFFD.
    std::string finish();

private:
    /// Moves what `text`, that of all ids kept, has beyond what was given out.
    std::string take(const std::string& text);

    std::shared_ptr<const Tokenizer> m_tokenizer;
    bool m_skipSpecial;
    std::vector<std::int32_t>
        m_ids;                ///< From the last one that gave whole text on: it tells whether a text begins here.
    std::size_t m_given = 0;  ///< Bytes of their text given out.
};

}  // namespace safequant
