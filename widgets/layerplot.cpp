// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/layerplot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widgets/format.h"
#include "widgets/painting.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kLeft = 56;
constexpr int kRight = 124;
constexpr double kLabelHeight = 15.0;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

LayerPlot::LayerPlot(QWidget* parent) : PlacesPlot(tr("Separability by block"), QMargins(kLeft, 8, kRight, 48), parent) {
    yAxis->setTicker(QSharedPointer<QCPAxisTickerText>::create());
    m_words = addGraph();
    for (Series& series : m_series) {
        series = makeSeries();
    }
    refresh();
}

double LayerPlot::blockPosition(int block, int count, int width) {
    return kLeft + (block + 0.5) / std::max(count, 1) * (width - kLeft - kRight);
}

LayerPlot::Series LayerPlot::makeSeries() {
    Series series;
    series.low = addGraph();
    series.high = addGraph();
    series.high->setChannelFillGraph(series.low);
    series.hardBenign = addGraph();
    series.line = addGraph();
    return series;
}

void LayerPlot::recolour() {
    const ThemeColors& colors = Theme::current();
    m_words->setPen(QPen(colors.muted, 1.3, Qt::DotLine));
    const auto style = [](const Series& series, const QColor& color, double width, double size) {
        series.line->setPen(QPen(color, width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        series.line->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, color, size));
        QColor fill = color;
        fill.setAlphaF(0.13F);
        series.high->setBrush(fill);
        series.high->setPen(Qt::NoPen);
        series.low->setPen(Qt::NoPen);
        series.hardBenign->setPen(QPen(color, 1.0, Qt::DashLine));
        series.hardBenign->setScatterStyle(
            QCPScatterStyle(QCPScatterStyle::ssSquare, QPen(color, 1.3), QBrush(Theme::current().plot), 5.5));
    };
    for (const LayerSeries which : kLayerSeries) {
        const bool quantized = which == LayerSeries::Quantized;
        style(m_series[std::size_t(which)], colourOf(which), quantized ? 1.9 : 1.4, quantized ? 5.5 : 4.5);
    }
    // The other run's line differs by its stroke and marks, too.
    QCPGraph* other = m_series[std::size_t(LayerSeries::Other)].line;
    other->setPen(QPen(colors.fourth, 1.6, Qt::DashDotLine, Qt::RoundCap, Qt::RoundJoin));
    other->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDiamond, colors.fourth, 6.5));
}

QColor LayerPlot::colourOf(LayerSeries which) const {
    const ThemeColors& colors = Theme::current();
    return which == LayerSeries::Base ? colors.base : which == LayerSeries::Quantized ? colors.accent : colors.fourth;
}

void LayerPlot::resetRange() { m_lowest = 40.0; }

void LayerPlot::setHardBenignShown(bool shown) {
    if (shown != m_hardBenignShown) {
        m_hardBenignShown = shown;
        refresh();
    }
}

void LayerPlot::fill(LayerSeries which) {
    const Series& series = m_series[std::size_t(which)];
    QVector<double> x, middle, low, high, hard;
    for (int block = 0; block < m_data.blockCount; ++block) {
        x << block;
        const protocol::ProbeSummary* item = m_data.summary(which, block);
        middle << (item != nullptr ? item->accuracy.value * 100.0 : kNaN);
        low << (item != nullptr ? item->accuracy.wilson.low * 100.0 : kNaN);
        high << (item != nullptr ? item->accuracy.wilson.high * 100.0 : kNaN);
        hard << (item != nullptr && item->hardBenign.total > 0 ? item->hardBenign.value * 100.0 : kNaN);
        if (item != nullptr) {
            double lowest = item->accuracy.wilson.low;
            if (m_hardBenignShown && item->hardBenign.total > 0) {
                lowest = std::min(lowest, item->hardBenign.value);
            }
            m_lowest = std::min(m_lowest, std::max(0.0, std::floor(lowest * 10.0) * 10.0));
        }
    }
    series.line->setData(x, middle, true);
    series.low->setData(x, low, true);
    series.high->setData(x, high, true);
    series.hardBenign->setData(x, hard, true);
    series.hardBenign->setVisible(m_hardBenignShown);
}

void LayerPlot::rebuildAxes() {
    yAxis->setRange(m_lowest, 101.5);
    auto yTicks = yAxis->ticker().staticCast<QCPAxisTickerText>();
    yTicks->clear();
    const int step = height() < 230 || m_lowest < 20.0 ? 20 : 10;
    for (int percent = 100; percent >= int(m_lowest); percent -= step) {
        yTicks->addTick(percent, formatPercent(percent / 100.0));
    }
    yAxis->setLabel(m_data.probe == LayerChart::Probe::Transferred ? tr("accuracy, transferred") : tr("accuracy, refitted"));
}

void LayerPlot::rebuild() {
    recolour();
    for (const LayerSeries which : kLayerSeries) {
        fill(which);
    }
    if (m_data.control && m_data.blockCount > 0) {
        const double level = m_data.control->accuracy.value * 100.0;
        m_lowest = std::min(m_lowest, std::max(0.0, std::floor(level / 10.0) * 10.0));
        m_words->setData({-0.5, m_data.blockCount - 0.5}, {level, level}, true);
    } else {
        m_words->data()->clear();
    }
    rebuildAxes();
}

QString LayerPlot::describe() const {
    if (m_data.empty() || m_data.has(current())) return PlacesPlot::describe();
    return tr("%1 of %2 blocks. Arrow keys choose a block.").arg(m_data.lastOf(LayerSeries::Base) + 1).arg(m_data.blockCount);
}

QString LayerPlot::endText(LayerSeries which, int lastBlock) const {
    const protocol::ProbeSummary* item = m_data.summary(which, lastBlock);
    const QString name = m_data.nameOf(which);
    if (lastBlock < m_data.blockCount - 1) {
        const bool quantized = which == LayerSeries::Quantized;
        const bool running =
            which != LayerSeries::Other && m_data.runningStage == (quantized ? QLatin1String("quantize") : QLatin1String("capture"));
        if (running) {
            return (quantized ? tr("quantizing, block %1") : tr("capturing, block %1")).arg(lastBlock);
        }
        return tr("%1 %2, to block %3").arg(name, formatPercent(item->accuracy.value)).arg(lastBlock);
    }
    return tr("%1 %2").arg(name, formatPercent(item->accuracy.value));
}

void LayerPlot::paintLabels(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    const QRectF area = plotRect();
    struct Label {
        QString text;
        QColor color;
        bool strong;
        double y;
    };
    std::vector<Label> labels;
    const QFont strong = Theme::font(TextRole::SmallStrong);
    const QFont plain = Theme::font(TextRole::Small);
    for (const LayerSeries which : kLayerSeries) {
        const int last = m_data.lastOf(which);
        if (last < 0) {
            continue;
        }
        const QColor color = colourOf(which);
        const protocol::ProbeSummary* item = m_data.summary(which, last);
        const QPointF point(xAxis->coordToPixel(last), yOf(item->accuracy.value));
        const QString text = endText(which, last);
        const double width = QFontMetricsF(strong).horizontalAdvance(text);
        if (last < m_data.blockCount - 1) {
            painter->setPen(QPen(color, 1.3));
            painter->setBrush(Qt::NoBrush);
            painter->drawEllipse(point, 6.0, 6.0);
        }
        if (last < m_data.blockCount - 1 && point.x() + 14.0 + width < area.right()) {
            // A line of the other model may pass behind the words.
            QRectF box(point.x() + 12.0, point.y() + 1.0, width + 4.0, kLabelHeight);
            box.moveBottom(std::min(box.bottom(), area.bottom()));
            QColor halo = colors.plot;
            halo.setAlphaF(0.85F);
            painter->fillRect(box, halo);
            painter->setFont(strong);
            painter->setPen(color);
            painter->drawText(box, Qt::AlignCenter, text);
        } else {
            labels.push_back({text, color, true, point.y()});
        }
        if (m_hardBenignShown && item->hardBenign.total > 0) {
            labels.push_back({tr("hard benign %1").arg(formatPercent(item->hardBenign.value)), color, false,
                              yOf(item->hardBenign.value)});
        }
    }
    if (m_data.control) {
        labels.push_back({tr("words alone %1").arg(formatPercent(m_data.control->accuracy.value)), colors.muted, false,
                          yOf(m_data.control->accuracy.value)});
    }
    std::vector<double> wanted;
    for (const Label& label : labels) {
        wanted.push_back(label.y);
    }
    const std::vector<double> placed = spreadLabels(wanted, kLabelHeight, area.top() - 6.0, area.bottom() + 6.0);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const QRectF box(area.right() + 6.0, placed[i] - kLabelHeight / 2.0, kRight - 8.0, kLabelHeight);
        painter->setFont(labels[i].strong ? strong : plain);
        painter->setPen(labels[i].color);
        painter->drawText(box, Qt::AlignLeft | Qt::AlignVCenter,
                          QFontMetricsF(painter->font()).elidedText(labels[i].text, Qt::ElideRight, box.width()));
    }
}

void LayerPlot::paintBits(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    const QRectF area = plotRect();
    const double bottom = height() - 6.0;
    const double pitch = area.width() / std::max(m_data.blockCount, 1);
    const double width = std::clamp(pitch * 0.62, 2.0, 12.0);
    painter->setFont(Theme::font(TextRole::Small));
    painter->setPen(colors.muted);
    painter->drawText(QRectF(area.right() + 6.0, area.bottom() + 4.0, kRight, 16.0), Qt::AlignLeft | Qt::AlignVCenter, tr("block"));
    double lowest = 0.0;
    double highest = 0.0;
    int differing = 0;
    for (int block = 0; block < m_data.blockCount; ++block) {
        const BlockBits& bits = m_data.bits[std::size_t(block)];
        if (bits.requested <= 0.0) {
            continue;
        }
        lowest = lowest <= 0.0 ? bits.actual : std::min(lowest, bits.actual);
        highest = std::max(highest, bits.actual);
        differing += bits.differing > 0 ? 1 : 0;
        const double x = xAxis->coordToPixel(block) - width / 2.0;
        const auto barHeight = [](double value) { return 2.5 + value * 0.62; };
        QRectF bar(x, bottom - barHeight(bits.actual), width, barHeight(bits.actual));
        painter->fillRect(bar, bits.done ? colors.accent : colors.line);
        if (bits.differing > 0) {
            painter->setPen(QPen(colors.warning, 1.4));
            const double asked = bottom - barHeight(bits.requested);
            painter->drawLine(QPointF(x - 1.0, asked), QPointF(x + width + 1.0, asked));
        }
    }
    if (highest <= 0.0) {
        return;
    }
    const auto text = [](double bits) { return QLocale().toString(bits, 'f', std::abs(bits - std::round(bits)) < 0.05 ? 0 : 1); };
    painter->setPen(colors.muted);
    painter->drawText(QRectF(0.0, bottom - 13.0, kLeft - 6.0, 14.0), Qt::AlignRight | Qt::AlignVCenter, tr("bits"));
    const QString range = highest - lowest < 0.05 ? text(lowest) : tr("%1 to %2").arg(text(lowest), text(highest));
    painter->setPen(differing > 0 ? colors.warning : colors.muted);
    const QString verdict = differing > 0 ? tr("%1, %2 not as asked").arg(range).arg(differing) : tr("%1, as asked").arg(range);
    painter->drawText(QRectF(area.right() + 6.0, bottom - 13.0, kRight - 8.0, 14.0), Qt::AlignLeft | Qt::AlignVCenter, verdict);
}

void LayerPlot::paintFrame(QPainter* painter) {
    if (m_data.blockCount > 0) paintBits(painter);
}

void LayerPlot::paintOver(QPainter* painter) {
    paintLabels(painter);
    const int block = hover() >= 0 ? hover() : current();
    if (block < 0) return;
    const ThemeColors& colors = Theme::current();
    for (const LayerSeries which : kLayerSeries) {
        const protocol::ProbeSummary* item = m_data.summary(which, block);
        if (item == nullptr) continue;
        painter->setPen(QPen(colors.plot, 1.5));
        painter->setBrush(colourOf(which));
        painter->drawEllipse(QPointF(xAxis->coordToPixel(block), yOf(item->accuracy.value)), 4.5, 4.5);
    }
}

}  // namespace safequant::widgets
