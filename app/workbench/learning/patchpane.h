// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <array>

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
/// did, what the base model's probes say of it, and the pairs of answers it learns from.
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
    void refreshSteps(const protocol::PatchProgress& patch);
    void refreshMap(const protocol::PatchProgress& patch);
    void refreshProbes(const protocol::PatchProgress& patch);
    void refreshPairs(const protocol::PatchProgress& patch);
    void refreshText(const protocol::PatchProgress& patch);

    Session* m_session;
    widgets::LinesPlot *m_loss, *m_margin, *m_preferred, *m_chosenLoss, *m_probes;
    std::array<widgets::LinesPlot*, 4> m_stepPlots;
    widgets::HeatMap* m_map;
    widgets::SegmentedControl* m_shown;
    widgets::FigureTableModel* m_pairs;
    QTableView* m_pairTable;
    QLabel *m_title, *m_text, *m_pairText, *m_probeText;
};

}  // namespace safequant::workbench
