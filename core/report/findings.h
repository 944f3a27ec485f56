// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/evaluate/comparison.h"
#include "core/report/report.h"

namespace safequant {

/// A share as percentage points, "+3.8", and an interval of shares, "[+1.5, +6.5]".
std::string pointsText(double share, bool sign);
std::string pointsText(const Interval& interval);
/// A rate without interval and counts: "3.8%".
std::string percentOf(const Rate& rate);

/// How a measure is called in a sentence, and whether it is better when it is lower.
struct MeasureWords {
    std::string name;
    bool lowerIsBetter = true;
};
/// Of a measure of a paired comparison that belongs in a verdict; nothing for the others.
std::optional<MeasureWords> verdictWords(const std::string& measure);

/// What a paired difference says: better, worse, or nothing shown.
ReportFinding::Kind kindOf(const PairedComparison& row, const MeasureWords& words);
/// The difference with its interval, in points, as tables hold it.
Measured differenceOf(const PairedComparison& row);
/// The axes of probes' accuracy over blocks, from chance up: of the base model's probes (transferred) or each model's own (refitted).
LineFigure accuracyByBlock(bool transferred);
/// Moves the lower end of the axis down to the next tenth.
void startAtATenth(LineFigure& figure);

/// "Difference −76.2 points [−81.9, −69.8] on the same 260 prompts."
std::string evidenceOf(const PairedComparison& row);

}  // namespace safequant
