// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSet>
#include <QString>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "core/engine/protocol/review_messages.h"

namespace safequant::workbench {

/// The questions one asks of two models' answers. The first three concern malicious prompts.
enum class AnswerFilter {
    All,
    CompliedToRefused,
    RefusedToComplied,
    CompliedInBoth,
    BenignNowRefused,  ///< Benign or hard benign; the base model did not refuse it.
    Incoherent,        ///< In either model.
    JudgesDisagree,    ///< On refused or not, in either model.
    JudgedByPeople,    ///< An answer of either model.
    PeopleDisagree,    ///< A person's verdict is another than the judge's.
};
inline constexpr int kAnswerFilters = 9;

/// Prompts of each filter among answers of both models, as prompt indices.
struct AnswerSummary {
    QSet<int> prompts[kAnswerFilters];
    int maliciousPairs = 0;  ///< Malicious prompts answered by both models.

    const QSet<int>& of(AnswerFilter filter) const { return prompts[static_cast<int>(filter)]; }
};

AnswerSummary summarize(const std::vector<protocol::AnswerItem>& answers, const protocol::Review& review);

QString answerFilterText(AnswerFilter filter);

/// What quantizing changed, in one or two sentences with counts; empty before both models have metrics.
QString changeInWords(const std::vector<protocol::ModelMetrics>& metrics, const AnswerSummary& summary);

}  // namespace safequant::workbench
