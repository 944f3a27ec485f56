// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QUndoStack>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/workbench/frame/commandmodel.h"

class QAction;
class QMenu;

namespace safequant::workbench {

class AppSettings;
class Dialogs;
class DockArea;

/// A way to place the panes that the program brings along.
struct BuiltInLayout {
    QString key;
    QString title;
    std::function<void()> arrange;
};

/// The menus with the panes of an area and its layouts: those that the program brings along and those that users keep by name.
/// Every change of layout can be undone.
class LayoutMenu : public QObject {
    Q_OBJECT

public:
    /// Adds its submenus to `view`; `arranging` is checked while titles stand over the panes. Everything given outlives the menu.
    LayoutMenu(QMenu* view, QAction* arranging, DockArea* area, std::vector<BuiltInLayout> builtIn, AppSettings* settings, Dialogs* dialogs, QWidget* window);

    QUndoStack* history() { return &m_history; }
    /// Everything in the menus, for the command palette.
    std::vector<Command> commands();
    /// Names of the layouts that users kept, in alphabetical order.
    QStringList kept() const;
    /// Keeps the arrangement under a name, in place of one of the same name.
    void keep(const QString& name);
    void forget(const QString& name);
    /// Places the panes as in a layout that was kept.
    void use(const QString& name);

signals:
    /// A layout was used, kept or forgotten, to be said to the user.
    void said(const QString& what);

private:
    void arrange(const QString& title, const std::function<void()>& work);
    void refresh();
    void store();
    QAction* add(QMenu* menu, const QString& text, std::function<void()> work);

    DockArea* m_area;
    std::vector<BuiltInLayout> m_builtIn;
    AppSettings* m_settings;
    Dialogs* m_dialogs;
    QWidget* m_window;
    QMenu* m_panes;
    QMenu* m_layouts;
    QMenu* m_forgetting;
    nlohmann::json m_kept;  ///< Arrangements in base 64, by name.
    QUndoStack m_history;
};

}  // namespace safequant::workbench
