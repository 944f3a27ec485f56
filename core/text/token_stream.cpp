// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/token_stream.h"

#include "core/text/text_model.h"

namespace safequant {

std::string TokenStream::take(const std::string& text) {
    std::string fresh = text.size() > m_given ? text.substr(m_given) : std::string();
    m_given = text.size();
    return fresh;
}

std::string TokenStream::push(std::int32_t id) {
    m_ids.push_back(id);
    // A run of byte pieces is known to be valid only when it has ended.
    if (BytePieces::byteOf(m_tokenizer->tokenText(id))) return {};
    const std::string text = m_tokenizer->decode(m_ids, m_skipSpecial);
    if (text.ends_with("\xEF\xBF\xBD")) return {};
    std::string fresh = take(text);
    const std::vector<std::int32_t> last = {id};
    if (const std::string alone = m_tokenizer->decode(last, m_skipSpecial); !alone.empty() && !fresh.empty()) {
        m_ids = last;
        m_given = alone.size();
    }
    return fresh;
}

std::string TokenStream::finish() {
    std::string rest = take(m_tokenizer->decode(m_ids, m_skipSpecial));
    m_ids.clear();
    m_given = 0;
    return rest;
}

}  // namespace safequant
