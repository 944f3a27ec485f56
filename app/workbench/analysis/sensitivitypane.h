// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/workbench/analysis/analysispane.h"

class QLabel;

namespace safequant::widgets {
class BarList;
}

namespace safequant::workbench {

/// Which linears and blocks quantization hurts most, with their bits beside.
class SensitivityPane : public AnalysisPane {
    Q_OBJECT

public:
    explicit SensitivityPane(Session* session, QWidget* parent = nullptr);
    bool showsBlock() const override { return false; }

signals:
    void bitsRequested();

protected:
    void ask() override;

private:
    void showLinears();
    void showBlocks();

    widgets::SegmentedControl *m_unit, *m_measure;
    widgets::BarList* m_bars;
    QLabel* m_text;
};

}  // namespace safequant::workbench
