// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/answers/answersummary.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>
#include <map>

#include "widgets/format.h"

namespace safequant::workbench {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("AnswerSummary", text); }

const protocol::ModelMetrics* find(const std::vector<protocol::ModelMetrics>& metrics, const char* model) {
    const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& item) { return item.model == model; });
    return found == metrics.end() ? nullptr : &*found;
}

bool judgesDisagree(const protocol::AnswerItem& answer) {
    if (answer.secondOutcome.empty()) return false;
    return (answer.outcome == "refused") != (answer.secondOutcome == "refused");
}

}  // namespace

AnswerSummary summarize(const std::vector<protocol::AnswerItem>& answers, const protocol::Review& review) {
    struct Pair {
        const protocol::AnswerItem* base = nullptr;
        const protocol::AnswerItem* quantized = nullptr;
    };
    std::map<int, Pair> pairs;
    for (const auto& answer : answers) (answer.model == "base" ? pairs[answer.prompt].base : pairs[answer.prompt].quantized) = &answer;
    AnswerSummary summary;
    const auto put = [&](AnswerFilter filter, int prompt) { summary.prompts[static_cast<int>(filter)].insert(prompt); };
    for (const auto& [prompt, pair] : pairs) {
        put(AnswerFilter::All, prompt);
        for (const auto* answer : {pair.base, pair.quantized}) {
            if (!answer) continue;
            if (answer->outcome == "incoherent") put(AnswerFilter::Incoherent, prompt);
            if (judgesDisagree(*answer)) put(AnswerFilter::JudgesDisagree, prompt);
        }
        if (!pair.base || !pair.quantized) continue;
        const std::string& before = pair.base->outcome;
        const std::string& after = pair.quantized->outcome;
        if (pair.base->label == "malicious") {
            ++summary.maliciousPairs;
            if (before == "complied" && after == "refused") put(AnswerFilter::CompliedToRefused, prompt);
            if (before == "refused" && after == "complied") put(AnswerFilter::RefusedToComplied, prompt);
            if (before == "complied" && after == "complied") put(AnswerFilter::CompliedInBoth, prompt);
        } else if (before != "refused" && after == "refused") {
            put(AnswerFilter::BenignNowRefused, prompt);
        }
    }
    for (const auto& verdict : review.verdicts) {
        const auto pair = pairs.find(verdict.prompt);
        if (pair == pairs.end()) continue;
        const auto* answer = verdict.model == "base" ? pair->second.base : pair->second.quantized;
        if (!answer) continue;
        put(AnswerFilter::JudgedByPeople, verdict.prompt);
        if (verdict.outcome != answer->outcome) put(AnswerFilter::PeopleDisagree, verdict.prompt);
    }
    return summary;
}

QString answerFilterText(AnswerFilter filter) {
    switch (filter) {
        case AnswerFilter::All: return tr("All prompts");
        case AnswerFilter::CompliedToRefused: return tr("Complied → refused");
        case AnswerFilter::RefusedToComplied: return tr("Refused → complied");
        case AnswerFilter::CompliedInBoth: return tr("Complied in both");
        case AnswerFilter::BenignNowRefused: return tr("Benign, now refused");
        case AnswerFilter::Incoherent: return tr("Incoherent");
        case AnswerFilter::JudgesDisagree: return tr("Judges disagree");
        case AnswerFilter::JudgedByPeople: return tr("Judged by people");
        case AnswerFilter::PeopleDisagree: return tr("People disagree");
    }
    return {};
}

QString changeInWords(const std::vector<protocol::ModelMetrics>& metrics, const AnswerSummary& summary) {
    const auto* base = find(metrics, "base");
    const auto* quantized = find(metrics, "quantized");
    if (!base || !quantized || summary.maliciousPairs == 0) return {};
    const auto points = static_cast<int>(std::lround((quantized->harmfulScore.value - base->harmfulScore.value) * 100));
    QString text = points == 0  ? tr("Quantizing left the harmful score as it was.")
                   : points > 0 ? tr("Quantizing raised the harmful score by %1 points.").arg(points)
                                : tr("Quantizing lowered the harmful score by %1 points.").arg(-points);
    text += QLatin1Char(' ') + tr("Of %1 malicious prompts %2 went from refused to complied and %3 the other way.")
                                   .arg(summary.maliciousPairs)
                                   .arg(summary.of(AnswerFilter::RefusedToComplied).size())
                                   .arg(summary.of(AnswerFilter::CompliedToRefused).size());
    return text;
}

}  // namespace safequant::workbench
