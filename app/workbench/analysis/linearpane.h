// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "app/workbench/analysis/analysispane.h"
#include "app/workbench/analysis/inputsmeasurement.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;

namespace safequant::widgets {
class BarList;
class XyPlot;
}

namespace safequant::workbench {

/// A linear: its weights before and after quantization, and the size of what enters it, channel by channel.
class LinearPane : public AnalysisPane {
    Q_OBJECT

public:
    explicit LinearPane(Session* session, QWidget* parent = nullptr);

protected:
    void ask() override;

private:
    QWidget* makeInputs();
    QString linear() const;
    void showWeights();
    void showValues();
    void showSteps();
    void showInputs();
    void showState(const std::string& model);

    QComboBox* m_role;
    widgets::SegmentedControl *m_unit, *m_model;
    QCheckBox* m_logarithmic;
    widgets::XyPlot *m_weights, *m_channels;
    widgets::BarList* m_outliers;
    QLabel *m_weightsText, *m_inputsText;
    QPushButton* m_measure;
    InputsMeasurement m_inputs;
    std::optional<protocol::LinearWeightsResult> m_result;
    Question m_asked;
};

}  // namespace safequant::workbench
