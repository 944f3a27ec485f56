// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "widgets/figure.h"

namespace safequant::widgets {

/// What a heat map shows: a value in every cell of a table, rows from above.
struct HeatMapData {
    int rows = 0, columns = 0;
    std::vector<double> values;           ///< `[rows * columns]`; NaN: none.
    std::vector<int> rowNumbers, columnNumbers;  ///< What rows and columns are called.
    QStringList rowNames;                 ///< In the place of rowNumbers, where rows have names.
    FigureTable table;                    ///< All numbers of it.
};

/// A table of coloured cells with the scale beside it. Cells large enough hold their value; a chosen cell has its row and column said. Arrow
/// keys move over cells.
class HeatMap : public Figure {
    Q_OBJECT
public:
    explicit HeatMap(const QString& title, QWidget* parent = nullptr);

    void setAxes(const QString& rowTitle, const QString& columnTitle);
    /// Colours run from `low` to `high` in one hue, or with `diverging` from -high to high in two; negative cells then have a dash.
    void setScale(double low, double high, bool diverging, const QString& title, std::function<QString(double)> format);
    /// What is told of a cell beside its value.
    void setCards(std::function<HoverCard(int row, int column)> cards);
    void setData(HeatMapData content);

    int cell(int row, int column) const { return row * m_data.columns + column; }
    int rowOf(int item) const { return item / m_data.columns; }
    int columnOf(int item) const { return item % m_data.columns; }
    /// Where a cell is drawn.
    QRectF cellRect(int row, int column) const { return itemRect(cell(row, column)); }

    int itemCount() const override { return m_data.rows * m_data.columns; }
    FigureTable table() const override { return m_data.table; }
    QSize sizeHint() const override { return {480, 420}; }
    QSize minimumSizeHint() const override { return {260, 220}; }

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override;
    int step(int item, int key) const override;

private:
    QRectF mapRect(const QSizeF& size) const;
    double leftRoom() const;
    QColor colorOf(double value, const ThemeColors& colors) const;
    void paintCells(QPainter& painter, const QRectF& map, const ThemeColors& colors) const;
    void paintAxes(QPainter& painter, const QRectF& map, const ThemeColors& colors) const;
    void paintScale(QPainter& painter, const QRectF& map, const ThemeColors& colors) const;

    HeatMapData m_data;
    QString m_rowTitle, m_columnTitle, m_scaleTitle;
    double m_low = 0.0, m_high = 1.0;
    bool m_diverging = false;
    std::function<QString(double)> m_format;
    std::function<HoverCard(int, int)> m_cards;
};

}  // namespace safequant::widgets
