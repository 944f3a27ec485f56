// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "core/text/jinja_builtins.h"
#include "core/text/jinja_interpreter.h"

namespace safequant::jinja {

namespace {

[[noreturn]] void unsupportedOperands(const std::string& symbol, const Value& left, const Value& right) {
    raise("unsupported operand type(s) for " + symbol + ": " + inQuotes(left.typeName()) + " and " +
          inQuotes(right.typeName()));
}

/// By reference, because the result is written while the other argument is evaluated.
std::int64_t checked(bool overflow, const std::int64_t& value) {
    if (overflow) raise("Whole numbers have 64 bits here; this one is larger.");
    return value;
}

Value integerPower(std::int64_t base, std::int64_t exponent) {
    if (exponent < 0) {
        if (base == 0) raise("0.0 cannot be raised to a negative power");
        return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    }
    std::int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) != 0) result = checked(__builtin_mul_overflow(result, base, &result), result);
        exponent >>= 1;
        if (exponent > 0) base = checked(__builtin_mul_overflow(base, base, &base), base);
    }
    return Value(result);
}

Value integerArithmetic(const std::string& symbol, std::int64_t a, std::int64_t b) {
    std::int64_t r = 0;
    if (symbol == "+") return Value(checked(__builtin_add_overflow(a, b, &r), r));
    if (symbol == "-") return Value(checked(__builtin_sub_overflow(a, b, &r), r));
    if (symbol == "*") return Value(checked(__builtin_mul_overflow(a, b, &r), r));
    if (symbol == "**") return integerPower(a, b);
    if (b == 0) raise(symbol == "/" ? "division by zero" : "integer division or modulo by zero");
    if (symbol == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
    if (b == -1)
        return symbol == "%" ? Value(std::int64_t{0})
                             : Value(checked(__builtin_sub_overflow(std::int64_t{0}, a, &r), r));
    const bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
    return symbol == "%" ? Value(a % b + (adjust ? b : 0)) : Value(a / b - (adjust ? 1 : 0));
}

Value floatArithmetic(const std::string& symbol, double a, double b) {
    if (symbol == "+") return Value(a + b);
    if (symbol == "-") return Value(a - b);
    if (symbol == "*") return Value(a * b);
    if (symbol == "**") return Value(std::pow(a, b));
    if (b == 0.0)
        raise(symbol == "/"    ? "float division by zero"
              : symbol == "//" ? "float floor division by zero"
                               : "float modulo");
    if (symbol == "/") return Value(a / b);
    double remainder = std::fmod(a, b);
    if (remainder != 0.0 && (remainder < 0.0) != (b < 0.0)) remainder += b;
    return symbol == "%" ? Value(remainder) : Value(std::floor((a - remainder) / b + 0.5));
}

Value repeated(const Value& value, std::int64_t count) {
    if (value.isText()) {
        Text out;
        for (std::int64_t i = 0; i < count && !value.text().empty(); ++i) out.append(value.text());
        return Value(std::move(out));
    }
    std::vector<Value> out;
    for (std::int64_t i = 0; i < count && !value.items().empty(); ++i) {
        if (out.size() + value.items().size() > kMaxListItems)
            throw Fault{"The template made too long a list.", 0, ErrorKind::Failed};
        out.insert(out.end(), value.items().begin(), value.items().end());
    }
    return Value::list(std::move(out), value.typeName() == "tuple");
}

}  // namespace

Value arithmetic(const std::string& symbol, const Value& left, const Value& right) {
    left.defined();
    if (symbol == "%" && left.isText()) return Value(formatPercent(left.text(), right));
    right.defined();
    if (left.isNumber() && right.isNumber()) {
        return left.isFloat() || right.isFloat() ? floatArithmetic(symbol, left.number(), right.number())
                                                 : integerArithmetic(symbol, left.integer(), right.integer());
    }
    if (symbol == "+" && left.isText() && right.isText()) {
        Text out = left.text();
        out.append(right.text());
        return Value(std::move(out));
    }
    if (symbol == "+" && left.isList() && right.isList() && left.typeName() == right.typeName()) {
        std::vector<Value> out = left.items();
        out.insert(out.end(), right.items().begin(), right.items().end());
        return Value::list(std::move(out), left.typeName() == "tuple");
    }
    const auto isSequence = [](const Value& v) { return v.isText() || v.isList(); };
    if (symbol == "*" && isSequence(left) && (right.isInteger() || right.isBool()))
        return repeated(left, right.integer());
    if (symbol == "*" && isSequence(right) && (left.isInteger() || left.isBool()))
        return repeated(right, left.integer());
    if (symbol == "+" && left.isText()) raise("can only concatenate str (not \"" + right.typeName() + "\") to str");
    if (symbol == "+" && left.isList()) {
        raise("can only concatenate " + left.typeName() + " (not \"" + right.typeName() + "\") to " + left.typeName());
    }
    if (symbol == "*" && (isSequence(left) || isSequence(right))) {
        raise("can't multiply sequence by non-int of type " + inQuotes((isSequence(left) ? right : left).typeName()));
    }
    unsupportedOperands(symbol == "**" ? "** or pow()" : symbol, left, right);
}

Value slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
    value.defined();
    if (!value.isText() && !value.isList()) return Value::undefined("A " + value.typeName() + " cannot be sliced.");
    for (const Value* given : {&start, &stop, &step}) {
        if (!given->isNone() && !given->isInteger() && !given->isBool()) {
            return Value::undefined("slice indices must be integers or None");
        }
    }
    const auto offsets = value.isText() ? value.text().codePointOffsets() : std::vector<std::size_t>();
    const auto size = static_cast<std::int64_t>(value.isText() ? offsets.size() - 1 : value.items().size());
    const std::int64_t by = step.isNone() ? 1 : step.integer();
    if (by == 0) raise("slice step cannot be zero");
    const std::int64_t lowest = by < 0 ? -1 : 0;
    const std::int64_t highest = by < 0 ? size - 1 : size;
    const auto bound = [&](const Value& v, std::int64_t fallback) {
        if (v.isNone()) return fallback;
        const std::int64_t i = v.integer();
        return i < 0 ? std::max(i < -size ? lowest : i + size, lowest) : std::min(i, highest);
    };
    const std::int64_t first = bound(start, by < 0 ? highest : lowest);
    const std::int64_t last = bound(stop, by < 0 ? lowest : highest);
    Text text;
    std::vector<Value> items;
    std::int64_t i = first;
    while (by > 0 ? i < last : i > last) {
        charge(1);
        const auto at = static_cast<std::size_t>(i);
        if (value.isText()) {
            text.append(value.text(), offsets[at], offsets[at + 1] - offsets[at]);
        } else {
            items.push_back(value.items()[at]);
        }
        if (__builtin_add_overflow(i, by, &i)) break;
    }
    return value.isText() ? Value(std::move(text)) : Value::list(std::move(items), value.typeName() == "tuple");
}

Value Interpreter::evaluate(const Expr& expr) {
    charge(1);
    if (++m_depth > kMaxDepth) {
        --m_depth;
        throw Fault{"The template recurses too deeply.", 0, ErrorKind::Failed};
    }
    const int outerLine = m_line;
    m_line = expr.line;
    Value result = evaluateNode(expr);
    // After a fault the line stays where it happened; the depth no longer matters then.
    m_line = outerLine;
    --m_depth;
    return result;
}

Value Interpreter::evaluateNode(const Expr& expr) {
    switch (expr.kind) {
        case ExprKind::Constant:
            return expr.constant;
        case ExprKind::Name:
            return name(expr.name);
        case ExprKind::List:
        case ExprKind::Tuple:
            return evaluateList(expr);
        case ExprKind::Dict:
            return evaluateDict(expr);
        case ExprKind::Negate:
        case ExprKind::Plus: {
            const Value value = evaluate(*expr.items[0]).defined();
            const bool negate = expr.kind == ExprKind::Negate;
            if (!value.isNumber())
                raise("bad operand type for unary " + std::string(negate ? "-" : "+") + ": " +
                      inQuotes(value.typeName()));
            if (value.isFloat()) return Value(negate ? -value.number() : value.number());
            return negate ? integerArithmetic("-", 0, value.integer()) : Value(value.integer());
        }
        case ExprKind::Not:
            return Value(!evaluate(*expr.items[0]).truthy());
        case ExprKind::Binary: {
            const Value left = evaluate(*expr.items[0]);
            return arithmetic(expr.name, left, evaluate(*expr.items[1]));
        }
        case ExprKind::Concat:
            return evaluateConcat(expr);
        case ExprKind::And:
        case ExprKind::Or: {
            Value left = evaluate(*expr.items[0]);
            return left.truthy() == (expr.kind == ExprKind::Or) ? left : evaluate(*expr.items[1]);
        }
        case ExprKind::Compare:
            return evaluateCompare(expr);
        case ExprKind::Conditional:
            return evaluateConditional(expr);
        case ExprKind::Attribute:
            return attribute(evaluate(*expr.items[0]), expr.name);
        case ExprKind::Subscript: {
            const Value object = evaluate(*expr.items[0]);
            return item(object, evaluate(*expr.items[1]));
        }
        case ExprKind::Slice:
            return evaluateSlice(expr);
        case ExprKind::Call:
            return evaluateCall(expr);
        case ExprKind::Filter:
            return evaluateFilter(expr);
        case ExprKind::Test:
            return evaluateTest(expr);
    }
    return {};
}

Value Interpreter::evaluateList(const Expr& expr) {
    std::vector<Value> items;
    items.reserve(expr.items.size());
    for (const auto& child : expr.items) items.push_back(evaluate(*child));
    return Value::list(std::move(items), expr.kind == ExprKind::Tuple);
}

Value Interpreter::evaluateDict(const Expr& expr) {
    DictObject dict;
    for (std::size_t i = 0; i + 1 < expr.items.size(); i += 2) {
        const Value key = evaluate(*expr.items[i]);
        if (key.isDict() || (key.isList() && key.typeName() == "list"))
            raise("unhashable type: " + inQuotes(key.typeName()));
        dict.set(key, evaluate(*expr.items[i + 1]));
    }
    return Value::dict(std::move(dict));
}

Value Interpreter::evaluateConcat(const Expr& expr) {
    Text out;
    for (const auto& child : expr.items) out.append(evaluate(*child).str());
    return Value(std::move(out));
}

Value Interpreter::evaluateCompare(const Expr& expr) {
    Value left = evaluate(*expr.items[0]);
    for (std::size_t i = 0; i < expr.operators.size(); ++i) {
        const std::string& symbol = expr.operators[i];
        Value right = evaluate(*expr.items[i + 1]);
        bool holds = false;
        if (symbol == "==") {
            holds = equal(left, right);
        } else if (symbol == "!=") {
            holds = !equal(left, right);
        } else if (symbol == "in") {
            holds = contains(right, left);
        } else if (symbol == "not in") {
            holds = !contains(right, left);
        } else if (symbol == "<") {
            holds = less(left, right, symbol);
        } else if (symbol == ">") {
            left.defined();
            if (!(left.isNumber() && right.isNumber()) && left.typeName() != right.typeName()) {
                raise("'>' not supported between instances of " + inQuotes(left.typeName()) + " and " +
                      inQuotes(right.typeName()));
            }
            holds = less(right, left, symbol);
        } else if (symbol == "<=") {
            holds = less(left, right, symbol) || equal(left, right);
        } else {
            left.defined();
            if (!(left.isNumber() && right.isNumber()) && left.typeName() != right.typeName()) {
                raise("'>=' not supported between instances of " + inQuotes(left.typeName()) + " and " +
                      inQuotes(right.typeName()));
            }
            holds = less(right, left, symbol) || equal(left, right);
        }
        if (!holds) return Value(false);
        left = std::move(right);
    }
    return Value(true);
}

Value Interpreter::evaluateConditional(const Expr& expr) {
    if (evaluate(*expr.items[0]).truthy()) return evaluate(*expr.items[1]);
    if (expr.items[2]) return evaluate(*expr.items[2]);
    return Value::undefined("the inline if-expression on line " + std::to_string(expr.line) +
                            " evaluated to false and no else section was defined.");
}

Value Interpreter::evaluateSlice(const Expr& expr) {
    const Value object = evaluate(*expr.items[0]);
    Value bounds[3] = {Value(None{}), Value(None{}), Value(None{})};
    for (std::size_t i = 0; i < 3; ++i) {
        if (expr.items[i + 1]) bounds[i] = evaluate(*expr.items[i + 1]);
    }
    return slice(object, bounds[0], bounds[1], bounds[2]);
}

Arguments Interpreter::evaluateArguments(const Expr& expr) {
    Arguments arguments;
    for (std::size_t i = 1; i < expr.items.size(); ++i) arguments.positional.push_back(evaluate(*expr.items[i]));
    for (const auto& [key, value] : expr.keywords) arguments.keywords.emplace_back(key, evaluate(*value));
    return arguments;
}

Value Interpreter::evaluateCall(const Expr& expr) {
    const Value callee = evaluate(*expr.items[0]);
    Arguments arguments = evaluateArguments(expr);
    return call(callee, arguments);
}

Value Interpreter::evaluateFilter(const Expr& expr) {
    const Value value = expr.items[0] ? evaluate(*expr.items[0]) : *m_filterInput;
    Arguments arguments = evaluateArguments(expr);
    return applyFilter(*this, expr.name, value, arguments);
}

Value Interpreter::evaluateTest(const Expr& expr) {
    const Value value = evaluate(*expr.items[0]);
    Arguments arguments = evaluateArguments(expr);
    return Value(applyTest(expr.name, value, arguments));
}

}  // namespace safequant::jinja
