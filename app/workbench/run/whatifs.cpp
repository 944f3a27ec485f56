// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/whatifs.h"

namespace safequant::workbench {

WhatIfs::WhatIfs(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    connect(m_client, &EngineClient::whatIfProgress, this, [this](const protocol::WhatIfProgress& progress) {
        if (progress.ticket != m_ticket || (m_state != State::Preparing && m_state != State::Trying)) return;
        m_state = State::Preparing;
        m_done = progress.done;
        m_total = progress.total;
        emit changed();
    });
    connect(m_client, &EngineClient::whatIfResult, this, [this](qint64 ticket, const std::shared_ptr<const protocol::WhatIfResult>& result) {
        if (ticket != m_ticket || m_state == State::None) return;
        m_result = result;
        m_state = State::Refining;
        emit changed();
    });
    connect(m_client, &EngineClient::whatIfFinished, this,
            [this](qint64 ticket, const std::shared_ptr<const Expected<Nothing>>& end) { receiveEnd(ticket, *end); });
    connect(m_client, &EngineClient::died, this, [this](const QString& reason) {
        if (m_state != State::None && m_state != State::Done && m_state != State::Failed)
            receiveEnd(m_ticket, fail(ErrorKind::Failed, reason.toStdString()));
    });
}

void WhatIfs::ask(const QString& folder, int block, const nlohmann::json& quantization) {
    if (folder != m_folder || block != m_block) m_result.reset();
    m_folder = folder;
    m_block = block;
    m_problem.clear();
    m_done = m_total = 0;
    m_state = State::Trying;
    const qint64 ticket = ++m_ticket;
    m_client->request<Nothing>(
        QStringLiteral("whatif/block"),
        {{"folder", folder.toStdString()}, {"block", block}, {"ticket", ticket}, {"quantization", quantization}}, this,
        [this, ticket](Expected<Nothing> begun) {
            if (!begun) receiveEnd(ticket, begun);
        });
    emit changed();
}

void WhatIfs::clear() {
    cancel();
    m_state = State::None;
    m_block = -1;
    m_result.reset();
    m_problem.clear();
    emit changed();
}

void WhatIfs::cancel() {
    if (m_state == State::None || m_state == State::Done || m_state == State::Failed) return;
    m_client->request<Nothing>(QStringLiteral("whatif/cancel"), {{"ticket", m_ticket}}, this, [](const Expected<Nothing>&) {});
}

void WhatIfs::receiveEnd(qint64 ticket, const Expected<Nothing>& end) {
    if (ticket != m_ticket || m_state == State::None) return;
    m_state = end ? State::Done : State::Failed;
    if (!end) {
        m_problem = QString::fromStdString(end.error().message);
        m_result.reset();
    }
    emit changed();
}

}  // namespace safequant::workbench
