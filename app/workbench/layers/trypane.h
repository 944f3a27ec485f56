// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QStandardItemModel;
class QTableView;

namespace safequant::workbench {

class Session;

/// Prompts of the user's own: typed here, sent through the run's models, their scores at the chosen block listed. Ctrl+Enter in the text
/// places it, Delete in the list takes one away.
class TryPane : public QWidget {
    Q_OBJECT

public:
    explicit TryPane(Session* session, QWidget* parent = nullptr);

    void setBlock(int block, bool transferred);
    void focusText();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void place();
    void refresh();
    void refreshButton();

    Session* m_session;
    int m_block = -1;
    bool m_transferred = true;
    QPlainTextEdit* m_text;
    QPushButton* m_place;
    QLabel* m_said;
    QStandardItemModel* m_model;
    QTableView* m_table;
    QLabel* m_foot;
};

}  // namespace safequant::workbench
