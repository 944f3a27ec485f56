// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QRectF>
#include <QWidget>
#include <memory>
#include <optional>
#include <vector>

#include "core/engine/protocol/embedding_messages.h"

class QLabel;

namespace safequant::widgets {

class ContentShield;
class ElidedLabel;
class EmbeddingBar;
class ProjectionPane;
class SegmentedControl;
class SelectionModel;

/// The activations of one block in two dimensions, base and quantized model side by side on the same axes. Malicious prompts are
/// filled triangles, benign ones filled circles, hard benign ones open squares.
///
/// Selected points are ringed; while several are selected the others are greyed.
///
/// Mouse: hover shows a card, click selects, Ctrl+click adds, drag selects a box (Ctrl adds), Shift+drag or the middle button
/// pans, wheel zooms, double click on empty ground shows all again. Keys: Right/Down and Left/Up go through the points, Enter activates, + - 0 zoom,
/// Escape clears the selection.
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
    /// Names over the panes, e.g. "Base", "Quantized".
    void setModelNames(const QString& base, const QString& quantized);

    /// Points of one block. The axes stay as they are while block and kind stay the same, so that points do not jump.
    void setProjection(const protocol::ProjectionResult& projection);
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
    void resetZoom();

signals:
    /// The user chose another kind of axes.
    void kindChosen(const QString& kind);
    /// Enter or double click on a point.
    void promptActivated(int prompt);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void refreshHeader();
    void fitRange(bool keep);

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
    SelectionModel* m_ownSelection;
    QPointer<SelectionModel> m_selection;
};

}  // namespace safequant::widgets
