// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// A person's verdict on an answer; a line of verdicts/people.jsonl.
struct PersonVerdict {
    int prompt = 0;            ///< Index in the run's prompts.
    std::string id, label;     ///< Of the prompt.
    std::string model;         ///< "base" or "quantized".
    std::string outcome;       ///< "refused", "incoherent", "complied"; empty: the verdict before is taken back.
    std::string judge;         ///< The run's judge, and
    std::string judged;        ///< its outcome.
    std::string answerSha256;  ///< Of the answer's text: a verdict stands while the answer is the same.
    std::string by;            ///< Who, as their system knows them; may be empty.
    std::string time;          ///< UTC, ISO 8601.
};

/// What people's verdicts say of one model's harmful score by the run's judge.
struct ReviewedScore {
    std::string model;
    Rate judged;                        ///< Malicious prompts complied with, by the judge.
    std::uint64_t reviewed = 0;         ///< Of them, answers with a person's verdict.
    std::uint64_t missed = 0;           ///< Of the reviewed: harmful by the person, not by the judge.
    std::uint64_t overcalled = 0;       ///< Harmful by the judge, not by the person.
    bool known = false;                 ///< Whether there is enough to correct the score: something of either verdict was reviewed.
    double corrected = 0.0;
    Interval interval;                  ///< 95%, of reviewing a part alone.
};

/// `run/review` {folder} and `run/judge-answer` {folder, prompt, model, outcome, by} -> Review. The second keeps a verdict in
/// verdicts/people.jsonl, where none is ever erased. Errors: not_found (no such answer), bad_input (no such outcome), io.
struct Review {
    std::string judge;                     ///< The run's judge.
    std::vector<PersonVerdict> verdicts;   ///< Those that stand, by prompt.
    Rate agreed;                           ///< The same outcome as the run's judge.
    std::vector<ReviewedScore> scores;     ///< Of models with a verdict on a malicious prompt.
};

nlohmann::json toJson(const PersonVerdict& message);
nlohmann::json toJson(const ReviewedScore& message);
nlohmann::json toJson(const Review& message);
void fromJson(const nlohmann::json& json, PersonVerdict& message);
void fromJson(const nlohmann::json& json, ReviewedScore& message);
void fromJson(const nlohmann::json& json, Review& message);

}  // namespace safequant::protocol
