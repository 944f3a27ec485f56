// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <vector>

#include "app/workbench/frame/commandmodel.h"

class QLineEdit;
class QListView;
class QLabel;

namespace safequant::workbench {

class AppSettings;

/// Everything the window can do, found by typing part of its name. Stands over the top of its parent; Up and Down choose, Enter does
/// it, Escape or a click elsewhere closes it.
class CommandPalette : public QFrame {
    Q_OBJECT

public:
    /// `settings` keeps what was used last.
    CommandPalette(AppSettings* settings, QWidget* parent);

    /// Shows these commands with an empty text.
    void open(std::vector<Command> commands);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void place();
    void run(int row);
    void step(int direction);
    void refresh();
    void leave();

    AppSettings* m_settings;
    CommandModel* m_model;
    QLineEdit* m_text;
    QListView* m_list;
    QLabel* m_nothing;
    QWidget* m_before = nullptr;  ///< What had the keyboard focus.
};

}  // namespace safequant::workbench
