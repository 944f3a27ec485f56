// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "widgets/layerdata.h"
#include "widgets/placesplot.h"

namespace safequant::widgets {

/// The drawing inside LayerChart: lines and bands by QCustomPlot; labels at line ends and the strip of bits are painted over it.
class LayerPlot : public PlacesPlot {
    Q_OBJECT
public:
    explicit LayerPlot(QWidget* parent = nullptr);

    /// Where a block of `count` is in a plot of this width, in pixels from its left edge.
    static double blockPosition(int block, int count, int width);

    const LayerData& data() const { return m_data; }
    /// For changes; call refresh() afterwards.
    LayerData& data() { return m_data; }
    void setHardBenignShown(bool shown);
    /// Starts the y axis afresh.
    void resetRange();
    QString tableText() const override { return m_data.table(); }

    QSize minimumSizeHint() const override { return {320, 180}; }
    QSize sizeHint() const override { return {640, 290}; }

protected:
    int placeCount() const override { return m_data.blockCount; }
    bool anything(int block) const override { return m_data.has(block); }
    HoverCard card(int block) const override { return m_data.card(block); }
    void rebuild() override;
    void paintOver(QPainter* painter) override;
    void paintFrame(QPainter* painter) override;
    QString describe() const override;
    bool chosenByDragging() const override { return true; }

private:
    struct Series {
        QCPGraph* low = nullptr;
        QCPGraph* high = nullptr;
        QCPGraph* line = nullptr;
        QCPGraph* hardBenign = nullptr;
    };
    Series makeSeries();
    void recolour();
    void fill(LayerSeries which);
    QColor colourOf(LayerSeries which) const;
    void rebuildAxes();
    double yOf(double share) const { return yAxis->coordToPixel(share * 100.0); }
    void paintLabels(QPainter* painter) const;
    void paintBits(QPainter* painter) const;
    QString endText(LayerSeries which, int lastBlock) const;

    LayerData m_data;
    std::array<Series, kLayerSeries.size()> m_series;  ///< By LayerSeries.
    QCPGraph* m_words;
    double m_lowest = 40.0;
    bool m_hardBenignShown = false;
};

}  // namespace safequant::widgets
