// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/bitschart.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QLocale>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "widgets/format.h"
#include "widgets/painting.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kLeft = 34.0, kRight = 8.0, kTop = 8.0;
constexpr double kNames = 18.0;   ///< Under the axis: numbers of blocks.
constexpr double kErrors = 34.0;  ///< Under those: errors.
constexpr int kMostBits = 8;
/// Where bars of unquantized linears end: above 8, and not twice as high.
constexpr double kUnquantized = 9.5;
constexpr double kTopOfScale = 10.0;
constexpr int kDragStart = 3;

double heightOf(double bits) { return bits > kMostBits ? kMostBits + (kUnquantized - kMostBits) * (bits - kMostBits) / (16.0 - kMostBits) : bits; }

QString bitsText(double bits) { return QLocale().toString(bits, 'f', std::abs(bits - std::round(bits)) < 1e-9 ? 0 : 2); }

QString shortName(const QString& linear) {
    const QString last = linear.section(QLatin1Char('.'), -1);
    return last.endsWith(QLatin1String("_proj")) ? last.chopped(5) : last;
}

}  // namespace

BitsChart::BitsChart(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAccessibleName(tr("Weight bits of every block"));
    describe();
}

void BitsChart::setLinears(std::vector<Linear> linears) {
    m_linears = std::move(linears);
    rebuild();
}

void BitsChart::setFused(bool fused) {
    m_fused = fused;
    rebuild();
}

void BitsChart::setErrorName(const QString& name) {
    m_errorName = name;
    update();
}

void BitsChart::setOpen(int block, bool open) {
    if (open ? !m_open.insert(block).second : m_open.erase(block) == 0) return;
    const int before = m_current >= 0 && m_current < barCount() ? m_bars[std::size_t(m_current)].block : -1;
    m_selected.clear();
    rebuild();
    for (int bar = 0; bar < barCount(); ++bar) {
        if (m_bars[std::size_t(bar)].block == before) {
            moveTo(bar, false);
            break;
        }
    }
    emit selectionChanged();
}

void BitsChart::rebuild() {
    m_bars.clear();
    for (std::size_t i = 0; i < m_linears.size(); ++i) {
        const Linear& linear = m_linears[i];
        const bool open = m_open.contains(linear.block);
        const int item = !open ? -1 : m_fused ? linear.item : int(i);
        const auto same = std::find_if(m_bars.begin(), m_bars.end(), [&](const Bar& bar) { return bar.block == linear.block && bar.item == item; });
        if (same == m_bars.end()) m_bars.push_back({linear.block, item, {i}});
        else same->linears.push_back(i);
    }
    std::erase_if(m_selected, [this](int bar) { return bar >= barCount(); });
    m_current = std::min(m_current, barCount() - 1);
    describe();
    update();
}

QString BitsChart::barName(int bar) const {
    const Bar& shown = m_bars[std::size_t(bar)];
    const QString block = tr("block %1").arg(shown.block);
    if (shown.item < 0) return block;
    QStringList names;
    for (const std::size_t linear : shown.linears) names << shortName(m_linears[linear].name);
    return block + QLatin1Char(' ') + names.join(QStringLiteral(", "));
}

double BitsChart::barBits(int bar) const {
    double bits = 0.0, weights = 0.0;
    for (const std::size_t linear : m_bars[std::size_t(bar)].linears) {
        bits += m_linears[linear].bits * m_linears[linear].weights;
        weights += m_linears[linear].weights;
    }
    return weights > 0.0 ? bits / weights : 0.0;
}

QStringList BitsChart::barLinears(int bar) const {
    QStringList names;
    for (const std::size_t linear : m_bars[std::size_t(bar)].linears) names << m_linears[linear].name;
    return names;
}

double BitsChart::barError(const Bar& bar) const {
    double squares = 0.0;
    for (const std::size_t linear : bar.linears) {
        if (m_linears[linear].error < 0.0) return -1.0;
        squares += m_linears[linear].error * m_linears[linear].error;
    }
    return std::sqrt(squares / double(std::max<std::size_t>(1, bar.linears.size())));
}

double BitsChart::largestError() const {
    double largest = 0.0;
    for (const Bar& bar : m_bars) largest = std::max(largest, barError(bar));
    return largest;
}

QList<int> BitsChart::selectedBars() const { return QList<int>(m_selected.begin(), m_selected.end()); }

QStringList BitsChart::selectedLinears() const {
    QStringList names;
    for (const int bar : m_selected) names << barLinears(bar);
    return names;
}

void BitsChart::selectBars(const QList<int>& bars) {
    m_selected.clear();
    for (const int bar : bars)
        if (bar >= 0 && bar < barCount()) m_selected.insert(bar);
    m_current = m_anchor = m_selected.empty() ? -1 : *m_selected.begin();
    describe();
    update();
    emit selectionChanged();
}

QString BitsChart::tableText() const {
    QStringList lines;
    for (int bar = 0; bar < barCount(); ++bar) {
        const double error = barError(m_bars[std::size_t(bar)]);
        QString line = tr("%1: %2 bits").arg(barName(bar), bitsText(barBits(bar)));
        if (error >= 0.0) line += tr(", %1 %2").arg(m_errorName, formatPercent(error, 2));
        lines << line;
    }
    return lines.join(QLatin1Char('\n'));
}

QRectF BitsChart::plotRect() const { return QRectF(kLeft, kTop, std::max(1.0, width() - kLeft - kRight), std::max(1.0, axisY() - kTop)); }

double BitsChart::axisY() const { return height() - kNames - (largestError() > 0.0 ? kErrors : 4.0); }

double BitsChart::yOf(double bits) const { return axisY() - (axisY() - kTop) * heightOf(bits) / kTopOfScale; }

int BitsChart::bitsAt(double y) const {
    const double scale = (axisY() - y) / std::max(1.0, axisY() - kTop) * kTopOfScale;
    if (scale > kMostBits + 0.75) return 16;
    return std::clamp(int(std::lround(scale)), 2, kMostBits);
}

QRectF BitsChart::barRect(int bar) const {
    const QRectF plot = plotRect();
    const double step = plot.width() / std::max(1, barCount());
    const double gap = std::clamp(step * 0.25, 1.0, 6.0);
    const double top = yOf(barBits(bar));
    return QRectF(plot.left() + step * bar + gap / 2.0, top, std::min(step - gap, 40.0), axisY() - top);
}

int BitsChart::barAt(const QPointF& position) const {
    const QRectF plot = plotRect();
    if (m_bars.empty() || position.x() < plot.left() || position.x() >= plot.right()) return -1;
    return std::clamp(int((position.x() - plot.left()) * barCount() / plot.width()), 0, barCount() - 1);
}

QStringList BitsChart::affected(int bar) const { return m_selected.contains(bar) ? selectedLinears() : barLinears(bar); }

void BitsChart::moveTo(int bar, bool extend) {
    m_current = std::clamp(bar, 0, barCount() - 1);
    if (!extend || m_anchor < 0) m_anchor = m_current;
    m_selected.clear();
    for (int between = std::min(m_anchor, m_current); between <= std::max(m_anchor, m_current); ++between) m_selected.insert(between);
    describe();
    update();
    emit selectionChanged();
}

void BitsChart::stepBits(int direction) {
    if (m_current < 0) return;
    const double now = barBits(m_current);
    int bits = direction > 0 ? int(std::floor(now + 1e-9)) + 1 : int(std::ceil(now - 1e-9)) - 1;
    if (bits > kMostBits) bits = direction > 0 ? 16 : kMostBits;
    emit bitsEdited(affected(m_current), std::max(bits, 2), ++m_gesture);
}

void BitsChart::mousePressEvent(QMouseEvent* event) {
    const int bar = barAt(event->position());
    if (bar < 0 || event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
    m_pressed = event->position();
    m_moved = false;
    m_dragged = bar;
    m_draggedBits = -1;
    ++m_gesture;
    if (event->modifiers() & Qt::ShiftModifier) return moveTo(bar, true);
    if (event->modifiers() & Qt::ControlModifier) {
        if (!m_selected.insert(bar).second) m_selected.erase(bar);
        m_current = m_anchor = bar;
        m_dragged = -1;
        describe();
        update();
        emit selectionChanged();
    } else if (!m_selected.contains(bar)) {
        moveTo(bar, false);
    } else {
        m_current = bar;
    }
}

void BitsChart::mouseMoveEvent(QMouseEvent* event) {
    if (m_dragged < 0 || !(event->buttons() & Qt::LeftButton)) {
        setCursor(barAt(event->position()) >= 0 ? Qt::SizeVerCursor : Qt::ArrowCursor);
        return;
    }
    if (!m_moved && std::abs(event->position().y() - m_pressed.y()) < kDragStart) return;
    m_moved = true;
    const int bits = bitsAt(event->position().y());
    if (bits == m_draggedBits) return;
    m_draggedBits = bits;
    emit bitsEdited(affected(m_dragged), bits, m_gesture);
}

void BitsChart::mouseReleaseEvent(QMouseEvent* event) {
    // A click on one of several selected bars selects it alone.
    if (m_dragged >= 0 && !m_moved && !(event->modifiers() & (Qt::ShiftModifier | Qt::ControlModifier))) moveTo(m_dragged, false);
    m_dragged = -1;
}

void BitsChart::mouseDoubleClickEvent(QMouseEvent* event) {
    const int bar = barAt(event->position());
    m_dragged = -1;
    if (bar < 0) return;
    const int block = m_bars[std::size_t(bar)].block;
    setOpen(block, !isOpen(block));
}

void BitsChart::keyPressEvent(QKeyEvent* event) {
    const bool extend = event->modifiers() & Qt::ShiftModifier;
    if (event->matches(QKeySequence::SelectAll) && barCount() > 0) {
        m_anchor = 0;
        return moveTo(barCount() - 1, true);
    }
    if (barCount() == 0) return QWidget::keyPressEvent(event);
    switch (event->key()) {
        case Qt::Key_Left: return moveTo(m_current < 0 ? 0 : m_current - 1, extend);
        case Qt::Key_Right: return moveTo(m_current + 1, extend);
        case Qt::Key_Home: return moveTo(0, extend);
        case Qt::Key_End: return moveTo(barCount() - 1, extend);
        case Qt::Key_Up: return stepBits(1);
        case Qt::Key_Down: return stepBits(-1);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (m_current >= 0) setOpen(m_bars[std::size_t(m_current)].block, !isOpen(m_bars[std::size_t(m_current)].block));
            return;
        default: break;
    }
    const int digit = event->key() - Qt::Key_0;
    if (m_current >= 0 && (digit == 0 || (digit >= 2 && digit <= kMostBits))) {
        emit bitsEdited(affected(m_current), digit == 0 ? 16 : digit, ++m_gesture);
        return;
    }
    QWidget::keyPressEvent(event);
}

bool BitsChart::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int bar = barAt(help->pos());
        if (bar < 0) QToolTip::hideText();
        else QToolTip::showText(help->globalPos(), tableText().section(QLatin1Char('\n'), bar, bar), this);
        return true;
    }
    // The arrows belong to the bars, not to shortcuts of the window.
    if (event->type() == QEvent::ShortcutOverride) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool digit = key->key() >= Qt::Key_0 && key->key() <= Qt::Key_8 && key->modifiers() == Qt::NoModifier;
        if (digit || key->key() == Qt::Key_Left || key->key() == Qt::Key_Right || key->key() == Qt::Key_Up || key->key() == Qt::Key_Down) {
            event->accept();
            return true;
        }
    }
    return QWidget::event(event);
}

void BitsChart::paintBar(QPainter* painter, int bar, double worst) const {
    const ThemeColors& colors = Theme::current();
    const Bar& shown = m_bars[std::size_t(bar)];
    const QRectF area = barRect(bar);
    const bool selected = m_selected.contains(bar);
    const bool unquantized = barBits(bar) > kMostBits;
    const QColor tone = selected ? colors.accent : colors.base;
    painter->setPen(QPen(tone, 1.0));
    painter->setBrush(unquantized ? QBrush(tone, Qt::BDiagPattern) : QBrush(selected ? tone : Theme::blend(tone, colors.plot, 0.7)));
    painter->drawRect(area.adjusted(0.5, 0.5, -0.5, 0.0));
    const double error = barError(shown);
    if (error < 0.0 || worst <= 0.0) return;
    const double top = axisY() + kNames;
    painter->setPen(Qt::NoPen);
    painter->setBrush(colors.fourth);
    painter->drawRect(QRectF(area.left(), top, area.width(), std::max(1.0, (kErrors - 8.0) * error / worst)));
}

void BitsChart::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.fillRect(rect(), colors.plot);
    const QRectF plot = plotRect();
    painter.setFont(Theme::font(TextRole::Small));
    for (const int bits : {2, 4, 6, 8, 16}) {
        const double y = std::round(yOf(bits)) + 0.5;
        painter.setPen(QPen(colors.grid, 1.0));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(colors.muted);
        drawTabular(&painter, QRectF(0.0, y - 8.0, kLeft - 8.0, 16.0), Qt::AlignRight, QString::number(bits));
    }
    const double worst = largestError();
    for (int bar = 0; bar < barCount(); ++bar) paintBar(&painter, bar, worst);
    painter.setPen(QPen(colors.line, 1.0));
    painter.drawLine(QPointF(plot.left(), std::round(axisY()) + 0.5), QPointF(plot.right(), std::round(axisY()) + 0.5));

    // A number for every block that has room for it, the first bar of an opened one.
    double free = -1e9;
    for (int bar = 0; bar < barCount(); ++bar) {
        const Bar& shown = m_bars[std::size_t(bar)];
        if (bar > 0 && m_bars[std::size_t(bar - 1)].block == shown.block) continue;
        const QRectF area = barRect(bar);
        if (area.left() < free) continue;
        painter.setPen(isOpen(shown.block) ? colors.text : colors.muted);
        painter.setFont(Theme::font(isOpen(shown.block) ? TextRole::SmallStrong : TextRole::Small));
        drawTabular(&painter, QRectF(area.center().x() - 20.0, axisY() + 1.0, 40.0, kNames - 2.0), Qt::AlignHCenter, QString::number(shown.block));
        free = area.left() + 22.0;
    }
    if (worst > 0.0) {
        painter.setFont(Theme::font(TextRole::Small));
        painter.setPen(colors.muted);
        painter.drawText(QRectF(0.0, axisY() + kNames - 2.0, kLeft - 6.0, 16.0), Qt::AlignRight | Qt::AlignVCenter, tr("err."));
    }
    if (hasFocus() && m_current >= 0 && m_current < barCount()) {
        painter.setPen(QPen(colors.text, 1.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(barRect(m_current).adjusted(-2.5, -2.5, 2.5, 0.5));
    }
    if (m_bars.empty()) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(plot, Qt::AlignCenter, tr("No linears yet."));
    }
}

void BitsChart::describe() {
    if (m_current < 0 || m_current >= barCount()) {
        setAccessibleDescription(tr("%1 bars. Left and Right go through them, Up and Down change their bits.").arg(barCount()));
        return;
    }
    QString text = tableText().section(QLatin1Char('\n'), m_current, m_current);
    if (m_selected.size() > 1) text += tr(", %1 bars selected").arg(m_selected.size());
    setAccessibleDescription(text);
}

void BitsChart::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    if (m_current < 0 && barCount() > 0 && event->reason() != Qt::MouseFocusReason) moveTo(0, false);
    update();
}

void BitsChart::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

void BitsChart::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
