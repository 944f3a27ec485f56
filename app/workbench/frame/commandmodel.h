// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QList>
#include <functional>
#include <vector>

namespace safequant::workbench {

/// Something the command palette can do.
struct Command {
    QString key;       ///< Stable name; what was used before is remembered by it.
    QString title;
    QString group;     ///< "View", "Run", "Block".
    QString shortcut;  ///< As the user types it; empty: none.
    std::function<void()> work;
};

/// The commands that match a typed text, best first; with none typed, those used last come first.
class CommandModel : public QAbstractListModel {
    Q_OBJECT

public:
    enum Role {
        GroupRole = Qt::UserRole,
        ShortcutRole,
        MatchedRole,  ///< QList<int>: positions of matched characters in the title.
    };

    using QAbstractListModel::QAbstractListModel;

    /// Replaces all commands. `recent` holds keys, last used first.
    void setCommands(std::vector<Command> commands, const QStringList& recent);
    void setFilter(const QString& typed);
    /// The command of a row; null when there is no such row.
    const Command* command(int row) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

private:
    struct Shown {
        std::size_t command;
        QList<int> matched;
    };

    void refresh();

    std::vector<Command> m_commands;
    QStringList m_recent;
    QString m_typed;
    std::vector<Shown> m_shown;
};

}  // namespace safequant::workbench
