// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/review_messages.h"
#include "core/evaluate/verdicts.h"

namespace safequant {

/// People's verdicts on a run's answers, and what they say of its judge. A run without any has an empty review. Errors: io, bad_input (a
/// broken line).
Expected<protocol::Review> readReview(const std::string& folder);

/// Keeps a person's verdict on the answer of `model` to a prompt: a line more in verdicts/people.jsonl. An empty outcome takes the verdict
/// back; the lines before stay. Errors: not_found (the run has no such answer), bad_input (no outcome that people can give), io.
Expected<protocol::Review> judgeByPerson(const std::string& folder, int prompt, const std::string& model, const std::string& outcome,
                                         const std::string& by);

/// People as a judge among others, by this name: their verdicts that stand on these answers of the run; none where nobody read any.
/// Errors: io, bad_input (a broken line).
Expected<VerdictSet> peopleVerdicts(const std::string& folder, const std::vector<protocol::AnswerItem>& answers);
inline constexpr const char* kPeople = "people";

}  // namespace safequant
