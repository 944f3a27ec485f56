// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/text/jinja_limits.h"

namespace safequant::jinja {

/// The name between single quotes, for messages.
std::string inQuotes(std::string_view name);

/// UTF-8 text that knows of each byte whether it came from message content. Every byte copied is charged.
class Text {
public:
    Text() = default;
    Text(std::string_view bytes, bool isContent = false) { append(bytes, isContent); }
    Text(const Text& other) { append(other); }
    Text(Text&&) noexcept = default;
    Text& operator=(const Text& other) { return *this = Text(other); }
    Text& operator=(Text&&) noexcept = default;
    ~Text() = default;

    const std::string& bytes() const { return m_bytes; }
    std::size_t size() const { return m_bytes.size(); }
    bool empty() const { return m_bytes.empty(); }
    bool fromContent(std::size_t byte) const { return m_marks[byte] != '\0'; }

    /// Both may be used on the text itself. They fault above kMaxTextBytes.
    void append(const Text& other) { append(other, 0, other.size()); }
    void append(const Text& other, std::size_t begin, std::size_t length);
    void append(std::string_view bytes, bool isContent = false);
    Text slice(std::size_t begin, std::size_t length) const;
    /// Offsets of every code point, and the size at the end.
    std::vector<std::size_t> codePointOffsets() const;

private:
    std::string m_bytes;
    std::string m_marks;
};

class Value;
struct Arguments;
class Interpreter;

struct ListObject {
    std::vector<Value> items;
    bool tuple = false;
    int depth = 1;
};
struct DictObject {
    std::vector<std::pair<Value, Value>> items;  ///< In order of insertion.
    int depth = 1;

    const Value* find(std::string_view key) const;
    const Value* find(const Value& key) const;
    void set(const Value& key, Value value);
};
/// What namespace() makes: the one thing a template can change.
struct NamespaceObject {
    DictObject attributes;
};
struct CallableObject {
    std::string name;
    std::function<Value(Interpreter&, Arguments&)> function;
    int depth = 1;
};
/// The variable `loop`.
struct LoopObject {
    std::shared_ptr<const ListObject> items;
    std::size_t index = 0;
    std::shared_ptr<const ListObject> lastChanged;
};

struct None {};
/// Jinja's default Undefined: prints as nothing, is false and empty, and faults with `why` when anything else is asked
/// of it.
struct Undefined {
    std::shared_ptr<const std::string> why;
};

/// Any value a template can hold. Cheap to copy; lists, mappings and texts are shared and never change.
class Value {
public:
    using Variant = std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>,
                                 std::shared_ptr<const ListObject>, std::shared_ptr<const DictObject>,
                                 std::shared_ptr<NamespaceObject>, std::shared_ptr<const CallableObject>,
                                 std::shared_ptr<LoopObject>>;

    Value() = default;
    Value(None none) : m_value(none) {}
    Value(bool value) : m_value(value) {}
    Value(std::int64_t value) : m_value(value) {}
    Value(double value) : m_value(value) {}
    Value(Text text) : m_value(std::make_shared<const Text>(std::move(text))) {}
    Value(std::string_view text) : Value(Text(text)) {}
    Value(const char* text) : Value(Text(text)) {}
    explicit Value(Variant value) : m_value(std::move(value)) {}

    static Value undefined(std::string why);
    /// These two fault above kMaxListItems and kMaxValueDepth.
    static Value list(std::vector<Value> items, bool tuple = false);
    static Value dict(DictObject items);
    static Value callable(std::string name, std::function<Value(Interpreter&, Arguments&)> function, int depth = 1);
    /// `isContent` marks every text in it.
    static Value fromJson(const nlohmann::json& json, bool isContent = false);

    const Variant& variant() const { return m_value; }
    bool isUndefined() const { return std::holds_alternative<Undefined>(m_value); }
    bool isNone() const { return std::holds_alternative<None>(m_value); }
    bool isBool() const { return std::holds_alternative<bool>(m_value); }
    bool isInteger() const { return std::holds_alternative<std::int64_t>(m_value); }
    bool isFloat() const { return std::holds_alternative<double>(m_value); }
    bool isNumber() const { return isBool() || isInteger() || isFloat(); }
    bool isText() const { return std::holds_alternative<std::shared_ptr<const Text>>(m_value); }
    bool isList() const { return std::holds_alternative<std::shared_ptr<const ListObject>>(m_value); }
    bool isDict() const { return std::holds_alternative<std::shared_ptr<const DictObject>>(m_value); }

    /// Preconditions: the value is of the kind asked for (bool counts as integer).
    const Text& text() const { return *std::get<std::shared_ptr<const Text>>(m_value); }
    const std::vector<Value>& items() const { return std::get<std::shared_ptr<const ListObject>>(m_value)->items; }
    const DictObject& dict() const { return *std::get<std::shared_ptr<const DictObject>>(m_value); }
    std::int64_t integer() const;
    double number() const;

    /// Faults on Undefined, with its own words.
    const Value& defined() const;
    bool truthy() const;
    int depth() const;
    /// Python's name of the type.
    std::string typeName() const;
    /// str(value) and repr(value).
    Text str() const;
    Text repr() const;

private:
    Variant m_value;
};

/// Arguments of a call.
struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> keywords;

    /// The argument at `index` or of that name; null when it was not given.
    const Value* find(std::size_t index, std::string_view name) const;
};

bool equal(const Value& a, const Value& b);
/// Python's `a is b` for what is held by reference: the same list, mapping, namespace, function or loop.
bool sameObject(const Value& a, const Value& b);
/// Python's a < b. Faults where Python raises TypeError; `symbol` is for its message.
bool less(const Value& a, const Value& b, std::string_view symbol = "<");
/// Python's `item in container`.
bool contains(const Value& container, const Value& item);
/// What a for loop runs over. Faults when it cannot.
std::vector<Value> iterate(const Value& value);

/// json.dumps with ensure_ascii as asked for; `indent` below 0: on one line.
struct JsonStyle {
    bool ascii = false;
    Text indent;
    bool indented = false;
    Text itemSeparator;
    Text keySeparator;
    bool sortKeys = false;
};
Text toJson(const Value& value, const JsonStyle& style);

/// Python's repr of a float.
std::string floatRepr(double value);

}  // namespace safequant::jinja
