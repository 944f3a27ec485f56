// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/hubdownloadpane.h"

#include <QComboBox>
#include <QDesktopServices>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>

#include "app/workbench/ui.h"
#include "widgets/format.h"

namespace safequant::workbench {

using widgets::formatBytes;

namespace {
constexpr int kSteps = 1000;  ///< Of the bar, whatever the bytes.
}

HubDownloadPane::HubDownloadPane(EngineClient* client, QWidget* parent) : QWidget(parent), m_client(client) {
    setObjectName(QStringLiteral("hubDownload"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 8);
    m_choice = new QComboBox;
    m_choice->setObjectName(QStringLiteral("hubFile"));
    m_choice->setAccessibleName(tr("GGUF file to download"));
    layout->addWidget(m_choice);
    m_facts = makeParagraph({}, "secondary", "muted");
    m_facts->setObjectName(QStringLiteral("hubFacts"));
    layout->addWidget(m_facts);
    m_progress = new QProgressBar;
    m_progress->setObjectName(QStringLiteral("hubProgress"));
    m_progress->setAccessibleName(tr("Progress of the download"));
    m_progress->setRange(0, kSteps);
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(6);
    layout->addWidget(m_progress);
    m_status = makeParagraph({}, "secondary", "muted");
    m_status->setObjectName(QStringLiteral("hubStatus"));
    layout->addWidget(m_status);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_action = new QPushButton;
    m_action->setObjectName(QStringLiteral("hubAction"));
    row->addWidget(m_action);
    m_stop = new QPushButton(tr("Stop"));
    m_stop->setObjectName(QStringLiteral("hubStop"));
    m_stop->setAccessibleName(tr("Stop the download and keep what came"));
    row->addWidget(m_stop);
    m_page = makeLink(tr("Open its page"));
    m_page->setObjectName(QStringLiteral("hubPage"));
    m_page->setAutoDefault(false);
    row->addWidget(m_page);
    row->addStretch(1);
    layout->addLayout(row);
    connect(m_action, &QPushButton::clicked, this, &HubDownloadPane::act);
    connect(m_stop, &QPushButton::clicked, this, &HubDownloadPane::stop);
    connect(m_page, &QPushButton::clicked, this, [this] { QDesktopServices::openUrl(QUrl(QString::fromStdString(m_plan.page))); });
    connect(m_choice, &QComboBox::activated, this, [this] { ask(m_choice->currentData().toString()); });
    connect(m_client, &EngineClient::hubProgress, this,
            [this](const QString& of, const std::shared_ptr<const protocol::HubProgress>& progress) {
                if (downloading() && of == repository()) showProgress(*progress);
            });
    connect(m_client, &EngineClient::hubFinished, this,
            [this](const QString& of, const std::shared_ptr<const Expected<protocol::HubOutcome>>& outcome) {
                if (downloading() && of == repository()) finish(*outcome);
            });
    connect(m_client, &EngineClient::died, this, [this](const QString& reason) {
        if (downloading()) finish(fail(ErrorKind::Failed, reason.toStdString()));
    });
    setStage(Stage::Hidden);
}

void HubDownloadPane::offer(const QString& name) {
    clear();
    m_name = name;
    tell(tr("It may be on the Hugging Face Hub. Nothing is asked of the network until you say so."));
    setStage(Stage::Offered);
}

void HubDownloadPane::clear() {
    m_client->drop(m_request);
    if (downloading()) stop();
    m_planned = false;
    m_plan = {};
    m_choice->clear();
    m_facts->clear();
    setStage(Stage::Hidden);
}

void HubDownloadPane::setStage(Stage stage) {
    const bool before = downloading();
    m_stage = stage;
    setVisible(stage != Stage::Hidden);
    m_choice->setVisible(m_choice->count() > 1);
    m_choice->setEnabled(stage != Stage::Downloading);
    m_facts->setVisible(!m_facts->text().isEmpty());
    m_progress->setVisible(stage == Stage::Downloading);
    m_page->setVisible(!m_plan.page.empty() && stage != Stage::Downloading);
    m_stop->setVisible(stage == Stage::Downloading);
    m_stop->setEnabled(true);
    m_action->setVisible(stage != Stage::Downloading && stage != Stage::Choosing);
    m_action->setEnabled(stage != Stage::Asking && stage != Stage::Choosing && (!m_planned || m_plan.fits()));
    m_action->setText(m_planned && m_plan.missingBytes() > 0
                          ? tr("Download %1 from %2").arg(formatBytes(m_plan.missingBytes()), QString::fromStdString(m_plan.host))
                      : m_planned              ? tr("Complete it in the cache")
                      : stage == Stage::Failed ? tr("Try again")
                                               : tr("Look for it on the Hub"));
    if (before != downloading()) emit downloadingChanged(downloading());
}

void HubDownloadPane::act() {
    if (m_planned) download();
    else ask({});
}

void HubDownloadPane::ask(const QString& file) {
    m_client->drop(m_request);
    m_planned = false;
    nlohmann::json question{{"name", m_name.toStdString()}};
    if (!file.isEmpty()) question["file"] = file.toStdString();
    tell(tr("Asking the Hub ..."));
    m_facts->clear();
    setStage(Stage::Asking);
    m_request = m_client->request<protocol::HubPlan>(QStringLiteral("hub/plan"), std::move(question), this,
                                                     [this](Expected<protocol::HubPlan> plan) { takePlan(plan); });
}

void HubDownloadPane::takePlan(const Expected<protocol::HubPlan>& plan) {
    if (!plan) {
        tell(asSentence(QString::fromStdString(plan.error().message)), "bad");
        setStage(Stage::Failed);
        return;
    }
    m_plan = *plan;
    m_planned = !m_plan.files.empty();
    if (m_choice->count() == 0 && (m_plan.ggufs.size() > 1 && (!m_planned || !m_plan.file.empty())))
        for (const auto& gguf : m_plan.ggufs)
            m_choice->addItem(tr("%1, %2").arg(QString::fromStdString(gguf.file), formatBytes(gguf.bytes)), QString::fromStdString(gguf.file));
    if (!m_planned) {
        m_choice->setCurrentIndex(-1);
        m_choice->setPlaceholderText(tr("Choose one of %1 GGUF files").arg(m_plan.ggufs.size()));
        tell(tr("The repository holds several models in GGUF format."));
        setStage(Stage::Choosing);
        m_choice->setFocus();
        return;
    }
    showPlan();
    setStage(Stage::Planned);
    m_action->setFocus();
}

void HubDownloadPane::showPlan() {
    QStringList facts{tr("Licence: %1").arg(m_plan.license.empty() ? tr("none named") : QString::fromStdString(m_plan.license)),
                      counted(static_cast<qint64>(m_plan.files.size()), tr("file"), tr("files")), formatBytes(m_plan.bytes)};
    if (m_plan.presentBytes > 0) facts.append(tr("%1 already here").arg(formatBytes(m_plan.presentBytes)));
    facts.append(tr("%1 free").arg(formatBytes(m_plan.availableBytes)));
    QStringList lines{facts.join(QStringLiteral(" · ")), tr("Goes to %1").arg(QString::fromStdString(m_plan.cache))};
    if (!m_plan.gated.empty())
        lines.append(m_plan.hasToken ? tr("Open only to those who accepted its licence; the token that is set must belong to one of them.")
                                     : tr("Open only to those who accepted its licence on its page; set HF_TOKEN to a token of such an account "
                                          "before starting this program."));
    m_facts->setText(lines.join(QLatin1Char('\n')));
    if (m_plan.fits()) tell({});
    else tell(tr("The disk has too little free space. Free some, or name a cache on another disk with HF_HUB_CACHE."), "bad");
}

void HubDownloadPane::download() {
    m_progress->setValue(0);
    tell(tr("Starting ..."));
    setStage(Stage::Downloading);
    m_stop->setFocus();
    m_client->request<Nothing>(QStringLiteral("hub/download"), {{"plan", protocol::toJson(m_plan)}}, this, [this](Expected<Nothing> started) {
        if (!started && downloading()) finish(fail(started.error()));
    });
}

void HubDownloadPane::showProgress(const protocol::HubProgress& progress) {
    m_plan.presentBytes = progress.doneBytes;
    m_progress->setValue(progress.totalBytes > 0 ? static_cast<int>(progress.doneBytes * kSteps / progress.totalBytes) : kSteps);
    if (!m_stop->isEnabled()) return;
    QStringList parts{tr("%1 of %2").arg(formatBytes(progress.doneBytes), formatBytes(progress.totalBytes))};
    if (!progress.note.empty()) {
        parts.append(QString::fromStdString(progress.note));
    } else {
        if (progress.bytesPerSecond > 0.0) parts.append(tr("%1/s").arg(formatBytes(static_cast<quint64>(progress.bytesPerSecond))));
        if (progress.secondsLeft >= 0.0) parts.append(widgets::formatTimeLeft(progress.secondsLeft));
        parts.append(QString::fromStdString(progress.file));
    }
    tell(parts.join(QStringLiteral(" · ")));
}

void HubDownloadPane::stop() {
    m_stop->setEnabled(false);
    tell(tr("Stopping ..."));
    m_client->request<Nothing>(QStringLiteral("hub/cancel"), {{"repository", m_plan.repository}}, this, [](Expected<Nothing>) {});
}

void HubDownloadPane::finish(const Expected<protocol::HubOutcome>& outcome) {
    if (!outcome) {
        const bool stopped = outcome.error().kind == ErrorKind::Cancelled;
        tell(stopped ? tr("Stopped. %1 are kept, and downloading goes on from there.").arg(formatBytes(m_plan.presentBytes))
                     : asSentence(QString::fromStdString(outcome.error().message)),
             stopped ? "muted" : "bad");
        setStage(stopped ? Stage::Planned : Stage::Failed);
        m_action->setFocus();
        return;
    }
    const QString file = m_choice->count() > 1 ? QString::fromStdString(outcome->path) : QString();
    setStage(Stage::Planned);
    clear();
    emit downloaded(file);
}

void HubDownloadPane::tell(const QString& text, const char* tone) {
    m_status->setText(text);
    m_status->setVisible(!text.isEmpty());
    setTone(m_status, tone);
}

}  // namespace safequant::workbench
