// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>

#include "core/base/statistics.h"

/// Numbers and names as people read them: translated, in the user's locale, with a true minus sign.
namespace safequant::widgets {

/// "44%", or with decimals "86.1%". Input 0 to 1.
QString formatPercent(double share, int decimals = 0);
/// "94% [90, 97]"; "no data" when the total is 0.
QString formatRate(const Rate& rate);
/// "[90, 97]" of an interval of shares.
QString formatInterval(const Interval& interval);
/// "+12.3", "−4.0", "0.0": a difference of two shares in percentage points.
QString formatPoints(double difference);
/// "−3.1 [−5.2, −1.0]": the same with its interval.
QString formatPoints(double difference, const Interval& interval);
/// "+2.7", "−0.4": a probe score (log-odds of malicious).
QString formatScore(double score);
/// "1.1 GB", "96 MB": decimal units.
QString formatBytes(quint64 bytes);
/// "4 min left", "50 s left", "2 h 10 min left"; empty when negative (unknown).
QString formatTimeLeft(double seconds);
/// "4 min", "50 s", "2 h 10 min".
QString formatDuration(double seconds);
/// "just now", "13 min ago", "yesterday", else a date. `created` is ISO 8601; unreadable text comes back as it is.
QString formatAge(const QString& created);
/// Names of the labels, in the order in which they are listed.
inline constexpr std::array kLabels{"malicious", "benign", "hard_benign"};
/// "Malicious", "Benign", "Hard benign" of a label name.
QString labelText(const QString& label);
/// "refused", "incoherent", "complied" (malicious prompts) or "answered" (other prompts); empty for an empty outcome.
QString outcomeText(const QString& outcome, const QString& label);
/// "Capture", "Quantize", "Evaluate", "Export" of a stage name.
QString stageText(const QString& stage);

}  // namespace safequant::widgets
