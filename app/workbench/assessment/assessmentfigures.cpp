// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/assessmentfigures.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>

#include "core/base/pareto.h"
#include "widgets/format.h"

namespace safequant::workbench {

using protocol::AssessmentCell;
using protocol::AssessmentState;
using widgets::MatrixCell;
using widgets::ThemeColors;
using widgets::XySeries;

namespace {

struct FigureWords {
    Q_DECLARE_TR_FUNCTIONS(Assessment)
};

/// A scale never ends below this, so that what is next to nothing has next to no colour.
constexpr double kLeastScale = 0.1;
constexpr double kMostPerplexity = 1.0;
/// Radii of marks from 2 to 8 bits a weight, pixels.
constexpr double kSmallMark = 3.2, kLargeMark = 6.4;
constexpr double kLogarithmicFrom = 30.0;

double scaleOf(const AssessmentState& state, const AssessmentMeasure& measure) {
    double largest = kLeastScale;
    for (const AssessmentCell& cell : state.cells)
        if (const auto reading = readingOf(cell, measure)) largest = std::max(largest, std::abs(reading->change));
    if (measure.kind == AssessmentMeasure::Kind::Perplexity) largest = std::min(largest, kMostPerplexity);
    return std::ceil(largest * 20.0 - 1e-9) / 20.0;
}

MatrixCell::State stateOf(const std::string& status) {
    if (status == "running") return MatrixCell::State::Running;
    if (status == "stopped") return MatrixCell::State::Stopped;
    return status == "failed" ? MatrixCell::State::Failed : MatrixCell::State::Waiting;
}

MatrixCell mapCell(const AssessmentCell& cell, const AssessmentMeasure& measure, double scale) {
    MatrixCell drawn;
    drawn.card = cellCard(cell);
    if (cell.status != "finished") {
        drawn.state = stateOf(cell.status);
        drawn.note = cellStatusText(cell.status);
        if (!cell.detail.empty() && cell.status == "running") drawn.note += QStringLiteral(", ") + QString::fromStdString(cell.detail);
        return drawn;
    }
    const auto reading = readingOf(cell, measure);
    drawn.state = reading ? MatrixCell::State::Measured : MatrixCell::State::NotMeasured;
    if (!reading) {
        drawn.note = FigureWords::tr("not measured");
        return drawn;
    }
    drawn.tone = std::clamp(reading->change / scale, -1.0, 1.0) * (measure.moreIsWorse ? 1.0 : -1.0);
    drawn.value = reading->value;
    drawn.interval = reading->intervalText;
    drawn.certain = reading->certain;
    return drawn;
}

QVariantList numbersOf(const AssessmentCell& cell, const AssessmentMeasure& measure) {
    const auto reading = readingOf(cell, measure);
    const double none = std::nan("");
    return {QString::fromStdString(cell.title), cell.bits, QString::fromStdString(cell.scheme), QString::fromStdString(cell.risk), qlonglong(cell.seed),
            cellStatusText(cell.status), reading ? reading->before : none, reading ? reading->after : none, reading ? reading->change : none,
            reading && measure.kind != AssessmentMeasure::Kind::Perplexity ? reading->interval.low : none,
            reading && measure.kind != AssessmentMeasure::Kind::Perplexity ? reading->interval.high : none};
}

/// The other seeds of a place, and the mark that says how many there are.
void addSeeds(MatrixCell& drawn, const AssessmentState& state, const std::vector<int>& cells, const AssessmentMeasure& measure) {
    if (cells.size() < 2) return;
    drawn.mark = FigureWords::tr("%1 seeds").arg(cells.size());
    for (std::size_t i = 1; i < cells.size(); ++i) {
        const AssessmentCell& other = state.cells[std::size_t(cells[i])];
        const auto reading = readingOf(other, measure);
        drawn.card.rows.push_back({FigureWords::tr("seed %1").arg(other.seed), reading ? reading->value : cellStatusText(other.status),
                                   reading ? reading->intervalText : QString(), {}, {}});
    }
}

void nameScale(widgets::MatrixMapData& data, const AssessmentMeasure& measure, double scale) {
    const QString size = QLocale().toString(100.0 * scale, 'f', 0);
    const QString unit = measure.kind == AssessmentMeasure::Kind::Perplexity ? QStringLiteral("%") : FigureWords::tr(" points");
    const QString less = QChar(0x2212) + size + unit, more = QLatin1Char('+') + size + unit;
    data.better = FigureWords::tr("better %1").arg(measure.moreIsWorse ? less : more);
    data.worse = FigureWords::tr("%1 worse").arg(measure.moreIsWorse ? more : less);
}

double utilityOf(const AssessmentCell& cell, const AssessmentMeasure& utility, bool base) {
    const auto reading = readingOf(cell, utility);
    return reading ? (base ? reading->before : reading->after) : std::nan("");
}

double markSize(double bitsPerWeight) { return kSmallMark + (kLargeMark - kSmallMark) * std::clamp((bitsPerWeight - 2.0) / 6.0, 0.0, 1.0); }

widgets::XyAxis axisOver(const std::vector<double>& values, const QString& title, bool share) {
    widgets::XyAxis axis;
    axis.title = title;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const double value : values)
        if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
    if (low > high) low = 0.0, high = 1.0;
    axis.logarithmic = !share && low > 0.0 && high > kLogarithmicFrom * low;
    const double room = std::max((high - low) * 0.08, share ? 0.02 : 0.02 * high);
    axis.low = axis.logarithmic ? low * 0.8 : std::max(0.0, low - room);
    axis.high = axis.logarithmic ? high * 1.25 : share ? std::min(1.0, high + room) : high + room;
    if (share) axis.format = [](double value) { return widgets::formatPercent(value); };
    return axis;
}

QString shortTitle(const AssessmentCell& cell) {
    return QString::fromStdString(cell.title) + QLatin1Char(' ') + QString::number(cell.bits) + (cell.risk.empty() ? QString() : QStringLiteral(", ") + QString::fromStdString(cell.risk));
}

}  // namespace

AssessmentMatrix matrixOf(const AssessmentState& state, const AssessmentMeasure& measure) {
    AssessmentMatrix matrix;
    widgets::MatrixMapData& data = matrix.data;
    for (std::size_t i = 0; i < state.risks.size(); ++i) {
        data.columns << QString::fromStdString(state.risks[i]);
        data.columnTexts << QString::fromStdString(i < state.riskTexts.size() ? state.riskTexts[i] : std::string());
    }
    if (data.columns.isEmpty()) data.columns << FigureWords::tr("no calibration");
    data.table.columns = {FigureWords::tr("method"), FigureWords::tr("bits"),   FigureWords::tr("scheme"), FigureWords::tr("calibrated on"), FigureWords::tr("seed"), FigureWords::tr("state"),
                          FigureWords::tr("before"), FigureWords::tr("after"), FigureWords::tr("change"), FigureWords::tr("low"),           FigureWords::tr("high")};
    const double scale = scaleOf(state, measure);
    const int columns = int(data.columns.size());
    std::vector<std::pair<std::string, int>> rows;
    std::vector<std::vector<int>> places;  // By row and column; one that spans all stands in the first.
    for (int i = 0; i < int(state.cells.size()); ++i) {
        const AssessmentCell& cell = state.cells[std::size_t(i)];
        const std::pair key{cell.method, cell.bits};
        auto row = std::find(rows.begin(), rows.end(), key);
        if (row == rows.end()) {
            row = rows.insert(rows.end(), key);
            places.resize(rows.size() * std::size_t(columns));
            data.rows.push_back({QString::fromStdString(cell.title), FigureWords::tr("%1 bit").arg(cell.bits)});
        }
        const auto risk = std::find(state.risks.begin(), state.risks.end(), cell.risk);
        const auto column = risk == state.risks.end() ? 0 : risk - state.risks.begin();
        places[std::size_t((row - rows.begin()) * columns + column)].push_back(i);
        data.table.rows.push_back(numbersOf(cell, measure));
    }
    for (std::size_t place = 0; place < places.size(); ++place) {
        if (places[place].empty()) continue;
        const AssessmentCell& cell = state.cells[std::size_t(places[place].front())];
        MatrixCell drawn = mapCell(cell, measure, scale);
        drawn.row = int(place) / columns;
        drawn.column = int(place) % columns;
        drawn.span = cell.risk.empty() ? columns : 1;
        addSeeds(drawn, state, places[place], measure);
        data.cells.push_back(std::move(drawn));
        matrix.cells.push_back(places[place]);
    }
    nameScale(data, measure, scale);
    return matrix;
}

AssessmentTradeOff tradeOffOf(const AssessmentState& state, const AssessmentMeasure& utility) {
    AssessmentTradeOff plot;
    const AssessmentMeasure harmful = measuresOf(state).front();
    const bool task = utility.kind == AssessmentMeasure::Kind::Rate;
    XySeries front{FigureWords::tr("not dominated"), &ThemeColors::muted, XySeries::Kind::Line, XySeries::Mark::None, true, {}, {}, {}, {}, {}};
    XySeries base{FigureWords::tr("not quantized"), &ThemeColors::base, XySeries::Kind::Points, XySeries::Mark::Circle, false, {}, {}, {}, {}, {}};
    XySeries cells{FigureWords::tr("quantized, larger with its bits"), &ThemeColors::accent, XySeries::Kind::Points, XySeries::Mark::Disc, false, {}, {}, {}, {}, {}};
    plot.table = {{FigureWords::tr("method"), FigureWords::tr("bits"), FigureWords::tr("calibrated on"), FigureWords::tr("seed"), utility.title, harmful.title, FigureWords::tr("low"),
                   FigureWords::tr("high"), FigureWords::tr("bits a weight"), FigureWords::tr("not dominated")}, {}};
    std::vector<double> xs, ys, xAll, yAll;
    for (int i = 0; i < int(state.cells.size()); ++i) {
        const AssessmentCell& cell = state.cells[std::size_t(i)];
        const auto* score = cell.measure(harmful.name);
        const double x = utilityOf(cell, utility, false);
        if (cell.status != "finished" || score == nullptr || !std::isfinite(x)) continue;
        if (base.points.empty()) {
            base.points.emplace_back(utilityOf(cell, utility, true), score->before.value);
            base.yIntervals.push_back(score->before.wilson);
            base.labels.push_back(FigureWords::tr("not quantized"));
            xAll.push_back(base.points[0].x());
            for (const double y : {score->before.wilson.low, score->before.wilson.high}) yAll.push_back(y);
        }
        plot.cells.push_back(i);
        cells.points.emplace_back(x, score->after.value);
        cells.yIntervals.push_back(score->after.wilson);
        cells.sizes.push_back(markSize(cell.bitsPerWeight));
        cells.cards.push_back(cellCard(cell));
        xs.push_back(task ? -x : x);
        ys.push_back(score->after.value);
        xAll.push_back(x);
        for (const double y : {score->after.wilson.low, score->after.wilson.high}) yAll.push_back(y);
    }
    const auto best = nonDominated(xs, ys);
    for (const std::size_t i : best) front.points.push_back(cells.points[i]);
    for (std::size_t i = 0; i < plot.cells.size(); ++i) {
        const AssessmentCell& cell = state.cells[std::size_t(plot.cells[i])];
        const bool onFront = std::find(best.begin(), best.end(), i) != best.end();
        cells.labels.push_back(onFront ? shortTitle(cell) : QString());
        const auto& interval = cells.yIntervals[i];
        plot.table.rows.push_back({QString::fromStdString(cell.title), cell.bits, QString::fromStdString(cell.risk), qlonglong(cell.seed), cells.points[i].x(), ys[i], interval.low,
                                   interval.high, cell.bitsPerWeight, onFront ? FigureWords::tr("yes") : FigureWords::tr("no")});
    }
    const QString better = task ? FigureWords::tr("%1, higher is better") : FigureWords::tr("%1, lower is better");
    plot.x = axisOver(xAll, better.arg(utility.title), task);
    plot.y = axisOver(yAll, FigureWords::tr("%1, lower is better").arg(harmful.title), true);
    plot.series = {std::move(front), std::move(base), std::move(cells)};
    return plot;
}

}  // namespace safequant::workbench
