// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "widgets/figure.h"

namespace safequant::widgets {

/// A cell of a matrix map.
struct MatrixCell {
    enum class State { Measured, NotMeasured, Waiting, Running, Stopped, Failed };
    int row = 0, column = 0;
    int span = 1;            ///< So many columns wide, where columns make no difference.
    State state = State::Waiting;
    double tone = 0.0;       ///< -1 (as much better as the scale goes) over 0 (no change) to 1 (worse).
    QString value, interval; ///< "+12", "[7, 18]".
    bool certain = false;    ///< The interval does not hold 0: its value is bold.
    QString mark;            ///< At the right edge: "3 seeds".
    QString note;            ///< Of a cell without a value, in a word or two: "failed".
    HoverCard card;
};

struct MatrixRow {
    QString group, name;  ///< Rows with one group stand together; its name is at the first of them.
};

struct MatrixMapData {
    std::vector<MatrixRow> rows;
    QStringList columns, columnTexts;  ///< "I", and what it is.
    std::vector<MatrixCell> cells;     ///< By row, then by column.
    QString better, worse;             ///< The ends of the scale: "−20 points, better".
    FigureTable table;
};

/// A table of cells with their value and its interval written in them, coloured around no change: worse in one hue, better in another, both
/// darker with size, so that the sign alone is what colour is needed for, and that stands in the text. Cells without a value are drawn
/// otherwise. Arrow keys move over cells.
class MatrixMap : public Figure {
    Q_OBJECT
public:
    explicit MatrixMap(const QString& title, QWidget* parent = nullptr);

    void setData(MatrixMapData content);
    const MatrixCell& cell(int item) const { return m_data.cells[std::size_t(item)]; }
    /// Where a cell is drawn.
    QRectF cellRect(int item) const { return itemRect(item); }

    int itemCount() const override { return int(m_data.cells.size()); }
    FigureTable table() const override { return m_data.table; }
    QSize sizeHint() const override { return minimumSizeHint(); }
    QSize minimumSizeHint() const override;

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override;
    int step(int item, int key) const override;

private:
    /// Places of rows and columns in a figure of this size.
    struct Frame {
        double left = 0.0, top = 0.0, columnWidth = 0.0, rowHeight = 0.0;
        std::vector<double> rowTops;
    };
    Frame frame(const QSizeF& size) const;
    double labelWidth() const;
    int groupGaps() const;
    QRectF placeOf(const Frame& frame, const MatrixCell& cell) const;
    void paintHeads(QPainter& painter, const Frame& frame, const ThemeColors& colors) const;
    void paintCell(QPainter& painter, const QRectF& place, const MatrixCell& cell, const ThemeColors& colors) const;
    void paintScale(QPainter& painter, const Frame& frame, const QSizeF& size, const ThemeColors& colors) const;

    MatrixMapData m_data;
};

}  // namespace safequant::widgets
