// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <ctime>
#include <cwctype>
#include <unordered_map>

#include "core/base/utf8.h"
#include "core/text/jinja_builtins.h"
#include "core/text/jinja_interpreter.h"
#include "core/text/unicode.h"

namespace safequant::jinja {

namespace {

using Method = Value (*)(const Value& self, Arguments& arguments);
using MethodTable = std::unordered_map<std::string_view, Method>;

const Value& required(const Arguments& arguments, std::size_t index, std::string_view name, std::string_view method) {
    const Value* value = arguments.find(index, name);
    if (value == nullptr) raise(std::string(method) + "() needs an argument " + inQuotes(std::string(name)));
    return *value;
}

Value texts(std::vector<Text> pieces, bool tuple = false) {
    std::vector<Value> values;
    values.reserve(pieces.size());
    for (Text& piece : pieces) values.emplace_back(std::move(piece));
    return Value::list(std::move(values), tuple);
}

template <Side kSide>
Value stripMethod(const Value& self, Arguments& arguments) {
    const Value* characters = arguments.find(0, "chars");
    if (characters == nullptr || characters->isNone()) return Value(strip(self.text(), nullptr, kSide));
    return Value(strip(self.text(), &textArgument(*characters, "strip()"), kSide));
}

Value split(const Value& self, Arguments& arguments) {
    const Value* separator = arguments.find(0, "sep");
    const std::int64_t limit = integerArgument(arguments.find(1, "maxsplit"), -1, "split()");
    if (separator == nullptr || separator->isNone()) return texts(splitSpace(self.text(), limit));
    const std::string& by = textArgument(*separator, "split()").bytes();
    if (by.empty()) raise("empty separator");
    std::vector<Text> pieces;
    std::size_t at = 0;
    while (limit < 0 || static_cast<std::int64_t>(pieces.size()) < limit) {
        const std::size_t found = findFirst(self.text().bytes(), by, at);
        if (found == std::string::npos) break;
        pieces.push_back(self.text().slice(at, found - at));
        at = found + by.size();
    }
    pieces.push_back(self.text().slice(at, self.text().size() - at));
    return texts(std::move(pieces));
}

Value splitRight(const Value& self, Arguments& arguments) {
    const Value* separator = arguments.find(0, "sep");
    const std::int64_t limit = integerArgument(arguments.find(1, "maxsplit"), -1, "rsplit()");
    if (limit < 0) return split(self, arguments);
    if (separator == nullptr || separator->isNone()) raise("rsplit() with a limit needs a separator here.");
    std::string by = textArgument(*separator, "rsplit()").bytes();
    if (by.empty()) raise("empty separator");
    std::reverse(by.begin(), by.end());
    const std::size_t size = self.text().size();
    const std::string reversed(self.text().bytes().rbegin(), self.text().bytes().rend());
    std::vector<Text> pieces;
    std::size_t at = 0;
    while (static_cast<std::int64_t>(pieces.size()) < limit) {
        const std::size_t found = findFirst(reversed, by, at);
        if (found == std::string::npos) break;
        pieces.push_back(self.text().slice(size - found, found - at));
        at = found + by.size();
    }
    pieces.push_back(self.text().slice(0, size - at));
    std::reverse(pieces.begin(), pieces.end());
    return texts(std::move(pieces));
}

template <bool kAtEnd>
Value hasAffix(const Value& self, Arguments& arguments) {
    const Value& affix = required(arguments, 0, "prefix", kAtEnd ? "endswith" : "startswith");
    const auto matches = [&](const Value& one) {
        const std::string& bytes = textArgument(one, kAtEnd ? "endswith()" : "startswith()").bytes();
        charge(1);
        chargeBytes(std::min(bytes.size(), self.text().size()));
        return kAtEnd ? self.text().bytes().ends_with(bytes) : self.text().bytes().starts_with(bytes);
    };
    if (affix.isList()) return Value(std::any_of(affix.items().begin(), affix.items().end(), matches));
    return Value(matches(affix));
}

Value replace(const Value& self, Arguments& arguments) {
    const Text& old = textArgument(required(arguments, 0, "old", "replace"), "replace()");
    const Text& fresh = textArgument(required(arguments, 1, "new", "replace"), "replace()");
    return Value(
        replaceAll(self.text(), old.bytes(), fresh, integerArgument(arguments.find(2, "count"), -1, "replace()")));
}

template <bool kFromRight, bool kFault>
Value findText(const Value& self, Arguments& arguments) {
    const std::string& bytes = self.text().bytes();
    const std::string& wanted = textArgument(required(arguments, 0, "sub", "find"), "find()").bytes();
    const std::size_t found = kFromRight ? findLast(bytes, wanted) : findFirst(bytes, wanted);
    if (found == std::string::npos) {
        if (kFault) raise("substring not found");
        return Value(std::int64_t{-1});
    }
    const auto offsets = self.text().codePointOffsets();
    return Value(static_cast<std::int64_t>(std::lower_bound(offsets.begin(), offsets.end(), found) - offsets.begin()));
}

Value countText(const Value& self, Arguments& arguments) {
    const std::string& wanted = textArgument(required(arguments, 0, "sub", "count"), "count()").bytes();
    if (wanted.empty()) return Value(static_cast<std::int64_t>(self.text().codePointOffsets().size()));
    std::int64_t count = 0;
    for (std::size_t at = findFirst(self.text().bytes(), wanted); at != std::string::npos; ++count) {
        at = findFirst(self.text().bytes(), wanted, at + wanted.size());
    }
    return Value(count);
}

Value joinMethod(const Value& self, Arguments& arguments) {
    Text out;
    bool first = true;
    for (const Value& value : iterate(required(arguments, 0, "iterable", "join").defined())) {
        if (!first) out.append(self.text());
        first = false;
        out.append(textArgument(value, "join()"));
    }
    return Value(std::move(out));
}

/// Whether every character is of a kind, and there is one.
template <bool (*kIs)(char32_t)>
Value all(const Value& self, Arguments&) {
    const std::string& bytes = self.text().bytes();
    for (std::size_t i = 0; i < bytes.size();) {
        chargeCharacter(bytes[i]);
        if (!kIs(nextCodePoint(bytes, i))) return Value(false);
    }
    return Value(!bytes.empty());
}
bool isDigitCharacter(char32_t c) {
    return c >= '0' && c <= '9';
}
bool isAlphabetic(char32_t c) {
    return isWordCharacter(c) && c != '_' && !isDigitCharacter(c);
}
bool isAlphanumeric(char32_t c) {
    return isWordCharacter(c) && c != '_';
}

template <bool kUpper>
Value allCase(const Value& self, Arguments&) {
    const std::string up = upper(self.text()).bytes();
    const std::string low = lower(self.text()).bytes();
    return Value(up != low && self.text().bytes() == (kUpper ? up : low));
}

template <bool kPrefix>
Value removeAffix(const Value& self, Arguments& arguments) {
    const std::string& affix = textArgument(required(arguments, 0, "affix", "removeprefix"), "removeprefix()").bytes();
    const std::string& bytes = self.text().bytes();
    chargeBytes(affix.size());
    if (affix.empty() || !(kPrefix ? bytes.starts_with(affix) : bytes.ends_with(affix))) return self;
    return Value(self.text().slice(kPrefix ? affix.size() : 0, bytes.size() - affix.size()));
}

template <bool kFromRight>
Value partition(const Value& self, Arguments& arguments) {
    const Text& separator = textArgument(required(arguments, 0, "sep", "partition"), "partition()");
    if (separator.empty()) raise("empty separator");
    const Text& text = self.text();
    const std::size_t found = kFromRight ? findLast(text.bytes(), separator.bytes()) : findFirst(text.bytes(), separator.bytes());
    if (found == std::string::npos)
        return kFromRight ? texts({Text(), Text(), text}, true) : texts({text, Text(), Text()}, true);
    const std::size_t behind = found + separator.size();
    return texts({text.slice(0, found), text.slice(found, separator.size()), text.slice(behind, text.size() - behind)},
                 true);
}

/// "{} {0} {name}" without format specifications.
Value format(const Value& self, Arguments& arguments) {
    const Text& pattern = self.text();
    const std::string& bytes = pattern.bytes();
    Text out;
    std::size_t next = 0;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t brace = std::min(bytes.find_first_of("{}", i), bytes.size());
        out.append(pattern, i, brace - i);
        i = brace;
        if (i == bytes.size()) break;
        if (i + 1 < bytes.size() && bytes[i + 1] == bytes[i]) {
            out.append(pattern, i, 1);
            i += 2;
            continue;
        }
        const std::size_t close = bytes.find('}', i);
        if (bytes[i] == '}' || close == std::string::npos)
            raise("Single " + inQuotes(std::string(1, bytes[i])) + " encountered in format string");
        const std::string field = bytes.substr(i + 1, close - i - 1);
        if (field.find_first_of(".[:!{") != std::string::npos)
            raise("format() takes plain fields only here: {}, {0} or {name}.");
        const bool numbered =
            !field.empty() && std::all_of(field.begin(), field.end(), [](char c) { return c >= '0' && c <= '9'; });
        const std::size_t index = field.empty()                  ? next++
                                  : numbered && field.size() < 6 ? std::stoul(field)
                                                                 : arguments.positional.size();
        const Value* value =
            arguments.find(index, numbered || field.empty() ? std::string_view() : std::string_view(field));
        if (value == nullptr) raise("format() has no value for the field " + inQuotes(field));
        out.append(value->str());
        i = close + 1;
    }
    return Value(std::move(out));
}

template <Text (*kChange)(const Text&)>
Value changed(const Value& self, Arguments&) {
    return Value(kChange(self.text()));
}

Value splitLinesMethod(const Value& self, Arguments& arguments) {
    const Value* keep = arguments.find(0, "keepends");
    return texts(splitLines(self.text(), keep != nullptr && keep->truthy()));
}

const MethodTable& textMethods() {
    static const MethodTable table = {{"strip", stripMethod<Side::Both>},
                                      {"lstrip", stripMethod<Side::Left>},
                                      {"rstrip", stripMethod<Side::Right>},
                                      {"split", split},
                                      {"rsplit", splitRight},
                                      {"splitlines", splitLinesMethod},
                                      {"startswith", hasAffix<false>},
                                      {"endswith", hasAffix<true>},
                                      {"replace", replace},
                                      {"find", findText<false, false>},
                                      {"rfind", findText<true, false>},
                                      {"index", findText<false, true>},
                                      {"rindex", findText<true, true>},
                                      {"count", countText},
                                      {"join", joinMethod},
                                      {"format", format},
                                      {"upper", changed<upper>},
                                      {"lower", changed<lower>},
                                      {"title", changed<titleWords>},
                                      {"capitalize", changed<capitalize>},
                                      {"isspace", all<isPythonSpace>},
                                      {"isdigit", all<isDigitCharacter>},
                                      {"isalpha", all<isAlphabetic>},
                                      {"isalnum", all<isAlphanumeric>},
                                      {"isupper", allCase<true>},
                                      {"islower", allCase<false>},
                                      {"removeprefix", removeAffix<true>},
                                      {"removesuffix", removeAffix<false>},
                                      {"partition", partition<false>},
                                      {"rpartition", partition<true>}};
    return table;
}

Value pairs(const Value& self, Arguments&) {
    std::vector<Value> result;
    for (const auto& [key, value] : self.dict().items) result.push_back(Value::list({key, value}, true));
    return Value::list(std::move(result));
}

Value get(const Value& self, Arguments& arguments) {
    if (const Value* found = self.dict().find(required(arguments, 0, "key", "get"))) return *found;
    const Value* fallback = arguments.find(1, "default");
    return fallback != nullptr ? *fallback : Value(None{});
}

const MethodTable& dictMethods() {
    static const MethodTable table = {
        {"items", pairs},
        {"get", get},
        {"keys", [](const Value& self, Arguments&) { return Value::list(iterate(self)); }},
        {"copy", [](const Value& self, Arguments&) { return self; }},
        {"values", [](const Value& self, Arguments&) {
             std::vector<Value> result;
             for (const auto& [key, value] : self.dict().items) result.push_back(value);
             return Value::list(std::move(result));
         }}};
    return table;
}

const MethodTable& listMethods() {
    static const MethodTable table = {
        {"index",
         [](const Value& self, Arguments& arguments) {
             const Value& wanted = required(arguments, 0, "value", "index");
             const auto it = std::find_if(self.items().begin(), self.items().end(),
                                          [&](const Value& v) { return equal(v, wanted); });
             if (it == self.items().end()) raise(wanted.repr().bytes() + " is not in list");
             return Value(static_cast<std::int64_t>(it - self.items().begin()));
         }},
        {"count",
         [](const Value& self, Arguments& arguments) {
             const Value& wanted = required(arguments, 0, "value", "count");
             return Value(static_cast<std::int64_t>(std::count_if(self.items().begin(), self.items().end(),
                                                                  [&](const Value& v) { return equal(v, wanted); })));
         }},
        {"copy", [](const Value& self, Arguments&) { return self; }}};
    return table;
}

bool changesItsObject(const Value& object, std::string_view name) {
    static constexpr std::array<std::string_view, 8> kList = {"append", "clear",  "extend",  "insert",
                                                              "pop",    "remove", "reverse", "sort"};
    static constexpr std::array<std::string_view, 5> kDict = {"clear", "pop", "popitem", "setdefault", "update"};
    if (object.isList() && object.typeName() == "list")
        return std::find(kList.begin(), kList.end(), name) != kList.end();
    return object.isDict() && std::find(kDict.begin(), kDict.end(), name) != kDict.end();
}

Value range(Interpreter&, Arguments& arguments) {
    if (arguments.positional.empty() || arguments.positional.size() > 3) raise("range expected 1 to 3 arguments");
    std::int64_t numbers[3] = {0, 0, 1};
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
        numbers[arguments.positional.size() == 1 ? 1 : i] = integerArgument(&arguments.positional[i], 0, "range()");
    }
    const auto [start, stop, step] = numbers;
    if (step == 0) raise("range() arg 3 must not be zero");
    std::vector<Value> values;
    for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (values.size() == 100000) raise("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
        values.emplace_back(i);
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return Value::list(std::move(values));
}

DictObject keywordDict(Arguments& arguments) {
    DictObject dict;
    if (!arguments.positional.empty()) {
        if (!arguments.positional[0].isDict()) raise("namespace() and dict() take a mapping and keyword arguments");
        charge(arguments.positional[0].dict().items.size());
        dict.items = arguments.positional[0].dict().items;
    }
    for (auto& [key, value] : arguments.keywords) dict.set(Value(Text(key)), std::move(value));
    return dict;
}

Value formatNow(Interpreter&, Arguments& arguments) {
    const std::string pattern =
        textArgument(required(arguments, 0, "format", "strftime_now"), "strftime_now()").bytes();
    if (pattern.size() > 1000) raise("strftime_now() takes at most 1000 characters.");
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    std::array<char, 8192> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const std::size_t length = std::strftime(buffer.data(), buffer.size(), pattern.c_str(), &local);
#pragma GCC diagnostic pop
    return Value(Text(replaceInvalidUtf8(std::string_view(buffer.data(), length))));
}

}  // namespace

std::optional<Value> methodOf(const Value& object, const std::string& name) {
    const MethodTable* table = object.isText()   ? &textMethods()
                               : object.isDict() ? &dictMethods()
                               : object.isList() ? &listMethods()
                                                 : nullptr;
    if (table == nullptr) return std::nullopt;
    if (changesItsObject(object, name)) {
        return Value::undefined("access to attribute " + inQuotes(name) + " of '" + object.typeName() +
                                "' object is unsafe.");
    }
    const auto it = table->find(name);
    if (it == table->end()) return std::nullopt;
    return Value::callable(
        name, [object, method = it->second](Interpreter&, Arguments& arguments) { return method(object, arguments); },
        object.depth() + 1);
}

std::optional<Value> globalFunction(std::string_view name) {
    if (name == "range") return Value::callable("range", range);
    if (name == "strftime_now") return Value::callable("strftime_now", formatNow);
    if (name == "namespace") {
        return Value::callable("namespace", [](Interpreter& interpreter, Arguments& arguments) {
            return interpreter.makeNamespace(keywordDict(arguments));
        });
    }
    if (name == "dict") {
        return Value::callable("dict",
                               [](Interpreter&, Arguments& arguments) { return Value::dict(keywordDict(arguments)); });
    }
    if (name == "raise_exception") {
        return Value::callable("raise_exception", [](Interpreter&, Arguments& arguments) -> Value {
            raise(required(arguments, 0, "message", "raise_exception").str().bytes());
        });
    }
    return std::nullopt;
}

}  // namespace safequant::jinja
