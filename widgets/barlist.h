// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "widgets/figure.h"
#include "widgets/theme.h"

namespace safequant::widgets {

/// A bar of a list.
struct BarItem {
    QString name;
    double value = 0.0;
    QString text;        ///< The value as it is read.
    QString note;        ///< Beside it.
    HoverCard card;
    int key = 0;         ///< What it stands for, for whoever fills the list.
};

/// Horizontal bars under each other, each with its name before and its value behind it. As high as its bars need: it belongs into a scroll
/// area. Where a value is negative all bars begin at a line in the middle, and the sign is said by the side and the number.
class BarList : public Figure {
    Q_OBJECT
public:
    explicit BarList(const QString& title, QWidget* parent = nullptr);

    /// Heads of the columns of names, values and notes.
    void setHeads(const QString& name, const QString& value, const QString& note);
    void setColor(QColor ThemeColors::*color);
    void setItems(std::vector<BarItem> items, FigureTable table);
    const BarItem& item(int index) const { return m_items[std::size_t(index)]; }

    int itemCount() const override { return int(m_items.size()); }
    FigureTable table() const override { return m_table; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override { return m_items[std::size_t(item)].card; }

private:
    double widest(QString BarItem::*text, const QString& head) const;

    std::vector<BarItem> m_items;
    FigureTable m_table;
    QString m_nameHead, m_valueHead, m_noteHead;
    QColor ThemeColors::*m_color = &ThemeColors::accent;
};

}  // namespace safequant::widgets
