// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QList>
#include <QString>
#include <QStringList>

class QPainter;
class QPointF;

namespace safequant::widgets {

/// Marks of slices, each a colour (ThemeColors::slices) and a shape of its own.
inline constexpr int kSliceMarks = 6;

/// A named set of prompts, as it was when it was made.
struct PromptSlice {
    QString name;
    int mark = 0;         ///< 0 to kSliceMarks - 1.
    bool shown = true;    ///< Its points carry its mark.
    QString madeFrom;     ///< In words: "selection", "filter: malicious refused", "A and not B".
    QList<int> prompts;   ///< Indices into the run's prompts, ascending.
    QStringList absent;   ///< Ids of a file that the run does not have; kept.

    bool operator==(const PromptSlice&) const = default;
};

/// The colour of a mark in the theme in force.
QColor sliceColor(int mark);
/// "circle", "square", ... in words.
QString sliceShapeText(int mark);
/// Draws the outline of a mark around a centre, `radius` logical pixels out.
void paintSliceMark(QPainter* painter, const QPointF& centre, double radius, int mark, const QColor& color);

/// What is in both, in any, or in the first alone; ascending, as the lists given are.
QList<int> slicesBoth(const QList<int>& first, const QList<int>& second);
QList<int> slicesAny(const QList<int>& first, const QList<int>& second);
QList<int> slicesMinus(const QList<int>& first, const QList<int>& second);

}  // namespace safequant::widgets
