// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>
#include <optional>

namespace safequant::widgets {

/// How a typed text matches a line.
struct FuzzyMatch {
    int score = 0;         ///< Higher is better; only comparable between lines matched with the same text.
    QList<int> positions;  ///< Of the matched characters, ascending.
};

/// Matches when every character of `typed` (blanks left out, case folded) occurs in `line` in this order. Of all ways to place them
/// the best counts: runs of neighbours and starts of words are worth more, gaps cost. An empty text matches everything with score 0.
std::optional<FuzzyMatch> fuzzyMatch(const QString& typed, const QString& line);

}  // namespace safequant::widgets
