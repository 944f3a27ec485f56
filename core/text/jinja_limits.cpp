// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/jinja_limits.h"

#include <cstring>

namespace safequant::jinja {

namespace {

constexpr std::uint64_t kBytesPerStep = 16;
thread_local std::uint64_t stepsLeft = 0;
thread_local std::uint64_t bytesLeftOver = 0;

}  // namespace

void raise(std::string message) {
    throw Fault{std::move(message), 0, ErrorKind::BadInput};
}

void startBudget(std::uint64_t steps) {
    stepsLeft = steps;
    bytesLeftOver = 0;
}

void charge(std::uint64_t steps) {
    if (steps > stepsLeft) throw Fault{"The template takes too many steps.", 0, ErrorKind::Failed};
    stepsLeft -= steps;
}

void chargeBytes(std::size_t bytes) {
    bytesLeftOver += bytes;
    if (bytesLeftOver < kBytesPerStep) return;
    charge(bytesLeftOver / kBytesPerStep);
    bytesLeftOver %= kBytesPerStep;
}

bool sameBytes(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    chargeBytes(a.size());
    return a == b;
}

std::size_t findFirst(std::string_view text, std::string_view wanted, std::size_t from) {
    // std::string_view::find takes the product of both sizes on repetitive texts; the C library's two-way search does not.
    const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
    const std::size_t at =
        found == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    chargeBytes((found == nullptr ? text.size() : at) - from + wanted.size());
    return at;
}

std::size_t findLast(std::string_view text, std::string_view wanted) {
    const std::string reversedText(text.rbegin(), text.rend());
    const std::size_t found = findFirst(reversedText, std::string(wanted.rbegin(), wanted.rend()));
    return found == std::string_view::npos ? found : text.size() - found - wanted.size();
}

}  // namespace safequant::jinja
