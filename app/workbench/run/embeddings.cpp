// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/embeddings.h"

#include <algorithm>
#include <iterator>

namespace safequant::workbench {

Embeddings::Embeddings(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    connect(m_client, &EngineClient::projectionFrame, this,
            [this](const std::shared_ptr<const protocol::ProjectionFrame>& frame) {
                if (m_state != State::Running || frame->ticket != m_ticket) return;
                m_frame = frame;
                emit changed();
            });
    connect(m_client, &EngineClient::projectionFinished, this,
            [this](qint64 ticket, const std::shared_ptr<const Expected<protocol::ProjectionResult>>& result) {
                receiveEnd(ticket, *result);
            });
    connect(m_client, &EngineClient::died, this, [this](const QString& reason) {
        if (m_state == State::Running) receiveEnd(m_ticket, fail(ErrorKind::Failed, reason.toStdString()));
    });
}

void Embeddings::setFolder(const QString& folder) {
    hide();
    m_kept.clear();
    m_base.clear();
    m_quantized.clear();
    m_folder = folder;
}

void Embeddings::setAvailable(const std::set<int>& base, const std::set<int>& quantized) {
    std::set<int> changedBlocks;
    std::set_symmetric_difference(m_base.begin(), m_base.end(), base.begin(), base.end(),
                                  std::inserter(changedBlocks, changedBlocks.end()));
    std::set_symmetric_difference(m_quantized.begin(), m_quantized.end(), quantized.begin(), quantized.end(),
                                  std::inserter(changedBlocks, changedBlocks.end()));
    m_base = base;
    m_quantized = quantized;
    std::erase_if(m_kept, [&](const auto& kept) { return changedBlocks.contains(kept.first.first); });
    if (!changedBlocks.contains(m_key.first)) return;
    cancel();
    m_key = {-1, {}};
    m_state = State::None;
}

Embeddings::State Embeddings::show(int block, const protocol::EmbeddingSettings& settings) {
    Key key{block, protocol::toJson(settings).dump()};
    if (key == m_key) return m_state;
    cancel();
    m_key = std::move(key);
    m_settings = settings;
    m_frame.reset();
    m_problem.clear();
    m_state = State::None;
    if (!m_base.contains(block)) {
        m_key = {-1, {}};
    } else if (m_kept.contains(m_key)) {
        m_state = State::Done;
    } else {
        begin();
    }
    return m_state;
}

void Embeddings::hide() {
    cancel();
    m_key = {-1, {}};
    m_frame.reset();
    m_problem.clear();
    m_state = State::None;
}

void Embeddings::stop() {
    if (m_state != State::Running) return;
    cancel();
    m_state = State::Stopped;
    emit changed();
}

void Embeddings::again() {
    if (m_key.first < 0 || m_state == State::Running) return;
    begin();
    emit changed();
}

Embeddings::Projection Embeddings::result() const {
    const auto kept = m_kept.find(m_key);
    return kept == m_kept.end() ? nullptr : kept->second;
}

void Embeddings::begin() {
    m_state = State::Running;
    m_frame.reset();
    m_problem.clear();
    const qint64 ticket = ++m_ticket;
    m_client->request<Nothing>(QStringLiteral("projection/embed"),
                               {{"folder", m_folder.toStdString()},
                                {"block", m_key.first},
                                {"ticket", ticket},
                                {"settings", protocol::toJson(m_settings)}},
                               this, [this, ticket](Expected<Nothing> begun) {
                                   if (!begun) receiveEnd(ticket, fail(begun.error()));
                               });
}

void Embeddings::cancel() {
    if (m_state != State::Running) return;
    m_client->request<Nothing>(QStringLiteral("projection/cancel"), {{"ticket", m_ticket}}, this,
                               [](const Expected<Nothing>&) {});
}

void Embeddings::receiveEnd(qint64 ticket, const Expected<protocol::ProjectionResult>& result) {
    if (m_state != State::Running || ticket != m_ticket) return;
    m_frame.reset();
    if (result) {
        m_kept[m_key] = std::make_shared<const protocol::ProjectionResult>(*result);
        m_state = State::Done;
    } else {
        m_problem = QString::fromStdString(result.error().message);
        m_state = State::Failed;
    }
    emit changed();
}

}  // namespace safequant::workbench
