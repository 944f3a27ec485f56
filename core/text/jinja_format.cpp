// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/base/utf8.h"
#include "core/text/jinja_value.h"

namespace safequant::jinja {

namespace {

constexpr int kMaxPrintDepth = 300;

void appendHex(std::string& out, char32_t c, int digits) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out.push_back(kDigits[c >> shift & 15]);
}

/// Characters Python's repr writes as escapes besides quotes and backslash: controls, separators other than space, and
/// what is no character.
bool isPrintable(char32_t c) {
    if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) return false;
    if (c >= 0x200B && c <= 0x200F) return false;
    if (c >= 0x2028 && c <= 0x202F) return false;
    if (c >= 0x205F && c <= 0x206F) return false;
    if ((c >= 0x2000 && c <= 0x200A) || c == 0x1680 || c == 0x3000 || c == 0xFEFF) return false;
    if ((c >= 0xD800 && c <= 0xF8FF) || (c >= 0xFFF0 && c <= 0xFFFB) || c >= 0xE0000) return false;
    return (c & 0xFFFE) != 0xFFFE;
}

std::string pythonEscape(char32_t c) {
    std::string out;
    if (c == '\n') return "\\n";
    if (c == '\r') return "\\r";
    if (c == '\t') return "\\t";
    if (c < 0x100) {
        out = "\\x";
        appendHex(out, c, 2);
    } else if (c < 0x10000) {
        out = "\\u";
        appendHex(out, c, 4);
    } else {
        out = "\\U";
        appendHex(out, c, 8);
    }
    return out;
}

Text quotedPython(const Text& text) {
    const std::string& bytes = text.bytes();
    const bool doubled = bytes.find('\'') != std::string::npos && bytes.find('"') == std::string::npos;
    const char quote = doubled ? '"' : '\'';
    Text out(std::string_view(&quote, 1));
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t begin = i;
        const char32_t c = nextCodePoint(bytes, i);
        if (c == '\\' || c == static_cast<char32_t>(quote)) {
            out.append("\\", text.fromContent(begin));
            out.append(text, begin, i - begin);
        } else if (isPrintable(c)) {
            out.append(text, begin, i - begin);
        } else {
            out.append(pythonEscape(c), text.fromContent(begin));
        }
    }
    out.append(std::string_view(&quote, 1));
    return out;
}

void appendRepr(const Value& value, Text& out, int depth);

void appendDict(const DictObject& dict, Text& out, int depth) {
    out.append("{");
    bool first = true;
    for (const auto& [key, entry] : dict.items) {
        if (!first) out.append(", ");
        first = false;
        appendRepr(key, out, depth + 1);
        out.append(": ");
        appendRepr(entry, out, depth + 1);
    }
    out.append("}");
}

void appendRepr(const Value& value, Text& out, int depth) {
    if (depth > kMaxPrintDepth) throw Fault{"The value to print nests too deeply.", 0, ErrorKind::Failed};
    if (value.isText()) {
        out.append(quotedPython(value.text()));
    } else if (value.isUndefined()) {
        out.append("Undefined");
    } else if (value.isList()) {
        const bool tuple = value.typeName() == "tuple";
        out.append(tuple ? "(" : "[");
        for (std::size_t i = 0; i < value.items().size(); ++i) {
            if (i > 0) out.append(", ");
            appendRepr(value.items()[i], out, depth + 1);
        }
        if (tuple && value.items().size() == 1) out.append(",");
        out.append(tuple ? ")" : "]");
    } else if (value.isDict()) {
        appendDict(value.dict(), out, depth);
    } else if (const auto* ns = std::get_if<std::shared_ptr<NamespaceObject>>(&value.variant())) {
        out.append("<Namespace ");
        appendDict((*ns)->attributes, out, depth);
        out.append(">");
    } else {
        out.append(value.str());
    }
}

void appendJsonText(const Text& text, bool ascii, Text& out) {
    out.append("\"");
    const std::string& bytes = text.bytes();
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t begin = i;
        const char32_t c = nextCodePoint(bytes, i);
        std::string escape;
        switch (c) {
            case '"':
                escape = "\\\"";
                break;
            case '\\':
                escape = "\\\\";
                break;
            case '\n':
                escape = "\\n";
                break;
            case '\r':
                escape = "\\r";
                break;
            case '\t':
                escape = "\\t";
                break;
            case '\b':
                escape = "\\b";
                break;
            case '\f':
                escape = "\\f";
                break;
            default:
                if (c >= 0x10000 && ascii) {
                    escape = "\\u";
                    appendHex(escape, 0xD800 + ((c - 0x10000) >> 10), 4);
                    escape += "\\u";
                    appendHex(escape, 0xDC00 + ((c - 0x10000) & 0x3FF), 4);
                } else if (c < 0x20 || (c > 0x7E && ascii)) {
                    escape = "\\u";
                    appendHex(escape, c, 4);
                }
        }
        if (escape.empty()) {
            out.append(text, begin, i - begin);
        } else {
            out.append(escape, text.fromContent(begin));
        }
    }
    out.append("\"");
}

void appendJson(const Value& value, const JsonStyle& style, int depth, Text& out);

void newLine(const JsonStyle& style, int depth, Text& out) {
    if (!style.indented) return;
    out.append("\n");
    for (int i = 0; i < depth && !style.indent.empty(); ++i) out.append(style.indent);
}

void appendJsonDict(const DictObject& dict, const JsonStyle& style, int depth, Text& out) {
    charge(dict.items.size());
    auto entries = dict.items;
    if (style.sortKeys) {
        std::stable_sort(entries.begin(), entries.end(),
                         [](const auto& a, const auto& b) { return less(a.first, b.first); });
    }
    out.append("{");
    bool first = true;
    for (const auto& [key, entry] : entries) {
        if (!first) out.append(style.itemSeparator);
        first = false;
        newLine(style, depth + 1, out);
        if (key.isText()) {
            appendJsonText(key.text(), style.ascii, out);
        } else {
            Text written;
            appendJson(key, style, depth + 1, written);
            appendJsonText(written, style.ascii, out);
        }
        out.append(style.keySeparator);
        appendJson(entry, style, depth + 1, out);
    }
    if (!first) newLine(style, depth, out);
    out.append("}");
}

void appendJson(const Value& value, const JsonStyle& style, int depth, Text& out) {
    if (value.isText()) {
        appendJsonText(value.text(), style.ascii, out);
    } else if (value.isNone()) {
        out.append("null");
    } else if (value.isBool()) {
        out.append(value.truthy() ? "true" : "false");
    } else if (value.isFloat() && !std::isfinite(value.number())) {
        out.append(std::isnan(value.number()) ? "NaN" : value.number() > 0 ? "Infinity" : "-Infinity");
    } else if (value.isNumber()) {
        out.append(value.str());
    } else if (value.isDict()) {
        appendJsonDict(value.dict(), style, depth, out);
    } else if (value.isList()) {
        out.append("[");
        for (std::size_t i = 0; i < value.items().size(); ++i) {
            if (i > 0) out.append(style.itemSeparator);
            newLine(style, depth + 1, out);
            appendJson(value.items()[i], style, depth + 1, out);
        }
        if (!value.items().empty()) newLine(style, depth, out);
        out.append("]");
    } else {
        raise("Object of type " + value.typeName() + " is not JSON serializable");
    }
}

}  // namespace

std::string floatRepr(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    std::array<char, 64> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
    std::string_view written(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    std::string out;
    if (written.front() == '-') {
        out = "-";
        written.remove_prefix(1);
    }
    const std::size_t e = written.find('e');
    const int exponent = std::stoi(std::string(written.substr(e + 1)));
    std::string digits(1, written[0]);
    if (e > 2) digits += written.substr(2, e - 2);
    const int count = static_cast<int>(digits.size());
    if (exponent < -4 || exponent >= 16) {
        out += digits.substr(0, 1);
        if (count > 1) out += "." + digits.substr(1);
        const std::string power = std::to_string(std::abs(exponent));
        return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
    }
    if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    if (count <= exponent + 1)
        return out + digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0') + ".0";
    return out + digits.substr(0, static_cast<std::size_t>(exponent + 1)) + "." +
           digits.substr(static_cast<std::size_t>(exponent + 1));
}

Text Value::str() const {
    if (isText()) return text();
    if (isUndefined()) return {};
    if (isNone()) return Text("None");
    if (isBool()) return Text(std::get<bool>(m_value) ? "True" : "False");
    if (isInteger()) return Text(std::to_string(integer()));
    if (isFloat()) return Text(floatRepr(number()));
    if (const auto* function = std::get_if<std::shared_ptr<const CallableObject>>(&m_value)) {
        return Text("<function " + (*function)->name + ">");
    }
    if (const auto* loop = std::get_if<std::shared_ptr<LoopObject>>(&m_value)) {
        return Text("<LoopContext " + std::to_string((*loop)->index + 1) + "/" +
                    std::to_string((*loop)->items->items.size()) + ">");
    }
    return repr();
}

Text Value::repr() const {
    Text out;
    appendRepr(*this, out, 0);
    return out;
}

Text toJson(const Value& value, const JsonStyle& style) {
    Text out;
    appendJson(value, style, 0, out);
    return out;
}

}  // namespace safequant::jinja
