// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/selectionmodel.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace safequant::widgets {

SelectionModel::SelectionModel(QObject* parent) : QObject(parent) {}

bool SelectionModel::isEmpty() const { return m_selected.isEmpty(); }

bool SelectionModel::contains(int prompt) const { return std::binary_search(m_selected.cbegin(), m_selected.cend(), prompt); }

int SelectionModel::count() const { return int(m_selected.size()); }

int SelectionModel::current() const { return m_current; }

QList<int> SelectionModel::selected() const { return m_selected; }

void SelectionModel::select(int prompt) { setSelection({prompt}, prompt); }

void SelectionModel::toggle(int prompt) {
    QList<int> next = m_selected;
    if (next.removeAll(prompt) == 0) {
        next << prompt;
        replace(std::move(next), prompt);
    } else {
        const int current = prompt != m_current ? m_current : next.value(0, -1);
        replace(std::move(next), current);
    }
}

void SelectionModel::setSelection(const QList<int>& prompts, int current) {
    replace(prompts, prompts.contains(current) ? current : prompts.value(0, -1));
}

void SelectionModel::add(const QList<int>& prompts) {
    replace(m_selected + prompts, m_current >= 0 ? m_current : prompts.value(0, -1));
}

void SelectionModel::subtract(const QList<int>& prompts) {
    QList<int> removed = prompts;
    std::sort(removed.begin(), removed.end());
    QList<int> rest;
    std::set_difference(m_selected.cbegin(), m_selected.cend(), removed.cbegin(), removed.cend(), std::back_inserter(rest));
    const bool stays = std::binary_search(rest.cbegin(), rest.cend(), m_current);
    const int current = stays ? m_current : rest.value(0, -1);
    replace(std::move(rest), current);
}

void SelectionModel::apply(SelectionMode mode, const QList<int>& prompts) {
    switch (mode) {
        case SelectionMode::Replace: setSelection(prompts); break;
        case SelectionMode::Add: add(prompts); break;
        case SelectionMode::Subtract: subtract(prompts); break;
    }
}

void SelectionModel::clear() { replace({}, -1); }

void SelectionModel::replace(QList<int> selected, int current) {
    std::sort(selected.begin(), selected.end());
    selected.erase(std::unique(selected.begin(), selected.end()), selected.end());
    selected.erase(selected.begin(), std::lower_bound(selected.begin(), selected.end(), 0));
    current = std::max(current, -1);
    const bool selectionMoved = selected != m_selected;
    const bool currentMoved = current != m_current;
    m_selected = std::move(selected);
    m_current = current;
    if (selectionMoved) {
        emit selectionChanged();
    }
    if (currentMoved) {
        emit currentChanged(m_current);
    }
}

}  // namespace safequant::widgets
