// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/jinja_value.h"

#include <algorithm>
#include <cmath>

#include "core/base/utf8.h"

namespace safequant::jinja {

namespace {

void checkTextSize(std::size_t size, std::size_t added) {
    if (size + added > kMaxTextBytes) throw Fault{"The template made a text of more than 16 MiB.", 0, ErrorKind::Failed};
    chargeBytes(added);
}

}  // namespace

std::string inQuotes(std::string_view name) {
    std::string out(1, '\'');
    return out.append(name).append(1, '\'');
}

void Text::append(const Text& other, std::size_t begin, std::size_t length) {
    checkTextSize(m_bytes.size(), length);
    m_bytes.append(other.m_bytes, begin, length);
    m_marks.append(other.m_marks, begin, length);
}

void Text::append(std::string_view bytes, bool isContent) {
    checkTextSize(m_bytes.size(), bytes.size());
    m_bytes.append(bytes);
    m_marks.append(bytes.size(), isContent ? '\1' : '\0');
}

Text Text::slice(std::size_t begin, std::size_t length) const {
    charge(1);
    Text result;
    result.append(*this, begin, std::min(length, size() - begin));
    return result;
}

std::vector<std::size_t> Text::codePointOffsets() const {
    chargeBytes(size());
    std::vector<std::size_t> offsets;
    offsets.reserve(m_bytes.size() + 1);
    for (std::size_t i = 0; i < m_bytes.size(); ++i) {
        if (!isContinuationByte(m_bytes[i])) offsets.push_back(i);
    }
    offsets.push_back(m_bytes.size());
    return offsets;
}

const Value* DictObject::find(std::string_view key) const {
    chargeBytes(items.size());
    for (const auto& [k, v] : items) {
        if (k.isText() && sameBytes(k.text().bytes(), key)) return &v;
    }
    return nullptr;
}

const Value* DictObject::find(const Value& key) const {
    for (const auto& [k, v] : items) {
        if (equal(k, key)) return &v;
    }
    return nullptr;
}

void DictObject::set(const Value& key, Value value) {
    for (auto& [k, v] : items) {
        if (equal(k, key)) {
            v = std::move(value);
            return;
        }
    }
    items.emplace_back(key, std::move(value));
}

Value Value::undefined(std::string why) {
    return Value(Variant(Undefined{std::make_shared<const std::string>(std::move(why))}));
}

namespace {

int checkedDepth(int depth) {
    if (depth > kMaxValueDepth) throw Fault{"The template nests lists or mappings too deeply.", 0, ErrorKind::Failed};
    return depth;
}

}  // namespace

Value Value::list(std::vector<Value> items, bool tuple) {
    if (items.size() > kMaxListItems)
        throw Fault{"The template made a list of more than 1,048,576 items.", 0, ErrorKind::Failed};
    charge(items.size());
    auto object = std::make_shared<ListObject>();
    for (const Value& item : items) object->depth = std::max(object->depth, checkedDepth(item.depth() + 1));
    object->items = std::move(items);
    object->tuple = tuple;
    return Value(Variant(std::shared_ptr<const ListObject>(std::move(object))));
}

Value Value::dict(DictObject items) {
    charge(items.items.size());
    auto object = std::make_shared<DictObject>(std::move(items));
    object->depth = 1;
    for (const auto& [k, v] : object->items) {
        object->depth = std::max({object->depth, checkedDepth(v.depth() + 1), checkedDepth(k.depth() + 1)});
    }
    return Value(Variant(std::shared_ptr<const DictObject>(std::move(object))));
}

Value Value::callable(std::string name, std::function<Value(Interpreter&, Arguments&)> function, int depth) {
    auto object = std::make_shared<CallableObject>();
    object->name = std::move(name);
    object->function = std::move(function);
    object->depth = checkedDepth(depth);
    return Value(Variant(std::shared_ptr<const CallableObject>(std::move(object))));
}

Value Value::fromJson(const nlohmann::json& json, bool isContent) {
    using Type = nlohmann::json::value_t;
    switch (json.type()) {
        case Type::boolean:
            return Value(json.get<bool>());
        case Type::number_integer:
            return Value(json.get<std::int64_t>());
        case Type::number_unsigned: {
            const auto number = json.get<std::uint64_t>();
            if (number > static_cast<std::uint64_t>(INT64_MAX)) return Value(static_cast<double>(number));
            return Value(static_cast<std::int64_t>(number));
        }
        case Type::number_float:
            return Value(json.get<double>());
        case Type::string:
            return Value(Text(replaceInvalidUtf8(json.get_ref<const std::string&>()), isContent));
        case Type::array: {
            std::vector<Value> items;
            for (const auto& item : json) items.push_back(fromJson(item, isContent));
            return list(std::move(items));
        }
        case Type::object: {
            DictObject object;
            for (const auto& [key, value] : json.items()) {
                object.items.emplace_back(Value(Text(replaceInvalidUtf8(key), isContent)), fromJson(value, isContent));
            }
            return dict(std::move(object));
        }
        default:
            return Value(None{});
    }
}

std::int64_t Value::integer() const {
    return isBool() ? static_cast<std::int64_t>(std::get<bool>(m_value)) : std::get<std::int64_t>(m_value);
}

double Value::number() const {
    return isFloat() ? std::get<double>(m_value) : static_cast<double>(integer());
}

const Value& Value::defined() const {
    if (const auto* undefinedValue = std::get_if<Undefined>(&m_value)) {
        raise(undefinedValue->why ? *undefinedValue->why : std::string("A value is undefined."));
    }
    return *this;
}

bool Value::truthy() const {
    switch (m_value.index()) {
        case 0:
        case 1:
            return false;
        case 2:
            return std::get<bool>(m_value);
        case 3:
            return integer() != 0;
        case 4:
            return number() != 0.0;
        case 5:
            return !text().empty();
        case 6:
            return !items().empty();
        case 7:
            return !dict().items.empty();
        default:
            return true;
    }
}

int Value::depth() const {
    switch (m_value.index()) {
        case 6:
            return std::get<std::shared_ptr<const ListObject>>(m_value)->depth;
        case 7:
            return dict().depth;
        case 9:
            return std::get<std::shared_ptr<const CallableObject>>(m_value)->depth;
        case 10: {
            const auto& loop = std::get<std::shared_ptr<LoopObject>>(m_value);
            return std::max(loop->items->depth, loop->lastChanged ? loop->lastChanged->depth : 0) + 1;
        }
        default:
            return 0;
    }
}

std::string Value::typeName() const {
    static constexpr const char* kNames[] = {"Undefined", "NoneType", "bool",      "int",      "float",      "str",
                                             "list",      "dict",     "Namespace", "function", "LoopContext"};
    if (isList() && std::get<std::shared_ptr<const ListObject>>(m_value)->tuple) return "tuple";
    return kNames[m_value.index()];
}

const Value* Arguments::find(std::size_t index, std::string_view name) const {
    if (index < positional.size()) return &positional[index];
    chargeBytes(keywords.size());
    for (const auto& [key, value] : keywords) {
        if (sameBytes(key, name)) return &value;
    }
    return nullptr;
}

bool equal(const Value& a, const Value& b) {
    charge(1);
    if (a.isNumber() && b.isNumber()) {
        return a.isFloat() || b.isFloat() ? a.number() == b.number() : a.integer() == b.integer();
    }
    if (a.variant().index() != b.variant().index()) return false;
    if (a.isUndefined() || a.isNone()) return true;
    if (a.isText()) return sameBytes(a.text().bytes(), b.text().bytes());
    if (a.isList()) {
        return a.typeName() == b.typeName() &&
               std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), equal);
    }
    if (a.isDict()) {
        if (a.dict().items.size() != b.dict().items.size()) return false;
        return std::all_of(a.dict().items.begin(), a.dict().items.end(), [&](const auto& entry) {
            const Value* other = b.dict().find(entry.first);
            return other != nullptr && equal(entry.second, *other);
        });
    }
    return sameObject(a, b);
}

bool sameObject(const Value& a, const Value& b) {
    if (a.variant().index() != b.variant().index()) return false;
    return std::visit(
        [&](const auto& held) {
            using Held = std::decay_t<decltype(held)>;
            if constexpr (requires { held.get(); }) {
                return held == std::get<Held>(b.variant());
            } else {
                return false;
            }
        },
        a.variant());
}

bool less(const Value& a, const Value& b, std::string_view symbol) {
    charge(1);
    a.defined();
    b.defined();
    if (a.isNumber() && b.isNumber()) {
        return a.isFloat() || b.isFloat() ? a.number() < b.number() : a.integer() < b.integer();
    }
    if (a.isText() && b.isText()) {
        chargeBytes(std::min(a.text().size(), b.text().size()));
        return a.text().bytes() < b.text().bytes();
    }
    if (a.isList() && b.isList() && a.typeName() == b.typeName()) {
        const auto& x = a.items();
        const auto& y = b.items();
        for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
            if (!equal(x[i], y[i])) return less(x[i], y[i], symbol);
        }
        return x.size() < y.size();
    }
    raise(inQuotes(std::string(symbol)) + " not supported between instances of " + inQuotes(a.typeName()) + " and " +
          inQuotes(b.typeName()));
}

bool contains(const Value& container, const Value& item) {
    if (container.isText()) {
        if (item.isUndefined()) item.defined();
        if (!item.isText()) raise("'in <string>' requires string as left operand, not " + item.typeName());
        return findFirst(container.text().bytes(), item.text().bytes()) != std::string::npos;
    }
    if (container.isDict()) return container.dict().find(item) != nullptr;
    if (container.isList()) {
        return std::any_of(container.items().begin(), container.items().end(),
                           [&](const Value& v) { return equal(v, item); });
    }
    if (container.isUndefined()) return false;
    raise("argument of type " + inQuotes(container.typeName()) + " is not iterable");
}

std::vector<Value> iterate(const Value& value) {
    std::vector<Value> result;
    if (value.isUndefined()) return result;
    if (value.isList()) {
        charge(value.items().size());
        return value.items();
    }
    if (value.isDict()) {
        charge(value.dict().items.size());
        for (const auto& [key, entry] : value.dict().items) result.push_back(key);
        return result;
    }
    if (value.isText()) {
        const auto offsets = value.text().codePointOffsets();
        if (offsets.size() > kMaxListItems) throw Fault{"The text is too long to loop over.", 0, ErrorKind::Failed};
        for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
            result.emplace_back(value.text().slice(offsets[i], offsets[i + 1] - offsets[i]));
        }
        return result;
    }
    if (const auto* loop = std::get_if<std::shared_ptr<LoopObject>>(&value.variant())) {
        charge((*loop)->items->items.size());
        return (*loop)->items->items;
    }
    raise(inQuotes(value.typeName()) + " object is not iterable");
}

}  // namespace safequant::jinja
