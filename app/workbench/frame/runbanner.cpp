// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/runbanner.h"

#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/infobanner.h"

namespace safequant::workbench {

using Phase = RunController::Phase;
using Level = widgets::InfoBanner::Level;

RunBanner::RunBanner(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    m_banner = new widgets::InfoBanner;
    m_banner->setObjectName(QStringLiteral("banner"));
    layout->addWidget(m_banner);
    connect(m_banner, &widgets::InfoBanner::actionTriggered, this, &RunBanner::act);
    connect(m_banner, &widgets::InfoBanner::closed, this, &RunBanner::close);
    connect(m_session->client(), &EngineClient::died, this, [this](const QString& reason) {
        m_lostReason = reason;
        m_reattached.clear();
        refresh();
    });
    connect(m_session->client(), &EngineClient::stateChanged, this, [this](EngineClient::State state) {
        if (state == EngineClient::State::Ready && !m_lostReason.isEmpty()) {
            m_reattached = tr("%1 %2").arg(cameBack(), m_lostReason);
            m_lostReason.clear();
        }
        refresh();
    });
    connect(m_session->client(), &EngineClient::addressChanged, this, [this] {
        m_lostReason.clear();
        m_reattached.clear();
        m_requestProblem.clear();
        refresh();
    });
    connect(m_session->run(), &RunController::reattached, this, [this](bool running) {
        m_reattached = cameBack() + QLatin1Char(' ') +
                       (running ? tr("The run went on without it; nothing is lost.") : tr("Every finished block of the run is kept."));
        refresh();
    });
    connect(m_session->run(), &RunController::failed, this, [this](const QString& message) {
        m_requestProblem = message;
        refresh();
    });
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        if (m_session->run()->problem().isEmpty()) m_requestProblem.clear();
        refresh();
    });
    connect(m_session->store(), &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Status | RunStore::Notes)) refresh();
    });
    refresh();
}

QString RunBanner::cameBack() const {
    const EngineAddress& engine = m_session->client()->address();
    return engine.remote() ? tr("The connection to %1 was lost and is there again.").arg(engine.title()) : tr("The engine died and was started again.");
}

QString RunBanner::text() const { return m_banner->text(); }

void RunBanner::setNotesShown(bool shown) {
    m_notesShown = shown;
    refresh();
}

void RunBanner::refresh() {
    const EngineClient* client = m_session->client();
    const RunController* run = m_session->run();
    const auto& state = m_session->store()->state();
    const auto show = [this](Topic topic, const QString& text, Level level, const QString& action, bool closable) {
        m_topic = topic;
        m_banner->setMessage(text, level);
        m_banner->setActionText(action);
        m_banner->setClosable(closable);
    };
    if (client->state() == EngineClient::State::Failed) {
        show(Topic::EngineFailed, asSentence(client->problem()), Level::Error, client->remote() ? tr("Try again") : tr("Restart the engine"), false);
    } else if (!m_lostReason.isEmpty() && client->remote()) {
        show(Topic::EngineLost, tr("%1 It is tried again until %2 is there; a run there goes on.").arg(asSentence(m_lostReason), client->address().title()),
             Level::Warning, tr("Try now"), false);
    } else if (!m_lostReason.isEmpty()) {
        show(Topic::EngineLost, tr("%1 It is being started again; finished blocks are kept.").arg(asSentence(m_lostReason)),
             Level::Warning, {}, false);
    } else if (run->phase() == Phase::Interrupted) {
        show(Topic::RunEnded, tr("The process of this run ended without a word. Everything up to %1 is kept.").arg(run->resumePoint()),
             Level::Error, tr("Resume"), false);
    } else if (run->phase() == Phase::Failed) {
        show(Topic::RunEnded, tr("The run failed. %1").arg(asSentence(QString::fromStdString(state.summary.detail))), Level::Error,
             run->resumable() ? tr("Resume") : QString(), false);
    } else if (!m_requestProblem.isEmpty()) {
        show(Topic::RequestFailed, asSentence(m_requestProblem), Level::Error, {}, true);
    } else if (!m_reattached.isEmpty()) {
        show(Topic::Reattached, m_reattached, Level::Warning, run->resumable() ? tr("Resume") : QString(), true);
    } else if (m_notesShown && !state.notes.empty() && m_notesClosedFor != m_session->store()->folder()) {
        QStringList notes;
        for (const auto& note : state.notes) notes.append(QString::fromStdString(note));
        m_topic = Topic::Notes;
        // The last note is the one about what came out; the others are a click away.
        m_banner->setNotes(m_notesExpanded ? notes : notes.mid(notes.size() - 1), Level::Info);
        m_banner->setActionText(notes.size() == 1 ? QString() : m_notesExpanded ? tr("Fewer") : tr("All %1 notes").arg(notes.size()));
        m_banner->setClosable(true);
    } else {
        show(Topic::None, {}, Level::Info, {}, false);
    }
}

void RunBanner::act() {
    if (m_topic == Topic::EngineFailed || m_topic == Topic::EngineLost) {
        m_session->client()->restart();
    } else if (m_topic == Topic::RunEnded || m_topic == Topic::Reattached) {
        m_reattached.clear();
        emit resumeRequested();
    } else if (m_topic == Topic::Notes) {
        m_notesExpanded = !m_notesExpanded;
        refresh();
    }
}

void RunBanner::close() {
    if (m_topic == Topic::RequestFailed) m_requestProblem.clear();
    if (m_topic == Topic::Reattached) m_reattached.clear();
    if (m_topic == Topic::Notes) m_notesClosedFor = m_session->store()->folder();
    refresh();
}

}  // namespace safequant::workbench
