// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"

namespace safequant::workbench {

class Embeddings;
class ProjectionCache;

/// What can be done with runs: start, open, stop, resume. Keeps the store in step with the engine, also across an engine that
/// dies and comes back.
class RunController : public QObject {
    Q_OBJECT

public:
    enum class Phase {
        None,         ///< No run is open.
        Opening,      ///< Asked for; nothing to show yet.
        Running,
        Stopping,     ///< Will stop after the block in work.
        Stopped,      ///< Stopped on request.
        Interrupted,  ///< Its process died.
        Failed,
        Finished,
    };
    Q_ENUM(Phase)

    RunController(EngineClient* client, RunStore* store, ProjectionCache* projections, Embeddings* embeddings, QObject* parent = nullptr);

    Phase phase() const;
    bool active() const { return phase() == Phase::Running || phase() == Phase::Stopping; }
    bool resumable() const;
    /// Where a resumed run goes on: "block 12", "answer 40".
    QString resumePoint() const;
    /// Of the engine that is in use; empty: its own default.
    QString workspace() const { return m_client->workspace(); }
    QString folder() const { return m_folder; }
    /// What went wrong last, for the page; empty when nothing did.
    QString problem() const { return m_problem; }

    void start(const nlohmann::json& spec);
    void open(const QString& folder);
    void resume();
    void stopAfterBlock();
    void close();

signals:
    void phaseChanged();
    /// A request failed; the text says what to do.
    void failed(const QString& message);
    /// A new engine found the open run again after the old one died.
    void reattached(bool stillRunning);

private:
    void adopt(const QString& folder);
    void readState(bool afterDeath);
    void take(const protocol::RunEvent& event);
    void handleEngineState();
    void handleEvent(const QString& folder, const std::shared_ptr<const protocol::RunEvent>& event);
    void checkAlive();
    void report(const Error& error);

    EngineClient* m_client;
    RunStore* m_store;
    ProjectionCache* m_projections;
    Embeddings* m_embeddings;
    QString m_folder;
    QString m_problem;
    QTimer m_silence;
    EngineClient::RequestId m_stateRequest = 0;
    EngineClient::RequestId m_startRequest = 0;
    bool m_opening = false;
    bool m_stopping = false;
    bool m_lostEngine = false;
    bool m_leftEngine = false;  ///< On request; another follows.
    bool m_reading = false;
    std::vector<std::shared_ptr<const protocol::RunEvent>> m_early;  ///< Events that came while the state was on its way.
    std::optional<std::uint64_t> m_launchedAfter;
    Phase m_lastPhase = Phase::None;

    void updatePhase();
};

}  // namespace safequant::workbench
