// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "widgets/placesplot.h"
#include "widgets/theme.h"

namespace safequant::widgets {

/// One line over whole numbers 0, 1, ... of the x axis.
struct LineSeries {
    QString name;
    QColor ThemeColors::*color = &ThemeColors::accent;
    std::vector<double> values;  ///< NaN where there is none.
    bool dashed = false;
};

/// Lines over blocks or epochs, each with its name and last value at its end.
class LinesPlot : public PlacesPlot {
    Q_OBJECT
public:
    /// Room for names and values at the ends of lines, in pixels; where there is none for names, values stand alone.
    static constexpr int kRoomForNames = 136, kRoomForValues = 60;

    explicit LinesPlot(const QString& title, QWidget* parent = nullptr, int endRoom = kRoomForNames);

    /// Places of the x axis and the word for one of them ("block"); the first place is called `first`.
    void setPlaces(int count, const QString& word, int first = 0);
    void setSeries(std::vector<LineSeries> series);
    /// How values read; `axisLabel` stands beside the y axis.
    void setValues(const QString& axisLabel, std::function<QString(double)> format);
    /// The y axis always spans these, and more when values do.
    void setLeastRange(double low, double high);
    QString tableText() const override;

    QSize minimumSizeHint() const override { return {300, 130}; }
    QSize sizeHint() const override { return {560, 220}; }

protected:
    int placeCount() const override { return m_count; }
    int firstNumber() const override { return m_first; }
    bool anything(int place) const override;
    HoverCard card(int place) const override;
    void rebuild() override;
    void paintOver(QPainter* painter) override;

private:
    std::vector<LineSeries> m_series;
    std::function<QString(double)> m_format;
    QString m_word;
    int m_count = 0;
    int m_first = 0;
    double m_low = 0.0, m_high = 0.0;
};

}  // namespace safequant::widgets
