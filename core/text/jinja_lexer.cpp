// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/jinja_lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/utf8.h"
#include "core/text/jinja_value.h"

namespace safequant::jinja {

namespace {

bool isSpace(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool isDigit(char c) {
    return c >= '0' && c <= '9';
}
bool isNameStart(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::string normalizeNewlines(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            out.push_back('\n');
            if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
        } else {
            out.push_back(source[i]);
        }
    }
    if (out.ends_with('\n')) out.pop_back();
    return out;
}

class Lexer {
public:
    explicit Lexer(std::string source) : m_source(std::move(source)) {}

    std::vector<Token> run() {
        while (m_at < m_source.size()) data();
        push(TokenKind::End, {});
        return std::move(m_tokens);
    }

private:
    [[noreturn]] void fault(const std::string& message, int line) const {
        throw Fault{message, line, ErrorKind::BadInput};
    }
    void push(TokenKind kind, std::string text) { m_tokens.push_back({kind, std::move(text), m_line}); }
    bool startsWith(std::string_view what) const { return std::string_view(m_source).substr(m_at).starts_with(what); }
    void advance(std::size_t n) {
        m_line += static_cast<int>(std::count(m_source.begin() + static_cast<std::ptrdiff_t>(m_at),
                                              m_source.begin() + static_cast<std::ptrdiff_t>(m_at + n), '\n'));
        m_at += n;
    }
    void skipSpace() {
        while (m_at < m_source.size() && isSpace(m_source[m_at])) advance(1);
    }

    /// Position of the next "{{", "{%" or "{#".
    std::size_t nextTag() const {
        for (std::size_t i = m_at; i + 1 < m_source.size(); ++i) {
            if (m_source[i] == '{' && (m_source[i + 1] == '{' || m_source[i + 1] == '%' || m_source[i + 1] == '#'))
                return i;
        }
        return std::string::npos;
    }

    void data() {
        const std::size_t tag = nextTag();
        const std::size_t end = tag == std::string::npos ? m_source.size() : tag;
        const std::string_view text = std::string_view(m_source).substr(m_at, end - m_at);
        if (tag == std::string::npos) {
            emitData(text);
            advance(text.size());
            return;
        }
        const char kind = m_source[tag + 1];
        const char sign = tag + 2 < m_source.size() ? m_source[tag + 2] : '\0';
        emitData(kept(text, kind, sign));
        advance(text.size());
        m_lineStarting = false;
        const int line = m_line;
        const std::size_t open = sign == '-' || sign == '+' ? 3 : 2;
        if (kind == '#') {
            comment(line);
        } else if (kind == '%' && rawTagLength(m_at + 2, "raw") != 0) {
            raw(line);
        } else if (kind == '%') {
            push(TokenKind::BlockBegin, {});
            advance(open);
            code("%}", line);
        } else {
            push(TokenKind::VariableBegin, {});
            advance(open);
            code("}}", line);
        }
    }

    /// The text before a tag, less what the tag strips.
    std::string_view kept(std::string_view text, char kind, char sign) const {
        if (sign == '-') {
            while (!text.empty() && isSpace(text.back())) text.remove_suffix(1);
            return text;
        }
        if (sign == '+' || kind == '{') return text;
        const std::size_t newline = text.rfind('\n');
        const std::size_t lineStart = newline == std::string_view::npos ? 0 : newline + 1;
        if (lineStart == 0 && !m_lineStarting) return text;
        const std::string_view indent = text.substr(lineStart);
        return std::all_of(indent.begin(), indent.end(), isSpace) ? text.substr(0, lineStart) : text;
    }

    void emitData(std::string_view text) {
        if (!text.empty()) push(TokenKind::Data, std::string(text));
    }

    /// Behind "%}" or "#}": whether white space or one newline goes with it.
    void closeBlock(char sign) {
        const std::size_t begin = m_at;
        if (sign == '-') {
            skipSpace();
        } else if (sign != '+' && startsWith("\n")) {
            advance(1);
        }
        m_lineStarting = m_at > begin && m_source[m_at - 1] == '\n';
    }

    void comment(int line) {
        const std::size_t end = m_source.find("#}", m_at + 2);
        if (end == std::string::npos) fault("Missing end of comment tag", line);
        const char sign = end > m_at + 2 ? m_source[end - 1] : '\0';
        advance(end + 2 - m_at);
        closeBlock(sign);
    }

    /// Length of "{% NAME %}" from behind "{%" on, 0 when this is no such tag.
    std::size_t rawTagLength(std::size_t at, std::string_view name) const {
        std::size_t i = at;
        if (i < m_source.size() && (m_source[i] == '-' || m_source[i] == '+')) ++i;
        while (i < m_source.size() && isSpace(m_source[i])) ++i;
        if (!std::string_view(m_source).substr(i).starts_with(name)) return 0;
        i += name.size();
        while (i < m_source.size() && isSpace(m_source[i])) ++i;
        if (i < m_source.size() && (m_source[i] == '-' || m_source[i] == '+')) ++i;
        return std::string_view(m_source).substr(i).starts_with("%}") ? i + 2 - at : 0;
    }

    void raw(int line) {
        const std::size_t open = 2 + rawTagLength(m_at + 2, "raw");
        const bool strip = m_source[m_at + open - 3] == '-';
        advance(open);
        if (strip) skipSpace();
        for (std::size_t end = m_source.find("{%", m_at); end != std::string::npos;
             end = m_source.find("{%", end + 2)) {
            const std::size_t length = rawTagLength(end + 2, "endraw");
            if (length == 0) continue;
            const std::string_view text = std::string_view(m_source).substr(m_at, end - m_at);
            emitData(kept(text, '%', m_source[end + 2]));
            const char sign = m_source[end + 2 + length - 3];
            advance(end + 2 + length - m_at);
            closeBlock(sign);
            return;
        }
        fault("Missing end of raw directive", line);
    }

    void code(std::string_view closing, int openLine) {
        std::vector<char> braces;
        while (m_at < m_source.size()) {
            if (braces.empty()) {
                const bool minus =
                    m_source[m_at] == '-' && std::string_view(m_source).substr(m_at + 1).starts_with(closing);
                const bool plus = closing == "%}" && m_source[m_at] == '+' &&
                                  std::string_view(m_source).substr(m_at + 1).starts_with(closing);
                if (minus || plus || startsWith(closing)) {
                    push(closing == "%}" ? TokenKind::BlockEnd : TokenKind::VariableEnd, {});
                    advance(minus || plus ? 3 : 2);
                    if (closing == "%}") {
                        closeBlock(minus ? '-' : plus ? '+' : '\0');
                    } else {
                        const std::size_t begin = m_at;
                        if (minus) skipSpace();
                        m_lineStarting = m_at > begin && m_source[m_at - 1] == '\n';
                    }
                    return;
                }
            }
            const char c = m_source[m_at];
            if (isSpace(c)) {
                advance(1);
            } else if (isNameStart(c)) {
                std::size_t end = m_at;
                while (end < m_source.size() && (isNameStart(m_source[end]) || isDigit(m_source[end]))) ++end;
                if (end - m_at > kMaxNameBytes) fault("A name has more than 256 bytes.", m_line);
                push(TokenKind::Name, m_source.substr(m_at, end - m_at));
                advance(end - m_at);
            } else if (isDigit(c)) {
                number();
            } else if (c == '\'' || c == '"') {
                string(c);
            } else {
                symbol(braces);
            }
        }
        fault(closing == "%}" ? "The block tag '{%' is not closed by '%}'." : "The tag '{{' is not closed by '}}'.",
              openLine);
    }

    std::size_t digitsEnd(std::size_t i, bool (*accept)(char)) const {
        while (i < m_source.size() &&
               (accept(m_source[i]) || (m_source[i] == '_' && i + 1 < m_source.size() && accept(m_source[i + 1]))))
            ++i;
        return i;
    }

    void number() {
        const auto hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
        const auto lower = [&](std::size_t i) {
            return i < m_source.size() ? static_cast<char>(m_source[i] | 0x20) : '\0';
        };
        std::size_t end = 0;
        TokenKind kind = TokenKind::Integer;
        if (m_source[m_at] == '0' && (lower(m_at + 1) == 'x' || lower(m_at + 1) == 'b' || lower(m_at + 1) == 'o')) {
            end = digitsEnd(m_at + 2, hex);
        } else {
            end = digitsEnd(m_at, isDigit);
            const bool afterDot = m_at > 0 && m_source[m_at - 1] == '.';
            if (!afterDot && end + 1 < m_source.size() && m_source[end] == '.' && isDigit(m_source[end + 1])) {
                kind = TokenKind::Float;
                end = digitsEnd(end + 1, isDigit);
            }
            if (!afterDot && lower(end) == 'e') {
                std::size_t exponent = end + 1;
                if (exponent < m_source.size() && (m_source[exponent] == '+' || m_source[exponent] == '-')) ++exponent;
                if (exponent < m_source.size() && isDigit(m_source[exponent])) {
                    kind = TokenKind::Float;
                    end = digitsEnd(exponent, isDigit);
                }
            }
        }
        std::string text = m_source.substr(m_at, end - m_at);
        text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
        push(kind, std::move(text));
        advance(end - m_at);
    }

    void string(char quote) {
        std::size_t end = m_at + 1;
        while (end < m_source.size() && m_source[end] != quote) end += m_source[end] == '\\' ? 2 : 1;
        if (end >= m_source.size())
            fault(std::string("unexpected char ") + (quote == '\'' ? "\"'\"" : "'\"'") + ": the string has no end",
                  m_line);
        push(TokenKind::String, unescape(std::string_view(m_source).substr(m_at + 1, end - m_at - 1)));
        advance(end + 1 - m_at);
    }

    std::string unescape(std::string_view text) const {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                out.push_back(text[i]);
                continue;
            }
            const char c = text[++i];
            static constexpr std::string_view kNames = "\\'\"abfnrtv";
            static constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
            if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
                out.push_back(kValues[known]);
            } else if (c == '\n') {
                continue;
            } else if (c == 'x' || c == 'u' || c == 'U') {
                const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                char32_t value = codeUnit(text, i + 1, digits);
                i += digits;
                if (value >= 0xD800 && value < 0xDC00 && text.substr(i + 1, 2) == "\\u") {
                    const char32_t low = codeUnit(text, i + 3, 4);
                    if (low >= 0xDC00 && low < 0xE000) {
                        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
                        i += 6;
                    }
                }
                if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
                    fault("The string holds an escape that is no character.", m_line);
                appendUtf8(out, value);
            } else if (c >= '0' && c <= '7') {
                char32_t value = 0;
                std::size_t n = 0;
                for (; n < 3 && i + n < text.size() && text[i + n] >= '0' && text[i + n] <= '7'; ++n) {
                    value = value * 8 + static_cast<char32_t>(text[i + n] - '0');
                }
                i += n - 1;
                appendUtf8(out, value);
            } else {
                out.push_back('\\');
                out.push_back(c);
            }
        }
        return out;
    }

    char32_t codeUnit(std::string_view text, std::size_t at, std::size_t digits) const {
        char32_t value = 0;
        for (std::size_t k = 0; k < digits; ++k) {
            if (at + k >= text.size() || std::isxdigit(static_cast<unsigned char>(text[at + k])) == 0) {
                fault("The string holds a truncated \\x or \\u escape.", m_line);
            }
            const char c = text[at + k];
            value = value << 4 | static_cast<char32_t>(isDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        return value;
    }

    void symbol(std::vector<char>& braces) {
        static constexpr std::array<std::string_view, 6> kDoubles = {"**", "//", "==", "!=", "<=", ">="};
        for (const std::string_view two : kDoubles) {
            if (startsWith(two)) {
                push(TokenKind::Operator, std::string(two));
                advance(2);
                return;
            }
        }
        const char c = m_source[m_at];
        if (std::string_view("+-*/%~()[]{},.:|<>=;").find(c) == std::string_view::npos) {
            fault(std::string("unexpected char '") + c + "'", m_line);
        }
        if (c == '(' || c == '[' || c == '{') {
            braces.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
        } else if (c == ')' || c == ']' || c == '}') {
            if (braces.empty()) fault(std::string("unexpected '") + c + "'", m_line);
            if (braces.back() != c)
                fault(std::string("unexpected '") + c + "', expected '" + braces.back() + "'", m_line);
            braces.pop_back();
        }
        push(TokenKind::Operator, std::string(1, c));
        advance(1);
    }

    std::string m_source;
    std::size_t m_at = 0;
    int m_line = 1;
    bool m_lineStarting = true;
    std::vector<Token> m_tokens;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
    return Lexer(normalizeNewlines(replaceInvalidUtf8(source))).run();
}

}  // namespace safequant::jinja
