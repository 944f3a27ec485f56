// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>
#include <map>
#include <vector>

#include "app/workbench/frame/layoutmenu.h"
#include "app/workbench/run/runstore.h"
#include "core/engine/protocol/embedding_messages.h"
#include "widgets/layerchart.h"

class QLabel;
class QDockWidget;
class QStackedWidget;

namespace safequant::widgets {
class BlockScrubber;
class EmptyState;
class ProjectionView;
}

namespace safequant::workbench {

class DockArea;
class DriftBar;
class LayerSide;
class OverlayBar;
class Session;

/// The run, block by block: separability over all blocks, the activations of the chosen block, and its prompts and linears.
class LayersPage : public QWidget {
    Q_OBJECT

public:
    static constexpr QLatin1String kChart{"chart"};
    static constexpr QLatin1String kProjection{"projection"};

    explicit LayersPage(Session* session, QWidget* parent = nullptr);

    int block() const { return m_block; }
    widgets::LayerChart* chart() { return m_chart; }
    widgets::ProjectionView* projection() { return m_projection; }
    /// Puts the keyboard focus into the filter of the prompts.
    void focusFilter();
    /// The same for the text of a prompt to try.
    void focusTry();
    /// Asks for a file and writes the selected prompts to it.
    void exportSelection();
    DockArea* panes() { return m_panes; }
    /// Ways to place the panes, the usual one first.
    std::vector<BuiltInLayout> layouts();
    /// Points of an embedding at work and panes on their way jump to where they end instead of moving there.
    void setReducedMotion(bool reduced);
    void saveLayout();
    void restoreLayout();

public slots:
    void setBlock(int block);
    void setKind(const QString& kind);
    /// One choice for chart, projection and table.
    void setProbe(widgets::LayerChart::Probe probe);

signals:
    /// The one action of the empty state.
    void quantizeRequested();
    void chooseModelRequested();
    void resumeRequested();

private:
    void handleStore(RunStore::Changes changes);
    void refreshChart();
    void refreshStage();
    void refreshPlan();
    void refreshProjection();
    void refreshEmbedding();
    void refreshOverlay();
    /// Prompts that were tried, as marks in the projection.
    void refreshGuests();
    /// Whether the panes show this run's model beside another run's now.
    bool overlaid() const;
    void showProjection(const protocol::ProjectionResult& projection);
    /// The projection with the points of what is tried on the block in place of the quantized model's.
    protocol::ProjectionResult withWhatIf(protocol::ProjectionResult projection) const;
    void refreshAccuracies();
    void refreshState();
    void refreshScrubber();
    void followNewest();
    void follow(bool following);
    /// The panes beside the plots, in the order of their tabs.
    static QStringList usualSide();
    /// The chart with the projection under it, and right of both stacks of panes.
    void placeBeside(const std::vector<QStringList>& stacks);
    /// The chart beside the projection, and under both one stack.
    void placeBelow(const QStringList& stack);
    /// Divides the area between two panes, `first` being the share of the first.
    void share(const QList<QDockWidget*>& two, double first, Qt::Orientation orientation);
    /// Puts panes upon the first of them, which is placed already and stays in front.
    void pile(const QStringList& stack);

    Session* m_session;
    QString m_folder;
    int m_block = -1;
    bool m_following = true;
    bool m_reducedMotion = false;
    bool m_bothRuns = false;  ///< The panes showed another run's points last.
    QString m_kind;
    std::map<QString, protocol::EmbeddingSettings> m_embeddingSettings;  ///< By kind.
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    DockArea* m_panes;
    widgets::LayerChart* m_chart;
    widgets::BlockScrubber* m_scrubber;
    widgets::ProjectionView* m_projection;
    OverlayBar* m_overlay;
    DriftBar* m_drift;
    LayerSide* m_side;
};

}  // namespace safequant::workbench
