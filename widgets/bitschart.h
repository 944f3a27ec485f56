// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QString>
#include <QStringList>
#include <QWidget>
#include <set>
#include <vector>

namespace safequant::widgets {

/// Weight bits as bars, one for each block; a block can be opened into its linears. Bars hang together where runtimes run linears as one
/// product (query, key and value; gate and up), until they are told apart. Under the axis hangs what rounding does to a bar's linears,
/// where it was measured.
///
/// Mouse: dragging a bar up or down sets its bits, and those of all selected bars when it is one of them; click selects, Ctrl+click adds,
/// Shift+click takes all between, double click opens or closes a block. Keys: Left and Right go through the bars (Shift takes them along),
/// Up and Down change the bits of the selected ones, 2 to 8 set them, 0 leaves them unquantized, Enter opens or closes, Ctrl+A selects all.
class BitsChart : public QWidget {
    Q_OBJECT
public:
    struct Linear {
        QString name;         ///< In full.
        int block = 0;
        int item = 0;         ///< Linears of a block with equal numbers are fused.
        int bits = 16;        ///< Asked for: 2 to 8, or 16.
        double weights = 0.0;
        double error = -1.0;  ///< Relative, at these bits; -1: not measured.
    };

    explicit BitsChart(QWidget* parent = nullptr);

    /// All linears, block by block. Selection and opened blocks stay.
    void setLinears(std::vector<Linear> linears);
    /// Whether fused linears share a bar.
    void setFused(bool fused);
    bool fused() const { return m_fused; }
    /// What the bars under the axis show, e.g. "weight error".
    void setErrorName(const QString& name);

    int barCount() const { return int(m_bars.size()); }
    /// "block 3", "block 3 q, k, v".
    QString barName(int bar) const;
    /// Mean bits of a bar's linears by their weights.
    double barBits(int bar) const;
    QStringList barLinears(int bar) const;
    QRectF barRect(int bar) const;
    void setOpen(int block, bool open);
    bool isOpen(int block) const { return m_open.contains(block); }
    int current() const { return m_current; }
    QList<int> selectedBars() const;
    QStringList selectedLinears() const;
    void selectBars(const QList<int>& bars);
    /// Every bar as a line of text.
    QString tableText() const;

    QSize sizeHint() const override { return {640, 220}; }
    QSize minimumSizeHint() const override { return {320, 150}; }

signals:
    /// The user gives linears these bits. `gesture` is the same while one drag or one press of a key lasts.
    void bitsEdited(const QStringList& linears, int bits, int gesture);
    void selectionChanged();

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    struct Bar {
        int block = 0;
        int item = -1;  ///< -1: the whole block.
        std::vector<std::size_t> linears;
    };

    void rebuild();
    QRectF plotRect() const;
    double axisY() const;
    double yOf(double bits) const;
    int bitsAt(double y) const;
    int barAt(const QPointF& position) const;
    double barError(const Bar& bar) const;
    double largestError() const;
    /// The bar and, when it is selected, all that are selected with it.
    QStringList affected(int bar) const;
    void stepBits(int direction);
    void moveTo(int bar, bool extend);
    void paintBar(QPainter* painter, int bar, double worst) const;
    void describe();

    std::vector<Linear> m_linears;
    std::vector<Bar> m_bars;
    std::set<int> m_open;
    std::set<int> m_selected;  ///< Bars.
    bool m_fused = true;
    QString m_errorName;
    int m_current = -1, m_anchor = -1;
    int m_gesture = 0;
    int m_dragged = -1, m_draggedBits = -1;
    QPointF m_pressed;
    bool m_moved = false;
};

}  // namespace safequant::widgets
