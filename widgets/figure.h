// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMargins>
#include <QWidget>

#include "widgets/figuretable.h"
#include "widgets/hovercard.h"

namespace safequant::widgets {

struct ThemeColors;

/// A figure of items (cells, bars, points) that are looked at by pointer and keyboard alike: a card of exact values follows the pointer, or
/// stands at the item the keyboard chose; arrow keys, Home and End go through the items; Ctrl+C copies the numbers. What is drawn on the
/// screen is drawn on paper too, so that a saved figure is the same picture.
class Figure : public QWidget {
    Q_OBJECT
public:
    /// The item that is chosen; -1: none.
    int current() const { return m_current; }
    void setCurrent(int item);
    /// Shown while there is nothing else.
    void setEmptyText(const QString& text);
    virtual int itemCount() const = 0;
    /// All numbers.
    virtual FigureTable table() const = 0;

    /// Writes the figure, in the colours of the light theme, as SVG, PDF or PNG (by the name's ending), at the size it has now. Returns
    /// what went wrong; empty: nothing.
    QString save(const QString& path);
    /// The figure as a picture, in the same colours.
    QImage picture();

signals:
    /// The user chose an item.
    void chosen(int item);
    /// The user asked for it: Return, or a double click.
    void activated(int item);

protected:
    Figure(const QString& title, QWidget* parent);

    /// Draws everything but what shows the choice; `size` is that of the whole figure.
    virtual void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) = 0;
    /// Where an item stands, for the marks that show the choice.
    virtual QRectF itemRect(int item) const = 0;
    /// The item that a position means; -1: none.
    virtual int itemAt(const QPointF& position) const = 0;
    virtual HoverCard card(int item) const = 0;
    /// The item that an arrow key leads to.
    virtual int step(int item, int key) const;
    /// What shows that an item is chosen, or under the pointer: an outline of its place, `width` pixels wide.
    virtual void paintMark(QPainter& painter, int item, double width) const;
    /// Whether marks are round.
    virtual bool roundMarks() const { return false; }
    /// After new content: the choice stays when it still can, and what is told of the figure follows.
    void contentChanged();

    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    void choose(int item);
    void describe();
    void paintPlain(QPainter& painter);

    QString m_emptyText;
    int m_current = -1;
    int m_hover = -1;
    QPointF m_pointer;
    bool m_keyboardFocus = false;
};

}  // namespace safequant::widgets
