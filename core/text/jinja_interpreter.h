// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/jinja_ast.h"

namespace safequant::jinja {

/// Deepest recursion of statements, expressions and calls.
inline constexpr int kMaxDepth = 800;

/// Runs one rendering of a parsed template. It faults on limits of steps, depth and size, and where Jinja raises.
class Interpreter {
public:
    explicit Interpreter(DictObject globals) : m_globals(std::move(globals)) {}
    ~Interpreter();
    Interpreter(const Interpreter&) = delete;
    Interpreter& operator=(const Interpreter&) = delete;

    Text run(const Block& block);
    /// Line of the node being evaluated.
    int line() const { return m_line; }

    Value call(const Value& callee, Arguments& arguments);
    /// object.name and object[key].
    Value attribute(const Value& object, const std::string& name);
    Value item(const Value& object, const Value& key);
    Value makeNamespace(DictObject attributes);
    /// The loop remembers values, among which it may be itself: it forgets them when the rendering ends.
    void holdChanged(const std::shared_ptr<LoopObject>& loop);

private:
    enum class Flow { Next, Break, Continue };
    struct Scope {
        Scope* parent = nullptr;
        std::vector<std::pair<std::string, Value>> variables;
        bool captured = false;  ///< A macro refers to it: it lives as long as the rendering.
    };
    class ScopeGuard;
    class DepthGuard;

    Flow execute(const Block& block);
    Flow execute(const Stmt& stmt);
    Flow executeFor(const Stmt& stmt);
    Flow executeIf(const Stmt& stmt);
    void executeSet(const Stmt& stmt);
    void executeWith(const Stmt& stmt);
    void executeCall(const Stmt& stmt);
    Text capture(const Block& block);
    Value makeMacro(const Stmt& stmt, std::string name);
    Value callMacro(const Stmt& macro, const std::string& name, Scope* closure, Arguments& arguments);

    Value evaluate(const Expr& expr);
    Value evaluateNode(const Expr& expr);
    Value evaluateList(const Expr& expr);
    Value evaluateDict(const Expr& expr);
    Value evaluateConcat(const Expr& expr);
    Value evaluateCompare(const Expr& expr);
    Value evaluateConditional(const Expr& expr);
    Value evaluateSlice(const Expr& expr);
    Value evaluateCall(const Expr& expr);
    Value evaluateFilter(const Expr& expr);
    Value evaluateTest(const Expr& expr);
    Arguments evaluateArguments(const Expr& expr);
    Value name(const std::string& name);

    void assign(const Target& target, const Value& value);
    void define(const std::string& name, Value value);

    DictObject m_globals;
    Scope* m_scope = nullptr;
    std::vector<std::unique_ptr<Scope>> m_captured;
    std::vector<std::shared_ptr<NamespaceObject>> m_namespaces;
    std::vector<std::weak_ptr<LoopObject>> m_changedLoops;
    Text m_output;
    const Value* m_filterInput = nullptr;  ///< The text of the filter block being left.
    int m_line = 0;
    int m_depth = 0;
};

/// Python's arithmetic on values. Faults with Python's words.
Value arithmetic(const std::string& symbol, const Value& left, const Value& right);
/// Python's value[start:stop:step]; None where a bound is left out.
Value slice(const Value& value, const Value& start, const Value& stop, const Value& step);

}  // namespace safequant::jinja
