// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QPointF>
#include <QRectF>
#include <array>
#include <map>
#include <memory>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "widgets/markstamp.h"
#include "widgets/pointindex.h"
#include "widgets/promptslice.h"

namespace safequant::widgets {

class SelectionModel;

/// The points of one pane, one entry a row of the projection.
struct ProjectionPoints {
    std::vector<QPointF> positions;
    std::vector<int> prompts;
};

/// Numbers of points by label.
struct LabelCounts {
    std::array<int, 3> of{};  ///< Benign, malicious, hard benign: the order in which they are drawn.

    int total() const { return of[0] + of[1] + of[2]; }
    /// "30 malicious, 7 benign"; labels without points are left out.
    QString text() const;
    bool operator==(const LabelCounts&) const = default;
};

/// The points of a pane on its axes: where they are, which are selected, in slices, or near a place, and their picture. While more than
/// kMostMarks points are in sight their density is drawn in their place; no point is ever left out.
///
/// Overlaid, every row has two points: where the base model has it, and where the quantized one does.
class PointScene {
public:
    static constexpr std::size_t kMostMarks = 20000;
    /// More arrows than these hide the points: then only those of the selection are drawn, up to four times as many.
    static constexpr std::size_t kMostArrows = 400;
    enum class Arrows { None, All, OfSelection };

    void setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts);
    /// `before`: places of the same rows in the base model, for an overlay; empty: none.
    void setPoints(ProjectionPoints points, std::vector<QPointF> before = {});
    const ProjectionPoints& points() const { return m_points; }
    bool empty() const { return m_points.positions.empty(); }
    std::size_t rows() const { return m_points.positions.size(); }
    bool overlaid() const { return !m_before.empty(); }

    /// The part of the axes that is in sight, and where it is on the screen.
    void setView(const QRectF& plot, const QRectF& range);
    const QRectF& range() const { return m_range; }
    QPointF toPixel(const QPointF& value) const {
        return {m_plot.left() + (value.x() - m_range.left()) * m_scaleX, m_plot.bottom() - (value.y() - m_range.top()) * m_scaleY};
    }
    QPointF toValue(const QPointF& pixel) const {
        return {m_range.left() + (pixel.x() - m_plot.left()) / m_scaleX, m_range.top() + (m_plot.bottom() - pixel.y()) / m_scaleY};
    }

    /// Points of PointIndex are rows; overlaid, those of the base model come after them.
    const PointIndex& index() const { return m_index; }
    std::size_t rowOfPoint(int point) const { return std::size_t(point) % rows(); }
    /// The row nearest to a place on the screen, by either of its points; -1: none within reach.
    int rowAt(const QPointF& pixel) const;
    int rowOf(int prompt) const;
    /// Where a row's point is on the screen; `before`: its point of the base model, in an overlay.
    QPointF placeOf(std::size_t row, bool before = false) const { return toPixel(before ? m_before[row] : m_points.positions[row]); }
    /// Rows along axis 1: the way of the arrow keys.
    int neighbourOf(int row, int direction) const;
    /// Rows with a point in sight.
    std::vector<int> visibleRows() const;

    void setSelection(const SelectionModel* selection);
    bool selected(std::size_t row) const { return m_selected[row] != 0; }
    LabelCounts selectedCounts() const { return m_selectedCounts; }
    void setSlices(const std::vector<PromptSlice>& slices);

    /// 0 benign, 1 malicious, 2 hard benign.
    int kindOf(std::size_t row) const { return m_kinds[row]; }
    QString labelOf(std::size_t row) const;

    bool dense() const { return m_dense; }
    Arrows arrows() const { return m_arrows; }

    /// The picture of `size` logical pixels, transparent where there is nothing.
    QImage render(const QSize& size, qreal devicePixelRatio);

private:
    void refreshKinds();
    void refreshSelected();
    void refreshSlices();
    void refreshDense();
    const MarkStamp& stamp(int what, const QColor& color, double opacity, qreal ratio);
    void drawDensity(QPainter* painter) const;
    void drawMarks(QImage* image, qreal ratio);
    void drawRings(QImage* image, qreal ratio);
    void drawArrows(QPainter* painter) const;
    bool greyed() const { return m_selectedCounts.total() > 1; }

    std::shared_ptr<const std::vector<protocol::PromptItem>> m_prompts;
    ProjectionPoints m_points;
    std::vector<QPointF> m_before;
    PointIndex m_index;
    std::vector<int> m_rowOfPrompt;        ///< By prompt; -1: none.
    std::vector<int> m_order, m_placeInOrder;
    std::vector<std::uint8_t> m_kinds, m_selected;
    std::vector<std::uint32_t> m_slicesOf;  ///< A bit for each of m_shownSlices.
    std::vector<PromptSlice> m_shownSlices;
    QList<int> m_selection;
    int m_current = -1;                    ///< A prompt.
    LabelCounts m_selectedCounts;
    QRectF m_plot, m_range{0.0, 0.0, 1.0, 1.0};
    double m_scaleX = 1.0, m_scaleY = 1.0;  ///< Pixels per unit.
    bool m_dense = false;
    Arrows m_arrows = Arrows::None;
    std::map<std::tuple<int, QRgb, int, int>, MarkStamp> m_stamps;
};

}  // namespace safequant::widgets
