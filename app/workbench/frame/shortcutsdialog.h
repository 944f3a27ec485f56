// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QKeySequenceEdit;
class QLabel;
class QLineEdit;
class QPushButton;
class QSortFilterProxyModel;
class QStandardItemModel;
class QTableView;

namespace safequant::workbench {

class Actions;

/// Every action with its keys, found by a word, and given others; keys that another action has are taken from it only when asked.
class ShortcutsDialog : public QDialog {
    Q_OBJECT

public:
    explicit ShortcutsDialog(Actions* actions, QWidget* parent = nullptr);

private:
    QAction* chosen() const;
    void refresh();
    void showChosen();
    void assign(const QKeySequence& keys, bool takeOver);

    Actions* m_actions;
    QStandardItemModel* m_model;
    QSortFilterProxyModel* m_shown;
    QLineEdit* m_filter;
    QTableView* m_table;
    QLabel* m_name;
    QKeySequenceEdit* m_keys;
    QPushButton *m_take, *m_none, *m_standard, *m_allStandard;
    QLabel* m_said;
    QKeySequence m_wanted;  ///< Typed, but another action's.
};

}  // namespace safequant::workbench
