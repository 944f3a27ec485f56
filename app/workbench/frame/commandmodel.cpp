// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/commandmodel.h"

#include <algorithm>

#include "widgets/fuzzymatch.h"

namespace safequant::workbench {

void CommandModel::setCommands(std::vector<Command> commands, const QStringList& recent) {
    m_commands = std::move(commands);
    m_recent = recent;
    m_typed.clear();
    refresh();
}

void CommandModel::setFilter(const QString& typed) {
    m_typed = typed;
    refresh();
}

void CommandModel::refresh() {
    struct Rated {
        Shown shown;
        int score;
        qsizetype age;  ///< Place among those used last; those never used come after all.
    };
    std::vector<Rated> rated;
    for (std::size_t i = 0; i < m_commands.size(); ++i) {
        const auto match = widgets::fuzzyMatch(m_typed, m_commands[i].title);
        if (!match) continue;
        const qsizetype place = m_recent.indexOf(m_commands[i].key);
        rated.push_back({{i, match->positions}, match->score, place < 0 ? m_recent.size() : place});
    }
    std::stable_sort(rated.begin(), rated.end(),
                     [](const Rated& a, const Rated& b) { return a.score != b.score ? a.score > b.score : a.age < b.age; });
    beginResetModel();
    m_shown.clear();
    for (Rated& item : rated) m_shown.push_back(std::move(item.shown));
    endResetModel();
}

const Command* CommandModel::command(int row) const {
    if (row < 0 || row >= rowCount()) return nullptr;
    return &m_commands[m_shown[static_cast<std::size_t>(row)].command];
}

int CommandModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_shown.size()); }

QVariant CommandModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const Command& item = *command(index.row());
    switch (role) {
        case Qt::DisplayRole: return item.title;
        case Qt::AccessibleTextRole: return item.shortcut.isEmpty() ? item.title : tr("%1, %2").arg(item.title, item.shortcut);
        case GroupRole: return item.group;
        case ShortcutRole: return item.shortcut;
        case MatchedRole: return QVariant::fromValue(m_shown[static_cast<std::size_t>(index.row())].matched);
        default: return {};
    }
}

}  // namespace safequant::workbench
