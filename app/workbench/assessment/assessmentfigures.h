// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "app/workbench/assessment/assessmentmeasure.h"
#include "widgets/matrixmap.h"
#include "widgets/xyplot.h"

namespace safequant::workbench {

/// An assessment as a matrix map. One place of it stands for all seeds of a cell: the first seed is written, its card says the others.
struct AssessmentMatrix {
    widgets::MatrixMapData data;
    std::vector<std::vector<int>> cells;  ///< Of each of the map's cells, those of the assessment; the first is the one written.
};
AssessmentMatrix matrixOf(const protocol::AssessmentState& state, const AssessmentMeasure& measure);

/// The finished cells of an assessment and the model that they came from, by harmful score against what makes a model useful.
struct AssessmentTradeOff {
    widgets::XyAxis x, y;
    std::vector<widgets::XySeries> series;  ///< The front, the base, the cells.
    std::vector<int> cells;                 ///< Of the points of the last series.
    widgets::FigureTable table;
};
/// `utility`: perplexity, or a task's accuracy.
AssessmentTradeOff tradeOffOf(const protocol::AssessmentState& state, const AssessmentMeasure& utility);

}  // namespace safequant::workbench
