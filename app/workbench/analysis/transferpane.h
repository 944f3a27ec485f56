// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>

#include "app/workbench/analysis/analysispane.h"

class QLabel;

namespace safequant::widgets {
class HeatMap;
}

namespace safequant::workbench {

/// The base model's probe of every block on the activations of every block, of base and quantized model on one scale.
class TransferPane : public AnalysisPane {
    Q_OBJECT

public:
    explicit TransferPane(Session* session, QWidget* parent = nullptr);

protected:
    void ask() override;

private:
    void show();
    void fill(std::size_t model);

    widgets::SegmentedControl* m_measure;
    std::array<widgets::HeatMap*, 2> m_maps;  ///< Of base and quantized activations.
    std::array<std::optional<protocol::ProbeTransfer>, 2> m_transfer;
    std::array<Question, 2> m_asked;
    QLabel* m_text;
};

}  // namespace safequant::workbench
