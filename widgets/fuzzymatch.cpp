// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/fuzzymatch.h"

#include <limits>
#include <vector>

namespace safequant::widgets {

namespace {

constexpr int kCharacter = 4;
constexpr int kNeighbour = 12;
constexpr int kWordStart = 10;
constexpr int kLineStart = 6;
constexpr int kGapCost = 1;
constexpr int kImpossible = std::numeric_limits<int>::min() / 2;

}  // namespace

std::optional<FuzzyMatch> fuzzyMatch(const QString& typed, const QString& line) {
    QString wanted;
    for (const QChar c : typed) {
        if (!c.isSpace()) wanted += c.toCaseFolded();
    }
    if (wanted.isEmpty()) return FuzzyMatch{};
    const auto rows = std::size_t(wanted.size());
    const auto columns = std::size_t(line.size());
    // best[i][j]: character i of the text placed at j of the line; from[i][j]: where the one before it went.
    std::vector<std::vector<int>> best(rows, std::vector<int>(columns, kImpossible));
    std::vector<std::vector<int>> from(rows, std::vector<int>(columns, -1));
    for (std::size_t i = 0; i < rows; ++i) {
        int reach = kImpossible;  // Best place of the character before, its gap up to j taken off.
        int reachFrom = -1;
        for (std::size_t j = i; j < columns; ++j) {
            if (i > 0 && j > 0) {
                reach -= kGapCost;
                if (best[i - 1][j - 1] > reach) {
                    reach = best[i - 1][j - 1];
                    reachFrom = int(j) - 1;
                }
            }
            const QChar c = line[qsizetype(j)];
            if (c.toCaseFolded() != wanted[qsizetype(i)]) continue;
            const bool wordStart = j == 0 || !line[qsizetype(j) - 1].isLetterOrNumber();
            const int worth = kCharacter + (wordStart ? kWordStart : 0) + (j == 0 ? kLineStart : 0);
            if (i == 0) {
                best[i][j] = worth;
                continue;
            }
            if (reach > kImpossible / 2) {
                best[i][j] = worth + reach;
                from[i][j] = reachFrom;
            }
            if (best[i - 1][j - 1] > kImpossible / 2 && worth + kNeighbour + best[i - 1][j - 1] > best[i][j]) {
                best[i][j] = worth + kNeighbour + best[i - 1][j - 1];
                from[i][j] = int(j) - 1;
            }
        }
    }
    int end = -1;
    for (std::size_t j = 0; j < columns; ++j) {
        if (best[rows - 1][j] > kImpossible / 2 && (end < 0 || best[rows - 1][j] > best[rows - 1][std::size_t(end)])) end = int(j);
    }
    if (end < 0) return std::nullopt;
    FuzzyMatch match{best[rows - 1][std::size_t(end)], {}};
    for (auto i = rows; i-- > 0;) {
        match.positions.prepend(end);
        end = from[i][std::size_t(end)];
    }
    return match;
}

}  // namespace safequant::widgets
