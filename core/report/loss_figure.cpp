// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/loss_figure.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "core/base/files.h"
#include "core/report/figure_svg.h"
#include "core/run/event_log.h"

namespace safequant {

Expected<ReportFigure> lossFigure(const std::string& folder) {
    const auto events = readJsonLines(folder + "/events.jsonl");
    if (!events) return fail(events.error());
    std::map<int, double> losses;
    for (const auto& event : *events)
        if (event.value("type", "") == "step") losses.insert_or_assign(event.value("step", 0), event.value("loss", 0.0));
    LineFigure figure{"step", "loss of the answers, nats a token", 0.0, 1.0, false, {}, {}};
    LineFigure::Series each{"each step", FigureRole::Base, false, {}};
    LineFigure::Series mean{"mean of " + std::to_string(kLossWindow), FigureRole::Quantized, false, {}};
    double highest = 0.0;
    for (auto at = losses.begin(); at != losses.end(); ++at) {
        const auto before = std::min<std::ptrdiff_t>(std::distance(losses.begin(), at), kLossWindow - 1);
        double sum = 0.0;
        for (auto from = std::prev(at, before); from != std::next(at); ++from) sum += from->second;
        each.points.push_back({static_cast<double>(at->first), at->second, {}});
        mean.points.push_back({static_cast<double>(at->first), sum / static_cast<double>(before + 1), {}});
        highest = std::max(highest, at->second);
    }
    if (highest > 0.0) figure.high = highest * 1.05;
    if (!losses.empty()) figure.series = {std::move(each), std::move(mean)};
    return ReportFigure{"loss", "Loss of the fine-tuning", "Loss of the answers by step, of each step and the mean of the last ten.", std::move(figure)};
}

Expected<void> writeLossFigure(const std::string& folder) {
    const auto figure = lossFigure(folder);
    if (!figure) return fail(figure.error());
    if (std::get<LineFigure>(figure->drawing).series.empty()) return {};
    return writeFileAtomically(folder + "/loss.svg", figureSvg(*figure, true));
}

}  // namespace safequant
