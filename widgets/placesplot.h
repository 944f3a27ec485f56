// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <qcustomplot.h>

#include "widgets/hovercard.h"

namespace safequant::widgets {

/// A plot over the whole numbers 0 to placeCount() - 1 of its x axis: blocks, or epochs. One place can be current, chosen by mouse and
/// keyboard (Left, Right, Home, End); a card follows the pointer, painted over the plot so that hovering costs no replot; Ctrl+C copies
/// the numbers as tab-separated lines.
class PlacesPlot : public QCustomPlot {
    Q_OBJECT
public:
    /// Redraws once in the next turn of the event loop, however often it is called.
    void refresh();
    void setCurrent(int place);
    int current() const { return m_current; }
    /// Shown while there is nothing else.
    void setEmptyText(const QString& text);
    /// All numbers as tab-separated lines with a header.
    virtual QString tableText() const = 0;

signals:
    /// The user chose a place.
    void chosen(int place);

protected:
    /// `margins` around the axes in pixels.
    PlacesPlot(const QString& title, const QMargins& margins, QWidget* parent);

    virtual int placeCount() const = 0;
    /// What the first place is called.
    virtual int firstNumber() const { return 0; }
    /// Whether there is anything at a place; false outside.
    virtual bool anything(int place) const = 0;
    virtual HoverCard card(int place) const = 0;
    /// Moves the graphs to what is to be shown; places, band and the axes' colours are up to date.
    virtual void rebuild() = 0;
    /// Painted over a plot that is not empty, below the card.
    virtual void paintOver(QPainter* painter) = 0;
    /// Painted whether it is empty or not.
    virtual void paintFrame(QPainter* painter);
    /// For those who cannot see it.
    virtual QString describe() const;
    /// Whether pressing and moving chooses places on the way.
    virtual bool chosenByDragging() const { return false; }

    bool empty() const;
    int hover() const { return m_hover; }
    QString emptyText() const { return m_emptyText; }
    QRectF plotRect() const { return QRectF(axisRect()->rect()); }
    QMargins margins() const { return m_margins; }

    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    void rebuildIfPending();
    void recolour();
    void choose(int place);
    /// The next place with something on it, from one in a direction; -1 when there is none.
    int next(int place, int direction) const;
    int placeAt(const QPointF& position) const;

    const QMargins m_margins;
    QCPItemRect* m_band;
    QString m_emptyText;
    int m_current = -1;
    int m_hover = -1;
    QPointF m_pointer;
    bool m_pending = false;
    bool m_keyboardFocus = false;
};

}  // namespace safequant::widgets
