// SPDX-License-Identifier: GPL-3.0-or-later
// How the panes of the layers page are placed.
#include <QDockWidget>
#include <QStringList>

#include "app/workbench/frame/dockarea.h"
#include "app/workbench/layers/layerside.h"
#include "app/workbench/layers/layerspage.h"

namespace safequant::workbench {

namespace {

/// In a window of 1280 by 800 with the setup panel: room for a prompt's words, and a projection a little taller than the chart.
constexpr int kSideWidth = 289, kChartWidth = 675, kChartHeight = 300, kProjectionHeight = 390;

}  // namespace

std::vector<BuiltInLayout> LayersPage::layouts() {
    const QStringList side{LayerSide::kPrompts, LayerSide::kLinears, LayerSide::kTokens, LayerSide::kTry, LayerSide::kSlices, LayerSide::kWhatIf};
    const QStringList rest{LayerSide::kWhatIf, LayerSide::kLinears, LayerSide::kTokens, LayerSide::kTry, LayerSide::kSlices};
    return {{QStringLiteral("usual"), tr("&Usual"), [=, this] { placePlots(Qt::Vertical, {side}); }},
            {QStringLiteral("all"), tr("Prompts and &what-if at once"), [=, this] { placePlots(Qt::Vertical, {{LayerSide::kPrompts}, rest}); }},
            {QStringLiteral("columns"), tr("Plots &side by side"), [=, this] { placePlots(Qt::Horizontal, {side}); }},
            {QStringLiteral("plots"), tr("&Plots alone"), [this] { placePlots(Qt::Vertical, {}); }}};
}

void LayersPage::placePlots(Qt::Orientation orientation, const std::vector<QStringList>& stacks) {
    m_panes->gather();
    QDockWidget* chart = m_panes->pane(kChart);
    QDockWidget* projection = m_panes->pane(kProjection);
    m_panes->addDockWidget(Qt::LeftDockWidgetArea, chart);
    // Split from left to right first, so that a plot under the other does not pass below the side.
    QList<QDockWidget*> columns{chart};
    QList<int> widths{kChartWidth};
    if (orientation == Qt::Horizontal) {
        m_panes->splitDockWidget(chart, projection, Qt::Horizontal);
        columns.append(projection);
        widths.append(kChartWidth);
    }
    for (const QStringList& stack : stacks) {
        QDockWidget* lowest = m_panes->pane(stack.front());
        m_panes->splitDockWidget(columns.back(), lowest, Qt::Horizontal);
        for (const QString& key : stack.mid(1)) m_panes->tabifyDockWidget(lowest, m_panes->pane(key));
        columns.append(lowest);
        widths.append(kSideWidth);
    }
    if (orientation == Qt::Vertical) m_panes->splitDockWidget(chart, projection, Qt::Vertical);
    for (QDockWidget* plot : {chart, projection}) plot->show();
    for (const QStringList& stack : stacks) {
        for (const QString& key : stack) m_panes->pane(key)->show();
        m_panes->pane(stack.front())->raise();
    }
    m_panes->resizeDocks(columns, widths, Qt::Horizontal);
    if (orientation == Qt::Vertical) m_panes->resizeDocks({chart, projection}, {kChartHeight, kProjectionHeight}, Qt::Vertical);
}

}  // namespace safequant::workbench
