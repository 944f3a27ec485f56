// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/workbench/layers/slicestore.h"

class QLabel;
class QLineEdit;
class QMenu;
class QPushButton;
class QTableView;

namespace safequant::widgets {
class PromptFilterModel;
class SliceTableModel;
}

namespace safequant::workbench {

class Session;

/// The slices of the open run: made from the selection, from a rule or from other slices, named, marked, selected, written to files.
class SlicesPanel : public QWidget {
    Q_OBJECT

public:
    explicit SlicesPanel(Session* session, QWidget* parent = nullptr);

    int count() const { return static_cast<int>(store()->slices().size()); }
    /// The block whose scores are shown, for what is written to files; -1: none.
    void setBlock(int block) { m_block = block; }
    /// What the table of prompts is filtered by; it outlives the panel.
    void setFilter(const widgets::PromptFilterModel* filter);
    /// Asks for a file and writes the selected prompts to it.
    void exportSelection();

private:
    SliceStore* store() const;
    QWidget* makeSources();
    QWidget* makeList();
    QWidget* makeActions();
    QMenu* makeMarkMenu();
    void refresh();
    void refreshActions();
    QList<int> chosen() const;
    const QList<int>& promptsOf(int slice) const;
    QString nameOf(int slice) const;
    void make(const QString& name, const QString& madeFrom, const QList<int>& prompts);
    void makeFromRule();
    void fillCombineMenu(QMenu* menu);
    void select(bool add);
    void write(const QString& name, const QList<int>& prompts);
    void say(const QString& text, const char* tone);

    Session* m_session;
    int m_block = -1;
    const widgets::PromptFilterModel* m_filter = nullptr;
    QLineEdit* m_rule;
    QPushButton *m_fromSelection, *m_fromFilter;
    QTableView* m_view;
    widgets::SliceTableModel* m_model;
    QLabel* m_empty;
    QWidget* m_actions;
    QPushButton *m_select, *m_add, *m_rename, *m_combine, *m_mark, *m_delete;
    QLabel* m_note;
};

}  // namespace safequant::workbench
