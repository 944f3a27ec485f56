// SPDX-License-Identifier: GPL-3.0-or-later
// What keeps a template's time and memory bounded. Every node evaluated, item copied or compared, and byte read or copied is paid for
// in steps; what has been paid for bounds what a rendering can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace safequant::jinja {

/// Longest text and longest list a template may make.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 24;
inline constexpr std::size_t kMaxListItems = std::size_t{1} << 20;
/// Deepest nesting of lists and mappings.
inline constexpr int kMaxValueDepth = 200;
/// Longest name of a variable, attribute, macro or argument in a template's source.
inline constexpr std::size_t kMaxNameBytes = 256;
/// What an object costs that lives until the rendering ends, whatever becomes of it: a namespace, a scope that a macro refers to.
inline constexpr std::uint64_t kHeldObjectSteps = 16;

/// What stops a template. It is thrown inside the interpreter only; ChatTemplate turns it into an Error.
struct Fault {
    std::string message;
    int line = 0;  ///< 0: where the interpreter stands.
    ErrorKind kind = ErrorKind::BadInput;
};

[[noreturn]] void raise(std::string message);

/// Steps left to the rendering that goes on in this thread.
void startBudget(std::uint64_t steps);
/// Faults when the steps are used up.
void charge(std::uint64_t steps);
/// One step for every 16 bytes; what is left over counts with the next bytes.
void chargeBytes(std::size_t bytes);

/// Whether both are the same bytes. Charges for what is compared.
bool sameBytes(std::string_view a, std::string_view b);
/// Offset of the first occurrence from `from` on, or npos, in time that is linear in both sizes, which is charged.
/// Precondition: from <= text.size().
std::size_t findFirst(std::string_view text, std::string_view wanted, std::size_t from = 0);
/// Offset of the last occurrence, or npos; likewise linear.
std::size_t findLast(std::string_view text, std::string_view wanted);

}  // namespace safequant::jinja
