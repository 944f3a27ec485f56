// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant::workbench {

/// The assessments of the engine's workspace, and the one that is shown, kept in step with the engine, also across one that dies and comes back.
class AssessmentStore : public QObject {
    Q_OBJECT

public:
    explicit AssessmentStore(EngineClient* client, QObject* parent = nullptr);

    /// The newest first.
    const std::vector<protocol::AssessmentSummary>& list() const { return m_list; }
    /// Whether the engine has said what there is.
    bool listed() const { return m_listed; }
    /// Empty while none is shown.
    QString folder() const { return m_folder; }
    bool hasState() const { return !m_folder.isEmpty() && m_state.summary.folder == m_folder.toStdString(); }
    const protocol::AssessmentState& state() const { return m_state; }
    bool running() const { return hasState() && m_state.summary.status == "running"; }
    /// Asked to stop, and not yet at the end of the block at work.
    bool stopping() const { return running() && m_stopping; }
    /// What went wrong last; empty when nothing did.
    QString problem() const { return m_problem; }

    /// Asks what there is; shows the newest when none is shown.
    void refresh();
    void open(const QString& folder);
    /// Parameters of `assessment/start` but the workspace.
    void start(nlohmann::json what);
    void resume();
    void stop();

signals:
    void listChanged();
    /// The state, or the problem, or what is shown.
    void changed();

private:
    void take(protocol::AssessmentState state);
    void launched(Expected<protocol::RunRef> folder);
    void report(const Error& error);
    void handleEngine();

    EngineClient* m_client;
    std::vector<protocol::AssessmentSummary> m_list;
    protocol::AssessmentState m_state;
    QString m_folder, m_problem;
    bool m_listed = false, m_stopping = false;
    EngineClient::RequestId m_listRequest = 0, m_openRequest = 0, m_startRequest = 0;
};

}  // namespace safequant::workbench
