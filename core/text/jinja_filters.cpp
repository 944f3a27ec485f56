// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "core/base/utf8.h"
#include "core/text/jinja_builtins.h"
#include "core/text/jinja_interpreter.h"
#include "core/text/unicode.h"

namespace safequant::jinja {

namespace {

using Filter = Value (*)(Interpreter& interpreter, const Value& value, Arguments& arguments);

bool flagArgument(const Arguments& arguments, std::size_t index, std::string_view name, bool fallback) {
    const Value* value = arguments.find(index, name);
    return value == nullptr ? fallback : value->truthy();
}

/// The item's attribute at a dotted path: names, and numbers for positions.
Value dotted(Interpreter& interpreter, Value item, const Value& path) {
    if (path.isInteger()) return interpreter.item(item, path);
    const std::string& names = textArgument(path, "attribute").bytes();
    for (std::size_t at = 0; at <= names.size();) {
        const std::size_t dot = std::min(names.find('.', at), names.size());
        const std::string part = names.substr(at, dot - at);
        const bool number = !part.empty() && part.size() < 10 &&
                            std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
        item = interpreter.item(item, number ? Value(std::int64_t{std::stol(part)}) : Value(Text(part)));
        at = dot + 1;
    }
    return item;
}

/// What a filter with `attribute` and `case_sensitive` compares.
Value comparisonKey(Interpreter& interpreter, const Value& item, const Value* path, bool caseSensitive) {
    Value key = path != nullptr && !path->isNone() ? dotted(interpreter, item, *path) : item;
    return key.isText() && !caseSensitive ? Value(lower(key.text())) : key;
}

Value length(Interpreter&, const Value& value, Arguments&) {
    if (value.isText()) return Value(static_cast<std::int64_t>(value.text().codePointOffsets().size() - 1));
    if (value.isList()) return Value(static_cast<std::int64_t>(value.items().size()));
    if (value.isDict()) return Value(static_cast<std::int64_t>(value.dict().items.size()));
    if (value.isUndefined()) return Value(std::int64_t{0});
    raise("object of type " + inQuotes(value.typeName()) + " has no len()");
}

Value defaultValue(Interpreter&, const Value& value, Arguments& arguments) {
    const bool falseToo = flagArgument(arguments, 1, "boolean", false);
    if (!value.isUndefined() && !(falseToo && !value.truthy())) return value;
    const Value* fallback = arguments.find(0, "default_value");
    return fallback != nullptr ? *fallback : Value(Text());
}

Value join(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const Value* separator = arguments.find(0, "d");
    const Value* path = arguments.find(1, "attribute");
    const Text between = separator != nullptr ? separator->str() : Text();
    Text out;
    bool first = true;
    for (const Value& item : iterate(value)) {
        if (!first) out.append(between);
        first = false;
        out.append(path != nullptr ? dotted(interpreter, item, *path).str() : item.str());
    }
    return Value(std::move(out));
}

Value first(Interpreter&, const Value& value, Arguments&) {
    const auto items = iterate(value);
    return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last(Interpreter&, const Value& value, Arguments&) {
    const auto items = iterate(value);
    return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Interpreter&, const Value& value, Arguments&) {
    auto items = iterate(value.defined());
    std::reverse(items.begin(), items.end());
    if (!value.isText()) return Value::list(std::move(items));
    Text out;
    for (const Value& item : items) out.append(item.text());
    return Value(std::move(out));
}

Value replaceFilter(Interpreter&, const Value& value, Arguments& arguments) {
    const Value* old = arguments.find(0, "old");
    const Value* fresh = arguments.find(1, "new");
    if (old == nullptr || fresh == nullptr) raise("replace needs 'old' and 'new'");
    return Value(replaceAll(value.str(), old->str().bytes(), fresh->str(),
                            integerArgument(arguments.find(2, "count"), -1, "replace")));
}

Value trim(Interpreter&, const Value& value, Arguments& arguments) {
    const Value* characters = arguments.find(0, "chars");
    const Text text = value.str();
    if (characters == nullptr || characters->isNone()) return Value(strip(text, nullptr, Side::Both));
    return Value(strip(text, &textArgument(*characters, "trim"), Side::Both));
}

/// Jinja's title: every part that begins behind a hyphen, white space or an opening bracket.
Value title(Interpreter&, const Value& value, Arguments&) {
    const Text text = value.str();
    const std::string& bytes = text.bytes();
    Text out;
    std::size_t wordBegin = 0;
    for (std::size_t i = 0; i <= bytes.size();) {
        std::size_t next = i;
        const char32_t c = i < bytes.size() ? nextCodePoint(bytes, next) : U' ';
        const bool separates = isPythonSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
        if (separates) {
            out.append(capitalize(text.slice(wordBegin, i - wordBegin)));
            if (i < bytes.size()) out.append(text, i, next - i);
            wordBegin = next;
        }
        if (i == bytes.size()) break;
        i = next;
    }
    return Value(std::move(out));
}

Value indent(Interpreter&, const Value& value, Arguments& arguments) {
    const Value* width = arguments.find(0, "width");
    const bool firstToo = flagArgument(arguments, 1, "first", false);
    const bool blankToo = flagArgument(arguments, 2, "blank", false);
    Text by;
    if (width != nullptr && width->isText()) {
        by = width->text();
    } else {
        for (std::int64_t i = 0; i < integerArgument(width, 4, "indent"); ++i) by.append(" ");
    }
    Text text = value.str();
    text.append("\n");
    const auto lines = splitLines(text, false);
    Text out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) out.append("\n");
        if (i == 0 ? firstToo : blankToo || !lines[i].empty()) out.append(by);
        out.append(lines[i]);
    }
    return Value(std::move(out));
}

Value toJsonFilter(Interpreter&, const Value& value, Arguments& arguments) {
    JsonStyle style;
    style.ascii = flagArgument(arguments, 0, "ensure_ascii", false);
    const Value* width = arguments.find(1, "indent");
    style.indented = width != nullptr && !width->isNone();
    if (style.indented) {
        if (width->isText()) {
            style.indent = width->text();
        } else {
            for (std::int64_t i = 0; i < integerArgument(width, 0, "indent"); ++i) style.indent.append(" ");
        }
    }
    style.itemSeparator = Text(style.indented ? "," : ", ");
    style.keySeparator = Text(": ");
    if (const Value* separators = arguments.find(2, "separators"); separators != nullptr && !separators->isNone()) {
        if (!separators->isList() || separators->items().size() != 2) raise("separators must be a pair of texts");
        style.itemSeparator = textArgument(separators->items()[0], "separators");
        style.keySeparator = textArgument(separators->items()[1], "separators");
    }
    style.sortKeys = flagArgument(arguments, 3, "sort_keys", false);
    return Value(toJson(value, style));
}

Value toInteger(Interpreter&, const Value& value, Arguments& arguments) {
    value.defined();
    const Value* given = arguments.find(0, "default");
    const Value fallback = given != nullptr ? *given : Value(std::int64_t{0});
    const auto base = static_cast<int>(integerArgument(arguments.find(1, "base"), 10, "int"));
    if (value.isInteger() || value.isBool()) return Value(value.integer());
    double number = 0.0;
    if (value.isFloat()) {
        number = value.number();
    } else if (value.isText()) {
        std::string text = strip(value.text(), nullptr, Side::Both).bytes();
        text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
        std::string_view digits = text;
        if (digits.starts_with('+')) digits.remove_prefix(1);
        if (base < 2 || base > 36) return fallback;
        std::int64_t whole = 0;
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), whole, base);
        if (parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size()) return Value(whole);
        const auto real = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (real.ec != std::errc() || real.ptr != digits.data() + digits.size()) return fallback;
    } else {
        return fallback;
    }
    if (!(std::fabs(number) < 9.2e18)) return fallback;
    return Value(static_cast<std::int64_t>(number));
}

Value toFloat(Interpreter&, const Value& value, Arguments& arguments) {
    value.defined();
    const Value* given = arguments.find(0, "default");
    const Value fallback = given != nullptr ? *given : Value(0.0);
    if (value.isNumber()) return Value(value.number());
    if (!value.isText()) return fallback;
    const std::string text = strip(value.text(), nullptr, Side::Both).bytes();
    std::string_view digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0.0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && !digits.empty() ? Value(number)
                                                                                                      : fallback;
}

/// What writing a number with up to 600 digits and reading it again costs.
constexpr std::uint64_t kRoundingSteps = 30;

Value round(Interpreter&, const Value& value, Arguments& arguments) {
    if (!value.defined().isNumber()) raise("round needs a number, got " + value.typeName());
    const std::int64_t precision = integerArgument(arguments.find(0, "precision"), 0, "round");
    const Value* given = arguments.find(1, "method");
    const std::string method = given != nullptr ? textArgument(*given, "round").bytes() : "common";
    if (method != "common" && method != "ceil" && method != "floor") raise("method must be common, ceil or floor");
    if (precision < -300 || precision > 300) raise("round takes a precision from -300 to 300");
    const double number = value.number();
    if (method != "common") {
        const double factor = std::pow(10.0, static_cast<double>(precision));
        return Value((method == "ceil" ? std::ceil(number * factor) : std::floor(number * factor)) / factor);
    }
    if (!value.isFloat() && precision >= 0) return Value(value.integer());
    if (!std::isfinite(number)) return Value(number);
    if (precision < 0) {
        const double factor = std::pow(10.0, static_cast<double>(-precision));
        return Value(std::nearbyint(number / factor) * factor);
    }
    charge(kRoundingSteps);
    // Rounds the exact binary value half to even, as Python does, which scaling would not.
    char buffer[700];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), number);
    return Value(std::strtod(buffer, nullptr));
}

Value absolute(Interpreter&, const Value& value, Arguments&) {
    if (!value.defined().isNumber()) raise("bad operand type for abs(): " + inQuotes(value.typeName()));
    if (value.isFloat()) return Value(std::fabs(value.number()));
    return value.integer() < 0 ? arithmetic("-", Value(std::int64_t{0}), value) : Value(value.integer());
}

Value sum(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const Value* path = arguments.find(0, "attribute");
    const Value* start = arguments.find(1, "start");
    Value total = start != nullptr ? *start : Value(std::int64_t{0});
    for (const Value& item : iterate(value)) {
        total = arithmetic("+", total, path != nullptr && !path->isNone() ? dotted(interpreter, item, *path) : item);
    }
    return total;
}

template <bool kLargest>
Value extreme(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const bool caseSensitive = flagArgument(arguments, 0, "case_sensitive", false);
    const Value* path = arguments.find(1, "attribute");
    const auto items = iterate(value);
    if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
    std::size_t best = 0;
    for (std::size_t i = 1; i < items.size(); ++i) {
        const Value candidate = comparisonKey(interpreter, items[i], path, caseSensitive);
        const Value current = comparisonKey(interpreter, items[best], path, caseSensitive);
        if (kLargest ? less(current, candidate, ">") : less(candidate, current)) best = i;
    }
    return items[best];
}

/// Stable, as Python sorts, also in descending order.
void sortValues(std::vector<std::pair<Value, Value>>& keyed, bool descending) {
    std::stable_sort(keyed.begin(), keyed.end(), [descending](const auto& a, const auto& b) {
        return descending ? less(b.first, a.first) : less(a.first, b.first);
    });
}

Value sort(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const bool descending = flagArgument(arguments, 0, "reverse", false);
    const bool caseSensitive = flagArgument(arguments, 1, "case_sensitive", false);
    const Value* path = arguments.find(2, "attribute");
    std::vector<std::pair<Value, Value>> keyed;
    for (const Value& item : iterate(value))
        keyed.emplace_back(comparisonKey(interpreter, item, path, caseSensitive), item);
    sortValues(keyed, descending);
    std::vector<Value> sorted;
    for (auto& [key, item] : keyed) sorted.push_back(std::move(item));
    return Value::list(std::move(sorted));
}

Value sortDict(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    if (!value.defined().isDict()) raise("dictsort needs a mapping, got " + value.typeName());
    const bool caseSensitive = flagArgument(arguments, 0, "case_sensitive", false);
    const Value* by = arguments.find(1, "by");
    const bool byValue = by != nullptr && by->isText() && by->text().bytes() == "value";
    const bool descending = flagArgument(arguments, 2, "reverse", false);
    std::vector<std::pair<Value, Value>> keyed;
    for (const auto& [key, item] : value.dict().items) {
        keyed.emplace_back(comparisonKey(interpreter, byValue ? item : key, nullptr, caseSensitive),
                           Value::list({key, item}, true));
    }
    sortValues(keyed, descending);
    std::vector<Value> sorted;
    for (auto& [key, item] : keyed) sorted.push_back(std::move(item));
    return Value::list(std::move(sorted));
}

Value unique(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const bool caseSensitive = flagArgument(arguments, 0, "case_sensitive", false);
    const Value* path = arguments.find(1, "attribute");
    std::vector<Value> seen;
    std::vector<Value> kept;
    for (const Value& item : iterate(value)) {
        Value key = comparisonKey(interpreter, item, path, caseSensitive);
        if (std::any_of(seen.begin(), seen.end(), [&](const Value& other) { return equal(other, key); })) continue;
        seen.push_back(std::move(key));
        kept.push_back(item);
    }
    return Value::list(std::move(kept));
}

Value map(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    std::vector<Value> result;
    if (arguments.positional.empty()) {
        const Value* path = arguments.find(0, "attribute");
        if (path == nullptr) raise("map requires a filter argument");
        const Value* fallback = arguments.find(1, "default");
        for (const Value& item : iterate(value)) {
            Value found = dotted(interpreter, item, *path);
            result.push_back(found.isUndefined() && fallback != nullptr ? *fallback : found);
        }
        return Value::list(std::move(result));
    }
    const std::string name = textArgument(arguments.positional[0], "map").bytes();
    if (!hasFilter(name)) raise("No filter named " + inQuotes(name) + ".");
    for (const Value& item : iterate(value)) {
        Arguments rest = argumentsBehind(arguments, 1);
        result.push_back(applyFilter(interpreter, name, item, rest));
    }
    return Value::list(std::move(result));
}

/// select, reject, selectattr and rejectattr.
template <bool kKeep, bool kByAttribute>
Value choose(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    const std::size_t skipped = kByAttribute ? 1 : 0;
    if (arguments.positional.size() < skipped) raise("Missing parameter for attribute name");
    std::string name;
    if (arguments.positional.size() > skipped) {
        name = textArgument(arguments.positional[skipped], "select").bytes();
        if (!hasTest(name)) raise("No test named " + inQuotes(name) + ".");
    }
    std::vector<Value> kept;
    for (const Value& item : iterate(value)) {
        const Value subject = kByAttribute ? dotted(interpreter, item, arguments.positional[0]) : item;
        Arguments rest = argumentsBehind(arguments, skipped + 1);
        if ((name.empty() ? subject.truthy() : applyTest(name, subject, rest)) == kKeep) kept.push_back(item);
    }
    return Value::list(std::move(kept));
}

Value items(Interpreter&, const Value& value, Arguments&) {
    if (value.isUndefined()) return Value::list({});
    if (!value.isDict()) raise("Can only get item pairs from a mapping.");
    std::vector<Value> result;
    for (const auto& [key, entry] : value.dict().items) result.push_back(Value::list({key, entry}, true));
    return Value::list(std::move(result));
}

Value escape(Interpreter&, const Value& value, Arguments&) {
    Text text = value.str();
    const std::pair<std::string_view, std::string_view> kEntities[] = {
        {"&", "&amp;"}, {">", "&gt;"}, {"<", "&lt;"}, {"'", "&#39;"}, {"\"", "&#34;"}};
    for (const auto& [character, entity] : kEntities) text = replaceAll(text, character, Text(entity), -1);
    return Value(std::move(text));
}

Value formatFilter(Interpreter&, const Value& value, Arguments& arguments) {
    if (!arguments.keywords.empty()) {
        DictObject named;
        for (const auto& [key, argument] : arguments.keywords) named.items.emplace_back(Value(Text(key)), argument);
        return Value(formatPercent(value.str(), Value::dict(std::move(named))));
    }
    return Value(formatPercent(value.str(), Value::list(arguments.positional, true)));
}

Value wordCount(Interpreter&, const Value& value, Arguments&) {
    const std::string text = value.str().bytes();
    std::int64_t count = 0;
    bool inWord = false;
    for (std::size_t i = 0; i < text.size();) {
        chargeCharacter(text[i]);
        const bool word = isWordCharacter(nextCodePoint(text, i));
        if (word && !inWord) ++count;
        inWord = word;
    }
    return Value(count);
}

Value asList(Interpreter&, const Value& value, Arguments&) {
    return Value::list(iterate(value));
}
Value asText(Interpreter&, const Value& value, Arguments&) {
    return Value(value.str());
}
Value attributeFilter(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    if (arguments.positional.empty()) raise("attr needs a name");
    return interpreter.attribute(value, textArgument(arguments.positional[0], "attr").bytes());
}

template <Text (*kChange)(const Text&)>
Value changed(Interpreter&, const Value& value, Arguments&) {
    return Value(kChange(value.str()));
}

const std::unordered_map<std::string_view, Filter>& filters() {
    static const std::unordered_map<std::string_view, Filter> table = {
        {"abs", absolute},
        {"attr", attributeFilter},
        {"capitalize", changed<capitalize>},
        {"count", length},
        {"d", defaultValue},
        {"default", defaultValue},
        {"dictsort", sortDict},
        {"e", escape},
        {"escape", escape},
        {"first", first},
        {"float", toFloat},
        {"format", formatFilter},
        {"indent", indent},
        {"int", toInteger},
        {"items", items},
        {"join", join},
        {"last", last},
        {"length", length},
        {"list", asList},
        {"lower", changed<lower>},
        {"map", map},
        {"max", extreme<true>},
        {"min", extreme<false>},
        {"reject", choose<false, false>},
        {"rejectattr", choose<false, true>},
        {"replace", replaceFilter},
        {"reverse", reverse},
        {"round", round},
        {"safe", asText},
        {"select", choose<true, false>},
        {"selectattr", choose<true, true>},
        {"sort", sort},
        {"string", asText},
        {"sum", sum},
        {"title", title},
        {"tojson", toJsonFilter},
        {"trim", trim},
        {"unique", unique},
        {"upper", changed<upper>},
        {"wordcount", wordCount},
    };
    return table;
}

}  // namespace

bool hasFilter(std::string_view name) {
    return filters().contains(name);
}

Value applyFilter(Interpreter& interpreter, std::string_view name, const Value& value, Arguments& arguments) {
    charge(1);
    return filters().at(name)(interpreter, value, arguments);
}

}  // namespace safequant::jinja
