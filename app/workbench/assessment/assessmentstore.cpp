// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/assessmentstore.h"

#include <algorithm>
#include <utility>

#include "app/workbench/ui.h"

namespace safequant::workbench {

AssessmentStore::AssessmentStore(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {
    connect(m_client, &EngineClient::stateChanged, this, &AssessmentStore::handleEngine);
    connect(m_client, &EngineClient::addressChanged, this, [this] {
        m_list.clear();
        m_state = {};
        m_folder.clear();
        m_problem.clear();
        m_listed = m_stopping = false;
        emit listChanged();
        emit changed();
    });
    connect(m_client, &EngineClient::assessmentChanged, this, [this](const std::shared_ptr<const protocol::AssessmentState>& state) {
        if (QString::fromStdString(state->summary.folder) == m_folder) take(*state);
    });
}

void AssessmentStore::handleEngine() {
    if (m_client->state() != EngineClient::State::Ready || m_folder.isEmpty()) return;
    // What the engine before it followed is followed by this one.
    open(m_folder);
}

void AssessmentStore::refresh() {
    if (m_client->state() != EngineClient::State::Ready) return;
    m_client->drop(m_listRequest);
    m_listRequest = m_client->request<std::vector<protocol::AssessmentSummary>>(
        QStringLiteral("assessment/list"), {{"workspace", m_client->workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::AssessmentSummary>> list) {
            m_listed = true;
            if (!list) return report(list.error());
            m_list = std::move(*list);
            emit listChanged();
            if (m_folder.isEmpty() && !m_list.empty()) open(QString::fromStdString(m_list.front().folder));
            emit changed();
        });
}

void AssessmentStore::open(const QString& folder) {
    if (folder != m_folder) m_stopping = false;
    m_folder = folder;
    m_problem.clear();
    m_client->drop(m_openRequest);
    m_openRequest = m_client->request<protocol::AssessmentState>(QStringLiteral("assessment/open"), {{"folder", folder.toStdString()}}, this,
                                                                 [this](Expected<protocol::AssessmentState> state) {
                                                                     if (!state) return report(state.error());
                                                                     take(std::move(*state));
                                                                 });
    emit changed();
}

void AssessmentStore::start(nlohmann::json what) {
    m_problem.clear();
    what["workspace"] = m_client->workspace().toStdString();
    m_client->drop(m_startRequest);
    m_startRequest = m_client->request<protocol::RunRef>(QStringLiteral("assessment/start"), std::move(what), this,
                                                         [this](Expected<protocol::RunRef> folder) { launched(std::move(folder)); });
    emit changed();
}

void AssessmentStore::resume() {
    m_problem.clear();
    m_stopping = false;
    m_client->drop(m_startRequest);
    m_startRequest = m_client->request<protocol::RunRef>(QStringLiteral("assessment/resume"), {{"folder", m_folder.toStdString()}}, this,
                                                         [this](Expected<protocol::RunRef> folder) { launched(std::move(folder)); });
}

void AssessmentStore::launched(Expected<protocol::RunRef> folder) {
    if (!folder) return report(folder.error());
    open(QString::fromStdString(folder->folder));
    refresh();
}

void AssessmentStore::stop() {
    if (!running() || m_stopping) return;
    m_stopping = true;
    emit changed();
    m_client->request<Nothing>(QStringLiteral("assessment/cancel"), {{"folder", m_folder.toStdString()}}, this, [this](Expected<Nothing> answer) {
        if (answer) return;
        m_stopping = false;
        report(answer.error());
    });
}

void AssessmentStore::take(protocol::AssessmentState state) {
    m_state = std::move(state);
    if (m_state.summary.status != "running") m_stopping = false;
    const auto entry = std::find_if(m_list.begin(), m_list.end(), [this](const auto& each) { return each.folder == m_state.summary.folder; });
    if (entry != m_list.end() && (entry->status != m_state.summary.status || entry->finished != m_state.summary.finished || entry->failed != m_state.summary.failed)) {
        *entry = m_state.summary;
        emit listChanged();
    }
    emit changed();
}

void AssessmentStore::report(const Error& error) {
    m_problem = asSentence(QString::fromStdString(error.describe()));
    emit changed();
}

}  // namespace safequant::workbench
