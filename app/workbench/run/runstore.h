// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>
#include <set>

#include "core/engine/protocol/messages.h"

namespace safequant::workbench {

/// State of the open run. Events are applied as they come; what they changed is told at most thirty times a second.
class RunStore : public QObject {
    Q_OBJECT

public:
    enum Change {
        Replaced = 1 << 0,  ///< Another run, or the same one read anew: everything may differ.
        Status = 1 << 1,
        Stages = 1 << 2,
        Blocks = 1 << 3,
        Control = 1 << 4,
        Answers = 1 << 5,
        Metrics = 1 << 6,
        Notes = 1 << 7,
        Log = 1 << 8,
        Learning = 1 << 9,
        Patch = 1 << 10,
    };
    Q_DECLARE_FLAGS(Changes, Change)
    Q_FLAG(Changes)

    explicit RunStore(QObject* parent = nullptr);

    bool hasRun() const { return m_hasRun; }
    const protocol::RunState& state() const { return m_state; }
    QString folder() const;
    bool running() const { return m_hasRun && m_state.summary.status == "running"; }
    bool finished() const { return m_hasRun && m_state.summary.status == "finished"; }
    /// Blocks of the checkpoint as far as the stages tell; 0: not known yet.
    int blockCount() const;
    /// Blocks with results of "base" or "quantized".
    std::set<int> blocksOf(const std::string& model) const;
    /// The highest block with results of a model; -1: none.
    int newestBlock(const std::string& model) const;
    const protocol::BlockSeparability* block(const std::string& model, int block) const;
    const protocol::StageProgress* stage(const std::string& name) const;
    const protocol::ModelMetrics* metricsOf(const std::string& model) const;

    void replace(protocol::RunState state);
    void clear();
    /// False when events before this one are missing: the state must be read anew.
    bool apply(const protocol::RunEvent& event);
    void setStatus(const std::string& status, const std::string& detail, bool resumable);

signals:
    void changed(safequant::workbench::RunStore::Changes changes);

private:
    void touch(Changes changes);
    void flush();

    protocol::RunState m_state;
    bool m_hasRun = false;
    Changes m_changes;
    QTimer m_timer;
};

}  // namespace safequant::workbench

// Not in the namespace, where it would hide Qt's own operators.
Q_DECLARE_OPERATORS_FOR_FLAGS(safequant::workbench::RunStore::Changes)
