// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/jinja_interpreter.h"

#include <algorithm>
#include <optional>

#include "core/text/jinja_builtins.h"

namespace safequant::jinja {

namespace {

std::string typeOf(const Value& object) {
    return object.isNone() ? "None" : object.typeName() + " object";
}
std::string quotedRepr(const std::string& text) {
    return Value(Text(text)).repr().bytes();
}

Value missing(const Value& object, const std::string& name) {
    return Value::undefined(quotedRepr(typeOf(object)) + " has no attribute " + quotedRepr(name));
}

}  // namespace

class Interpreter::ScopeGuard {
public:
    explicit ScopeGuard(Interpreter& interpreter, Scope* parent)
        : m_interpreter(interpreter), m_outer(interpreter.m_scope) {
        m_own->parent = parent;
        interpreter.m_scope = m_own.get();
    }
    explicit ScopeGuard(Interpreter& interpreter) : ScopeGuard(interpreter, interpreter.m_scope) {}
    ~ScopeGuard() {
        m_interpreter.m_scope = m_outer;
        if (m_own->captured) m_interpreter.m_captured.push_back(std::move(m_own));
    }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

private:
    Interpreter& m_interpreter;
    Scope* m_outer;
    std::unique_ptr<Scope> m_own = std::make_unique<Scope>();
};

class Interpreter::DepthGuard {
public:
    explicit DepthGuard(Interpreter& interpreter) : m_depth(interpreter.m_depth) {
        charge(1);
        if (++m_depth > kMaxDepth) {
            --m_depth;
            throw Fault{"The template recurses too deeply.", 0, ErrorKind::Failed};
        }
    }
    ~DepthGuard() { --m_depth; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

private:
    int& m_depth;
};

Interpreter::~Interpreter() {
    // Namespaces may hold each other in circles, and so may loops: emptied one by one while all of them are still held here.
    for (const auto& object : m_namespaces) object->attributes.items.clear();
    for (const auto& object : m_changedLoops) {
        if (const auto loop = object.lock()) loop->lastChanged.reset();
    }
}

Text Interpreter::run(const Block& block) {
    const ScopeGuard scope(*this);
    execute(block);
    return std::move(m_output);
}

Interpreter::Flow Interpreter::execute(const Block& block) {
    for (const auto& stmt : block) {
        if (const Flow flow = execute(*stmt); flow != Flow::Next) return flow;
    }
    return Flow::Next;
}

Interpreter::Flow Interpreter::execute(const Stmt& stmt) {
    const DepthGuard depth(*this);
    m_line = stmt.line;
    switch (stmt.kind) {
        case StmtKind::Data:
            m_output.append(stmt.data);
            return Flow::Next;
        case StmtKind::Output:
            m_output.append(evaluate(*stmt.expr).str());
            return Flow::Next;
        case StmtKind::If:
            return executeIf(stmt);
        case StmtKind::For:
            return executeFor(stmt);
        case StmtKind::Set:
        case StmtKind::SetBlock:
            executeSet(stmt);
            return Flow::Next;
        case StmtKind::Macro:
            define(stmt.name, makeMacro(stmt, stmt.name));
            return Flow::Next;
        case StmtKind::CallBlock:
            executeCall(stmt);
            return Flow::Next;
        case StmtKind::FilterBlock: {
            const Value text(capture(stmt.body));
            m_filterInput = &text;
            m_output.append(evaluate(*stmt.expr).str());
            m_filterInput = nullptr;
            return Flow::Next;
        }
        case StmtKind::With:
            executeWith(stmt);
            return Flow::Next;
        case StmtKind::Generation:
            m_output.append(capture(stmt.body));
            return Flow::Next;
        case StmtKind::Break:
            return Flow::Break;
        case StmtKind::Continue:
            return Flow::Continue;
    }
    return Flow::Next;
}

Interpreter::Flow Interpreter::executeIf(const Stmt& stmt) {
    for (const auto& [condition, block] : stmt.branches) {
        if (!condition || evaluate(*condition).truthy()) return execute(block);
    }
    return Flow::Next;
}

Interpreter::Flow Interpreter::executeFor(const Stmt& stmt) {
    std::vector<Value> items = iterate(evaluate(*stmt.expr));
    if (stmt.condition) {
        std::vector<Value> kept;
        for (const Value& value : items) {
            const ScopeGuard scope(*this);
            assign(stmt.targets[0], value);
            if (evaluate(*stmt.condition).truthy()) kept.push_back(value);
        }
        items = std::move(kept);
    }
    if (items.empty()) {
        const ScopeGuard scope(*this);
        return execute(stmt.orElse);
    }
    const Value list = Value::list(std::move(items));
    auto loop = std::make_shared<LoopObject>();
    loop->items = std::get<std::shared_ptr<const ListObject>>(list.variant());
    const std::size_t count = loop->items->items.size();
    for (std::size_t i = 0; i < count; ++i) {
        charge(1);
        loop->index = i;
        const ScopeGuard scope(*this);
        define("loop", Value(Value::Variant(loop)));
        assign(stmt.targets[0], loop->items->items[i]);
        if (execute(stmt.body) == Flow::Break) break;
    }
    return Flow::Next;
}

void Interpreter::executeSet(const Stmt& stmt) {
    if (stmt.kind == StmtKind::Set) {
        assign(stmt.targets[0], evaluate(*stmt.expr));
        return;
    }
    Value text(capture(stmt.body));
    if (stmt.expr) {
        m_filterInput = &text;
        Value filtered = evaluate(*stmt.expr);
        m_filterInput = nullptr;
        text = std::move(filtered);
    }
    assign(stmt.targets[0], text);
}

void Interpreter::executeWith(const Stmt& stmt) {
    std::vector<Value> values;
    for (const auto& value : stmt.values) values.push_back(evaluate(*value));
    const ScopeGuard scope(*this);
    for (std::size_t i = 0; i < values.size(); ++i) assign(stmt.targets[i], values[i]);
    execute(stmt.body);
}

void Interpreter::executeCall(const Stmt& stmt) {
    const Value callee = evaluate(*stmt.expr->items[0]);
    Arguments arguments = evaluateArguments(*stmt.expr);
    arguments.keywords.emplace_back("caller", makeMacro(stmt, "caller"));
    m_output.append(call(callee, arguments).str());
}

Text Interpreter::capture(const Block& block) {
    const ScopeGuard scope(*this);
    Text outer = std::exchange(m_output, Text());
    execute(block);
    return std::exchange(m_output, std::move(outer));
}

Value Interpreter::makeMacro(const Stmt& stmt, std::string macroName) {
    for (Scope* scope = m_scope; scope != nullptr && !scope->captured; scope = scope->parent) {
        charge(kHeldObjectSteps);
        scope->captured = true;
    }
    Scope* closure = m_scope;
    std::string shown = macroName;
    return Value::callable(std::move(shown),
                           [&stmt, macroName = std::move(macroName), closure](Interpreter& self, Arguments& arguments) {
                               return self.callMacro(stmt, macroName, closure, arguments);
                           });
}

Value Interpreter::callMacro(const Stmt& macro, const std::string& macroName, Scope* closure, Arguments& arguments) {
    const int callLine = m_line;
    const ScopeGuard scope(*this, closure);
    const auto& parameters = macro.parameters;
    const auto takeKeyword = [&](const std::string& wanted) -> std::optional<Value> {
        charge(arguments.keywords.size() / 2);
        for (auto it = arguments.keywords.begin(); it != arguments.keywords.end(); ++it) {
            if (it->first != wanted) continue;
            Value value = std::move(it->second);
            arguments.keywords.erase(it);
            return value;
        }
        return std::nullopt;
    };
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (i < arguments.positional.size()) {
            define(parameters[i].name, arguments.positional[i]);
        } else if (auto given = takeKeyword(parameters[i].name)) {
            define(parameters[i].name, std::move(*given));
        } else if (parameters[i].fallback) {
            define(parameters[i].name, evaluate(*parameters[i].fallback));
        } else {
            define(parameters[i].name,
                   Value::undefined("parameter " + quotedRepr(parameters[i].name) + " was not provided"));
        }
    }
    if (macro.usesCaller) {
        auto caller = takeKeyword("caller");
        define("caller", caller ? std::move(*caller) : Value::undefined("No caller defined"));
    }
    if (macro.usesKwargs) {
        DictObject rest;
        for (auto& [key, value] : arguments.keywords) rest.items.emplace_back(Value(Text(key)), std::move(value));
        define("kwargs", Value::dict(std::move(rest)));
    } else if (!arguments.keywords.empty()) {
        raise("macro " + quotedRepr(macroName) + " takes no keyword argument " +
              quotedRepr(arguments.keywords.front().first));
    }
    if (macro.usesVarargs) {
        std::vector<Value> rest;
        for (std::size_t i = parameters.size(); i < arguments.positional.size(); ++i)
            rest.push_back(arguments.positional[i]);
        define("varargs", Value::list(std::move(rest), true));
    } else if (arguments.positional.size() > parameters.size()) {
        raise("macro " + quotedRepr(macroName) + " takes not more than " + std::to_string(parameters.size()) +
              " argument(s)");
    }
    Text outer = std::exchange(m_output, Text());
    execute(macro.body);
    m_line = callLine;
    return Value(std::exchange(m_output, std::move(outer)));
}

void Interpreter::define(const std::string& variable, Value value) {
    chargeBytes(m_scope->variables.size());
    for (auto& [key, old] : m_scope->variables) {
        if (key == variable) {
            old = std::move(value);
            return;
        }
    }
    m_scope->variables.emplace_back(variable, std::move(value));
}

void Interpreter::assign(const Target& target, const Value& value) {
    if (!target.parts.empty()) {
        value.defined();
        const auto values = iterate(value);
        if (values.size() < target.parts.size()) {
            raise("not enough values to unpack (expected " + std::to_string(target.parts.size()) + ", got " +
                  std::to_string(values.size()) + ")");
        }
        if (values.size() > target.parts.size()) {
            raise("too many values to unpack (expected " + std::to_string(target.parts.size()) + ")");
        }
        for (std::size_t i = 0; i < values.size(); ++i) assign(target.parts[i], values[i]);
    } else if (target.attribute.empty()) {
        define(target.name, value);
    } else {
        const Value object = name(target.name);
        const auto* ns = std::get_if<std::shared_ptr<NamespaceObject>>(&object.variant());
        if (ns == nullptr) raise("cannot assign attribute on non-namespace object");
        (*ns)->attributes.set(Value(Text(target.attribute)), value);
    }
}

Value Interpreter::makeNamespace(DictObject attributes) {
    charge(kHeldObjectSteps);
    auto object = std::make_shared<NamespaceObject>();
    object->attributes = std::move(attributes);
    m_namespaces.push_back(object);
    return Value(Value::Variant(std::move(object)));
}

void Interpreter::holdChanged(const std::shared_ptr<LoopObject>& loop) {
    charge(kHeldObjectSteps);
    m_changedLoops.push_back(loop);
}

Value Interpreter::name(const std::string& variable) {
    for (const Scope* scope = m_scope; scope != nullptr; scope = scope->parent) {
        chargeBytes(1 + scope->variables.size());
        for (const auto& [key, value] : scope->variables) {
            if (key == variable) return value;
        }
    }
    if (const Value* global = m_globals.find(std::string_view(variable))) return *global;
    if (auto function = globalFunction(variable)) return *function;
    return Value::undefined(quotedRepr(variable) + " is undefined");
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
    callee.defined();
    const auto* function = std::get_if<std::shared_ptr<const CallableObject>>(&callee.variant());
    if (function == nullptr) raise(inQuotes(callee.typeName()) + " object is not callable");
    const DepthGuard depth(*this);
    const auto held = *function;
    return held->function(*this, arguments);
}

namespace {

std::optional<Value> loopAttribute(const std::shared_ptr<LoopObject>& loop, const std::string& name) {
    const auto& items = loop->items->items;
    const std::size_t i = loop->index;
    const auto number = [](std::size_t n) { return Value(static_cast<std::int64_t>(n)); };
    if (name == "index") return number(i + 1);
    if (name == "index0") return number(i);
    if (name == "revindex") return number(items.size() - i);
    if (name == "revindex0") return number(items.size() - i - 1);
    if (name == "first") return Value(i == 0);
    if (name == "last") return Value(i + 1 == items.size());
    if (name == "length") return number(items.size());
    if (name == "depth") return Value(std::int64_t{1});
    if (name == "depth0") return Value(std::int64_t{0});
    if (name == "previtem") return i > 0 ? items[i - 1] : Value::undefined("there is no previous item");
    if (name == "nextitem") return i + 1 < items.size() ? items[i + 1] : Value::undefined("there is no next item");
    if (name == "cycle") {
        return Value::callable(name, [i](Interpreter&, Arguments& arguments) {
            if (arguments.positional.empty()) raise("no items for cycling given");
            return arguments.positional[i % arguments.positional.size()];
        });
    }
    if (name == "changed") {
        return Value::callable(name, [loop](Interpreter& interpreter, Arguments& arguments) {
            if (!loop->lastChanged) interpreter.holdChanged(loop);
            const Value now = Value::list(arguments.positional);
            const auto list = std::get<std::shared_ptr<const ListObject>>(now.variant());
            if (loop->lastChanged && equal(now, Value(Value::Variant(loop->lastChanged)))) return Value(false);
            loop->lastChanged = list;
            return Value(true);
        });
    }
    return std::nullopt;
}

}  // namespace

Value Interpreter::attribute(const Value& object, const std::string& attributeName) {
    charge(1);
    object.defined();
    if (attributeName.starts_with("__")) {
        return Value::undefined("access to attribute " + quotedRepr(attributeName) + " of " +
                                quotedRepr(object.typeName()) + " object is unsafe.");
    }
    if (const auto* ns = std::get_if<std::shared_ptr<NamespaceObject>>(&object.variant())) {
        const Value* found = (*ns)->attributes.find(std::string_view(attributeName));
        return found != nullptr ? *found
                                : Value::undefined(quotedRepr("jinja2.utils.Namespace object") + " has no attribute " +
                                                   quotedRepr(attributeName));
    }
    if (const auto* loop = std::get_if<std::shared_ptr<LoopObject>>(&object.variant())) {
        if (auto found = loopAttribute(*loop, attributeName)) return *found;
        return Value::undefined(quotedRepr("jinja2.runtime.LoopContext object") + " has no attribute " +
                                quotedRepr(attributeName));
    }
    if (auto method = methodOf(object, attributeName)) return *method;
    if (object.isDict()) {
        if (const Value* found = object.dict().find(std::string_view(attributeName))) return *found;
    }
    return missing(object, attributeName);
}

Value Interpreter::item(const Value& object, const Value& key) {
    charge(1);
    object.defined();
    if (object.isDict()) {
        if (const Value* found = object.dict().find(key)) return *found;
    } else if ((object.isList() || object.isText()) && (key.isInteger() || key.isBool())) {
        const auto offsets = object.isText() ? object.text().codePointOffsets() : std::vector<std::size_t>();
        const auto size = static_cast<std::int64_t>(object.isText() ? offsets.size() - 1 : object.items().size());
        const std::int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
        if (index >= 0 && index < size) {
            const auto i = static_cast<std::size_t>(index);
            return object.isText() ? Value(object.text().slice(offsets[i], offsets[i + 1] - offsets[i]))
                                   : object.items()[i];
        }
    }
    if (key.isText()) {
        if (object.isDict() || object.isList() || object.isText()) {
            if (auto method = methodOf(object, key.text().bytes())) return *method;
            return missing(object, key.text().bytes());
        }
        return attribute(object, key.text().bytes());
    }
    return Value::undefined(typeOf(object) + " has no element " + key.repr().bytes());
}

}  // namespace safequant::jinja
