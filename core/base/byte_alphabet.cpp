// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/byte_alphabet.h"

#include <array>

#include "core/base/utf8.h"

namespace safequant {

namespace {

struct Tables {
    std::array<char32_t, 256> toAlphabet{};
    std::array<int, 512> toByte{};

    Tables() {
        toByte.fill(-1);
        char32_t next = 0x100;
        for (unsigned b = 0; b < 256; ++b) {
            const bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
            toAlphabet[b] = itself ? static_cast<char32_t>(b) : next++;
            toByte[toAlphabet[b]] = static_cast<int>(b);
        }
    }
};

const Tables& tables() {
    static const Tables t;
    return t;
}

}  // namespace

char32_t byteToAlphabet(unsigned char byte) {
    return tables().toAlphabet[byte];
}

std::string bytesToAlphabet(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) appendUtf8(out, byteToAlphabet(static_cast<unsigned char>(c)));
    return out;
}

std::string alphabetToBytes(std::string_view entry) {
    std::string out;
    for (std::size_t i = 0; i < entry.size();) {
        const char32_t c = nextCodePoint(entry, i);
        const int byte = c < 512 ? tables().toByte[c] : -1;
        if (byte < 0) return std::string(entry);
        out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    }
    return out;
}

}  // namespace safequant
