// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// One block of a run quantized otherwise: asked of the engine, the newest question alone, and followed from the first numbers to the refined
/// ones.
class WhatIfs : public QObject {
    Q_OBJECT

public:
    enum class State {
        None,       ///< Nothing was asked.
        Preparing,  ///< What enters the block is computed; see done and total.
        Trying,     ///< On the way to the first numbers.
        Refining,   ///< Those are there; probes are fitted anew.
        Done,
        Failed,
    };
    Q_ENUM(State)

    explicit WhatIfs(EngineClient* client, QObject* parent = nullptr);

    /// Asks, and ends what was asked before. `quantization`: method, default and rules of a run spec. The last numbers stay until others
    /// come, unless they are of another block or run.
    void ask(const QString& folder, int block, const nlohmann::json& quantization);
    /// Ends what runs and forgets the numbers.
    void clear();

    State state() const { return m_state; }
    int block() const { return m_block; }
    /// Numbers of the last question answered; null before.
    const protocol::WhatIfResult* result() const { return m_result.get(); }
    /// Blocks of the base model computed, and in all; 0 of 0 while the run is opened.
    int done() const { return m_done; }
    int total() const { return m_total; }
    QString problem() const { return m_problem; }

signals:
    void changed();

private:
    void cancel();
    void receiveEnd(qint64 ticket, const Expected<Nothing>& end);

    EngineClient* m_client;
    QString m_folder;
    int m_block = -1;
    State m_state = State::None;
    qint64 m_ticket = 0;
    int m_done = 0, m_total = 0;
    std::shared_ptr<const protocol::WhatIfResult> m_result;
    QString m_problem;
};

}  // namespace safequant::workbench
