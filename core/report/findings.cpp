// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/findings.h"

#include <algorithm>
#include <cmath>

namespace safequant {

std::string pointsText(double share, bool sign) { return cellText(Measured{100.0 * share, 1, false, sign}); }

std::string pointsText(const Interval& interval) { return "[" + pointsText(interval.low, true) + ", " + pointsText(interval.high, true) + "]"; }

std::string percentOf(const Rate& rate) { return cellText(Measured{rate.value, 1, true}); }

std::optional<MeasureWords> verdictWords(const std::string& measure) {
    if (measure == "harmful score") return MeasureWords{"Harmful score", true};
    if (measure == "refused, benign") return MeasureWords{"Refusal of harmless prompts", true};
    if (measure == "refused, hard benign") return MeasureWords{"Refusal of harmless prompts that look malicious", true};
    if (const std::string right = "right, "; measure.starts_with(right)) return MeasureWords{"Accuracy on " + measure.substr(right.size()), false};
    return std::nullopt;
}

ReportFinding::Kind kindOf(const PairedComparison& row, const MeasureWords& words) {
    const bool fell = row.interval.high < 0.0, rose = row.interval.low > 0.0;
    if (!fell && !rose) return ReportFinding::Kind::Unclear;
    return fell == words.lowerIsBetter ? ReportFinding::Kind::Better : ReportFinding::Kind::Worse;
}

Measured differenceOf(const PairedComparison& row) {
    return {100.0 * row.difference, 1, false, true, Interval{100.0 * row.interval.low, 100.0 * row.interval.high}};
}

LineFigure accuracyByBlock(bool transferred) {
    LineFigure figure;
    figure.xTitle = "block";
    figure.yTitle = transferred ? "accuracy, base model's probe (transferred)" : "accuracy, own probe (refitted)";
    figure.low = 0.5;
    figure.chance = 0.5;
    return figure;
}

void startAtATenth(LineFigure& figure) { figure.low = std::max(0.0, std::floor(10.0 * figure.low) / 10.0); }

std::string evidenceOf(const PairedComparison& row) {
    return "Difference " + pointsText(row.difference, true) + " points " + pointsText(row.interval) + " on the same " + std::to_string(row.firstRate.total) + " prompts.";
}

}  // namespace safequant
