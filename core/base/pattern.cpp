// SPDX-License-Identifier: GPL-3.0-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/base/pattern.h"

#include <pcre2.h>

#include <array>
#include <utility>

namespace safequant {
namespace {

constexpr std::uint32_t kStepLimit = 1000000;  // Far above any sensible pattern on a name of fifty characters.

std::string messageOf(int code) {
    std::array<PCRE2_UCHAR, 256> buffer{};
    pcre2_get_error_message(code, buffer.data(), buffer.size());
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(std::char_traits<PCRE2_UCHAR>::length(buffer.data()))};
}

}  // namespace

struct Pattern::Code {
    pcre2_code* code = nullptr;
    ~Code() { pcre2_code_free(code); }
};

Expected<Pattern> Pattern::compile(const std::string& pattern, std::string where) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    auto code = std::make_shared<Code>();
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C,
                               &error, &offset, nullptr);
    if (code->code == nullptr)
        return fail(ErrorKind::BadInput, "The pattern is no regular expression: " + messageOf(error) + " at character " +
                                             std::to_string(offset + 1) + ".", std::move(where));
    Pattern result;
    result.m_code = std::move(code);
    result.m_where = std::move(where);
    return result;
}

Expected<bool> Pattern::foundIn(std::string_view name) const {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
        pcre2_match_data_create_from_pattern(m_code->code, nullptr), &pcre2_match_data_free);
    const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(pcre2_match_context_create(nullptr),
                                                                                          &pcre2_match_context_free);
    pcre2_set_match_limit(context.get(), kStepLimit);
    const int result = pcre2_match(m_code->code, reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0, data.get(),
                                   context.get());
    if (result == PCRE2_ERROR_NOMATCH) return false;
    if (result < 0)
        return fail(ErrorKind::BadInput, "The pattern cannot be searched for (" + messageOf(result) + "); simplify it.", m_where);
    return true;
}

}  // namespace safequant
