// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "core/engine/protocol/messages.h"

class QLabel;
class QLineEdit;
class QStackedWidget;

namespace safequant::widgets {
class LinearTableModel;
class LinearTableView;
class PromptCard;
class PromptTableView;
class SegmentedControl;
}

namespace safequant::workbench {

class Session;
class SlicesPanel;
class TryPane;
class WhatIfPanel;

/// Beside the layers: the prompts with their scores at the chosen block, the selected one, the block's linears, and what if it were
/// quantized otherwise.
class LayerSide : public QWidget {
    Q_OBJECT

public:
    explicit LayerSide(Session* session, QWidget* parent = nullptr);

    /// Scores at a block; null: none yet.
    void setProjection(const protocol::ProjectionResult* projection);
    /// Linears of the chosen block, as planned or as they came out.
    void setLinears(int block, const std::vector<protocol::LinearInfo>& linears);
    void setBlock(int block, bool transferred);
    WhatIfPanel* whatIf() { return m_whatIf; }
    void focusFilter();
    /// Puts the keyboard focus into the text of a prompt to try.
    void focusTry();
    /// Asks for a file and writes the selected prompts to it.
    void exportSelection();
    QSize sizeHint() const override;

private:
    QWidget* makePrompts();
    QWidget* makeLinears();
    void refreshSelection();
    void refreshCount();

    Session* m_session;
    QLabel* m_count;
    widgets::SegmentedControl* m_switch;
    QStackedWidget* m_stack;
    QLineEdit* m_filter;
    widgets::PromptTableView* m_table;
    widgets::PromptCard* m_card;
    widgets::LinearTableModel* m_linearModel;
    widgets::LinearTableView* m_linears;
    QLabel* m_linearTitle;
    TryPane* m_try;
    SlicesPanel* m_slices;
    WhatIfPanel* m_whatIf;
};

}  // namespace safequant::workbench
