// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// A request that the engine works on for a while, one at a time: with a ticket that ascends, progress, and an end when the answer is no longer wanted.
class TicketedWork {
public:
    /// `cancel`: the request that ends a ticket. `receiver` gets the answers.
    TicketedWork(EngineClient* client, QString cancel, QObject* receiver) : m_client(client), m_cancel(std::move(cancel)), m_receiver(receiver) {}

    bool working() const { return m_request != 0; }
    /// Parts done and in all; 0 of 0 until the engine has begun.
    quint64 done() const { return m_done; }
    quint64 total() const { return m_total; }

    /// Asks; what was at work is given up.
    template <typename T>
    void start(const QString& method, nlohmann::json params, std::function<void(Expected<T>)> take) {
        stop();
        params["ticket"] = ++m_ticket;
        m_request = m_client->request<T>(method, std::move(params), m_receiver, [this, take = std::move(take)](Expected<T> answer) {
            m_request = 0;
            take(std::move(answer));
        });
    }
    /// Takes a notification of progress; false when it is of another ticket.
    bool advance(qint64 ticket, quint64 done, quint64 total) {
        if (!working() || ticket != m_ticket) return false;
        m_done = done;
        m_total = total;
        return true;
    }
    /// False when nothing was at work.
    bool stop() {
        m_done = m_total = 0;
        if (!working()) return false;
        m_client->drop(m_request);
        m_client->request<Nothing>(m_cancel, {{"ticket", m_ticket}}, m_receiver, [](const Expected<Nothing>&) {});
        m_request = 0;
        return true;
    }

private:
    EngineClient* m_client;
    QString m_cancel;
    QObject* m_receiver;
    EngineClient::RequestId m_request = 0;
    qint64 m_ticket = 0;
    quint64 m_done = 0, m_total = 0;
};

}  // namespace safequant::workbench
