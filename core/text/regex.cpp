// SPDX-License-Identifier: GPL-3.0-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/regex.h"

#include <pcre2.h>

#include <array>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "core/base/utf8.h"

namespace safequant {

namespace {

// Some tenths of a second. Patterns of real tokenizers go back over a run of characters once: far less, even in texts
// of megabytes.
constexpr std::uint32_t kMatchLimit = 50'000'000;
constexpr std::string_view kSpaceItems =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNotSpaceItems =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e})"
    R"(\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
// Letters and numbers of Unicode 15 and 16, which the PCRE2 of Debian 12 (Unicode 14) does not know as such.
constexpr std::string_view kLetterItems =
    R"(\p{L}\x{1c89}\x{1c8a}\x{a7cb}-\x{a7cd}\x{a7da}-\x{a7dc}\x{105c0}-\x{105f3}\x{10d4a}-\x{10d65}\x{10d6f}-\x{10d85})"
    R"(\x{10ec2}-\x{10ec4}\x{1123f}\x{11240}\x{11380}-\x{11389}\x{1138b}\x{1138e}\x{11390}-\x{113b5}\x{113b7}\x{113d1})"
    R"(\x{113d3}\x{11bc0}-\x{11be0}\x{11f02}\x{11f04}-\x{11f10}\x{11f12}-\x{11f33}\x{1342f}\x{13441}-\x{13446})"
    R"(\x{13460}-\x{143fa}\x{16100}-\x{1611d}\x{16d40}-\x{16d6c}\x{18cff}\x{1b132}\x{1b155}\x{1df25}-\x{1df2a})"
    R"(\x{1e030}-\x{1e06d}\x{1e4d0}-\x{1e4eb}\x{1e5d0}-\x{1e5ed}\x{1e5f0}\x{2b739}\x{2ebf0}-\x{2ee5d}\x{31350}-\x{323af})";
constexpr std::string_view kNumberItems =
    R"(\p{N}\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{11f50}-\x{11f59}\x{16130}-\x{16139})"
    R"(\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1d2c0}-\x{1d2d3}\x{1e4f0}-\x{1e4f9}\x{1e5f1}-\x{1e5fa})";
constexpr std::string_view kWordItems =
    R"(\p{M}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

/// Class items of an escape that the two engines read differently; empty when they agree.
std::string itemsOf(std::string_view escape) {
    if (escape == "\\s") return std::string(kSpaceItems);
    if (escape == "\\p{L}" || escape == "\\pL") return std::string(kLetterItems);
    if (escape == "\\p{N}" || escape == "\\pN") return std::string(kNumberItems);
    if (escape == "\\w") return std::string(kLetterItems) + std::string(kNumberItems) + std::string(kWordItems);
    if (escape == "\\d") return "\\p{Nd}";
    if (escape == "\\h") return "0-9a-fA-F";
    return {};
}

std::string negatedItemsOf(std::string_view escape) {
    if (escape == "\\S") return itemsOf("\\s");
    if (escape == "\\P{L}" || escape == "\\p{^L}" || escape == "\\PL") return itemsOf("\\p{L}");
    if (escape == "\\P{N}" || escape == "\\p{^N}" || escape == "\\PN") return itemsOf("\\p{N}");
    if (escape == "\\W") return itemsOf("\\w");
    if (escape == "\\D") return itemsOf("\\d");
    if (escape == "\\H") return itemsOf("\\h");
    return {};
}

/// The escape at `i`: backslash, letter and a braced part after p, P and x, four digits after u.
std::string_view escapeAt(std::string_view pattern, std::size_t i) {
    if (i + 1 >= pattern.size()) return pattern.substr(i);
    std::size_t end = i + 1 + sequenceLength(pattern[i + 1]);
    const char letter = pattern[i + 1];
    if (letter == 'u') return pattern.substr(i, 6);
    if ((letter == 'p' || letter == 'P' || letter == 'x') && end < pattern.size() && pattern[end] == '{') {
        const std::size_t close = pattern.find('}', end);
        if (close != std::string_view::npos) end = close + 1;
    }
    return pattern.substr(i, end - i);
}

tl::unexpected<Error> unsupportedSyntax(std::string_view what, std::string_view pattern) {
    return fail(ErrorKind::Unsupported,
                "The regular expression uses " + std::string(what) + ", which this program does not support.",
                std::string(pattern));
}

}  // namespace

Expected<std::string> translateOniguruma(std::string_view pattern) {
    std::string out;
    bool inClass = false;
    bool classJustOpened = false;
    bool intervalJustClosed = false;
    for (std::size_t i = 0; i < pattern.size();) {
        const char c = pattern[i];
        if (c == '\\') {
            const std::string_view escape = escapeAt(pattern, i);
            i += escape.size();
            classJustOpened = intervalJustClosed = false;
            if (escape.starts_with("\\u")) {
                out.append("\\x{").append(escape.substr(2)).append("}");
            } else if (const std::string items = itemsOf(escape); !items.empty()) {
                out += inClass ? items : "[" + items + "]";
            } else if (const std::string excluded = negatedItemsOf(escape); !excluded.empty()) {
                if (!inClass) {
                    out += "[^" + excluded + "]";
                } else if (escape == "\\S") {
                    out += kNotSpaceItems;
                } else {
                    return unsupportedSyntax(std::string(escape) + " inside a character class", pattern);
                }
            } else {
                out += escape;
            }
            continue;
        }
        if (inClass) {
            if (c == ']' && !classJustOpened) inClass = false;
            if (c == '[' && pattern.substr(i, 2) == "[:") {
                const std::size_t end = pattern.find(":]", i);
                if (end == std::string_view::npos) return unsupportedSyntax("an open [: class", pattern);
                out += pattern.substr(i, end + 2 - i);
                i = end + 2;
                classJustOpened = false;
                continue;
            }
            if (c == '[') return unsupportedSyntax("nested character classes", pattern);
            if (pattern.substr(i, 2) == "&&") return unsupportedSyntax("intersections of character classes", pattern);
            classJustOpened = classJustOpened && c == '^';
        } else if (c == '[') {
            inClass = classJustOpened = true;
        } else if (c == '+' && intervalJustClosed) {
            return unsupportedSyntax("+ after a counted repetition", pattern);
        }
        intervalJustClosed = !inClass && c == '}';
        out.push_back(c);
        ++i;
    }
    return out;
}

struct Regex::Code {
    pcre2_code* code = nullptr;
    pcre2_match_context* limits = nullptr;

    Code() = default;
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() {
        pcre2_match_context_free(limits);
        pcre2_code_free(code);
    }
};

Expected<Regex> Regex::compile(std::string_view pattern) {
    auto translated = translateOniguruma(pattern);
    if (!translated) return fail(translated.error());
    int errorCode = 0;
    PCRE2_SIZE errorOffset = 0;
    auto code = std::make_shared<Code>();
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(),
                               PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &errorCode, &errorOffset, nullptr);
    if (code->code == nullptr) {
        std::array<PCRE2_UCHAR, 256> text{};
        pcre2_get_error_message(errorCode, text.data(), text.size());
        return fail(
            ErrorKind::BadInput,
            "The regular expression does not compile: " + std::string(reinterpret_cast<const char*>(text.data())) + ".",
            std::string(pattern));
    }
    // A processor without JIT support runs the interpreter: the same matches, slower.
    pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);
    code->limits = pcre2_match_context_create(nullptr);
    if (code->limits == nullptr) throw std::bad_alloc();
    pcre2_set_match_limit(code->limits, kMatchLimit);
    pcre2_set_depth_limit(code->limits, std::numeric_limits<std::uint32_t>::max());
    Regex regex;
    regex.m_code = std::move(code);
    return regex;
}

std::string Regex::escape(std::string_view literal) {
    std::string out;
    for (const char c : literal) {
        if (std::string_view("\\.+*?()|[]{}^$#&-~").find(c) != std::string_view::npos) out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

void Regex::forEachMatch(std::string_view text, const std::function<void(std::size_t, std::size_t)>& found) const {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(pcre2_match_data_create(1, nullptr),
                                                                                    &pcre2_match_data_free);
    if (!match) throw std::bad_alloc();
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    std::size_t at = 0;
    std::size_t lastEnd = std::string_view::npos;
    while (at <= text.size()) {
        int rc = pcre2_match(m_code->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK, match.get(), m_code->limits);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
            rc = pcre2_match(m_code->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match.get(),
                             m_code->limits);
        }
        if (rc < 0) {
            if (rc == PCRE2_ERROR_NOMATCH) return;
            throw std::runtime_error(
                "[Regex::forEachMatch] the pattern needs more time or memory than it may take on this text");
        }
        const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
        const std::size_t begin = range[0];
        const std::size_t end = range[1];
        // An empty match directly behind the previous match does not count.
        if (begin != end || end != lastEnd) {
            found(begin, end);
            lastEnd = end;
        }
        at = begin == end ? (end < text.size() ? end + sequenceLength(text[end]) : end + 1) : end;
    }
}

}  // namespace safequant
