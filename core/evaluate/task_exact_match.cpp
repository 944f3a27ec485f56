// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/task_exact_match.h"

#include <charconv>
#include <cmath>

#include "core/evaluate/task_generation.h"

namespace safequant {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// The first number at or behind `at`, with `at` moved to its end.
std::optional<double> nextNumber(std::string_view text, std::size_t& at) {
    while (at < text.size() && !isDigit(text[at])) ++at;
    if (at == text.size()) return {};
    std::string digits = at > 0 && text[at - 1] == '-' && (at < 2 || !isDigit(text[at - 2])) ? "-" : "";
    bool point = false;
    for (; at < text.size(); ++at) {
        const bool before = at + 1 < text.size() && isDigit(text[at + 1]);
        if (isDigit(text[at])) {
            digits += text[at];
        } else if (text[at] == '.' && before && !point) {
            point = true;
            digits += '.';
        } else if (text[at] != ',' || !before) {
            break;
        }
    }
    double value = 0.0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

bool hasRightNumber(const TaskItem& item, const std::string& said) {
    const auto number = numberIn(said);
    return number && std::abs(*number - *numberIn(item.number)) < 1e-9;
}

Expected<std::vector<TaskAnswer>> answerExactly(LanguageModel& model, const ChatFormat& format, std::span<const TaskItem> items, int newTokens,
                                      const Progress& progress) {
    return answerTask(model, format, items, newTokens, [](const TaskItem& item) { return item.question; }, hasRightNumber, progress);
}

}  // namespace

std::optional<double> numberIn(std::string_view text) {
    constexpr std::string_view kMark = "####";
    if (const auto mark = text.rfind(kMark); mark != std::string_view::npos) {
        std::size_t at = mark + kMark.size();
        if (const auto number = nextNumber(text, at)) return number;
    }
    std::optional<double> last;
    for (std::size_t at = 0; at < text.size();)
        if (const auto number = nextNumber(text, at)) last = number;
    return last;
}

TaskKind exactMatchTask() {
    return {"exact-match", 1, "The last number of the greedy answer, or the one behind \"####\", equals the right one.", false, 256, answerExactly};
}

}  // namespace safequant
