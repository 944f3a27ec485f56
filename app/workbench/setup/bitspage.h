// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "core/engine/protocol/messages.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace safequant::widgets {
class EmptyState;
class InfoBanner;
class LinearTableModel;
class LinearTableView;
class SegmentedControl;
}

namespace safequant::workbench {

class BitsEditor;
class EngineClient;
class RulesEditor;
class RunStore;
class SetupModel;

/// Setup in full: bits as bars to drag, with a budget; the grid of every linear, asked and actual, with the reason for a difference; rules
/// for many at once.
class BitsPage : public QWidget {
    Q_OBJECT

public:
    BitsPage(SetupModel* model, RunStore* store, EngineClient* client, QWidget* parent = nullptr);

    QByteArray saveLayout() const;
    void restoreLayout(const QByteArray& state);

signals:
    void chooseModelRequested();

private:
    QWidget* makeTableArea();
    QWidget* makeRulesArea();
    void refreshPlan();
    void refreshSpec();
    void refreshErrors();
    void refreshSelection();
    void storeOverrides();

    SetupModel* m_model;
    RunStore* m_store;
    BitsEditor* m_editor;
    bool m_refreshing = false;
    widgets::LinearTableModel* m_linears;
    widgets::LinearTableView* m_table;
    widgets::InfoBanner* m_error;
    widgets::EmptyState* m_empty;
    QStackedWidget* m_stack;
    QSplitter* m_splitter;
    QLabel* m_summary;
    QLabel* m_selected;
    widgets::SegmentedControl* m_bits;
    QPushButton* m_reset;
    RulesEditor* m_rules;
};

}  // namespace safequant::workbench
