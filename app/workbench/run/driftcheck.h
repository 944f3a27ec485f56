// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <optional>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"
#include "app/workbench/run/ticketedwork.h"
#include "core/engine/protocol/signature_messages.h"

namespace safequant::workbench {

/// How far the open run's models are from a signature that the user chose: asked of the engine, first the base model, then the quantized one where
/// there is one, and forgotten with the run.
class DriftCheck : public QObject {
    Q_OBJECT

public:
    DriftCheck(EngineClient* client, RunStore* store, QObject* parent = nullptr);

    /// The signature's file; empty: none was chosen.
    const QString& file() const { return m_file; }
    /// Of "base" or "quantized"; null until it is known.
    const protocol::SignatureReport* report(const std::string& model) const;
    bool working() const { return m_work.working(); }
    /// Blocks done and in all of the model at work; 0 of 0 until the engine has begun.
    quint64 done() const { return m_work.done(); }
    quint64 total() const { return m_work.total(); }
    /// Why the last check ended without a report; empty when it did not.
    const QString& problem() const { return m_problem; }

    /// Checks the run's models; what was asked before is given up.
    void check(const QString& file);
    void stop();
    /// Forgets signature and reports.
    void clear();

signals:
    void changed();

private:
    void ask(const std::string& model);
    bool quantized() const;

    RunStore* m_store;
    QString m_folder, m_file, m_problem;
    std::optional<protocol::SignatureReport> m_base, m_quantized;
    TicketedWork m_work;
};

}  // namespace safequant::workbench
