// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/linesplot.h"

#include <QClipboard>
#include <QGuiApplication>
#include <algorithm>
#include <cmath>

#include "widgets/painting.h"
#include "widgets/plotframe.h"

namespace safequant::widgets {

namespace {

constexpr int kLeft = 58;
constexpr int kRight = 136;
constexpr int kTop = 8;
constexpr int kBottom = 26;
constexpr double kLabelHeight = 15.0;

/// Round steps, read by a function.
class ReadableTicker : public QCPAxisTicker {
public:
    std::function<QString(double)> format;

protected:
    QString getTickLabel(double tick, const QLocale&, QChar, int) override { return format ? format(tick) : QString::number(tick); }
};

}  // namespace

LinesPlot::LinesPlot(const QString& title, QWidget* parent) : QCustomPlot(parent), m_band(new QCPItemRect(this)) {
    setAccessibleName(title);
    preparePlot(this, QMargins(kLeft, kTop, kRight, kBottom));
    xAxis->setTicker(QSharedPointer<QCPAxisTickerText>::create());
    yAxis->setTicker(QSharedPointer<ReadableTicker>::create());
    yAxis->ticker()->setTickCount(4);
    m_band->setLayer(QStringLiteral("background"));
    for (QCPItemPosition* corner : {m_band->topLeft, m_band->bottomRight}) {
        corner->setTypeX(QCPItemPosition::ptPlotCoords);
        corner->setTypeY(QCPItemPosition::ptAxisRectRatio);
    }
    m_band->setPen(Qt::NoPen);
    m_format = [](double value) { return QLocale().toString(value, 'g', 3); };
    rebuild();
}

void LinesPlot::setPlaces(int count, const QString& word, int first) {
    m_count = count;
    m_word = word;
    m_first = first;
    refresh();
}

void LinesPlot::setSeries(std::vector<LineSeries> series) {
    m_series = std::move(series);
    refresh();
}

void LinesPlot::setValues(const QString& axisLabel, std::function<QString(double)> format) {
    yAxis->setLabel(axisLabel);
    m_format = std::move(format);
    yAxis->ticker().staticCast<ReadableTicker>()->format = m_format;
    refresh();
}

void LinesPlot::setLeastRange(double low, double high) {
    m_low = low;
    m_high = high;
    refresh();
}

void LinesPlot::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

void LinesPlot::setCurrent(int place) {
    if (place == m_current) return;
    m_current = place;
    refresh();
}

void LinesPlot::refresh() {
    if (m_pending) return;
    m_pending = true;
    QTimer::singleShot(0, this, [this] {
        if (m_pending) rebuild();
    });
}

void LinesPlot::rebuild() {
    m_pending = false;
    recolourPlot(this);
    const ThemeColors& colors = Theme::current();
    clearGraphs();
    double low = m_low;
    double high = m_high;
    for (const LineSeries& series : m_series) {
        QVector<double> x, y;
        for (int place = 0; place < m_count; ++place) {
            const double value = place < int(series.values.size()) ? series.values[std::size_t(place)] : std::nan("");
            x << place;
            y << value;
            if (!std::isfinite(value)) continue;
            low = std::min(low, value);
            high = std::max(high, value);
        }
        QCPGraph* graph = addGraph();
        const QColor color = colors.*series.color;
        graph->setPen(QPen(color, 1.7, series.dashed ? Qt::DashLine : Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        graph->setScatterStyle(QCPScatterStyle(series.dashed ? QCPScatterStyle::ssCircle : QCPScatterStyle::ssDisc, color, 4.5));
        graph->setData(x, y, true);
    }
    xAxis->setRange(-0.5, std::max(m_count, 1) - 0.5);
    const double room = high > low ? (high - low) * 0.06 : 1.0;
    yAxis->setRange(low < m_low ? low - room : low, high + room);
    auto ticks = xAxis->ticker().staticCast<QCPAxisTickerText>();
    ticks->clear();
    for (const double tick : integerTicks(m_count, width() - kLeft - kRight)) ticks->addTick(tick, QLocale().toString(int(tick) + m_first));
    m_band->setBrush(colors.accentBackground);
    m_band->setVisible(m_current >= 0 && m_current < m_count);
    m_band->topLeft->setCoords(m_current - 0.34, 0.0);
    m_band->bottomRight->setCoords(m_current + 0.34, 1.0);
    setAccessibleDescription(anything(m_current) ? card(m_current).text() : m_emptyText);
    replot(QCustomPlot::rpQueuedRefresh);
}

bool LinesPlot::anything(int place) const {
    return std::any_of(m_series.begin(), m_series.end(), [&](const LineSeries& series) {
        return place >= 0 && place < int(series.values.size()) && std::isfinite(series.values[std::size_t(place)]);
    });
}

int LinesPlot::placeAt(const QPointF& position) const {
    const QRectF area = QRectF(axisRect()->rect()).adjusted(-10.0, -kTop, 10.0, kBottom);
    const int place = qRound(xAxis->pixelToCoord(position.x()));
    return area.contains(position) && anything(place) ? place : -1;
}

HoverCard LinesPlot::card(int place) const {
    HoverCard result;
    result.heading = QStringLiteral("%1 %2").arg(m_word, QLocale().toString(place + m_first));
    if (!result.heading.isEmpty()) result.heading[0] = result.heading[0].toUpper();
    for (const LineSeries& series : m_series)
        if (place < int(series.values.size()) && std::isfinite(series.values[std::size_t(place)]))
            result.rows.push_back({series.name, m_format(series.values[std::size_t(place)]), {}, Theme::current().*series.color, {}});
    return result;
}

QString LinesPlot::tableText() const {
    QString text = m_word;
    for (const LineSeries& series : m_series) text += QLatin1Char('\t') + series.name;
    for (int place = 0; place < m_count; ++place) {
        if (!anything(place)) continue;
        text += QStringLiteral("\n%1").arg(place + m_first);
        for (const LineSeries& series : m_series) {
            const double value = place < int(series.values.size()) ? series.values[std::size_t(place)] : std::nan("");
            text += QLatin1Char('\t') + (std::isfinite(value) ? QString::number(value, 'g', 8) : QString());
        }
    }
    return text;
}

void LinesPlot::paintLabels(QPainter* painter) const {
    const QRectF area(axisRect()->rect());
    struct Label {
        QString name, value;
        QColor color;
    };
    std::vector<Label> labels;
    std::vector<double> wanted;
    for (const LineSeries& series : m_series) {
        const auto last = std::find_if(series.values.rbegin(), series.values.rend(), [](double value) { return std::isfinite(value); });
        if (last == series.values.rend()) continue;
        labels.push_back({series.name, m_format(*last), Theme::current().*series.color});
        wanted.push_back(yAxis->coordToPixel(*last));
    }
    const std::vector<double> placed = spreadLabels(wanted, kLabelHeight, area.top() - 4.0, area.bottom() + 4.0);
    painter->setFont(Theme::font(TextRole::SmallStrong));
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const QRectF box(area.right() + 6.0, placed[i] - kLabelHeight / 2.0, kRight - 10.0, kLabelHeight);
        const double room = box.width() - painter->fontMetrics().horizontalAdvance(labels[i].value) - 6.0;
        painter->setPen(labels[i].color);
        const QString name = painter->fontMetrics().elidedText(labels[i].name, Qt::ElideRight, int(room));
        painter->drawText(box, Qt::AlignLeft | Qt::AlignVCenter, name + QLatin1Char(' ') + labels[i].value);
    }
}

void LinesPlot::paintEvent(QPaintEvent* event) {
    if (m_pending) rebuild();
    QCustomPlot::paintEvent(event);
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF area(axisRect()->rect());
    const bool empty = std::none_of(m_series.begin(), m_series.end(), [](const LineSeries& series) {
        return std::any_of(series.values.begin(), series.values.end(), [](double value) { return std::isfinite(value); });
    });
    if (empty) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
    } else {
        paintLabels(&painter);
        painter.setFont(Theme::font(TextRole::Small));
        painter.setPen(colors.muted);
        painter.drawText(QRectF(area.right() + 6.0, area.bottom() + 4.0, kRight, 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_word);
    }
    if (m_keyboardFocus && hasFocus()) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1.0, 1.0, -1.0, -1.0), 4.0, 4.0);
    }
    if (m_hover >= 0) {
        painter.setPen(QPen(colors.faint, 1.0));
        const double x = std::round(xAxis->coordToPixel(m_hover)) + 0.5;
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
        card(m_hover).paint(&painter, QRectF(rect()).adjusted(2.0, 2.0, -2.0, -2.0), QPointF(x, m_pointer.y()));
    }
}

void LinesPlot::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) refresh();
    QCustomPlot::changeEvent(event);
}

void LinesPlot::resizeEvent(QResizeEvent* event) {
    QCustomPlot::resizeEvent(event);
    refresh();
}

void LinesPlot::choose(int place) {
    if (!anything(place) || place == m_current) return;
    setCurrent(place);
    emit chosen(place);
}

void LinesPlot::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() == Qt::LeftButton) choose(placeAt(event->position()));
}

void LinesPlot::mouseMoveEvent(QMouseEvent* event) {
    m_pointer = event->position();
    m_hover = placeAt(m_pointer);
    setCursor(m_hover >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
    update();
}

void LinesPlot::mouseReleaseEvent(QMouseEvent* event) { event->accept(); }

void LinesPlot::wheelEvent(QWheelEvent* event) { event->ignore(); }

void LinesPlot::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QCustomPlot::leaveEvent(event);
}

void LinesPlot::focusInEvent(QFocusEvent* event) {
    m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
    QCustomPlot::focusInEvent(event);
    update();
}

void LinesPlot::keyPressEvent(QKeyEvent* event) {
    m_keyboardFocus = true;
    if (event->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(tableText());
        return;
    }
    const auto step = [&](int from, int direction) {
        for (int place = from + direction; place >= 0 && place < m_count; place += direction)
            if (anything(place)) return choose(place);
    };
    switch (event->key()) {
        case Qt::Key_Left: step(m_current < 0 ? m_count : m_current, -1); break;
        case Qt::Key_Right: step(m_current, 1); break;
        case Qt::Key_Home: step(-1, 1); break;
        case Qt::Key_End: step(m_count, -1); break;
        default: QCustomPlot::keyPressEvent(event);
    }
}

}  // namespace safequant::widgets
