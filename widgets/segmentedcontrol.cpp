// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/segmentedcontrol.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kControlHeight = 24;
constexpr int kSidePadding = 10;
constexpr double kRadius = 6.0;

}  // namespace

SegmentedControl::SegmentedControl(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void SegmentedControl::addSegment(const QString& text, const QVariant& value, const QString& toolTip) {
    m_segments.push_back({text, value.isValid() ? value : QVariant(text), toolTip, true});
    updateGeometry();
    update();
    describe();
}

void SegmentedControl::clear() {
    m_segments.clear();
    m_hover = -1;
    setCurrentIndex(-1);
    updateGeometry();
    update();
}

QString SegmentedControl::segmentText(int index) const { return m_segments.value(index).text; }

QVariant SegmentedControl::segmentValue(int index) const { return m_segments.value(index).value; }

void SegmentedControl::setSegmentEnabled(int index, bool enabled) {
    if (index >= 0 && index < count() && m_segments[index].enabled != enabled) {
        m_segments[index].enabled = enabled;
        update();
    }
}

QVariant SegmentedControl::currentValue() const { return segmentValue(m_current); }

void SegmentedControl::setCurrentIndex(int index) {
    index = index >= 0 && index < count() ? index : -1;
    if (index == m_current) {
        return;
    }
    m_current = index;
    describe();
    update();
    emit currentIndexChanged(index);
}

void SegmentedControl::setCurrentValue(const QVariant& value) {
    for (int index = 0; index < count(); ++index) {
        if (m_segments[index].value == value) {
            setCurrentIndex(index);
            return;
        }
    }
    setCurrentIndex(-1);
}

void SegmentedControl::describe() {
    QStringList all;
    for (const Segment& segment : m_segments) {
        all << segment.text;
    }
    setAccessibleDescription(m_current >= 0 ? tr("%1 chosen of %2").arg(segmentText(m_current), all.join(QStringLiteral(", ")))
                                            : tr("none chosen of %1").arg(all.join(QStringLiteral(", "))));
}

int SegmentedControl::segmentWidth(int index) const {
    const QFontMetrics metrics(Theme::font(TextRole::SecondaryStrong));
    return std::max(metrics.horizontalAdvance(m_segments[index].text) + 2 * kSidePadding, 28);
}

QSize SegmentedControl::sizeHint() const {
    int width = 2;
    for (int index = 0; index < count(); ++index) {
        width += segmentWidth(index);
    }
    return {width, kControlHeight};
}

QSize SegmentedControl::minimumSizeHint() const { return sizeHint(); }

QRect SegmentedControl::segmentRect(int index) const {
    int left = 1;
    for (int before = 0; before < index; ++before) {
        left += segmentWidth(before);
    }
    return {left, (height() - kControlHeight) / 2, segmentWidth(index), kControlHeight};
}

int SegmentedControl::segmentAt(const QPoint& position) const {
    for (int index = 0; index < count(); ++index) {
        if (segmentRect(index).contains(position)) {
            return index;
        }
    }
    return -1;
}

void SegmentedControl::choose(int index) {
    if (index < 0 || index == m_current || !m_segments[index].enabled) {
        return;
    }
    setCurrentIndex(index);
    emit activated(index);
    emit valueActivated(m_segments[index].value);
}

void SegmentedControl::step(int direction) {
    for (int index = m_current + direction; index >= 0 && index < count(); index += direction) {
        if (m_segments[index].enabled) {
            choose(index);
            return;
        }
    }
}

bool SegmentedControl::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int index = segmentAt(help->pos());
        if (index >= 0 && !m_segments[index].toolTip.isEmpty()) {
            QToolTip::showText(help->globalPos(), m_segments[index].toolTip, this, segmentRect(index));
            return true;
        }
    }
    return QWidget::event(event);
}

void SegmentedControl::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF frame = QRectF(0.0, (height() - kControlHeight) / 2.0, sizeHint().width(), kControlHeight).adjusted(0.5, 0.5, -0.5, -0.5);
    QPainterPath outline;
    outline.addRoundedRect(frame, kRadius, kRadius);
    painter.fillPath(outline, isEnabled() ? colors.panel : colors.window);
    painter.setClipPath(outline);
    for (int index = 0; index < count(); ++index) {
        const QRect cell = segmentRect(index);
        const bool on = index == m_current;
        if (on) {
            painter.fillRect(QRectF(cell).adjusted(index == 0 ? -1.0 : 0.0, 0.0, index == count() - 1 ? 1.0 : 0.0, 0.0),
                             isEnabled() ? colors.accent : colors.line);
        } else if (index == m_hover && isEnabled() && m_segments[index].enabled) {
            painter.fillRect(cell, colors.grid);
        }
        painter.setFont(Theme::font(on ? TextRole::SecondaryStrong : TextRole::Secondary));
        const bool usable = isEnabled() && m_segments[index].enabled;
        painter.setPen(on && isEnabled() ? colors.onAccent : usable ? colors.text : colors.faint);
        painter.drawText(cell, Qt::AlignCenter, m_segments[index].text);
        if (index > 0 && !on && index - 1 != m_current) {
            painter.setPen(colors.line);
            painter.drawLine(cell.topLeft(), cell.bottomLeft());
        }
    }
    painter.setClipping(false);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(hasFocus() ? colors.text : colors.line, hasFocus() ? 1.6 : 1.0));
    painter.drawPath(outline);
}

void SegmentedControl::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        choose(segmentAt(event->pos()));
    }
}

void SegmentedControl::mouseMoveEvent(QMouseEvent* event) {
    const int hover = segmentAt(event->pos());
    if (hover != m_hover) {
        m_hover = hover;
        update();
    }
}

void SegmentedControl::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QWidget::leaveEvent(event);
}

void SegmentedControl::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Left:
        case Qt::Key_Up: step(-1); break;
        case Qt::Key_Right:
        case Qt::Key_Down: step(1); break;
        case Qt::Key_Home: choose(0); break;
        case Qt::Key_End: choose(count() - 1); break;
        default: QWidget::keyPressEvent(event);
    }
}

void SegmentedControl::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange || event->type() == QEvent::EnabledChange) {
        updateGeometry();
        update();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
