// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <array>

#include "app/workbench/run/whatifs.h"
#include "widgets/linearscheme.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QProgressBar;
class QPushButton;

namespace safequant::widgets {
class LinearTableModel;
class LinearTableView;
}

namespace safequant::workbench {

class SchemeControls;
class Session;

/// The chosen block quantized otherwise: a scheme to try, what it does beside what the run's own does, and buttons that take it into the
/// setup. Asks while it is in view.
class WhatIfPanel : public QWidget {
    Q_OBJECT

public:
    explicit WhatIfPanel(Session* session, QWidget* parent = nullptr);

    /// The block in view; -1: none.
    void setBlock(int block);
    /// Numbers of the block in view to draw in place of the run's own; null while there are none, or while the panel is not looked at.
    const protocol::WhatIfResult* shown() const;
    /// "What if: W4A16 g64 asymmetric".
    QString title() const;

signals:
    /// What `shown` gives is another.
    void shownChanged();

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    enum Row { Bits, BlockError, Transferred, Refitted, RowCount };

    QWidget* makeResults();
    void refreshMethods();
    void refreshScheme();
    void ask();
    void refresh();
    void refreshStatus();
    void refreshNumbers();
    /// The method of the numbers in view; empty for rounding to nearest.
    QString triedMethod() const;
    void useForBlock();
    void useForAll();

    Session* m_session;
    WhatIfs m_whatIfs;
    int m_block = -1;
    bool m_chosen = false;  ///< The user chose a scheme; before, it follows the setup's.
    QTimer m_later;
    QComboBox* m_method;
    SchemeControls* m_scheme;
    QLabel* m_status;
    QProgressBar* m_progress;
    QWidget* m_results;
    QCheckBox* m_draw;
    QLabel* m_runHead;
    std::array<QLabel*, RowCount> m_values, m_runValues;
    QLabel* m_differences;
    QLabel* m_basis;
    widgets::LinearTableModel* m_linearModel;
    widgets::LinearTableView* m_linears;
    QPushButton* m_useBlock;
    QPushButton* m_useAll;
};

}  // namespace safequant::workbench
