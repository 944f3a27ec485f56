// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QList>
#include <QObject>
#include <QVariantMap>
#include <array>

#include "app/workbench/frame/pagerail.h"
#include "widgets/theme.h"

class QMainWindow;
class QMenu;

namespace safequant::workbench {

/// Every action of the window, in the menus where they stand. Whoever does the work connects to `triggered`.
class Actions : public QObject {
    Q_OBJECT

public:
    explicit Actions(QMainWindow* window);

    QAction *startPage, *openModel, *openRun, *exportModel, *closeRun, *quit;
    QAction *undo, *redo, *copyChart, *copyPoints, *exportPrompts, *find, *tryPrompt;
    std::array<QAction*, kPages> pages;
    QAction *setupPanel, *arrangePanes, *resetZoom, *showMalicious, *reduceMotion;
    std::array<QAction*, 4> themes;  ///< In the order of Theme::Mode.
    QMenu* view;
    QAction *quantize, *stop, *resume, *saveSpec, *previousBlock, *nextBlock;
    QAction *commands, *engines, *restartEngine, *runFolder;
    QAction *terms, *shortcuts, *tour, *about;

    /// Every action in the order of the menus.
    QList<QAction*> all() const { return findChildren<QAction*>(Qt::FindDirectChildrenOnly); }
    /// "Export the quantized model ...", without the mark of the key that chooses it in a menu.
    static QString plainText(const QString& text);
    /// The menu that an action stands in, "Edit".
    static QString menuOf(const QAction* action);
    /// The keys that an action comes with.
    static QList<QKeySequence> standardKeys(const QAction* action);
    /// The action that has these keys; null: none.
    QAction* withKeys(const QKeySequence& keys) const;
    void setKeys(QAction* action, const QList<QKeySequence>& keys);
    /// Keys that are not the standard ones, by name of the action; what is not named here goes back to its own. Unknown names are kept.
    QVariantMap changedKeys() const;
    void setChangedKeys(const QVariantMap& changed);

signals:
    void keysChanged();

private:
    QAction* add(QMenu* menu, const QString& text, const QKeySequence& keys = {}, const QString& name = {});

    QMainWindow* m_window;
    QVariantMap m_unknown;  ///< Keys of actions that this version does not have.
};

}  // namespace safequant::workbench
