// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "widgets/figure.h"

namespace safequant::widgets {

/// How far a model has moved from another behind every block; NaN: not known.
struct DriftRow {
    QString name;              ///< "base".
    std::vector<double> moved; ///< By block, 0: not at all.
    std::vector<HoverCard> cards;
};

/// A coloured cell for each block and model, under a LayerChart of the same width and in line with its axis: the further a model has moved, the
/// stronger.
class DriftStrip : public Figure {
    Q_OBJECT
public:
    explicit DriftStrip(QWidget* parent = nullptr);

    /// Rows from above, all of as many blocks.
    void setRows(std::vector<DriftRow> rows, FigureTable table);

    int itemCount() const override { return int(m_rows.size()) * m_blocks; }
    FigureTable table() const override { return m_table; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintFigure(QPainter& painter, const QSizeF& size, const ThemeColors& colors) override;
    QRectF itemRect(int item) const override;
    int itemAt(const QPointF& position) const override;
    HoverCard card(int item) const override;
    int step(int item, int key) const override;

private:
    QRectF cellRect(int row, int block, double width) const;

    std::vector<DriftRow> m_rows;
    FigureTable m_table;
    int m_blocks = 0;
};

}  // namespace safequant::widgets
