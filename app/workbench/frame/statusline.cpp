// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/statusline.h"

#include <unistd.h>

#include <QFile>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <algorithm>

#include "app/workbench/frame/statusdot.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/format.h"

namespace safequant::workbench {

namespace {

using State = EngineClient::State;
using Phase = RunController::Phase;

constexpr int kLineHeight = 26;
constexpr int kMemoryInterval = 2000;
constexpr int kSecond = 1000;
constexpr int kRemarkTime = 6000;

/// Resident memory of a process and the processes it started, in bytes; 0 when there is none.
quint64 residentBytes(qint64 pid) {
    QFile statm(QStringLiteral("/proc/%1/statm").arg(pid));
    if (pid <= 0 || !statm.open(QIODevice::ReadOnly)) return 0;
    const QList<QByteArray> fields = statm.readAll().split(' ');
    quint64 bytes = fields.size() > 1 ? fields[1].toULongLong() * static_cast<quint64>(sysconf(_SC_PAGESIZE)) : 0;
    QFile children(QStringLiteral("/proc/%1/task/%1/children").arg(pid));
    if (children.open(QIODevice::ReadOnly)) {
        const QList<QByteArray> pids = children.readAll().simplified().split(' ');
        for (const QByteArray& child : pids) bytes += residentBytes(child.toLongLong());
    }
    return bytes;
}

}  // namespace

StatusLine::StatusLine(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    setProperty("edge", "top");
    setFixedHeight(kLineHeight);
    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 12, 1, 12, 0, 6);
    m_dot = new StatusDot;
    layout->addWidget(m_dot);
    m_engine = makeLabel({}, "secondary", "muted");
    m_engine->setObjectName(QStringLiteral("engineState"));
    layout->addWidget(m_engine);
    layout->addSpacing(14);
    m_folder = new widgets::ElidedLabel;
    m_folder->setProperty("textRole", "secondary");
    m_folder->setProperty("tone", "muted");
    layout->addWidget(m_folder, 1);
    m_right = makeLabel({}, "secondary", "muted");
    m_right->setObjectName(QStringLiteral("resumable"));
    layout->addWidget(m_right);
    m_memoryTimer.setInterval(kMemoryInterval);
    connect(&m_memoryTimer, &QTimer::timeout, this, &StatusLine::refreshEngine);
    m_memoryTimer.start();
    m_remarkTimer.setSingleShot(true);
    m_remarkTimer.setInterval(kRemarkTime);
    connect(&m_remarkTimer, &QTimer::timeout, this, [this] { say({}); });
    connect(m_session->client(), &EngineClient::stateChanged, this, &StatusLine::refreshEngine);
    connect(m_session->client(), &EngineClient::latencyChanged, this, &StatusLine::refreshEngine);
    connect(m_session->client(), &EngineClient::addressChanged, this, &StatusLine::refresh);
    connect(m_session->run(), &RunController::phaseChanged, this, &StatusLine::refresh);
    connect(m_session->store(), &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & (RunStore::Replaced | RunStore::Status | RunStore::Stages)) refresh();
    });
    refreshEngine();
    refresh();
}

void StatusLine::say(const QString& text) {
    m_remark = text;
    if (!text.isEmpty()) m_remarkTimer.start();
    refresh();
}

void StatusLine::refreshEngine() {
    const EngineClient* client = m_session->client();
    StatusDot::Tone tone = StatusDot::Tone::Busy;
    QString text;
    switch (client->state()) {
        case State::Ready: {
            tone = StatusDot::Tone::Good;
            const QString threads = counted(client->info().threads, tr("thread"), tr("threads"));
            if (client->remote()) {
                text = tr("Engine on %1 · %2").arg(client->address().title(), threads);
                if (client->latency() >= 0) text += QStringLiteral(" · ") + tr("%1 ms away").arg(client->latency());
                break;
            }
            const quint64 memory = residentBytes(client->processId());
            text = tr("Engine on this machine · %1").arg(threads);
            if (memory > 0) text += QStringLiteral(" · ") + widgets::formatBytes(memory);
            break;
        }
        case State::Starting: text = client->remote() ? tr("Connecting to %1").arg(client->address().title()) : tr("Engine starting"); break;
        case State::Restarting:
            text = client->remote() ? tr("Connection to %1 lost, trying again in %2 s")
                                          .arg(client->address().title())
                                          .arg(std::max(1, (client->retryIn() + kSecond / 2) / kSecond))
                                    : tr("Engine restarting");
            break;
        case State::Stopped: text = tr("Engine stopped"); break;
        case State::Failed:
            tone = StatusDot::Tone::Bad;
            text = client->remote() ? tr("Engine on %1 not available").arg(client->address().title()) : tr("Engine not available");
            break;
    }
    m_dot->setTone(tone);
    m_engine->setText(text);
    m_engine->setToolTip(client->problem());
    const bool counting = client->remote() && client->state() == State::Restarting;
    m_memoryTimer.setInterval(counting ? kSecond / 4 : kMemoryInterval);
}

void StatusLine::refresh() {
    const RunController* run = m_session->run();
    const bool open = m_session->store()->hasRun();
    m_folder->setText(!m_remark.isEmpty() ? m_remark
                      : open              ? tr("Run folder %1").arg(QFileInfo(m_session->store()->folder()).fileName())
                                          : QString());
    m_folder->setToolTip(open ? m_session->placeOf(m_session->store()->folder()) : QString());
    QString right;
    switch (run->phase()) {
        case Phase::None:
            right = m_session->client()->remote() ? tr("Models and prompts are on %1").arg(m_session->client()->address().title())
                                                  : tr("Nothing leaves this machine");
            break;
        case Phase::Opening: break;
        case Phase::Finished: right = tr("Done, everything is kept"); break;
        default: right = tr("Resumable at %1").arg(run->resumePoint());
    }
    m_right->setText(right);
}

}  // namespace safequant::workbench
