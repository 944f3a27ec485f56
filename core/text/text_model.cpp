// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/text_model.h"

namespace safequant {

std::string BytePieces::nameOf(unsigned char byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

std::optional<unsigned char> BytePieces::byteOf(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return std::nullopt;
    unsigned value = 0;
    for (const char c : piece.substr(3, 2)) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                 : -1;
        if (digit < 0) return std::nullopt;
        value = value * 16 + static_cast<unsigned>(digit);
    }
    return static_cast<unsigned char>(value);
}

bool BytePieces::append(std::string_view bytes, std::vector<std::int32_t>& out) const {
    for (const char c : bytes) {
        if (m_ids[static_cast<unsigned char>(c)] < 0) return false;
    }
    for (const char c : bytes) out.push_back(m_ids[static_cast<unsigned char>(c)]);
    return true;
}

}  // namespace safequant
