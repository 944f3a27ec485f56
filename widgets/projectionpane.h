// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QPointer>
#include <QWidget>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "widgets/cloudmoves.h"
#include "widgets/contentshield.h"
#include "widgets/guestpoints.h"
#include "widgets/hovercard.h"
#include "widgets/pointscene.h"
#include "widgets/selectionmodel.h"
#include "widgets/selectiontoolbar.h"
#include "widgets/shapegesture.h"

namespace safequant::widgets {

/// One picture of points inside ProjectionView: of one model, or of both overlaid. PointScene draws the points once into an image;
/// pointer, cards and the shape under way are painted over it.
class ProjectionPane : public QWidget {
    Q_OBJECT
public:
    explicit ProjectionPane(QWidget* parent = nullptr);

    void setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts);
    void setSelectionModel(SelectionModel* selection);
    void setContentShield(ContentShield* shield);
    void setSlices(const std::vector<PromptSlice>& slices);
    /// What a card says of a prompt.
    void setCardSource(std::function<HoverCard(int prompt)> source);
    /// The name over the points, and what is said after it.
    void setTitle(const QString& name, const QString& detail);
    /// `before`: places of the same rows in the base model, for an overlay.
    void setPoints(ProjectionPoints points, std::vector<QPointF> before = {});
    const PointScene& scene() const { return m_scene; }
    /// Numbered marks over the points.
    void setGuests(std::vector<GuestMark> guests);
    /// Arrows over the points.
    void setMoves(std::vector<CloudMove> moves);
    /// Position of the boundary on axis 1; NaN: none.
    void setBoundary(double boundary);
    /// What stands under the left and the right end.
    void setFootLabels(const QString& left, const QString& right);
    void setEmptyText(const QString& text);
    void setBusy(bool busy);
    /// Visible part of the shared axes.
    void setRange(const QRectF& range);
    const QRectF& range() const { return m_scene.range(); }
    void setTool(SelectionTool tool);
    /// Pixel position of a prompt (overlaid: of its quantized point); null when absent. `before`: of its base point.
    QPointF positionOf(int prompt, bool before = false) const;
    /// What would be selected if the shape under way ended now; empty: there is none.
    std::optional<LabelCounts> pendingCounts() const;
    /// The prompt whose card stays, whatever the pointer does; it goes on with the selection's current prompt. -1: none.
    int pinned() const { return m_pinned; }
    void pin(int prompt);
    /// Where the pinned card was painted; null without one.
    const QRectF& cardRect() const { return m_pinnedCard; }
    /// What has changed in the cards is painted.
    void refreshCards();

    QSize minimumSizeHint() const override { return {160, 120}; }
    QSize sizeHint() const override { return {320, 320}; }

signals:
    void rangeChanged(const QRectF& range);
    void resetRequested();
    void promptActivated(int prompt);
    /// What the shape under way encloses, or whether there is one.
    void shapeChanged();
    /// The picture is another one: other arrows, or density in the place of points.
    void drawingChanged();
    /// The user pinned a card.
    void cardPinned();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    enum class Drag { None, Press, Shape, Pan };

    QRectF plotRect() const;
    void invalidate();
    void takeSelection();
    void describe();
    void refreshCursor();
    void paintGround(QPainter* painter) const;
    void paintFrame(QPainter* painter) const;
    void paintCards(QPainter* painter);
    void zoom(double factor, const QPointF& pixel);
    void pan(const QPointF& pixel);
    void step(int direction, bool extend);
    void click(const QPointF& pixel, SelectionMode mode);
    void finishShape();
    /// False when there is none.
    bool cancelShape();

    PointScene m_scene;
    ShapeGesture m_shape{&m_scene};
    QString m_name, m_detail, m_left, m_right, m_emptyText;
    QPointer<SelectionModel> m_selection;
    QPointer<ContentShield> m_shield;
    std::function<HoverCard(int)> m_card;
    std::vector<GuestMark> m_guests;
    std::vector<CloudMove> m_moves;
    double m_boundary;
    QImage m_picture;
    bool m_dirty = true;
    bool m_busy = false;
    bool m_keyboardFocus = false;
    SelectionTool m_tool = SelectionTool::Box;
    int m_hover = -1;   ///< A row.
    int m_pinned = -1;  ///< A prompt.
    QRectF m_pinnedCard;
    Drag m_drag = Drag::None;
    QPointF m_pressed, m_pointer;
    QRectF m_pressedRange;
};

}  // namespace safequant::widgets
