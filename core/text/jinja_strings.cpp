// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cwctype>
#include <optional>

#include "core/base/utf8.h"
#include "core/text/jinja_builtins.h"
#include "core/text/unicode.h"

namespace safequant::jinja {

namespace {

/// The C library's Unicode tables, whatever locale the program runs in.
locale_t unicodeLocale() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

char32_t upperOf(char32_t c) {
    if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
    return unicodeLocale() == nullptr ? c : static_cast<char32_t>(towupper_l(static_cast<wint_t>(c), unicodeLocale()));
}

char32_t lowerOf(char32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return unicodeLocale() == nullptr ? c : static_cast<char32_t>(towlower_l(static_cast<wint_t>(c), unicodeLocale()));
}

void appendChanged(Text& out, const Text& text, std::size_t begin, std::size_t end, char32_t from, bool toUpper) {
    // The one letter in common use whose capital is two letters.
    if (toUpper && from == 0xDF) {
        out.append("SS", text.fromContent(begin));
        return;
    }
    const char32_t to = toUpper ? upperOf(from) : lowerOf(from);
    if (to == from) {
        out.append(text, begin, end - begin);
        return;
    }
    std::string bytes;
    appendUtf8(bytes, to);
    out.append(bytes, text.fromContent(begin));
}

/// Changes the case of every character by a rule over (position among characters, whether a letter stood before).
template <typename Rule>
Text changeCase(const Text& text, Rule toUpper) {
    Text out;
    const std::string& bytes = text.bytes();
    // Two look-ups a character besides the copy.
    chargeBytes(3 * bytes.size());
    bool afterLetter = false;
    std::size_t index = 0;
    for (std::size_t i = 0; i < bytes.size(); ++index) {
        const std::size_t begin = i;
        const char32_t c = nextCodePoint(bytes, i);
        appendChanged(out, text, begin, i, c, toUpper(index, afterLetter, c));
        afterLetter = upperOf(c) != c || lowerOf(c) != c || c == 0xDF;
    }
    return out;
}

}  // namespace

bool isPythonSpace(char32_t c) {
    return isWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

void chargeCharacter(char lead) {
    if (static_cast<unsigned char>(lead) < 0x80) {
        chargeBytes(1);
    } else {
        charge(4);
    }
}

Arguments argumentsBehind(const Arguments& arguments, std::size_t skipped) {
    charge(arguments.positional.size() + arguments.keywords.size());
    Arguments rest;
    rest.keywords = arguments.keywords;
    if (skipped < arguments.positional.size())
        rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(skipped), arguments.positional.end());
    return rest;
}

const Text& textArgument(const Value& value, std::string_view function) {
    value.defined();
    if (!value.isText()) raise(std::string(function) + " needs a text, got " + value.typeName());
    return value.text();
}

std::int64_t integerArgument(const Value* value, std::int64_t fallback, std::string_view function) {
    if (value == nullptr || value->isNone()) return fallback;
    value->defined();
    if (!value->isInteger() && !value->isBool())
        raise(std::string(function) + " needs a whole number, got " + value->typeName());
    return value->integer();
}

Text strip(const Text& text, const Text* characters, Side side) {
    const auto offsets = text.codePointOffsets();
    std::vector<char32_t> stripped;
    if (characters != nullptr) {
        charge(characters->size());
        for (std::size_t i = 0; i < characters->size();) stripped.push_back(nextCodePoint(characters->bytes(), i));
        std::sort(stripped.begin(), stripped.end());
    }
    const auto strips = [&](std::size_t i) {
        std::size_t at = offsets[i];
        const char32_t c = nextCodePoint(text.bytes(), at);
        return characters != nullptr ? std::binary_search(stripped.begin(), stripped.end(), c) : isPythonSpace(c);
    };
    std::size_t begin = 0;
    std::size_t end = offsets.size() - 1;
    if (side != Side::Right) {
        while (begin < end && strips(begin)) ++begin;
    }
    if (side != Side::Left) {
        while (end > begin && strips(end - 1)) --end;
    }
    return text.slice(offsets[begin], offsets[end] - offsets[begin]);
}

Text replaceAll(const Text& text, std::string_view old, const Text& fresh, std::int64_t count) {
    Text out;
    const std::string& bytes = text.bytes();
    std::size_t at = 0;
    for (std::int64_t done = 0; count < 0 || done < count; ++done) {
        if (old.empty()) {
            // Python puts the new text before every character and at the end.
            out.append(fresh);
            if (at == bytes.size()) return out;
            const std::size_t length = sequenceLength(bytes[at]);
            out.append(text, at, length);
            at += length;
            continue;
        }
        const std::size_t found = findFirst(bytes, old, at);
        if (found == std::string::npos) break;
        out.append(text, at, found - at);
        out.append(fresh);
        at = found + old.size();
    }
    out.append(text, at, bytes.size() - at);
    return out;
}

Text upper(const Text& text) {
    return changeCase(text, [](std::size_t, bool, char32_t) { return true; });
}
Text lower(const Text& text) {
    return changeCase(text, [](std::size_t, bool, char32_t) { return false; });
}
Text capitalize(const Text& text) {
    return changeCase(text, [](std::size_t index, bool, char32_t) { return index == 0; });
}
Text titleWords(const Text& text) {
    return changeCase(text, [](std::size_t, bool afterLetter, char32_t) { return !afterLetter; });
}

std::vector<Text> splitLines(const Text& text, bool keepEnds) {
    std::vector<Text> lines;
    const std::string& bytes = text.bytes();
    chargeBytes(bytes.size());
    std::size_t begin = 0;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t at = i;
        const char32_t c = nextCodePoint(bytes, i);
        const bool ends = (c >= 0xA && c <= 0xD) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
        if (!ends) continue;
        if (c == '\r' && i < bytes.size() && bytes[i] == '\n') ++i;
        lines.push_back(text.slice(begin, (keepEnds ? i : at) - begin));
        begin = i;
    }
    if (begin < bytes.size()) lines.push_back(text.slice(begin, bytes.size() - begin));
    return lines;
}

std::vector<Text> splitSpace(const Text& text, std::int64_t limit) {
    std::vector<Text> pieces;
    const std::string& bytes = text.bytes();
    chargeBytes(bytes.size());
    std::size_t i = 0;
    while (true) {
        std::size_t next = i;
        while (i < bytes.size() && isPythonSpace(nextCodePoint(bytes, next))) i = next;
        if (i >= bytes.size()) return pieces;
        if (limit >= 0 && static_cast<std::int64_t>(pieces.size()) >= limit) {
            pieces.push_back(strip(text.slice(i, bytes.size() - i), nullptr, Side::Right));
            return pieces;
        }
        const std::size_t begin = i;
        next = i;
        while (i < bytes.size() && !isPythonSpace(nextCodePoint(bytes, next))) i = next;
        pieces.push_back(text.slice(begin, i - begin));
    }
}

namespace {

/// One conversion of a percent pattern: flags, width, precision and letter.
struct Conversion {
    std::string flags;
    int width = -1;
    int precision = -1;
    char letter = 's';
};

Text padded(const Text& text, const Conversion& conversion) {
    const auto length = static_cast<int>(text.codePointOffsets().size()) - 1;
    if (conversion.width <= length) return text;
    const bool left = conversion.flags.find('-') != std::string::npos;
    Text out;
    if (left) out.append(text);
    for (int i = length; i < conversion.width; ++i) out.append(" ");
    if (!left) out.append(text);
    return out;
}

Text convert(const Conversion& conversion, const Value& value) {
    value.defined();
    if (conversion.letter == 's' || conversion.letter == 'r') {
        Text text = conversion.letter == 's' ? value.str() : value.repr();
        if (conversion.precision >= 0) {
            const auto offsets = text.codePointOffsets();
            text = text.slice(0, offsets[std::min(static_cast<std::size_t>(conversion.precision), offsets.size() - 1)]);
        }
        return padded(text, conversion);
    }
    const bool whole = std::string_view("dixXo").find(conversion.letter) != std::string_view::npos;
    if (!value.isNumber()) {
        raise(std::string("%") + conversion.letter + " format: a real number is required, not " + value.typeName());
    }
    if (conversion.width > 1000 || conversion.precision > 100) raise("The format's width is too large.");
    std::string pattern = "%" + conversion.flags;
    if (conversion.width >= 0) pattern += std::to_string(conversion.width);
    if (conversion.precision >= 0) pattern.append(".").append(std::to_string(conversion.precision));
    std::array<char, 2048> buffer{};
    // The pattern is put together above from checked parts alone.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (whole) {
        if (value.isFloat() && !std::isfinite(value.number())) raise("cannot convert float to integer");
        pattern += std::string("ll") + conversion.letter;
        const long long number =
            value.isFloat() ? static_cast<long long>(std::clamp(value.number(), -9e18, 9e18)) : value.integer();
        std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), number);
    } else {
        pattern += conversion.letter;
        std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), value.number());
    }
#pragma GCC diagnostic pop
    return Text(buffer.data());
}

}  // namespace

Text formatPercent(const Text& pattern, const Value& values) {
    const bool several = values.isList() && values.typeName() == "tuple";
    charge(several ? values.items().size() : 1);
    chargeBytes(pattern.size());
    const std::vector<Value> arguments = several ? values.items() : std::vector<Value>{values};
    const std::string& bytes = pattern.bytes();
    std::size_t used = 0;
    bool byName = false;
    Text out;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t percent = std::min(bytes.find('%', i), bytes.size());
        out.append(pattern, i, percent - i);
        i = percent + 1;
        if (percent == bytes.size()) break;
        const Value* named = nullptr;
        if (i < bytes.size() && bytes[i] == '(') {
            const std::size_t close = bytes.find(')', i);
            if (close == std::string::npos) raise("incomplete format key");
            if (!values.isDict()) raise("format requires a mapping");
            named = values.dict().find(std::string_view(bytes).substr(i + 1, close - i - 1));
            if (named == nullptr) raise("The format names a key that is not there.");
            byName = true;
            i = close + 1;
        }
        Conversion conversion;
        while (i < bytes.size() && std::string_view("-+ #0").find(bytes[i]) != std::string_view::npos)
            conversion.flags += bytes[i++];
        const auto number = [&]() {
            int n = -1;
            while (i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '9')
                n = std::min(std::max(n, 0) * 10 + (bytes[i++] - '0'), 100000);
            return n;
        };
        conversion.width = number();
        if (i < bytes.size() && bytes[i] == '.') {
            ++i;
            conversion.precision = std::max(number(), 0);
        }
        if (i >= bytes.size()) raise("incomplete format");
        conversion.letter = bytes[i++];
        if (conversion.letter == '%') {
            out.append("%");
            continue;
        }
        if (std::string_view("srdixXofFeEgG").find(conversion.letter) == std::string_view::npos) {
            raise(std::string("unsupported format character '") + conversion.letter + "'");
        }
        if (named == nullptr && used >= arguments.size()) raise("not enough arguments for format string");
        out.append(convert(conversion, named != nullptr ? *named : arguments[used++]));
    }
    if (!byName && used < arguments.size() && !(values.isDict() || (values.isList() && !several))) {
        raise("not all arguments converted during string formatting");
    }
    return out;
}

}  // namespace safequant::jinja
