// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/workbench/setup/bitbudget.h"
#include "app/workbench/setup/runspec.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPushButton;

namespace safequant::widgets {
class BitsChart;
class SegmentedControl;
}

namespace safequant::workbench {

class RunStore;
class SetupModel;

/// Bits of all linears as bars to drag, with what the model then takes; presets; and a budget, solved from how much rounding does to each
/// linear. Every change is one of the spec's rules, and can be undone.
class BitsEditor : public QWidget {
    Q_OBJECT

public:
    BitsEditor(SetupModel* model, RunStore* store, EngineClient* client, QWidget* parent = nullptr);

    /// Whether linears that runtimes run as one product are to have equal bits.
    bool keepsFused() const;

private:
    /// Bits that weights take, without and with what an export has beside them.
    struct Size {
        double weights = 0.0, bits = 0.0;
        quint64 exportBytes = 0;
    };

    QLayout* makeHead();
    QLayout* makeBudgetRow();
    void refresh();
    void refreshBudget();
    void refreshSelection();
    Size sizeNow() const;
    void editLinears(const QStringList& linears, int bits, int mergeId, const QString& name);
    void applyPreset(int index);
    void solve();
    void applySolution(const protocol::BudgetSolution& solution);

    SetupModel* m_model;
    RunStore* m_store;
    BitBudget m_budget;
    bool m_solving = false;  ///< Solve once measured.
    widgets::BitsChart* m_chart;
    QLabel* m_size;
    QCheckBox* m_fused;
    QComboBox* m_presets;
    widgets::SegmentedControl* m_bits;
    QLabel* m_selected;
    QDoubleSpinBox* m_target;
    QComboBox* m_unit;
    QComboBox* m_measure;
    QPushButton* m_solve;
    QLabel* m_outcome;
};

}  // namespace safequant::workbench
