// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/runbar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"
#include "widgets/runprogressstrip.h"
#include "widgets/theme.h"

namespace safequant::workbench {

using Phase = RunController::Phase;
using StripState = widgets::RunProgressStrip::State;

namespace {

constexpr int kBarHeight = 48;

StripState stripState(Phase phase) {
    switch (phase) {
        case Phase::Running: return StripState::Running;
        case Phase::Stopping: return StripState::Stopping;
        case Phase::Stopped:
        case Phase::Interrupted: return StripState::Stopped;
        case Phase::Failed: return StripState::Failed;
        case Phase::Finished: return StripState::Finished;
        case Phase::None:
        case Phase::Opening: break;
    }
    return StripState::Idle;
}

}  // namespace

RunBar::RunBar(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    setProperty("edge", "bottom");
    setFixedHeight(kBarHeight);
    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 12, 0, 12, 1, 6);
    m_title = new widgets::ElidedLabel;
    m_title->setProperty("textRole", "heading");
    m_scheme = new widgets::ElidedLabel;
    m_scheme->setProperty("tone", "muted");
    auto* title = new QHBoxLayout;
    title->setSpacing(5);
    title->addWidget(m_title);
    title->addWidget(m_scheme, 1);
    layout->addLayout(title, 3);
    m_strip = new widgets::RunProgressStrip;
    m_strip->setObjectName(QStringLiteral("stages"));
    layout->addWidget(m_strip, 5);
    m_time = makeLabel({}, nullptr, "muted");
    m_time->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    layout->addWidget(m_time, 2);
    layout->addSpacing(8);
    m_button = new QPushButton;
    m_button->setObjectName(QStringLiteral("runAction"));
    connect(m_button, &QPushButton::clicked, this, &RunBar::trigger);
    layout->addWidget(m_button);
    connect(m_session->store(), &RunStore::changed, this, &RunBar::handleStore);
    connect(m_session->run(), &RunController::phaseChanged, this, &RunBar::refreshState);
    for (auto signal : {&SetupModel::specChanged, &SetupModel::checkpointChanged, &SetupModel::promptsChanged,
                        &SetupModel::sampleChanged, &SetupModel::planChanged}) {
        connect(m_session->setup(), signal, this, &RunBar::refreshState);
    }
    refreshTitle();
    refreshState();
}

void RunBar::handleStore(RunStore::Changes changes) {
    if (changes & RunStore::Replaced) refreshTitle();
    if (changes & (RunStore::Replaced | RunStore::Stages)) m_strip->setStages(m_session->store()->state().stages);
    // What stopping keeps depends on the stage at work.
    if (changes & (RunStore::Replaced | RunStore::Status | RunStore::Stages)) refreshState();
    refreshTime();
}

void RunBar::refreshTitle() {
    if (m_session->store()->hasRun()) {
        m_title->setText(modelNameOf(checkpointOf(m_session->store()->state().spec)));
        m_scheme->setText(QStringLiteral("› ") + m_session->schemeText());
        m_title->setToolTip(m_session->store()->folder());
    } else {
        const QString path = checkpointOf(m_session->setup()->spec());
        m_title->setText(path.isEmpty() ? tr("No model") : modelNameOf(path));
        m_scheme->setText(path.isEmpty() ? QString() : QStringLiteral("› ") + tr("not quantized yet"));
    }
}

void RunBar::refreshState() {
    const Phase phase = m_session->run()->phase();
    if (!m_session->store()->hasRun()) refreshTitle();
    m_strip->setState(stripState(phase));
    m_strip->setVisible(m_session->store()->hasRun());
    const bool primary = phase == Phase::Stopped || phase == Phase::Interrupted;
    bool enabled = true;
    QString text;
    QString hint;
    if (phase == Phase::Running) {
        const auto* evaluate = m_session->store()->stage("evaluate");
        const auto* quantize = m_session->store()->stage("quantize");
        const auto* capture = m_session->store()->stage("capture");
        const auto* patch = m_session->store()->stage("patch");
        const bool answering = evaluate && (!quantize || quantize->done == quantize->total) && evaluate->done > 0;
        const auto& news = m_session->store()->state().patch;
        const bool patching = patch && (!news || news->kind != "keep") && patch->done < patch->total && (!capture || capture->done == capture->total);
        text = answering ? tr("Stop, keep answers") : patching ? tr("Stop after step") : tr("Stop after block");
        hint = tr("Everything finished so far is kept; the run can be resumed");
    } else if (phase == Phase::Stopping) {
        text = tr("Stopping ...");
        enabled = false;
    } else if (m_session->run()->resumable()) {
        text = tr("Resume");
    } else {
        text = m_session->store()->hasRun() ? tr("Quantize again") : tr("Quantize");
        hint = m_session->setup()->obstacle();
        enabled = hint.isEmpty() && phase != Phase::Opening;
    }
    m_button->setText(text);
    m_button->setToolTip(hint);
    m_button->setEnabled(enabled);
    if (m_button->property("primary").toBool() != primary) {
        m_button->setProperty("primary", primary);
        widgets::restyle(m_button);
    }
    refreshTime();
}

void RunBar::refreshTime() {
    const Phase phase = m_session->run()->phase();
    QString text;
    switch (phase) {
        case Phase::Running: text = m_strip->timeLeft(); break;
        case Phase::Stopping: text = tr("finishing the block in work"); break;
        case Phase::Stopped: text = tr("stopped"); break;
        case Phase::Interrupted: text = tr("interrupted"); break;
        case Phase::Failed: text = tr("failed"); break;
        case Phase::Finished: text = tr("done"); break;
        case Phase::Opening: text = tr("opening"); break;
        case Phase::None: break;
    }
    m_time->setText(text);
}

void RunBar::trigger() {
    const Phase phase = m_session->run()->phase();
    if (phase == Phase::Running) {
        emit stopRequested();
    } else if (m_session->run()->resumable()) {
        emit resumeRequested();
    } else {
        emit quantizeRequested();
    }
}

}  // namespace safequant::workbench
