// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/log/logpage.h"

#include <QDateTime>
#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/logview.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

LogPage::LogPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 14, 10, 0, 0, 8);
    auto* head = new QHBoxLayout;
    setSpacing(head, 0, 0, 14, 0, 10);
    head->addWidget(makeLabel(tr("Log"), "heading"));
    m_source = makeLabel({}, "secondary", "muted");
    head->addWidget(m_source, 1);
    auto* open = makeLink(tr("Open the run folder"));
    open->setObjectName(QStringLiteral("openRunFolder"));
    connect(open, &QPushButton::clicked, this, &LogPage::openFolderRequested);
    const auto refreshOpen = [this, open] {
        const EngineClient* client = m_session->client();
        open->setEnabled(!client->remote());
        open->setToolTip(client->remote() ? tr("The run folder is on %1.").arg(client->address().title()) : QString());
    };
    connect(m_session->client(), &EngineClient::addressChanged, this, refreshOpen);
    refreshOpen();
    head->addWidget(open);
    auto* level = new widgets::SegmentedControl;
    level->setAccessibleName(tr("Which lines to show"));
    level->addSegment(tr("All"), QStringLiteral("info"));
    level->addSegment(tr("Warnings"), QStringLiteral("warning"));
    level->addSegment(tr("Errors"), QStringLiteral("error"));
    level->setCurrentIndex(0);
    head->addWidget(level);
    layout->addLayout(head);
    m_view = new widgets::LogView;
    m_view->setObjectName(QStringLiteral("log"));
    m_view->setAccessibleName(tr("Log"));
    m_view->setFrameShape(QFrame::NoFrame);
    layout->addWidget(m_view, 1);
    connect(level, &widgets::SegmentedControl::valueActivated, this,
            [this](const QVariant& value) { m_view->setMinimumLevel(value.toString()); });
    connect(m_session->store(), &RunStore::changed, this, &LogPage::handleStore);
    connect(m_session->client(), &EngineClient::runEvent, this,
            [this](const QString& folder, const std::shared_ptr<const protocol::RunEvent>& event) { handleEvent(folder, *event); });
    handleStore(RunStore::Replaced);
}

void LogPage::note(const QString& level, const QString& message) {
    m_view->append(static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000.0, level, message);
}

void LogPage::handleStore(RunStore::Changes changes) {
    if (changes & RunStore::Replaced) {
        // The same run read anew continues its lines; another run starts with an empty page.
        if (m_session->store()->folder() != m_folder) {
            m_folder = m_session->store()->folder();
            m_shown = 0;
            m_view->clearLog();
            if (m_session->store()->hasRun()) summarizeRun();
        }
        m_source->setText(m_session->store()->hasRun() ? m_session->placeOf(m_folder) : tr("No run is open. The engine's own messages appear here."));
    }
    if (!(changes & (RunStore::Replaced | RunStore::Log))) return;
    const auto& log = m_session->store()->state().log;
    for (; m_shown < log.size(); ++m_shown) {
        const auto& line = log[m_shown];
        m_view->append(line.time, QString::fromStdString(line.level), QString::fromStdString(line.message));
    }
}

void LogPage::summarizeRun() {
    const auto& state = m_session->store()->state();
    note(QStringLiteral("info"), tr("Opened %1, made %2, now %3").arg(m_folder, QString::fromStdString(state.summary.created),
                                                                     QString::fromStdString(state.summary.status)));
    for (const auto& stage : state.stages) {
        note(QStringLiteral("info"), tr("%1: %2 of %3 %4, %5").arg(widgets::stageText(QString::fromStdString(stage.stage)))
                                         .arg(stage.done)
                                         .arg(stage.total)
                                         .arg(QString::fromStdString(stage.unit), widgets::formatDuration(stage.elapsedSeconds)));
    }
    for (const auto& text : state.notes) note(QStringLiteral("info"), QString::fromStdString(text));
}

void LogPage::handleEvent(const QString& folder, const protocol::RunEvent& event) {
    if (folder != m_folder) return;
    const auto say = [&](const QString& level, const QString& text) { m_view->append(event.time, level, text); };
    if (event.type == "started") {
        say(QStringLiteral("info"), tr("The run started."));
    } else if (event.block) {
        say(QStringLiteral("info"), tr("Block %1 of the %2 model: probe accuracy %3, hard benign on the benign side %4")
                                        .arg(event.block->block)
                                        .arg(QString::fromStdString(event.block->model), widgets::formatRate(event.block->refitted.accuracy),
                                             widgets::formatRate(event.block->refitted.hardBenign)));
    } else if (event.metrics) {
        say(QStringLiteral("info"), tr("The %1 model: harmful score %2, perplexity %3, %4 tokens a second")
                                        .arg(QString::fromStdString(event.metrics->model), widgets::formatRate(event.metrics->harmfulScore),
                                             QLocale().toString(event.metrics->perplexity, 'f', 2),
                                             QLocale().toString(event.metrics->tokensPerSecond, 'f', 0)));
    } else if (event.type == "note") {
        say(QStringLiteral("info"), QString::fromStdString(event.message));
    } else if (event.type == "finished") {
        const bool bad = event.status == "failed" || event.status == "interrupted";
        QString text = tr("The run ended: %1.").arg(QString::fromStdString(event.status));
        if (event.error) text += QLatin1Char(' ') + QString::fromStdString(event.error->describe());
        say(bad ? QStringLiteral("error") : QStringLiteral("info"), text);
    }
}

}  // namespace safequant::workbench
