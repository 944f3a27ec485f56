// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <memory>
#include <vector>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"
#include "app/workbench/run/ticketedwork.h"
#include "core/engine/protocol/placed_messages.h"

namespace safequant::workbench {

/// Prompts that the user tried on the open run's models: sent through them by the engine, one at a time, and forgotten with the run.
class PlacedPrompts : public QObject {
    Q_OBJECT

public:
    struct Item {
        QString text;
        std::shared_ptr<const protocol::PlacedPrompts> placed;

        /// Its activations at one block of "base" or "quantized"; null when that block was not finished when it was tried.
        const protocol::PlacedBlock* block(const std::string& model, int block) const;
    };

    PlacedPrompts(EngineClient* client, RunStore* store, QObject* parent = nullptr);

    /// In the order they were tried.
    const std::vector<Item>& items() const { return m_items; }
    bool working() const { return m_work.working(); }
    /// Blocks done and in all of the one at work; 0 of 0 until the engine has begun.
    quint64 done() const { return m_work.done(); }
    quint64 total() const { return m_work.total(); }
    /// Why the last one could not be placed; empty when it was.
    QString problem() const { return m_problem; }

    /// Sends a prompt through the models; one that is at work is given up.
    void place(const QString& text);
    void stop();
    void remove(int item);

signals:
    void changed();

private:
    void clear();

    RunStore* m_store;
    QString m_folder;
    std::vector<Item> m_items;
    TicketedWork m_work;
    QString m_problem;
};

}  // namespace safequant::workbench
