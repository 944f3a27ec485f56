// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/tour.h"

#include <QFrame>
#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>

#include "app/workbench/ui.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

constexpr int kCardWidth = 340;
constexpr int kGap = 14;
constexpr double kCorner = 6.0;

}  // namespace

Tour::Tour(QWidget* window) : QWidget(window) {
    setObjectName(QStringLiteral("tour"));
    setFocusPolicy(Qt::StrongFocus);
    auto* card = new QFrame(this);
    card->setObjectName(QStringLiteral("tourCard"));
    card->setProperty("card", true);
    card->setFixedWidth(kCardWidth);
    m_card = card;
    auto* layout = new QVBoxLayout(card);
    setSpacing(layout, 18, 16, 18, 14, 10);
    m_title = makeLabel({}, "cardTitle");
    m_text = makeParagraph({}, nullptr, "muted");
    m_count = makeLabel({}, "secondary", "muted");
    auto* skip = makeLink(tr("End the tour"));
    m_back = new QPushButton(tr("Back"));
    m_next = new QPushButton;
    m_next->setObjectName(QStringLiteral("tourNext"));
    m_next->setProperty("primary", true);
    layout->addWidget(m_title);
    layout->addWidget(m_text);
    auto* row = new QHBoxLayout;
    setSpacing(row, 0, 6, 0, 0, 8);
    row->addWidget(m_count);
    row->addWidget(skip);
    row->addStretch(1);
    row->addWidget(m_back);
    row->addWidget(m_next);
    layout->addLayout(row);
    connect(skip, &QPushButton::clicked, this, &Tour::leave);
    connect(m_back, &QPushButton::clicked, this, [this] { go(m_step - 1); });
    connect(m_next, &QPushButton::clicked, this, [this] { go(m_step + 1); });
    window->installEventFilter(this);
    hide();
}

void Tour::start(std::vector<TourStep> steps) {
    m_steps = std::move(steps);
    setGeometry(parentWidget()->rect());
    show();
    raise();
    go(0);
}

void Tour::go(int step) {
    if (step < 0) return;
    if (step >= static_cast<int>(m_steps.size())) return leave();
    m_step = step;
    const TourStep& now = m_steps[static_cast<std::size_t>(step)];
    const int count = static_cast<int>(m_steps.size());
    m_target = now.show ? now.show() : nullptr;
    m_title->setText(now.title);
    m_text->setText(now.text);
    m_count->setText(tr("%1 of %2").arg(step + 1).arg(count));
    m_back->setVisible(step > 0);
    m_next->setText(step + 1 == count ? tr("Done") : tr("Next"));
    setAccessibleName(tr("Tour, %1 of %2: %3").arg(step + 1).arg(count).arg(now.title));
    setAccessibleDescription(now.text);
    place();
    raise();
    m_next->setFocus(Qt::OtherFocusReason);
    update();
}

void Tour::place() {
    m_card->layout()->activate();
    m_card->resize(kCardWidth, m_card->layout()->hasHeightForWidth() ? m_card->layout()->totalHeightForWidth(kCardWidth) : m_card->sizeHint().height());
    QRect at(QPoint(), m_card->size());
    const QRect bounds = rect().adjusted(kGap, kGap, -kGap, -kGap);
    if (!m_target || !m_target->isVisible()) {
        at.moveCenter(bounds.center());
    } else {
        const QRect hole(m_target->mapTo(parentWidget(), QPoint()), m_target->size());
        // Right of it, else left, below, above; a target as large as the window has the card inside.
        const std::initializer_list<QPoint> places{{hole.right() + kGap, hole.center().y() - at.height() / 2},
                                                   {hole.left() - kGap - at.width(), hole.center().y() - at.height() / 2},
                                                   {hole.center().x() - at.width() / 2, hole.bottom() + kGap},
                                                   {hole.center().x() - at.width() / 2, hole.top() - kGap - at.height()}};
        at.moveCenter(hole.center());
        for (const QPoint& place : places) {
            QRect tried(place, at.size());
            tried.moveTop(std::clamp(tried.top(), bounds.top(), std::max(bounds.top(), bounds.bottom() - at.height())));
            tried.moveLeft(std::clamp(tried.left(), bounds.left(), std::max(bounds.left(), bounds.right() - at.width())));
            if (tried.intersects(hole)) continue;
            at = tried;
            break;
        }
    }
    m_card->move(at.topLeft());
}

void Tour::leave() {
    hide();
    m_step = -1;
    m_target = nullptr;
    emit ended();
}

bool Tour::eventFilter(QObject* watched, QEvent* event) {
    if (watched == parentWidget() && event->type() == QEvent::Resize && isVisible()) {
        setGeometry(parentWidget()->rect());
        // What the card stands beside gets its new place after this event.
        QMetaObject::invokeMethod(this, [this] {
            place();
            update();
        }, Qt::QueuedConnection);
    }
    return QWidget::eventFilter(watched, event);
}

void Tour::paintEvent(QPaintEvent*) {
    const auto& colors = widgets::Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath dimmed;
    dimmed.addRect(rect());
    QRectF hole;
    if (m_target && m_target->isVisible()) {
        hole = QRectF(QPointF(m_target->mapTo(parentWidget(), QPoint())), QSizeF(m_target->size())).adjusted(0.5, 0.5, -0.5, -0.5);
        QPainterPath inside;
        inside.addRoundedRect(hole, kCorner, kCorner);
        dimmed = dimmed.subtracted(inside);
    }
    QColor shade = colors.dark ? QColor(0, 0, 0) : colors.text;
    shade.setAlphaF(colors.dark ? 0.6F : 0.4F);
    painter.fillPath(dimmed, shade);
    if (!hole.isNull()) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.drawRoundedRect(hole, kCorner, kCorner);
    }
}

void Tour::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Escape: return leave();
        case Qt::Key_Right:
        case Qt::Key_Return:
        case Qt::Key_Enter: return go(m_step + 1);
        case Qt::Key_Left: return go(m_step - 1);
        default: QWidget::keyPressEvent(event);
    }
}

}  // namespace safequant::workbench
