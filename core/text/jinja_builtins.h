// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/text/jinja_value.h"

namespace safequant::jinja {

bool hasFilter(std::string_view name);
bool hasTest(std::string_view name);

/// Precondition of both: the name exists.
Value applyFilter(Interpreter& interpreter, std::string_view name, const Value& value, Arguments& arguments);
bool applyTest(std::string_view name, const Value& value, Arguments& arguments);

/// A method of a text, list or mapping, bound to it. Methods that would change it are Undefined, as in Jinja's
/// immutable sandbox. Nothing when there is no such method.
std::optional<Value> methodOf(const Value& object, const std::string& name);

/// The functions a chat template can call: range, namespace, dict, raise_exception, strftime_now.
std::optional<Value> globalFunction(std::string_view name);

/// Python's text % values.
Text formatPercent(const Text& pattern, const Value& values);

/// How texts are changed by methods and filters alike.
enum class Side { Left, Right, Both };
Text strip(const Text& text, const Text* characters, Side side);
Text replaceAll(const Text& text, std::string_view old, const Text& fresh, std::int64_t count);
Text upper(const Text& text);
Text lower(const Text& text);
Text capitalize(const Text& text);
Text titleWords(const Text& text);
/// Splits at line ends as str.splitlines does.
std::vector<Text> splitLines(const Text& text, bool keepEnds);
/// The pieces around white space, at most `limit` splits when it is not negative.
std::vector<Text> splitSpace(const Text& text, std::int64_t limit);
bool isPythonSpace(char32_t c);
/// Pays for looking a character's properties up; `lead` is its first byte.
void chargeCharacter(char lead);

/// The arguments less the first positional ones: those of a filter or test that another one applies.
Arguments argumentsBehind(const Arguments& arguments, std::size_t skipped);
/// The text of an argument. Faults when it is something else; `function` is for the message.
const Text& textArgument(const Value& value, std::string_view function);
/// The whole number of an argument, with a fallback when it was not given.
std::int64_t integerArgument(const Value* value, std::int64_t fallback, std::string_view function);

}  // namespace safequant::jinja
