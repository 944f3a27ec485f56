// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/runcontroller.h"

#include <algorithm>

#include "app/workbench/run/embeddings.h"
#include "app/workbench/run/projectioncache.h"

namespace safequant::workbench {

namespace {
/// A run that says nothing for so long may have lost its process; the run list knows.
constexpr int kSilence = 3000;
}  // namespace

RunController::RunController(EngineClient* client, RunStore* store, ProjectionCache* projections, Embeddings* embeddings,
                             QObject* parent)
    : QObject(parent), m_client(client), m_store(store), m_projections(projections), m_embeddings(embeddings) {
    connect(m_client, &EngineClient::stateChanged, this, &RunController::handleEngineState);
    connect(m_client, &EngineClient::runEvent, this, &RunController::handleEvent);
    connect(m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Blocks)) {
            m_projections->setAvailable(m_store->blocksOf("base"), m_store->blocksOf("quantized"));
            m_embeddings->setAvailable(m_store->blocksOf("base"), m_store->blocksOf("quantized"));
        }
        if (changes & (RunStore::Replaced | RunStore::Status)) updatePhase();
    });
    m_silence.setInterval(kSilence);
    connect(&m_silence, &QTimer::timeout, this, &RunController::checkAlive);
}

RunController::Phase RunController::phase() const {
    if (m_opening) return Phase::Opening;
    if (!m_store->hasRun()) return Phase::None;
    const std::string& status = m_store->state().summary.status;
    if (status == "running") return m_stopping ? Phase::Stopping : Phase::Running;
    if (status == "finished") return Phase::Finished;
    if (status == "stopped") return Phase::Stopped;
    if (status == "interrupted") return Phase::Interrupted;
    return Phase::Failed;
}

bool RunController::resumable() const {
    const Phase now = phase();
    return now == Phase::Stopped || now == Phase::Interrupted || (now == Phase::Failed && m_store->state().summary.resumable);
}

QString RunController::resumePoint() const {
    for (const auto& stage : m_store->state().stages) {
        if (stage.done >= stage.total && stage.total > 0) continue;
        const auto done = QString::number(stage.done);
        if (stage.stage == "patch") {
            const auto& patch = m_store->state().patch;
            return patch && !patch->steps.empty() ? tr("step %1 of the patch").arg(patch->steps.back().step) : tr("the patch");
        }
        if (stage.unit == "answers") return tr("answer %1").arg(done);
        if (stage.unit == "tensors") return tr("tensor %1").arg(done);
        return tr("block %1").arg(done);
    }
    return tr("block %1").arg(0);
}

void RunController::start(const nlohmann::json& spec) {
    m_problem.clear();
    m_opening = true;
    updatePhase();
    m_client->drop(m_startRequest);
    m_startRequest = m_client->request<protocol::RunRef>(
        QStringLiteral("run/start"), {{"spec", spec}, {"workspace", workspace().toStdString()}}, this,
        [this](Expected<protocol::RunRef> run) {
            if (!run) {
                m_opening = false;
                report(run.error());
                return;
            }
            m_launchedAfter = 0;
            adopt(QString::fromStdString(run->folder));
        });
}

void RunController::open(const QString& folder) {
    m_problem.clear();
    m_opening = true;
    m_launchedAfter.reset();
    updatePhase();
    adopt(folder);
}

void RunController::resume() {
    if (m_folder.isEmpty()) return;
    m_problem.clear();
    m_stopping = false;
    m_client->request<protocol::RunRef>(QStringLiteral("run/resume"), {{"folder", m_folder.toStdString()}}, this,
                                        [this](Expected<protocol::RunRef> run) {
                                            if (!run) {
                                                report(run.error());
                                                return;
                                            }
                                            m_launchedAfter = m_store->state().sequence;
                                            m_store->setStatus("running", {}, false);
                                            updatePhase();
                                            readState(false);
                                        });
}

void RunController::stopAfterBlock() {
    if (phase() != Phase::Running) return;
    m_stopping = true;
    updatePhase();
    m_client->request<Nothing>(QStringLiteral("run/cancel"), {{"folder", m_folder.toStdString()}}, this,
                               [this](Expected<Nothing> answer) {
                                   if (answer) return;
                                   m_stopping = false;
                                   report(answer.error());
                               });
}

void RunController::close() {
    m_client->drop(m_stateRequest);
    m_client->drop(m_startRequest);
    m_folder.clear();
    m_opening = m_stopping = m_lostEngine = m_leftEngine = false;
    m_projections->setFolder({});
    m_embeddings->setFolder({});
    m_silence.stop();
    m_store->clear();
}

void RunController::adopt(const QString& folder) {
    m_folder = folder;
    m_stopping = m_lostEngine = m_leftEngine = false;
    m_projections->setFolder(folder);
    m_embeddings->setFolder(folder);
    readState(false);
}

void RunController::readState(bool afterDeath) {
    m_client->drop(m_stateRequest);
    m_reading = true;
    m_early.clear();
    m_stateRequest = m_client->request<protocol::RunState>(
        QStringLiteral("run/open"), {{"folder", m_folder.toStdString()}}, this,
        [this, afterDeath](Expected<protocol::RunState> state) {
            m_opening = m_reading = false;
            if (!state) {
                report(state.error());
                return;
            }
            if (m_launchedAfter && state->sequence <= *m_launchedAfter) {
                // The process of a run that was just launched may not hold the folder's lock yet.
                state->summary.status = "running";
            }
            m_launchedAfter.reset();
            if (state->summary.status != "running") m_stopping = false;
            m_store->replace(std::move(*state));
            for (const auto& event : std::exchange(m_early, {})) take(*event);
            m_silence.start();
            updatePhase();
            if (afterDeath) emit reattached(m_store->running());
        });
}

void RunController::handleEngineState() {
    const EngineClient::State state = m_client->state();
    if (state == EngineClient::State::Restarting || state == EngineClient::State::Failed) {
        m_lostEngine = !m_folder.isEmpty();
        m_silence.stop();
    }
    if (state == EngineClient::State::Stopped) m_leftEngine = !m_folder.isEmpty();
    if (state == EngineClient::State::Ready && (m_lostEngine || m_leftEngine)) readState(m_lostEngine);
    if (state == EngineClient::State::Ready) m_lostEngine = m_leftEngine = false;
}

void RunController::handleEvent(const QString& folder, const std::shared_ptr<const protocol::RunEvent>& event) {
    if (folder != m_folder) return;
    m_silence.start();
    if (m_reading) {
        m_early.push_back(event);
    } else {
        take(*event);
    }
}

void RunController::take(const protocol::RunEvent& event) {
    // The engine's word that a run's process died is no line of the run folder and has no number of its own.
    const bool interrupted = event.type == "finished" && event.status == "interrupted";
    if (m_reading) return;
    if (interrupted || !m_store->apply(event)) {
        readState(false);
        return;
    }
    if (event.type == "finished") m_stopping = false;
    updatePhase();
    // A state read in the first moments of a run has no prompts yet, and no event brings them.
    if (m_store->state().prompts.empty() && event.type != "started") readState(false);
}

void RunController::checkAlive() {
    if (!active() || m_client->state() != EngineClient::State::Ready) return;
    m_client->request<std::vector<protocol::RunSummary>>(
        QStringLiteral("run/list"), {{"workspace", workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::RunSummary>> runs) {
            if (!runs || !active()) return;
            const auto mine = std::find_if(runs->begin(), runs->end(), [this](const protocol::RunSummary& run) {
                return QString::fromStdString(run.folder) == m_folder;
            });
            if (mine != runs->end() && mine->status != "running") readState(false);
        });
}

void RunController::report(const Error& error) {
    m_problem = QString::fromStdString(error.describe());
    updatePhase();
    emit failed(m_problem);
}

void RunController::updatePhase() {
    const Phase now = phase();
    if (now == m_lastPhase) return;
    m_lastPhase = now;
    emit phaseChanged();
}

}  // namespace safequant::workbench
