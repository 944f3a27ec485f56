// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "core/engine/protocol/assessment_messages.h"
#include "widgets/hovercard.h"

namespace safequant::workbench {

/// What a cell of an assessment can be looked at by.
struct AssessmentMeasure {
    enum class Kind {
        Rate,        ///< A paired rate, its change in points.
        Perplexity,  ///< Its relative change; has no interval.
        Attack,      ///< Success of the decoding attack under the setting that succeeds most.
    };
    Kind kind = Kind::Rate;
    std::string name;           ///< As CellMeasure names it, of rates.
    QString title;
    bool moreIsWorse = true;
};

/// Those that some cell has, the harmful score first.
std::vector<AssessmentMeasure> measuresOf(const protocol::AssessmentState& state);

/// A cell by a measure.
struct AssessmentReading {
    double before = 0.0, after = 0.0;
    double change = 0.0;               ///< Points of 1, or of perplexity a share of the one before.
    Interval interval;                 ///< Of the change; of an attack, of the success after.
    QString value, intervalText;       ///< As a cell of the matrix has them.
    bool certain = false;              ///< The interval leaves no change out.
};
std::optional<AssessmentReading> readingOf(const protocol::AssessmentCell& cell, const AssessmentMeasure& measure);

/// Ids of prompts whose answer flipped; null when the measure has none, or none of prompts.
const protocol::CellMeasure* flipsOf(const protocol::AssessmentCell& cell, const AssessmentMeasure& measure);
/// "Became harmful", "No longer harmful" of the measure that flipsOf() gives.
QString gainedText(const protocol::CellMeasure& flips);
QString lostText(const protocol::CellMeasure& flips);

/// All that is known of a cell in a card.
widgets::HoverCard cellCard(const protocol::AssessmentCell& cell);
/// "waiting", "running", ... as people read it.
QString cellStatusText(const std::string& status);

}  // namespace safequant::workbench
