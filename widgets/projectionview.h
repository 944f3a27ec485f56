// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QRectF>
#include <QWidget>
#include <memory>
#include <optional>
#include <vector>

#include "core/engine/protocol/embedding_messages.h"
#include "widgets/guestpoints.h"

class QLabel;

namespace safequant::widgets {

class ContentShield;
struct CloudMove;
class ElidedLabel;
class EmbeddingBar;
class ProjectionPane;
class PromptTableModel;
class SegmentedControl;
class SelectionModel;
class SelectionToolBar;
struct HoverCard;
struct PromptSlice;
enum class SelectionTool;

/// The activations of one block in two dimensions, base and quantized model side by side on the same axes, or overlaid: then base marks
/// are open and fainter, quantized ones filled, and arrows lead from one to the other. Malicious prompts are triangles, benign ones
/// circles, hard benign ones squares. Above 20,000 points in sight their density is drawn, and points once fewer are.
///
/// Selected points are ringed; while several are selected the others are greyed. Points of shown slices carry the marks of theirs.
///
/// Mouse: hover shows a card, click selects a point and pins its card, and a drag does what the tool says. Ctrl adds to the selection, Alt
/// or Ctrl+Shift takes away. Shift+drag or the middle button pans, the wheel zooms, double click on empty ground shows all again. Keys: the
/// tools' letters; Right/Down and Left/Up go through the points, with Shift they add them, Ctrl+A takes all in sight, Enter activates,
/// Space pins the card, + - 0 zoom. Escape ends a shape under way, then closes the card, then clears the selection.
class ProjectionView : public QWidget {
    Q_OBJECT
public:
    explicit ProjectionView(QWidget* parent = nullptr);

    /// Prompts of the run; ProjectionResult::prompts index into it.
    void setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts);
    /// Shared with the table; null: the view keeps its own.
    void setSelectionModel(SelectionModel* selection);
    SelectionModel* selectionModel() const;
    /// Without a shield malicious text is never shown.
    void setContentShield(ContentShield* shield);
    /// Outcomes of prompts for the cards; null: none.
    void setOutcomes(PromptTableModel* outcomes);
    /// Slices whose points carry marks.
    void setSlices(const std::vector<PromptSlice>& slices);
    /// Off: a picture alone, without tools and switch.
    void setToolsVisible(bool visible);
    void setTool(SelectionTool tool);
    bool overlaid() const { return m_overlaid; }
    /// What the tool row says of the selection.
    QString selectionText() const;
    /// Mean movement of points along axis 1 from base to quantized, by label, as the arrows show it; empty without both, or where axes mean nothing.
    QString movementText() const;
    /// Names over the panes, e.g. "Base", "Quantized".
    void setModelNames(const QString& base, const QString& quantized);

    /// Points of one block. The axes stay as they are while block and kind stay the same, so that points do not jump.
    void setProjection(const protocol::ProjectionResult& projection);
    /// Points that are none of the run's prompts, in numbered marks, on the axes of the projection shown.
    void setGuests(std::vector<GuestPoint> guests);
    /// No points: both panes say `text`.
    void clear(const QString& text = {});
    /// Accuracy over each pane; the tooltip says which probe. Empty: none is shown.
    void setAccuracies(const std::optional<Rate>& base, const std::optional<Rate>& quantized);
    /// Sentence in the quantized pane while it has no points.
    void setWaitingText(const QString& text);
    /// Shows that a newer projection is on its way (the old one stays, dimmed).
    void setBusy(bool busy);

    int block() const { return m_block; }
    /// "probe", "lda", "pca", "tsne" or "umap".
    QString kind() const;
    /// Whether a kind is optimised step by step: "tsne" and "umap", which have no axes that mean anything.
    static bool isEmbedding(const QString& kind);
    static protocol::EmbeddingSettings defaultSettings(const QString& kind);
    /// The line under the panes that embeddings have: progress, settings.
    EmbeddingBar* embeddingBar() const { return m_embedding; }
    /// Points as tab-separated lines with a header (malicious text left out unless shown).
    QString tableText() const;
    /// Where a prompt is drawn in the view's coordinates; model "base" or "quantized"; null point when absent.
    QPointF pointPosition(const QString& model, int prompt) const;

public slots:
    /// Sets the switch without emitting.
    void setKind(const QString& kind);
    /// Both models in one pane; emits nothing.
    void setOverlaid(bool overlaid);
    void resetZoom();

signals:
    /// The user chose another kind of axes.
    void kindChosen(const QString& kind);
    /// The user chose to have the models overlaid or side by side.
    void overlaidChosen(bool overlaid);
    /// Enter or double click on a point.
    void promptActivated(int prompt);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void refreshHeader();
    void refreshTitles();
    void refreshSelectionText();
    std::vector<CloudMove> moves() const;
    static QString textOf(const std::vector<CloudMove>& moves);
    void placePoints();
    void placeGuests();
    void fitRange(bool keep);
    bool hasQuantized() const { return !m_projection.quantized.values.empty(); }
    HoverCard cardOf(int prompt) const;
    /// The pane in sight, the first of two.
    ProjectionPane* firstPane() const { return m_overlaid ? m_both : m_base; }
    std::vector<ProjectionPane*> panes() const { return {m_base, m_quantized, m_both}; }

    int m_block = -1;
    protocol::ProjectionResult m_projection;
    std::shared_ptr<const std::vector<protocol::PromptItem>> m_prompts;
    QRectF m_home;
    QString m_baseName, m_quantizedName, m_waitingText;
    std::optional<Rate> m_baseAccuracy, m_quantizedAccuracy;
    QPointer<ContentShield> m_shield;
    QLabel* m_title;
    ElidedLabel* m_subtitle;
    SegmentedControl* m_kinds;
    EmbeddingBar* m_embedding;
    ProjectionPane* m_base;
    ProjectionPane* m_quantized;
    ProjectionPane* m_both;  ///< Overlaid.
    SelectionToolBar* m_tools;
    SegmentedControl* m_arrangement;
    ElidedLabel* m_movement;
    QPointer<PromptTableModel> m_outcomes;
    std::vector<int> m_rowOfPrompt;  ///< By prompt; -1: none.
    std::vector<GuestPoint> m_guests;
    bool m_overlaid = false;
    SelectionModel* m_ownSelection;
    QPointer<SelectionModel> m_selection;
};

}  // namespace safequant::widgets
