// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/projectionpane.h"

#include <QApplication>
#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kHeader = 24.0;
constexpr double kFooter = 22.0;
constexpr double kHoverRing = 6.5;

SelectionMode modeOf(Qt::KeyboardModifiers modifiers) {
    const bool control = modifiers.testFlag(Qt::ControlModifier);
    if (modifiers.testFlag(Qt::AltModifier) || (control && modifiers.testFlag(Qt::ShiftModifier))) {
        return SelectionMode::Subtract;
    }
    return control ? SelectionMode::Add : SelectionMode::Replace;
}

ShapeGesture::Kind shapeOf(SelectionTool tool) {
    switch (tool) {
        case SelectionTool::Box: return ShapeGesture::Kind::Box;
        case SelectionTool::Lasso: return ShapeGesture::Kind::Lasso;
        case SelectionTool::Polygon: return ShapeGesture::Kind::Polygon;
        case SelectionTool::Point:
        case SelectionTool::Pan: break;
    }
    return ShapeGesture::Kind::None;
}

}  // namespace

ProjectionPane::ProjectionPane(QWidget* parent) : QWidget(parent), m_boundary(std::numeric_limits<double>::quiet_NaN()) {
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    refreshCursor();
}

void ProjectionPane::setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts) {
    cancelShape();
    m_scene.setPrompts(std::move(prompts));
    invalidate();
}

void ProjectionPane::setSelectionModel(SelectionModel* selection) {
    if (m_selection != nullptr) {
        m_selection->disconnect(this);
    }
    m_selection = selection;
    if (selection != nullptr) {
        connect(selection, &SelectionModel::selectionChanged, this, &ProjectionPane::takeSelection);
        connect(selection, &SelectionModel::currentChanged, this, &ProjectionPane::takeSelection);
    }
    takeSelection();
}

void ProjectionPane::takeSelection() {
    m_scene.setSelection(m_selection);
    m_shape.followSelection();
    if (m_pinned >= 0 && m_selection != nullptr && m_selection->current() >= 0) {
        m_pinned = m_selection->current();
    }
    invalidate();
}

void ProjectionPane::setContentShield(ContentShield* shield) {
    if (m_shield != nullptr) {
        m_shield->disconnect(this);
    }
    m_shield = shield;
    if (shield != nullptr) {
        connect(shield, &ContentShield::changed, this, &ProjectionPane::refreshCards);
    }
    refreshCards();
}

void ProjectionPane::setSlices(const std::vector<PromptSlice>& slices) {
    m_scene.setSlices(slices);
    invalidate();
}

void ProjectionPane::setCardSource(std::function<HoverCard(int prompt)> source) { m_card = std::move(source); }

void ProjectionPane::setTitle(const QString& name, const QString& detail) {
    m_name = name;
    m_detail = detail;
    refreshCards();
}

void ProjectionPane::setPoints(ProjectionPoints points, std::vector<QPointF> before) {
    cancelShape();
    m_hover = -1;
    m_scene.setPoints(std::move(points), std::move(before));
    invalidate();
}

void ProjectionPane::setGuests(std::vector<GuestMark> guests) {
    m_guests = std::move(guests);
    update();
}

void ProjectionPane::setMoves(std::vector<CloudMove> moves) {
    m_moves = std::move(moves);
    update();
}

void ProjectionPane::setBoundary(double boundary) {
    m_boundary = boundary;
    update();
}

void ProjectionPane::setFootLabels(const QString& left, const QString& right) {
    m_left = left;
    m_right = right;
    update();
}

void ProjectionPane::setEmptyText(const QString& text) {
    m_emptyText = text;
    refreshCards();
}

void ProjectionPane::setBusy(bool busy) {
    if (busy != m_busy) {
        m_busy = busy;
        update();
    }
}

void ProjectionPane::setRange(const QRectF& range) {
    if (range == m_scene.range()) {
        return;
    }
    m_scene.setView(plotRect(), range);
    m_shape.followRange();
    invalidate();
}

void ProjectionPane::setTool(SelectionTool tool) {
    cancelShape();
    m_tool = tool;
    refreshCursor();
}

void ProjectionPane::refreshCards() {
    describe();
    update();
}

void ProjectionPane::invalidate() {
    m_dirty = true;
    emit drawingChanged();
    refreshCards();
}

QRectF ProjectionPane::plotRect() const { return QRectF(rect()).adjusted(0.0, kHeader, 0.0, -kFooter); }

QPointF ProjectionPane::positionOf(int prompt, bool before) const {
    const int row = m_scene.rowOf(prompt);
    return row < 0 || (before && !m_scene.overlaid()) ? QPointF() : m_scene.placeOf(std::size_t(row), before);
}

void ProjectionPane::describe() {
    setAccessibleName(m_name.isEmpty() ? tr("Projection") : tr("Projection, %1").arg(m_name));
    QString text;
    if (m_scene.empty()) {
        text = m_emptyText;
    } else {
        text = tr("n = %1").arg(m_scene.rows());
        if (!m_detail.isEmpty()) {
            text += QStringLiteral(", ") + m_detail;
        }
        const int current = m_selection != nullptr ? m_selection->current() : -1;
        if (m_scene.rowOf(current) >= 0 && m_card) {
            text += QLatin1Char('\n') + m_card(current).text();
        }
    }
    if (text != accessibleDescription()) {
        setAccessibleDescription(text);
    }
}

void ProjectionPane::refreshCursor() {
    if (m_drag == Drag::Pan) {
        setCursor(Qt::ClosedHandCursor);
    } else if (m_shape.active() || m_tool == SelectionTool::Polygon) {
        setCursor(Qt::CrossCursor);
    } else if (m_hover >= 0 || m_pinnedCard.contains(m_pointer)) {
        setCursor(Qt::PointingHandCursor);
    } else if (m_tool == SelectionTool::Pan) {
        setCursor(Qt::OpenHandCursor);
    } else {
        setCursor(m_tool == SelectionTool::Point ? Qt::ArrowCursor : Qt::CrossCursor);
    }
}

void ProjectionPane::paintGround(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    const QRectF area = plotRect();
    if (m_scene.empty()) {
        painter->fillRect(area, Theme::blend(colors.window, colors.plot, 0.6));
        return;
    }
    if (!std::isfinite(m_boundary)) {
        painter->fillRect(area, Theme::blend(colors.muted, colors.plot, 0.05));
        return;
    }
    const double alpha = colors.dark ? 0.075 : 0.05;
    const double middle = std::clamp(m_scene.toPixel(QPointF(m_boundary, 0.0)).x(), area.left(), area.right());
    painter->fillRect(QRectF(area.left(), area.top(), middle - area.left(), area.height()),
                      Theme::blend(colors.benign, colors.plot, alpha));
    painter->fillRect(QRectF(middle, area.top(), area.right() - middle, area.height()),
                      Theme::blend(colors.malicious, colors.plot, alpha));
    if (middle > area.left() && middle < area.right()) {
        painter->setPen(QPen(colors.muted, 1.0, Qt::CustomDashLine));
        QPen pen = painter->pen();
        pen.setDashPattern({4.0, 3.0});
        painter->setPen(pen);
        const double x = std::round(middle) + 0.5;
        painter->drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    }
}

void ProjectionPane::paintFrame(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    const QRectF area = plotRect();
    painter->setFont(Theme::font(TextRole::BodyStrong));
    painter->setPen(colors.text);
    const QRectF header(area.left() + 2.0, 0.0, area.width() - 4.0, kHeader - 4.0);
    painter->drawText(header, Qt::AlignLeft | Qt::AlignVCenter, m_name);
    if (!m_detail.isEmpty() && !m_scene.empty()) {
        const double used = painter->fontMetrics().horizontalAdvance(m_name) + 6.0;
        painter->setFont(Theme::font(TextRole::Body));
        painter->setPen(colors.muted);
        const QRectF rest = header.adjusted(used, 0.0, 0.0, 0.0);
        painter->drawText(rest, Qt::AlignLeft | Qt::AlignVCenter,
                          painter->fontMetrics().elidedText(m_detail, Qt::ElideRight, int(rest.width())));
    }
    if (m_scene.empty()) {
        painter->setFont(Theme::font(TextRole::Body));
        painter->setPen(colors.muted);
        painter->drawText(area.adjusted(16.0, 0.0, -16.0, 0.0), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    painter->setFont(Theme::font(TextRole::Small));
    painter->setPen(colors.muted);
    const QRectF footer(area.left() + 2.0, area.bottom() + 3.0, area.width() - 4.0, kFooter - 4.0);
    painter->drawText(footer, Qt::AlignLeft | Qt::AlignVCenter, m_left);
    painter->drawText(footer, Qt::AlignRight | Qt::AlignVCenter, m_right);
}

void ProjectionPane::paintCards(QPainter* painter) {
    const int pinned = m_scene.rowOf(m_pinned);
    m_pinnedCard = {};
    for (const int row : {pinned, m_hover != pinned ? m_hover : -1}) {
        if (row < 0 || std::size_t(row) >= m_scene.rows() || !m_card) {
            continue;
        }
        const QPointF place = m_scene.placeOf(std::size_t(row));
        painter->setPen(QPen(Theme::current().text, 1.2));
        painter->setBrush(Qt::NoBrush);
        painter->drawEllipse(place, kHoverRing, kHoverRing);
        HoverCard card = m_card(m_scene.points().prompts[std::size_t(row)]);
        card.pinned = row == pinned;
        const QRectF painted = card.paint(painter, QRectF(rect()).adjusted(1.0, 1.0, -1.0, -1.0), place);
        if (card.pinned) {
            m_pinnedCard = painted;
        }
    }
}

void ProjectionPane::paintEvent(QPaintEvent*) {
    if (m_dirty || m_picture.size() != size() * devicePixelRatioF()) {
        m_picture = m_scene.render(size(), devicePixelRatioF());
        m_dirty = false;
    }
    QPainter painter(this);
    paintGround(&painter);
    painter.setOpacity(m_busy ? 0.45 : 1.0);
    painter.drawImage(QPointF(0.0, 0.0), m_picture);
    painter.setOpacity(1.0);
    painter.setRenderHint(QPainter::Antialiasing);
    paintFrame(&painter);
    const auto toPixel = [this](const QPointF& place) { return m_scene.toPixel(place); };
    paintCloudMoves(&painter, m_moves, plotRect(), toPixel);
    paintGuests(&painter, m_guests, plotRect(), toPixel);
    if (m_keyboardFocus && hasFocus()) {
        painter.setPen(QPen(Theme::current().accent, 2.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(plotRect().adjusted(1.0, 1.0, -1.0, -1.0));
    }
    if (m_shape.active()) {
        m_shape.paint(&painter, plotRect());
    } else {
        paintCards(&painter);
    }
}

void ProjectionPane::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    m_scene.setView(plotRect(), m_scene.range());
    m_dirty = true;
}

std::optional<LabelCounts> ProjectionPane::pendingCounts() const {
    return m_shape.active() ? std::optional(m_shape.counts()) : std::nullopt;
}

void ProjectionPane::finishShape() {
    const QList<int> prompts = m_shape.prompts();
    cancelShape();
    if (m_selection != nullptr) {
        m_selection->apply(m_shape.mode(), prompts);
    }
}

bool ProjectionPane::cancelShape() {
    if (!m_shape.active()) {
        return false;
    }
    m_shape.cancel();
    m_drag = Drag::None;
    refreshCursor();
    emit shapeChanged();
    update();
    return true;
}

void ProjectionPane::pin(int prompt) {
    m_pinned = prompt;
    m_pinnedCard = {};
    update();
}

void ProjectionPane::click(const QPointF& pixel, SelectionMode mode) {
    if (m_selection == nullptr) {
        return;
    }
    const int row = m_scene.rowAt(pixel);
    if (row < 0) {
        if (mode == SelectionMode::Replace) {
            pin(-1);
            m_selection->clear();
        }
        return;
    }
    const int prompt = m_scene.points().prompts[std::size_t(row)];
    switch (mode) {
        case SelectionMode::Replace: m_selection->select(prompt); break;
        case SelectionMode::Add: m_selection->toggle(prompt); break;
        case SelectionMode::Subtract: m_selection->subtract({prompt}); break;
    }
    if (mode == SelectionMode::Replace) {
        pin(prompt);
        emit cardPinned();
    }
}

void ProjectionPane::mousePressEvent(QMouseEvent* event) {
    m_keyboardFocus = false;
    m_pressed = m_pointer = event->position();
    m_pressedRange = m_scene.range();
    if (m_scene.empty()) {
        return;
    }
    if (m_pinnedCard.contains(m_pressed) && !m_shape.active()) {
        if (HoverCard::closeMark(m_pinnedCard).contains(m_pressed)) {
            pin(-1);
        }
        return;
    }
    const bool left = event->button() == Qt::LeftButton;
    const bool shift = event->modifiers().testFlag(Qt::ShiftModifier) && !event->modifiers().testFlag(Qt::ControlModifier);
    if (event->button() == Qt::MiddleButton || (left && shift)) {
        m_drag = Drag::Pan;
        m_hover = -1;
        refreshCursor();
    } else if (left && m_tool == SelectionTool::Polygon && plotRect().contains(m_pressed)) {
        m_shape.setMode(modeOf(event->modifiers()));
        if (m_shape.active()) {
            m_shape.addCorner(m_pressed);
        } else {
            m_hover = -1;
            m_shape.begin(ShapeGesture::Kind::Polygon, m_pressed);
        }
        emit shapeChanged();
        update();
    } else if (left) {
        m_drag = Drag::Press;
    }
}

void ProjectionPane::pan(const QPointF& pixel) {
    const QRectF area = plotRect();
    QRectF moved = m_pressedRange;
    moved.translate(-(pixel.x() - m_pressed.x()) / area.width() * moved.width(),
                    (pixel.y() - m_pressed.y()) / area.height() * moved.height());
    emit rangeChanged(moved);
}

void ProjectionPane::mouseMoveEvent(QMouseEvent* event) {
    m_pointer = event->position();
    if (m_drag == Drag::Press && (m_pointer - m_pressed).manhattanLength() >= QApplication::startDragDistance()) {
        if (m_tool == SelectionTool::Pan) {
            m_drag = Drag::Pan;
            m_hover = -1;
            refreshCursor();
        } else if (const auto kind = shapeOf(m_tool); kind != ShapeGesture::Kind::None) {
            m_drag = Drag::Shape;
            m_hover = -1;
            m_shape.begin(kind, m_pressed);
        }
    }
    if (m_drag == Drag::Pan) {
        pan(m_pointer);
        return;
    }
    if (m_shape.active()) {
        m_shape.setMode(modeOf(event->modifiers()));
        m_shape.moveTo(m_pointer);
        emit shapeChanged();
        update();
        return;
    }
    const int hover = m_pinnedCard.contains(m_pointer) ? -1 : m_scene.rowAt(m_pointer);
    if (m_drag == Drag::None && hover != m_hover) {
        m_hover = hover;
        update();
    }
    refreshCursor();
}

void ProjectionPane::mouseReleaseEvent(QMouseEvent* event) {
    const Drag drag = std::exchange(m_drag, Drag::None);
    m_pointer = event->position();
    if (drag == Drag::Shape) {
        m_shape.setMode(modeOf(event->modifiers()));
        m_shape.moveTo(m_pointer);
        finishShape();
    } else if (drag == Drag::Press) {
        click(m_pressed, modeOf(event->modifiers()));
    }
    refreshCursor();
    update();
}

void ProjectionPane::mouseDoubleClickEvent(QMouseEvent* event) {
    if (m_shape.kind() == ShapeGesture::Kind::Polygon) {
        m_shape.setMode(modeOf(event->modifiers()));
        finishShape();
        return;
    }
    if (m_pinnedCard.contains(event->position())) {
        return;
    }
    const int row = m_scene.rowAt(event->position());
    if (row >= 0) {
        emit promptActivated(m_scene.points().prompts[std::size_t(row)]);
    } else {
        emit resetRequested();
    }
}

void ProjectionPane::zoom(double factor, const QPointF& pixel) {
    const QPointF anchor = m_scene.toValue(pixel);
    const QRectF& range = m_scene.range();
    emit rangeChanged(QRectF(anchor.x() - (anchor.x() - range.left()) * factor, anchor.y() - (anchor.y() - range.top()) * factor,
                             range.width() * factor, range.height() * factor));
}

void ProjectionPane::wheelEvent(QWheelEvent* event) {
    if (m_scene.empty() || !plotRect().contains(event->position())) {
        event->ignore();
        return;
    }
    zoom(std::pow(0.8, event->angleDelta().y() / 120.0), event->position());
    event->accept();
}

void ProjectionPane::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QWidget::leaveEvent(event);
}

void ProjectionPane::step(int direction, bool extend) {
    const int row = m_selection != nullptr ? m_scene.neighbourOf(m_scene.rowOf(m_selection->current()), direction) : -1;
    if (row < 0) {
        return;
    }
    const int prompt = m_scene.points().prompts[std::size_t(row)];
    if (extend) {
        m_selection->setSelection(m_selection->selected() << prompt, prompt);
    } else {
        m_selection->select(prompt);
    }
    m_hover = row;
}

void ProjectionPane::keyPressEvent(QKeyEvent* event) {
    m_keyboardFocus = true;
    const bool extend = event->modifiers().testFlag(Qt::ShiftModifier);
    const bool drawing = m_shape.kind() == ShapeGesture::Kind::Polygon;
    if (event->matches(QKeySequence::SelectAll) && m_selection != nullptr && !m_scene.empty()) {
        QList<int> prompts;
        for (const int row : m_scene.visibleRows()) {
            prompts << m_scene.points().prompts[std::size_t(row)];
        }
        m_selection->setSelection(prompts, m_selection->current());
        return;
    }
    switch (event->key()) {
        case Qt::Key_Right:
        case Qt::Key_Down: step(1, extend); break;
        case Qt::Key_Left:
        case Qt::Key_Up: step(-1, extend); break;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (drawing) {
                m_shape.setMode(modeOf(event->modifiers()));
                finishShape();
            } else if (m_selection != nullptr && m_scene.rowOf(m_selection->current()) >= 0) {
                emit promptActivated(m_selection->current());
            }
            break;
        case Qt::Key_Backspace:
            if (drawing && !m_shape.removeCorner()) {
                cancelShape();
            }
            emit shapeChanged();
            break;
        case Qt::Key_Space:
            if (m_selection != nullptr) {
                pin(m_pinned >= 0 ? -1 : m_selection->current());
                emit cardPinned();
            }
            break;
        case Qt::Key_Plus:
        case Qt::Key_Equal: zoom(0.8, plotRect().center()); break;
        case Qt::Key_Minus: zoom(1.25, plotRect().center()); break;
        case Qt::Key_0: emit resetRequested(); break;
        case Qt::Key_Escape:
            m_hover = -1;
            if (cancelShape()) {
                break;
            }
            if (m_pinned >= 0) {
                pin(-1);
            } else if (m_selection != nullptr) {
                m_selection->clear();
            }
            break;
        default: QWidget::keyPressEvent(event); return;
    }
    update();
}

void ProjectionPane::focusInEvent(QFocusEvent* event) {
    m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
                      event->reason() == Qt::ShortcutFocusReason;
    QWidget::focusInEvent(event);
    update();
}

void ProjectionPane::focusOutEvent(QFocusEvent* event) {
    m_hover = -1;
    QWidget::focusOutEvent(event);
    update();
}

void ProjectionPane::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        invalidate();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
