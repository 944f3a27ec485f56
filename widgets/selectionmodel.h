// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QObject>

namespace safequant::widgets {

/// What a gesture or a command does to the selection.
enum class SelectionMode { Replace, Add, Subtract };

/// The one selection of prompts, shared by plots and tables. Prompts are indices into the run's prompt list.
class SelectionModel : public QObject {
    Q_OBJECT
public:
    explicit SelectionModel(QObject* parent = nullptr);

    bool isEmpty() const;
    bool contains(int prompt) const;
    int count() const;
    /// Ascending.
    QList<int> selected() const;
    /// The prompt chosen last, -1 when none. Always selected.
    int current() const;

public slots:
    /// Selects one prompt alone; -1 clears.
    void select(int prompt);
    /// Adds a prompt, or removes it when it is selected.
    void toggle(int prompt);
    /// Replaces the selection; `current` -1 means the first. Emits at most once.
    void setSelection(const QList<int>& prompts, int current = -1);
    /// Adds prompts to the selection.
    void add(const QList<int>& prompts);
    void subtract(const QList<int>& prompts);
    void apply(safequant::widgets::SelectionMode mode, const QList<int>& prompts);
    void clear();

signals:
    void selectionChanged();
    void currentChanged(int prompt);

private:
    void replace(QList<int> selected, int current);

    QList<int> m_selected;  ///< Ascending, without repeats.
    int m_current = -1;
};

}  // namespace safequant::widgets
