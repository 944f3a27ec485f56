// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>
#include <QUndoStack>
#include <functional>
#include <memory>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "widgets/promptslice.h"

namespace safequant::workbench {

/// The slices of the open run. Every change can be undone, and is in their file a moment later.
class SliceStore : public QObject {
    Q_OBJECT

public:
    using Prompts = std::shared_ptr<const std::vector<protocol::PromptItem>>;

    explicit SliceStore(QObject* parent = nullptr);
    ~SliceStore() override;

    /// Takes up the slices of a run from their file; undo starts afresh. `run` is its name, for people who read the file.
    void open(const QString& file, const std::string& run, Prompts prompts);
    /// No run is open. What was not written yet is written.
    void close();

    const std::vector<widgets::PromptSlice>& slices() const { return m_slices; }
    QUndoStack* undoStack() { return &m_undo; }
    /// Whether slices can be made: a run is open, and its file of slices could be read.
    bool usable() const { return m_usable; }
    /// Why not, or why they could not be written; empty: all is well.
    QString problem() const { return m_problem; }

    /// Makes a slice with the mark that is used least, and a name that no other has. Returns its place, -1 when not usable.
    int add(const QString& name, const QString& madeFrom, const QList<int>& prompts);
    void rename(int slice, const QString& name);
    void setMark(int slice, int mark);
    void setShown(int slice, bool shown);
    void remove(const QList<int>& slices);
    /// The prompts that are not in a slice.
    QList<int> complement(int slice) const;

signals:
    void changed();

private:
    class Edit;

    void edit(const QString& name, const std::function<void(std::vector<widgets::PromptSlice>&)>& change);
    void apply(const std::vector<widgets::PromptSlice>& slices);
    void write();
    bool holds(int slice) const { return slice >= 0 && slice < static_cast<int>(m_slices.size()); }

    QUndoStack m_undo;
    std::vector<widgets::PromptSlice> m_slices;
    Prompts m_prompts;
    QString m_file, m_problem;
    std::string m_run;
    bool m_usable = false;
    QTimer m_writeTimer;
};

}  // namespace safequant::workbench
