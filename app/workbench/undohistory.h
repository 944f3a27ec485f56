// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QUndoStack>
#include <memory>
#include <vector>

namespace safequant::workbench {

/// Several undo stacks as one history: undo takes back what was changed last, on whichever stack that was, and redo goes the same way
/// back. A change on one stack ends the redo of all.
class UndoHistory : public QObject {
    Q_OBJECT

public:
    explicit UndoHistory(QObject* parent = nullptr) : QObject(parent) {}

    /// Stacks outlive the history. What is on one already counts as older than all that follows.
    void add(QUndoStack* stack);

    bool canUndo() const { return undoStack() != nullptr; }
    bool canRedo() const { return redoStack() != nullptr; }
    /// Name of what would be undone or redone; empty when nothing.
    QString undoText() const { return canUndo() ? undoStack()->undoText() : QString(); }
    QString redoText() const { return canRedo() ? redoStack()->redoText() : QString(); }

public slots:
    void undo();
    void redo();

signals:
    void changed();

private:
    struct Entry {
        QUndoStack* stack = nullptr;
        std::vector<quint64> times;  ///< When each of its commands was last added to; 0: undone for good.
        int index = 0;               ///< Commands done, as last heard of.
    };

    void follow(Entry& entry);
    QUndoStack* undoStack() const;
    QUndoStack* redoStack() const;

    std::vector<std::unique_ptr<Entry>> m_entries;
    quint64 m_time = 0;
    bool m_moving = false;  ///< A stack changes because this history moves it.
};

}  // namespace safequant::workbench
