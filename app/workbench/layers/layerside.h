// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLatin1String>
#include <QObject>

#include "core/engine/protocol/messages.h"

class QLabel;
class QLineEdit;
class QWidget;

namespace safequant::widgets {
class LinearTableModel;
class LinearTableView;
class PromptCard;
class PromptTableView;
}

namespace safequant::workbench {

class DockArea;
class Session;
class SlicesPanel;
class TokensPane;
class TryPane;
class WhatIfPanel;

/// The panes beside the layers: the prompts with their scores at the chosen block, the selected one, the block's linears, and what if it were
/// quantized otherwise.
class LayerSide : public QObject {
    Q_OBJECT

public:
    static constexpr QLatin1String kPrompts{"prompts"};
    static constexpr QLatin1String kLinears{"linears"};
    static constexpr QLatin1String kTokens{"tokens"};
    static constexpr QLatin1String kTry{"try"};
    static constexpr QLatin1String kSlices{"slices"};
    static constexpr QLatin1String kWhatIf{"whatIf"};

    /// Adds its panes to an area, by these keys.
    LayerSide(Session* session, DockArea* area);

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

private:
    QWidget* makePrompts();
    QWidget* makeLinears();
    void refreshSelection();
    void refreshCount();
    void refreshTokens();

    Session* m_session;
    DockArea* m_area;
    QLabel* m_count;
    QLineEdit* m_filter;
    widgets::PromptTableView* m_table;
    widgets::PromptCard* m_card;
    widgets::LinearTableModel* m_linearModel;
    widgets::LinearTableView* m_linears;
    QLabel* m_linearTitle;
    TokensPane* m_tokens;
    TryPane* m_try;
    SlicesPanel* m_slices;
    WhatIfPanel* m_whatIf;
};

}  // namespace safequant::workbench
