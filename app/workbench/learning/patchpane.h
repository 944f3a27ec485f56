// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <array>
#include <string>
#include <vector>

#include "app/workbench/run/runstore.h"

class QLabel;
class QTableView;

namespace safequant::widgets {
class FigureTableModel;
class HeatMap;
class LinesPlot;
class SegmentedControl;
}

namespace safequant::workbench {

class Session;

/// A patch of the quantized model while it is learned, and afterwards: its losses, margin and preferences by step, which codes may change and
/// did or which weights are kept, what the base model's probes say of it, and the pairs of answers it learns from.
class PatchPane : public QWidget {
    Q_OBJECT

public:
    explicit PatchPane(Session* session, QWidget* parent = nullptr);

public slots:
    void refresh();

private:
    /// A step of the plots that share their axis.
    void setStep(int place);
    QWidget* makeSide();
    QWidget* makePlots();
    /// Shows what a patch of this kind has: only those that learn have steps, and each loss has terms of its own.
    void showKind(const std::string& kind);
    void refreshSteps(const protocol::PatchProgress& patch);
    void refreshMap(const protocol::PatchProgress& patch);
    void refreshProbes(const protocol::PatchProgress& patch);
    void refreshPairs(const protocol::PatchProgress& patch);
    double shownOf(const protocol::PatchedLinear& linear) const;
    QString pairsText(const protocol::PatchProgress& patch, int used, int all) const;
    QString stepsText(const protocol::PatchProgress& patch) const;
    QString countsText(const protocol::PatchProgress& patch) const;
    void refreshText(const protocol::PatchProgress& patch);

    Session* m_session;
    widgets::LinesPlot *m_loss, *m_margin, *m_preferred, *m_chosenLoss, *m_aligned, *m_pretrained, *m_gradient, *m_probes;
    std::array<widgets::LinesPlot*, 7> m_stepPlots;
    QWidget* m_lossArea;
    std::vector<QWidget*> m_pairAreas, m_alignAreas;
    std::string m_kind;
    widgets::HeatMap* m_map;
    widgets::SegmentedControl* m_shown;
    widgets::FigureTableModel* m_pairs;
    QTableView* m_pairTable;
    QLabel *m_title, *m_text, *m_pairTitle, *m_pairText, *m_probeText, *m_mapTitle, *m_mapText;
};

}  // namespace safequant::workbench
