// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "app/workbench/analysis/analysispane.h"

class QTableView;

namespace safequant::widgets {
class XyPlot;
}

namespace safequant::workbench {

/// Whether the probabilities that a block's probes state can be believed, and what their thresholds catch.
class CalibrationPane : public AnalysisPane {
    Q_OBJECT

public:
    explicit CalibrationPane(Session* session, QWidget* parent = nullptr);

protected:
    void ask() override;

private:
    void show();
    void showReliability(const std::string& binning);
    void showRoc();
    void showNumbers(const std::string& binning);

    widgets::SegmentedControl *m_probe, *m_binning;
    widgets::XyPlot *m_reliability, *m_roc;
    widgets::FigureTableModel* m_numbers;
    QTableView* m_summary;
    std::optional<protocol::BlockCalibrationResult> m_result;
    Question m_asked;
};

}  // namespace safequant::workbench
