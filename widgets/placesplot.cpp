// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/placesplot.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QTimer>
#include <algorithm>
#include <cmath>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

/// How far outside the axes, to both sides, the pointer still means a place.
constexpr double kReach = 10.0;
constexpr double kBandHalfWidth = 0.34;

/// Whole numbers 0 to count - 1 at a round step that leaves room for labels, and always the last one.
QVector<double> integerTicks(int count, double width) {
    QVector<double> ticks;
    if (count <= 0) return ticks;
    const double wanted = std::max(1.0, count * 34.0 / std::max(width, 1.0));
    double step = 1.0;
    for (const double candidate : {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0}) {
        step = candidate;
        if (candidate >= wanted) break;
    }
    for (double tick = 0.0; tick < count - 1 - step * 0.55; tick += step) ticks << tick;
    ticks << count - 1;
    return ticks;
}

}  // namespace

PlacesPlot::PlacesPlot(const QString& title, const QMargins& margins, QWidget* parent)
    : QCustomPlot(parent), m_margins(margins), m_band(new QCPItemRect(this)) {
    setAccessibleName(title);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setInteractions(QCP::Interactions());
    setNoAntialiasingOnDrag(false);
    axisRect()->setAutoMargins(QCP::msNone);
    axisRect()->setMargins(margins);
    axisRect()->setupFullAxesBox(false);
    for (QCPAxis* axis : {xAxis2, yAxis2}) axis->setVisible(false);
    for (QCPAxis* axis : {xAxis, yAxis}) {
        axis->setSubTicks(false);
        axis->setTickLength(0);
        axis->setTickLabelPadding(6);
    }
    xAxis->grid()->setVisible(false);
    yAxis->grid()->setZeroLinePen(Qt::NoPen);
    xAxis->setTicker(QSharedPointer<QCPAxisTickerText>::create());
    m_band->setLayer(QStringLiteral("background"));
    m_band->setPen(Qt::NoPen);
    for (QCPItemPosition* corner : {m_band->topLeft, m_band->bottomRight}) {
        corner->setTypeX(QCPItemPosition::ptPlotCoords);
        corner->setTypeY(QCPItemPosition::ptAxisRectRatio);
    }
}

void PlacesPlot::recolour() {
    const ThemeColors& colors = Theme::current();
    setBackground(colors.plot);
    const QFont axisFont = Theme::font(TextRole::Small);
    for (QCPAxis* axis : {xAxis, yAxis}) {
        axis->setTickLabelFont(axisFont);
        axis->setTickLabelColor(colors.muted);
        axis->setLabelFont(axisFont);
        axis->setLabelColor(colors.muted);
        axis->setBasePen(Qt::NoPen);
        axis->setTickPen(Qt::NoPen);
    }
    yAxis->setLabelPadding(2);
    yAxis->grid()->setPen(QPen(colors.grid, 1.0));
    m_band->setBrush(colors.accentBackground);
}

void PlacesPlot::refresh() {
    if (m_pending) return;
    m_pending = true;
    QTimer::singleShot(0, this, &PlacesPlot::rebuildIfPending);
}

void PlacesPlot::rebuildIfPending() {
    if (!m_pending) return;
    m_pending = false;
    recolour();
    const int count = placeCount();
    xAxis->setRange(-0.5, std::max(count, 1) - 0.5);
    auto ticks = xAxis->ticker().staticCast<QCPAxisTickerText>();
    ticks->clear();
    const QVector<double> wanted = integerTicks(count, width() - m_margins.left() - m_margins.right());
    for (const double tick : wanted) ticks->addTick(tick, QLocale().toString(int(tick) + firstNumber()));
    m_band->setVisible(m_current >= 0 && m_current < count);
    m_band->topLeft->setCoords(m_current - kBandHalfWidth, 0.0);
    m_band->bottomRight->setCoords(m_current + kBandHalfWidth, 1.0);
    if (const QString text = describe(); text != accessibleDescription()) setAccessibleDescription(text);
    rebuild();
    replot(QCustomPlot::rpQueuedRefresh);
}

bool PlacesPlot::empty() const { return next(-1, 1) < 0; }

QString PlacesPlot::describe() const { return anything(m_current) ? card(m_current).text() : m_emptyText; }

void PlacesPlot::paintFrame(QPainter*) {}

void PlacesPlot::setEmptyText(const QString& text) {
    m_emptyText = text;
    refresh();
}

void PlacesPlot::setCurrent(int place) {
    if (place == m_current) return;
    m_current = place;
    refresh();
}

void PlacesPlot::choose(int place) {
    if (!anything(place) || place == m_current) return;
    setCurrent(place);
    emit chosen(place);
}

int PlacesPlot::next(int place, int direction) const {
    for (int at = place + direction; at >= 0 && at < placeCount(); at += direction)
        if (anything(at)) return at;
    return -1;
}

int PlacesPlot::placeAt(const QPointF& position) const {
    if (!plotRect().adjusted(-kReach, -m_margins.top(), kReach, m_margins.bottom()).contains(position)) return -1;
    const double x = xAxis->pixelToCoord(position.x());
    int nearest = -1;
    for (int place = next(-1, 1); place >= 0; place = next(place, 1))
        if (nearest < 0 || std::abs(place - x) < std::abs(nearest - x)) nearest = place;
    return nearest;
}

void PlacesPlot::paintEvent(QPaintEvent* event) {
    // What is painted is never older than what was set, whichever event comes first.
    rebuildIfPending();
    QCustomPlot::paintEvent(event);
    const ThemeColors& colors = Theme::current();
    const QRectF area = plotRect();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    paintFrame(&painter);
    if (empty()) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(area, Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
    } else {
        paintOver(&painter);
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

void PlacesPlot::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) refresh();
    QCustomPlot::changeEvent(event);
}

void PlacesPlot::resizeEvent(QResizeEvent* event) {
    QCustomPlot::resizeEvent(event);
    refresh();
}

void PlacesPlot::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() == Qt::LeftButton) choose(placeAt(event->position()));
}

void PlacesPlot::mouseMoveEvent(QMouseEvent* event) {
    m_pointer = event->position();
    m_hover = placeAt(m_pointer);
    setCursor(m_hover >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
    if (chosenByDragging() && event->buttons().testFlag(Qt::LeftButton)) choose(m_hover);
    update();
}

void PlacesPlot::mouseReleaseEvent(QMouseEvent* event) { event->accept(); }

void PlacesPlot::wheelEvent(QWheelEvent* event) { event->ignore(); }

void PlacesPlot::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QCustomPlot::leaveEvent(event);
}

void PlacesPlot::keyPressEvent(QKeyEvent* event) {
    m_keyboardFocus = true;
    if (event->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(tableText());
        return;
    }
    switch (event->key()) {
        case Qt::Key_Left: choose(next(m_current < 0 ? placeCount() : m_current, -1)); break;
        case Qt::Key_Right: choose(next(m_current, 1)); break;
        case Qt::Key_Home: choose(next(-1, 1)); break;
        case Qt::Key_End: choose(next(placeCount(), -1)); break;
        default: QCustomPlot::keyPressEvent(event); return;
    }
    update();
}

void PlacesPlot::focusInEvent(QFocusEvent* event) {
    m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
                      event->reason() == Qt::ShortcutFocusReason;
    QCustomPlot::focusInEvent(event);
    update();
}

void PlacesPlot::focusOutEvent(QFocusEvent* event) {
    QCustomPlot::focusOutEvent(event);
    update();
}

}  // namespace safequant::widgets
