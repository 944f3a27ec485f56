// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/undohistory.h"

#include <algorithm>

namespace safequant::workbench {

namespace {
constexpr quint64 kStale = 0;
}

void UndoHistory::add(QUndoStack* stack) {
    m_entries.push_back(std::make_unique<Entry>());
    Entry* entry = m_entries.back().get();
    entry->stack = stack;
    entry->index = stack->index();
    for (int i = 0; i < stack->count(); ++i) entry->times.push_back(++m_time);
    connect(stack, &QUndoStack::indexChanged, this, [this, entry] { follow(*entry); });
}

void UndoHistory::follow(Entry& entry) {
    const auto count = static_cast<std::size_t>(entry.stack->count());
    const int index = entry.stack->index();
    const bool changed = !m_moving && index > 0 && index == entry.stack->count();
    entry.times.resize(count, 0);
    // A command that was pushed, or one that another was merged into. A stack that was cleared is merely empty.
    if (changed && index >= entry.index) {
        entry.times.back() = ++m_time;
        // What was undone before this change does not come back.
        for (const auto& other : m_entries)
            if (other.get() != &entry) std::fill(other->times.begin() + other->stack->index(), other->times.end(), kStale);
    }
    entry.index = index;
    emit this->changed();
}

QUndoStack* UndoHistory::undoStack() const {
    QUndoStack* found = nullptr;
    quint64 latest = 0;
    for (const auto& entry : m_entries) {
        if (!entry->stack->canUndo()) continue;
        const quint64 time = entry->times[static_cast<std::size_t>(entry->stack->index()) - 1];
        if (!found || time > latest) {
            found = entry->stack;
            latest = time;
        }
    }
    return found;
}

QUndoStack* UndoHistory::redoStack() const {
    QUndoStack* found = nullptr;
    quint64 earliest = 0;
    for (const auto& entry : m_entries) {
        if (!entry->stack->canRedo()) continue;
        const quint64 time = entry->times[static_cast<std::size_t>(entry->stack->index())];
        if (time == kStale) continue;
        if (!found || time < earliest) {
            found = entry->stack;
            earliest = time;
        }
    }
    return found;
}

void UndoHistory::undo() {
    if (QUndoStack* stack = undoStack()) {
        m_moving = true;
        stack->undo();
        m_moving = false;
        emit changed();
    }
}

void UndoHistory::redo() {
    if (QUndoStack* stack = redoStack()) {
        m_moving = true;
        stack->redo();
        m_moving = false;
        emit changed();
    }
}

}  // namespace safequant::workbench
