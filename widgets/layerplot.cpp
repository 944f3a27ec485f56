// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/layerplot.h"

#include <QAccessible>
#include <QClipboard>
#include <QGuiApplication>
#include <QTimer>
#include <algorithm>
#include <cmath>
#include <limits>

#include "widgets/format.h"
#include "widgets/painting.h"
#include "widgets/plotframe.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kLeft = 56;
constexpr int kRight = 124;
constexpr int kTop = 8;
constexpr int kBottom = 48;
constexpr double kLabelHeight = 15.0;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

LayerPlot::LayerPlot(QWidget* parent) : QCustomPlot(parent) {
    setAccessibleName(tr("Separability by block"));
    preparePlot(this, QMargins(kLeft, kTop, kRight, kBottom));
    xAxis->setTicker(QSharedPointer<QCPAxisTickerText>::create());
    yAxis->setTicker(QSharedPointer<QCPAxisTickerText>::create());
    m_band = new QCPItemRect(this);
    m_band->setLayer(QStringLiteral("background"));
    m_band->topLeft->setTypeX(QCPItemPosition::ptPlotCoords);
    m_band->topLeft->setTypeY(QCPItemPosition::ptAxisRectRatio);
    m_band->bottomRight->setTypeX(QCPItemPosition::ptPlotCoords);
    m_band->bottomRight->setTypeY(QCPItemPosition::ptAxisRectRatio);
    m_band->setClipToAxisRect(false);
    m_words = addGraph();
    m_base = makeSeries();
    m_quantized = makeSeries();
    recolour();
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
    recolourPlot(this);
    m_band->setPen(Qt::NoPen);
    m_band->setBrush(colors.accentBackground);
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
    style(m_base, colors.base, 1.4, 4.5);
    style(m_quantized, colors.accent, 1.9, 5.5);
    refresh();
}

void LayerPlot::refresh() {
    if (m_pending) {
        return;
    }
    m_pending = true;
    QTimer::singleShot(0, this, &LayerPlot::rebuildIfPending);
}

void LayerPlot::rebuildIfPending() {
    if (m_pending) {
        m_pending = false;
        rebuild();
    }
}

void LayerPlot::resetRange() { m_lowest = 40.0; }

void LayerPlot::setCurrentBlock(int block) {
    if (block != m_current) {
        m_current = block;
        refresh();
    }
}

void LayerPlot::setHardBenignShown(bool shown) {
    if (shown != m_hardBenignShown) {
        m_hardBenignShown = shown;
        refresh();
    }
}

void LayerPlot::setEmptyText(const QString& text) {
    m_emptyText = text;
    describe();
    update();
}

void LayerPlot::fill(const Series& series, bool quantizedModel) {
    QVector<double> x, middle, low, high, hard;
    for (int block = 0; block < m_data.blockCount; ++block) {
        x << block;
        const protocol::ProbeSummary* item = m_data.summary(quantizedModel, block);
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
    const int count = m_data.blockCount;
    xAxis->setRange(-0.5, std::max(count, 1) - 0.5);
    yAxis->setRange(m_lowest, 101.5);
    auto xTicks = xAxis->ticker().staticCast<QCPAxisTickerText>();
    xTicks->clear();
    for (const double tick : integerTicks(count, width() - kLeft - kRight)) {
        xTicks->addTick(tick, QLocale().toString(int(tick)));
    }
    auto yTicks = yAxis->ticker().staticCast<QCPAxisTickerText>();
    yTicks->clear();
    const int step = height() < 230 || m_lowest < 20.0 ? 20 : 10;
    for (int percent = 100; percent >= int(m_lowest); percent -= step) {
        yTicks->addTick(percent, formatPercent(percent / 100.0));
    }
    yAxis->setLabel(m_data.probe == LayerChart::Probe::Transferred ? tr("accuracy, transferred") : tr("accuracy, refitted"));
}

void LayerPlot::rebuild() {
    fill(m_base, false);
    fill(m_quantized, true);
    if (m_data.control && m_data.blockCount > 0) {
        const double level = m_data.control->accuracy.value * 100.0;
        m_lowest = std::min(m_lowest, std::max(0.0, std::floor(level / 10.0) * 10.0));
        m_words->setData({-0.5, m_data.blockCount - 0.5}, {level, level}, true);
    } else {
        m_words->data()->clear();
    }
    rebuildAxes();
    m_band->setVisible(m_current >= 0 && m_current < m_data.blockCount);
    m_band->topLeft->setCoords(m_current - 0.34, 0.0);
    m_band->bottomRight->setCoords(m_current + 0.34, 1.0);
    describe();
    replot(QCustomPlot::rpQueuedRefresh);
}

void LayerPlot::describe() {
    QString text;
    if (m_data.empty()) {
        text = m_emptyText;
    } else if (m_data.has(m_current)) {
        text = m_data.card(m_current).text();
    } else {
        text = tr("%1 of %2 blocks. Arrow keys choose a block.").arg(m_data.lastOf(false) + 1).arg(m_data.blockCount);
    }
    if (text != accessibleDescription()) {
        setAccessibleDescription(text);
    }
}

QRectF LayerPlot::plotRect() const { return QRectF(axisRect()->rect()); }

int LayerPlot::blockAt(const QPointF& position) const {
    const QRectF area = plotRect().adjusted(-10.0, -kTop, 10.0, kBottom);
    return area.contains(position) ? m_data.nearest(xAxis->pixelToCoord(position.x())) : -1;
}

void LayerPlot::choose(int block) {
    if (block < 0 || block == m_current) {
        return;
    }
    setCurrentBlock(block);
    describe();
    emit blockChosen(block);
}

QString LayerPlot::endText(bool quantizedModel, int lastBlock) const {
    const protocol::ProbeSummary* item = m_data.summary(quantizedModel, lastBlock);
    const QString name = quantizedModel ? m_data.quantizedName : m_data.baseName;
    if (lastBlock < m_data.blockCount - 1) {
        const bool running = m_data.runningStage == (quantizedModel ? QLatin1String("quantize") : QLatin1String("capture"));
        if (running) {
            return (quantizedModel ? tr("quantizing, block %1") : tr("capturing, block %1")).arg(lastBlock);
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
    for (const bool quantizedModel : {false, true}) {
        const int last = m_data.lastOf(quantizedModel);
        if (last < 0) {
            continue;
        }
        const QColor color = quantizedModel ? colors.accent : colors.base;
        const protocol::ProbeSummary* item = m_data.summary(quantizedModel, last);
        const QPointF point(xAxis->coordToPixel(last), yOf(item->accuracy.value));
        const QString text = endText(quantizedModel, last);
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

void LayerPlot::paintEvent(QPaintEvent* event) {
    // What is painted is never older than what was set, whichever event comes first.
    rebuildIfPending();
    QCustomPlot::paintEvent(event);
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (m_data.blockCount > 0) {
        paintBits(&painter);
    }
    if (m_data.empty()) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(plotRect(), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
    } else {
        paintLabels(&painter);
        if (const int block = m_hover >= 0 ? m_hover : m_current; block >= 0) {
            for (const bool quantizedModel : {false, true}) {
                const protocol::ProbeSummary* item = m_data.summary(quantizedModel, block);
                if (item != nullptr) {
                    painter.setPen(QPen(colors.plot, 1.5));
                    painter.setBrush(quantizedModel ? colors.accent : colors.base);
                    painter.drawEllipse(QPointF(xAxis->coordToPixel(block), yOf(item->accuracy.value)), 4.5, 4.5);
                }
            }
        }
    }
    if (m_keyboardFocus && hasFocus()) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1.0, 1.0, -1.0, -1.0), 4.0, 4.0);
    }
    if (m_hover >= 0) {
        painter.setPen(QPen(colors.faint, 1.0));
        const double x = std::round(xAxis->coordToPixel(m_hover)) + 0.5;
        painter.drawLine(QPointF(x, plotRect().top()), QPointF(x, plotRect().bottom()));
        m_data.card(m_hover).paint(&painter, QRectF(rect()).adjusted(2.0, 2.0, -2.0, -2.0), QPointF(x, m_pointer.y()));
    }
}

bool LayerPlot::event(QEvent* event) {
    if (event->type() == QEvent::Resize) {
        refresh();
    }
    return QCustomPlot::event(event);
}

void LayerPlot::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() == Qt::LeftButton) {
        choose(blockAt(event->position()));
    }
}

void LayerPlot::mouseMoveEvent(QMouseEvent* event) {
    m_pointer = event->position();
    m_hover = blockAt(m_pointer);
    setCursor(m_hover >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
    if (event->buttons().testFlag(Qt::LeftButton)) {
        choose(m_hover);
    }
    update();
}

void LayerPlot::mouseReleaseEvent(QMouseEvent* event) { event->accept(); }

void LayerPlot::wheelEvent(QWheelEvent* event) { event->ignore(); }

void LayerPlot::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QCustomPlot::leaveEvent(event);
}

void LayerPlot::keyPressEvent(QKeyEvent* event) {
    m_keyboardFocus = true;
    if (event->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(m_data.table());
        return;
    }
    switch (event->key()) {
        case Qt::Key_Left: choose(m_data.next(m_current < 0 ? m_data.blockCount : m_current, -1)); break;
        case Qt::Key_Right: choose(m_data.next(m_current, 1)); break;
        case Qt::Key_Home: choose(m_data.end(1)); break;
        case Qt::Key_End: choose(m_data.end(-1)); break;
        default: QCustomPlot::keyPressEvent(event); return;
    }
    update();
}

void LayerPlot::focusInEvent(QFocusEvent* event) {
    m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
                      event->reason() == Qt::ShortcutFocusReason;
    QCustomPlot::focusInEvent(event);
    update();
}

void LayerPlot::focusOutEvent(QFocusEvent* event) {
    QCustomPlot::focusOutEvent(event);
    update();
}

}  // namespace safequant::widgets
