// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/plotframe.h"

#include <algorithm>

#include "widgets/theme.h"

namespace safequant::widgets {

void preparePlot(QCustomPlot* plot, const QMargins& margins) {
    plot->setFocusPolicy(Qt::StrongFocus);
    plot->setMouseTracking(true);
    plot->setInteractions(QCP::Interactions());
    plot->setNoAntialiasingOnDrag(false);
    plot->axisRect()->setAutoMargins(QCP::msNone);
    plot->axisRect()->setMargins(margins);
    plot->axisRect()->setupFullAxesBox(false);
    for (QCPAxis* axis : {plot->xAxis2, plot->yAxis2}) axis->setVisible(false);
    for (QCPAxis* axis : {plot->xAxis, plot->yAxis}) {
        axis->setSubTicks(false);
        axis->setTickLength(0);
        axis->setTickLabelPadding(6);
    }
    plot->xAxis->grid()->setVisible(false);
    plot->yAxis->grid()->setZeroLinePen(Qt::NoPen);
}

void recolourPlot(QCustomPlot* plot) {
    const ThemeColors& colors = Theme::current();
    plot->setBackground(colors.plot);
    const QFont axisFont = Theme::font(TextRole::Small);
    for (QCPAxis* axis : {plot->xAxis, plot->yAxis}) {
        axis->setTickLabelFont(axisFont);
        axis->setTickLabelColor(colors.muted);
        axis->setLabelFont(axisFont);
        axis->setLabelColor(colors.muted);
        axis->setBasePen(Qt::NoPen);
        axis->setTickPen(Qt::NoPen);
    }
    plot->yAxis->setLabelPadding(2);
    plot->yAxis->grid()->setPen(QPen(colors.grid, 1.0));
}

QVector<double> integerTicks(int count, double width) {
    QVector<double> ticks;
    if (count <= 0) {
        return ticks;
    }
    const double wanted = std::max(1.0, count * 34.0 / std::max(width, 1.0));
    double step = 1.0;
    for (const double candidate : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0}) {
        step = candidate;
        if (candidate >= wanted) {
            break;
        }
    }
    for (double tick = 0.0; tick < count - 1 - step * 0.55; tick += step) {
        ticks << tick;
    }
    ticks << count - 1;
    return ticks;
}

}  // namespace safequant::widgets
