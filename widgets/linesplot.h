// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <qcustomplot.h>

#include <functional>
#include <vector>

#include "widgets/hovercard.h"
#include "widgets/theme.h"

namespace safequant::widgets {

/// One line over whole numbers 0, 1, ... of the x axis.
struct LineSeries {
    QString name;
    QColor ThemeColors::*color = &ThemeColors::accent;
    std::vector<double> values;  ///< NaN where there is none.
    bool dashed = false;
};

/// Lines over blocks or epochs, each with its name and last value at its end, exact numbers beside the pointer, and a place that can be
/// chosen by mouse and keyboard (Left, Right, Home, End). Ctrl+C copies the numbers as tab-separated lines.
class LinesPlot : public QCustomPlot {
    Q_OBJECT
public:
    explicit LinesPlot(const QString& title, QWidget* parent = nullptr);

    /// Places of the x axis and the word for one of them ("block"); the first place is called `first`.
    void setPlaces(int count, const QString& word, int first = 0);
    void setSeries(std::vector<LineSeries> series);
    /// How values read; `axisLabel` stands beside the y axis.
    void setValues(const QString& axisLabel, std::function<QString(double)> format);
    /// The y axis always spans these, and more when values do.
    void setLeastRange(double low, double high);
    void setEmptyText(const QString& text);
    void setCurrent(int place);
    int current() const { return m_current; }
    /// All numbers as tab-separated lines with a header.
    QString tableText() const;

    QSize minimumSizeHint() const override { return {300, 130}; }
    QSize sizeHint() const override { return {560, 220}; }

signals:
    /// The user chose a place.
    void chosen(int place);

protected:
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

private:
    void refresh();
    void rebuild();
    void choose(int place);
    bool anything(int place) const;
    int placeAt(const QPointF& position) const;
    HoverCard card(int place) const;
    void paintLabels(QPainter* painter) const;

    std::vector<LineSeries> m_series;
    std::function<QString(double)> m_format;
    QString m_word, m_emptyText;
    int m_count = 0;
    int m_first = 0;
    int m_current = -1;
    int m_hover = -1;
    double m_low = 0.0, m_high = 0.0;
    bool m_pending = false;
    bool m_keyboardFocus = false;
    QPointF m_pointer;
    QCPItemRect* m_band;
};

}  // namespace safequant::widgets
