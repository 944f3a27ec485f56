// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/figure.h"

#include <QAccessible>
#include <QClipboard>
#include <QFileInfo>
#include <QGuiApplication>
#include <QImage>
#include <QKeyEvent>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>

#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kPictureRatio = 2.0;
/// Pixels of the screen in an inch of paper.
constexpr int kResolution = 96;
constexpr double kPointsPerInch = 72.0;

}  // namespace

Figure::Figure(const QString& title, QWidget* parent) : QWidget(parent) {
    setAccessibleName(title);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
}

void Figure::setCurrent(int item) {
    const int wanted = item >= 0 && item < itemCount() ? item : -1;
    if (wanted == m_current) return;
    m_current = wanted;
    describe();
    update();
}

void Figure::setEmptyText(const QString& text) {
    m_emptyText = text;
    describe();
    update();
}

void Figure::contentChanged() {
    if (m_current >= itemCount()) m_current = -1;
    m_hover = -1;
    describe();
    updateGeometry();
    update();
}

void Figure::describe() {
    const QString text = itemCount() == 0 ? m_emptyText : m_current >= 0 ? card(m_current).text() : QString();
    if (text == accessibleDescription()) return;
    setAccessibleDescription(text);
    QAccessibleEvent changed(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&changed);
}

int Figure::step(int item, int key) const {
    const bool back = key == Qt::Key_Left || key == Qt::Key_Up;
    if (item < 0) return back ? itemCount() - 1 : 0;
    return back ? item - 1 : item + 1;
}

void Figure::choose(int item) {
    if (item < 0 || item >= itemCount() || item == m_current) return;
    setCurrent(item);
    emit chosen(item);
}

void Figure::paintPlain(QPainter& painter) {
    const ThemeColors paper = Theme::light();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), paper.plot);
    paintFigure(painter, QSizeF(size()), paper);
}

QImage Figure::picture() {
    QImage image(size() * kPictureRatio, QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(kPictureRatio);
    QPainter painter(&image);
    paintPlain(painter);
    return image;
}

QString Figure::save(const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    const QString problem = tr("%1 cannot be written. Is the folder writable and the disk not full?").arg(path);
    QPainter painter;
    if (suffix == QLatin1String("svg")) {
        QSvgGenerator svg;
        svg.setFileName(path);
        svg.setSize(size());
        svg.setViewBox(rect());
        svg.setResolution(kResolution);
        svg.setTitle(accessibleName());
        if (!painter.begin(&svg)) return problem;
        paintPlain(painter);
        return painter.end() && QFileInfo(path).size() > 0 ? QString() : problem;
    }
    if (suffix == QLatin1String("pdf")) {
        QPdfWriter pdf(path);
        pdf.setResolution(kResolution);
        pdf.setPageSize(QPageSize(QSizeF(size()) * kPointsPerInch / kResolution, QPageSize::Point, {}, QPageSize::ExactMatch));
        pdf.setPageMargins({});
        pdf.setTitle(accessibleName());
        if (!painter.begin(&pdf)) return problem;
        paintPlain(painter);
        return painter.end() && QFileInfo(path).size() > 0 ? QString() : problem;
    }
    if (suffix != QLatin1String("png")) return tr("Figures are saved as SVG, PDF or PNG; choose a name that ends in .svg, .pdf or .png.");
    return picture().save(path) ? QString() : problem;
}

void Figure::paintMark(QPainter& painter, int item, double width) const {
    const QRectF mark = itemRect(item);
    if (mark.isNull()) return;
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(Theme::current().plot, width + 2.0));
    roundMarks() ? painter.drawEllipse(mark) : painter.drawRect(mark);
    painter.setPen(QPen(Theme::current().text, width));
    roundMarks() ? painter.drawEllipse(mark) : painter.drawRect(mark);
}

bool Figure::event(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    return QWidget::event(event);
}

void Figure::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), colors.plot);
    if (itemCount() == 0) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(rect().adjusted(24, 24, -24, -24), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
    } else {
        paintFigure(painter, QSizeF(size()), colors);
        if (m_current >= 0) paintMark(painter, m_current, 2.0);
        if (m_hover >= 0 && m_hover != m_current) paintMark(painter, m_hover, 1.0);
    }
    const bool focused = m_keyboardFocus && hasFocus();
    if (focused) {
        painter.setPen(QPen(colors.accent, 2.0));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1.0, 1.0, -1.0, -1.0), 4.0, 4.0);
    }
    const QRectF bounds = QRectF(visibleRegion().boundingRect()).adjusted(2.0, 2.0, -2.0, -2.0);
    if (m_hover >= 0) card(m_hover).paint(&painter, bounds, m_pointer);
    else if (focused && m_current >= 0) card(m_current).paint(&painter, bounds, itemRect(m_current).bottomRight());
}

void Figure::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (event->button() == Qt::LeftButton) choose(itemAt(event->position()));
}

void Figure::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const int item = itemAt(event->position()); item >= 0) emit activated(item);
}

void Figure::mouseMoveEvent(QMouseEvent* event) {
    m_pointer = event->position();
    m_hover = itemAt(m_pointer);
    setCursor(m_hover >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
    update();
}

void Figure::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    QWidget::leaveEvent(event);
}

void Figure::keyPressEvent(QKeyEvent* event) {
    m_keyboardFocus = true;
    m_hover = -1;
    if (event->matches(QKeySequence::Copy)) {
        QGuiApplication::clipboard()->setText(table().text());
        return;
    }
    switch (event->key()) {
        case Qt::Key_Left:
        case Qt::Key_Right:
        case Qt::Key_Up:
        case Qt::Key_Down: choose(step(m_current, event->key())); break;
        case Qt::Key_Home: choose(0); break;
        case Qt::Key_End: choose(itemCount() - 1); break;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (m_current >= 0) emit activated(m_current);
            break;
        default: QWidget::keyPressEvent(event); return;
    }
    update();
}

void Figure::focusInEvent(QFocusEvent* event) {
    m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason ||
                      event->reason() == Qt::ShortcutFocusReason;
    QWidget::focusInEvent(event);
    update();
}

void Figure::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

}  // namespace safequant::widgets
