// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <map>

#include "app/workbench/run/runstore.h"
#include "core/engine/protocol/embedding_messages.h"

class QLabel;
class QSplitter;
class QStackedWidget;

namespace safequant::widgets {
class EmptyState;
class LayerChart;
class ProjectionView;
}

namespace safequant::workbench {

class LayerSide;
class Session;

/// The run, block by block: separability over all blocks, the activations of the chosen block, and its prompts and linears.
class LayersPage : public QWidget {
    Q_OBJECT

public:
    explicit LayersPage(Session* session, QWidget* parent = nullptr);

    int block() const { return m_block; }
    widgets::LayerChart* chart() { return m_chart; }
    widgets::ProjectionView* projection() { return m_projection; }
    /// Puts the keyboard focus into the filter of the prompts.
    void focusFilter();
    void saveLayout();
    void restoreLayout();

public slots:
    void setBlock(int block);
    void setKind(const QString& kind);

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
    void showProjection(const protocol::ProjectionResult& projection);
    void refreshAccuracies();
    void refreshState();
    void followNewest();

    Session* m_session;
    QString m_folder;
    int m_block = -1;
    bool m_following = true;
    QString m_kind;
    std::map<QString, protocol::EmbeddingSettings> m_embeddingSettings;  ///< By kind.
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    QSplitter* m_columns;
    QSplitter* m_rows;
    widgets::LayerChart* m_chart;
    widgets::ProjectionView* m_projection;
    LayerSide* m_side;
};

}  // namespace safequant::workbench
