// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// Bits for a budget: asks the engine how sensitive linears are, once for a model and its groups, and to solve.
class BitBudget : public QObject {
    Q_OBJECT

public:
    explicit BitBudget(EngineClient* client, QObject* parent = nullptr);

    /// Measures; `measure` is "weights", or "outputs" on the activations of the run in `folder`. What was measured before of other models or
    /// groups is forgotten.
    void measure(const nlohmann::json& spec, const QString& measure, const QString& folder);
    void cancel();
    /// Whether what was measured is of this spec's model and default groups.
    bool fits(const nlohmann::json& spec) const;
    /// Bits of all linears within `sizeBits`; the answer comes with `solved` or `failed`.
    void solve(double sizeBits, bool fused);

    bool measuring() const { return m_measuring; }
    int done() const { return m_done; }
    int total() const { return m_total; }
    /// Null before.
    const protocol::Sensitivities* sensitivities() const { return m_sensitivities.get(); }
    QString problem() const { return m_problem; }

signals:
    void changed();
    void solved(const safequant::protocol::BudgetSolution& solution);
    void failed(const QString& problem);

private:
    void receive(qint64 ticket, const Expected<protocol::Sensitivities>& result);

    EngineClient* m_client;
    nlohmann::json m_question, m_measured;
    qint64 m_ticket = 0;
    bool m_measuring = false;
    int m_done = 0, m_total = 0;
    std::shared_ptr<const protocol::Sensitivities> m_sensitivities;
    QString m_problem;
    EngineClient::RequestId m_solveRequest = 0;
};

}  // namespace safequant::workbench
