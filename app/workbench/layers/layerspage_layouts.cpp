// SPDX-License-Identifier: GPL-3.0-or-later
// How the panes of the layers page are placed.
#include <QDockWidget>
#include <QStringList>
#include <algorithm>

#include "app/workbench/frame/dockarea.h"
#include "app/workbench/layers/layerside.h"
#include "app/workbench/layers/layerspage.h"

namespace safequant::workbench {

namespace {

/// Room for a prompt's words and for the tabs; plots get the rest.
constexpr int kSideWidth = 310;
constexpr int kLeastPlot = 300;
/// From this width on a second stack has a column of its own.
constexpr int kTwoSides = 540 + 2 * kSideWidth;
/// Of the height, what is above in each layout.
constexpr double kChartShare = 0.43, kPlotsShare = 0.56, kUpperStackShare = 0.54;

}  // namespace

QStringList LayersPage::usualSide() {
    return {LayerSide::kPrompts, LayerSide::kLinears, LayerSide::kTokens, LayerSide::kTry, LayerSide::kSlices, LayerSide::kWhatIf};
}

std::vector<BuiltInLayout> LayersPage::layouts() {
    const QStringList side = usualSide();
    const QStringList rest{LayerSide::kWhatIf, LayerSide::kLinears, LayerSide::kTokens, LayerSide::kTry, LayerSide::kSlices};
    const auto as = [this](auto&& place) { return [this, place] { m_panes->rearrange(place); }; };
    return {{QStringLiteral("usual"), tr("&Usual"), as([=, this] { placeBeside({side}); })},
            {QStringLiteral("all"), tr("Prompts and &what-if at once"), as([=, this] { placeBeside({{LayerSide::kPrompts}, rest}); })},
            {QStringLiteral("below"), tr("Plots &side by side"), as([=, this] { placeBelow(side); })},
            {QStringLiteral("plots"), tr("&Plots alone"), as([this] { placeBeside({}); })}};
}

void LayersPage::placeBeside(const std::vector<QStringList>& stacks) {
    QDockWidget* chart = m_panes->pane(kChart);
    QDockWidget* projection = m_panes->pane(kProjection);
    m_panes->addDockWidget(Qt::LeftDockWidgetArea, chart);
    // Split from left to right first, so that the projection does not pass below the side.
    QList<QDockWidget*> columns{chart}, lower;
    for (const QStringList& stack : stacks) {
        QDockWidget* pane = m_panes->pane(stack.front());
        const bool below = columns.size() > 1 && m_panes->width() < kTwoSides;
        m_panes->splitDockWidget(columns.back(), pane, below ? Qt::Vertical : Qt::Horizontal);
        (below ? lower : columns).append(pane);
        pile(stack);
    }
    QList<int> widths(columns.size(), kSideWidth);
    widths.front() = std::max(kLeastPlot, m_panes->width() - static_cast<int>(columns.size() - 1) * kSideWidth);
    m_panes->splitDockWidget(chart, projection, Qt::Vertical);
    for (QDockWidget* plot : {chart, projection}) plot->show();
    m_panes->resizeDocks(columns, widths, Qt::Horizontal);
    share({chart, projection}, kChartShare, Qt::Vertical);
    for (QDockWidget* pane : lower) share({columns.back(), pane}, kUpperStackShare, Qt::Vertical);
}

void LayersPage::placeBelow(const QStringList& stack) {
    QDockWidget* chart = m_panes->pane(kChart);
    QDockWidget* projection = m_panes->pane(kProjection);
    QDockWidget* lowest = m_panes->pane(stack.front());
    m_panes->addDockWidget(Qt::LeftDockWidgetArea, chart);
    m_panes->splitDockWidget(chart, lowest, Qt::Vertical);
    pile(stack);
    m_panes->splitDockWidget(chart, projection, Qt::Horizontal);
    for (QDockWidget* plot : {chart, projection}) plot->show();
    share({chart, projection}, 0.5, Qt::Horizontal);
    share({chart, lowest}, kPlotsShare, Qt::Vertical);
}

void LayersPage::share(const QList<QDockWidget*>& two, double first, Qt::Orientation orientation) {
    const int room = orientation == Qt::Vertical ? m_panes->height() : m_panes->width(), size = qRound(first * room);
    m_panes->resizeDocks(two, {size, room - size}, orientation);
}

void LayersPage::pile(const QStringList& stack) {
    QDockWidget* lowest = m_panes->pane(stack.front());
    for (const QString& key : stack.mid(1)) m_panes->tabifyDockWidget(lowest, m_panes->pane(key));
    for (const QString& key : stack) m_panes->pane(key)->show();
    lowest->raise();
}

}  // namespace safequant::workbench
