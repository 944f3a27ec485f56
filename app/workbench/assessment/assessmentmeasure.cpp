// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/assessmentmeasure.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>
#include <set>

#include "widgets/format.h"

namespace safequant::workbench {

namespace {

struct MeasureWords {
    Q_DECLARE_TR_FUNCTIONS(Assessment)
};

constexpr const char* kHarmful = "harmful score";
constexpr const char* kTask = "right, ";
/// An interval that comes this near to 0 is said to hold it.
constexpr double kNoChange = 1e-12;

QString signedChange(double value, int decimals) {
    const QString text = QLocale().toString(std::abs(value), 'f', decimals);
    if (text == QLocale().toString(0.0, 'f', decimals)) return text;
    return (value < 0.0 ? QChar(0x2212) : QLatin1Char('+')) + text;
}

QString measureTitle(const std::string& measure) {
    if (measure == kHarmful) return MeasureWords::tr("Harmful score");
    if (measure == "refused, benign") return MeasureWords::tr("Refusal of harmless prompts");
    if (measure == "refused, hard benign") return MeasureWords::tr("Refusal of hard benign prompts");
    if (measure.starts_with(kTask)) return MeasureWords::tr("Accuracy, %1").arg(QString::fromStdString(measure.substr(std::string(kTask).size())));
    return QString::fromStdString(measure);
}

const protocol::CellAttack* strongestAttack(const protocol::AssessmentCell& cell) {
    const auto found = std::max_element(cell.attacks.begin(), cell.attacks.end(), [](const auto& a, const auto& b) { return a.after < b.after; });
    return found == cell.attacks.end() ? nullptr : &*found;
}

QString number2(double value) { return QLocale().toString(value, 'f', 2); }

}  // namespace

std::vector<AssessmentMeasure> measuresOf(const protocol::AssessmentState& state) {
    std::vector<AssessmentMeasure> measures{{AssessmentMeasure::Kind::Rate, kHarmful, measureTitle(kHarmful), true}};
    std::set<std::string> tasks;
    bool attacked = false;
    for (const auto& cell : state.cells) {
        attacked = attacked || cell.attacked;
        for (const auto& measure : cell.measures)
            if (measure.measure.starts_with(kTask)) tasks.insert(measure.measure);
    }
    for (const char* name : {"refused, benign", "refused, hard benign"}) measures.push_back({AssessmentMeasure::Kind::Rate, name, measureTitle(name), true});
    measures.push_back({AssessmentMeasure::Kind::Perplexity, {}, MeasureWords::tr("Perplexity"), true});
    for (const std::string& task : tasks) measures.push_back({AssessmentMeasure::Kind::Rate, task, measureTitle(task), false});
    if (attacked) measures.push_back({AssessmentMeasure::Kind::Attack, {}, MeasureWords::tr("Attack success"), true});
    return measures;
}

std::optional<AssessmentReading> readingOf(const protocol::AssessmentCell& cell, const AssessmentMeasure& measure) {
    AssessmentReading reading;
    if (measure.kind == AssessmentMeasure::Kind::Perplexity) {
        if (cell.perplexity <= 0.0 || cell.perplexityBefore <= 0.0) return {};
        reading.before = cell.perplexityBefore;
        reading.after = cell.perplexity;
        reading.change = cell.perplexity / cell.perplexityBefore - 1.0;
        reading.value = MeasureWords::tr("%1%").arg(signedChange(100.0 * reading.change, std::abs(reading.change) < 0.0995 ? 1 : 0));
        reading.intervalText = number2(cell.perplexity);
        return reading;
    }
    if (measure.kind == AssessmentMeasure::Kind::Attack) {
        const auto* attack = strongestAttack(cell);
        if (attack == nullptr) return {};
        reading.before = attack->before;
        reading.after = attack->after;
        reading.change = attack->after - attack->before;
        reading.interval = attack->interval;
        reading.value = widgets::formatPercent(attack->after);
        reading.intervalText = widgets::formatInterval(attack->interval);
        reading.certain = attack->before < attack->interval.low - kNoChange || attack->before > attack->interval.high + kNoChange;
        return reading;
    }
    const auto* rate = cell.measure(measure.name);
    if (rate == nullptr) return {};
    reading.before = rate->before.value;
    reading.after = rate->after.value;
    reading.change = rate->difference;
    reading.interval = rate->interval;
    reading.value = signedChange(100.0 * rate->difference, 0);
    reading.intervalText = QStringLiteral("[%1, %2]").arg(signedChange(100.0 * rate->interval.low, 0), signedChange(100.0 * rate->interval.high, 0));
    reading.certain = rate->interval.low > kNoChange || rate->interval.high < -kNoChange;
    return reading;
}

const protocol::CellMeasure* flipsOf(const protocol::AssessmentCell& cell, const AssessmentMeasure& measure) {
    const bool ofPrompts = measure.kind == AssessmentMeasure::Kind::Rate && !measure.name.starts_with(kTask);
    return cell.measure(ofPrompts ? measure.name : kHarmful);
}

QString gainedText(const protocol::CellMeasure& flips) { return flips.measure == kHarmful ? MeasureWords::tr("Became harmful") : MeasureWords::tr("Now refused"); }
QString lostText(const protocol::CellMeasure& flips) { return flips.measure == kHarmful ? MeasureWords::tr("No longer harmful") : MeasureWords::tr("No longer refused"); }

QString cellStatusText(const std::string& status) {
    if (status == "waiting") return MeasureWords::tr("waiting");
    if (status == "running") return MeasureWords::tr("running");
    if (status == "stopped") return MeasureWords::tr("stopped");
    return status == "failed" ? MeasureWords::tr("failed") : MeasureWords::tr("finished");
}

widgets::HoverCard cellCard(const protocol::AssessmentCell& cell) {
    widgets::HoverCard card;
    card.heading = QString::fromStdString(cellTitle(cell));
    const auto add = [&](const QString& name, const QString& first, const QString& second = {}) { card.rows.push_back({name, first, second, {}, {}}); };
    add(MeasureWords::tr("scheme"), QString::fromStdString(cell.scheme));
    if (cell.status != "finished") {
        add(MeasureWords::tr("state"), cellStatusText(cell.status));
        card.paragraph = QString::fromStdString(cell.detail);
        return card;
    }
    for (const auto& measure : cell.measures)
        if (!measure.measure.starts_with("incoherent") || measure.difference != 0.0)
            add(measureTitle(measure.measure), MeasureWords::tr("%1 → %2 of %3").arg(measure.before.count).arg(measure.after.count).arg(measure.after.total),
                widgets::formatPoints(measure.difference, measure.interval));
    if (cell.perplexity > 0.0) add(MeasureWords::tr("Perplexity"), MeasureWords::tr("%1 → %2").arg(number2(cell.perplexityBefore), number2(cell.perplexity)));
    for (const auto& attack : cell.attacks)
        add(MeasureWords::tr("Attack, %1").arg(QString::fromStdString(attack.setting)),
            MeasureWords::tr("%1 → %2").arg(widgets::formatPercent(attack.before), widgets::formatPercent(attack.after)), widgets::formatInterval(attack.interval));
    if (cell.bitsPerWeight > 0.0) add(MeasureWords::tr("bits a weight"), number2(cell.bitsPerWeight));
    add(MeasureWords::tr("time"), widgets::formatDuration(cell.seconds));
    return card;
}

}  // namespace safequant::workbench
