// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/openmodeldialog.h"

#include <QEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/adapterlist.h"
#include "app/workbench/setup/hubdownloadpane.h"
#include "app/workbench/setup/modelfacts.h"
#include "app/workbench/ui.h"
#include "core/base/model_path.h"

namespace safequant::workbench {

namespace {
constexpr int kSearchDelay = 250;
constexpr int kWidth = 560;
}  // namespace

OpenModelDialog::OpenModelDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("openModelDialog"));
    setWindowTitle(tr("Open a model"));
    setMinimumWidth(kWidth);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    layout->addWidget(makeLabel(tr("Open a model"), "cardTitle"));
    layout->addWidget(makeParagraph(tr("A GGUF file, a Hugging Face folder, or the name of a model on the Hub."), nullptr, "muted"));
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_path = new QLineEdit;
    m_path->setObjectName(QStringLiteral("modelPath"));
    m_path->setAccessibleName(tr("Path or name of the model"));
    m_path->setPlaceholderText(tr("Path, or organisation/name"));
    row->addWidget(m_path, 1);
    auto* file = new QPushButton(tr("File ..."));
    file->setObjectName(QStringLiteral("chooseModelFile"));
    file->setAutoDefault(false);
    row->addWidget(file);
    auto* folder = new QPushButton(tr("Folder ..."));
    folder->setObjectName(QStringLiteral("chooseModelFolder"));
    folder->setAutoDefault(false);
    row->addWidget(folder);
    layout->addLayout(row);
    m_adapterList = new AdapterList(m_session->dialogs(), tr("LoRA adapters"), tr("Merge a LoRA adapter into the model"));
    layout->addWidget(m_adapterList);
    m_summary = makeParagraph({});
    m_summary->setObjectName(QStringLiteral("modelSummary"));
    layout->addWidget(m_summary);
    m_facts = makeParagraph({}, "secondary", "muted");
    m_facts->setObjectName(QStringLiteral("modelFamilyFacts"));
    layout->addWidget(m_facts);
    m_download = new HubDownloadPane(m_session->client());
    layout->addWidget(m_download);
    layout->addStretch(1);
    m_inputs = {m_path, file, folder, m_adapterList};
    m_open = addDialogButtons(this, layout, tr("Open"), "openChosenModel");

    m_timer.setSingleShot(true);
    m_timer.setInterval(kSearchDelay);
    connect(&m_timer, &QTimer::timeout, this, &OpenModelDialog::ask);
    connect(m_path, &QLineEdit::textChanged, this, &OpenModelDialog::changed);
    connect(m_adapterList, &AdapterList::adaptersEdited, this, [this](const QStringList& folders) {
        m_adapters = folders;
        m_adapterList->setAdapters(folders);
        changed();
    });
    connect(file, &QPushButton::clicked, this, [this] { take(m_session->dialogs()->chooseModelFile(this, startFolder())); });
    connect(folder, &QPushButton::clicked, this, [this] {
        take(m_session->dialogs()->chooseFolder(this, tr("Choose the folder of a model"), startFolder()));
    });
    connect(m_open, &QPushButton::clicked, this, &OpenModelDialog::openChosen);
    connect(m_download, &HubDownloadPane::downloadingChanged, this, [this](bool downloading) {
        for (QWidget* input : m_inputs) input->setEnabled(!downloading);
    });
    connect(m_download, &HubDownloadPane::downloaded, this, [this](const QString& chosenFile) {
        if (!chosenFile.isEmpty()) m_path->setText(chosenFile);
        changed();
        m_openWhenRead = true;
    });
}

void OpenModelDialog::prepare() {
    const auto& spec = m_session->setup()->spec();
    m_adapters = adaptersOf(spec);
    m_adapterList->setAdapters(m_adapters);
    m_path->setText(checkpointOf(spec));
    m_path->selectAll();
    m_path->setFocus();
    changed();
}

QString OpenModelDialog::checkpoint() const {
    const QString text = m_path->text().trimmed();
    return modelPathOnEngine(*m_session->client(), text);
}

QString OpenModelDialog::startFolder() const { return m_session->lastFolder(Setting::LastModelFolder); }

void OpenModelDialog::take(const QString& path) {
    if (path.isEmpty()) return;
    m_session->rememberFolderOf(Setting::LastModelFolder, path);
    m_path->setText(path);
}

void OpenModelDialog::done(int result) {
    m_download->clear();
    QDialog::done(result);
}

void OpenModelDialog::openChosen() {
    accept();
    emit chosen(checkpoint(), m_adapters);
}

void OpenModelDialog::changed() {
    // An answer about what was there before must not allow this.
    m_session->client()->drop(m_request);
    m_openWhenRead = false;
    m_download->clear();
    m_open->setEnabled(false);
    m_facts->clear();
    m_facts->hide();
    m_summary->setText(checkpoint().isEmpty() ? QString() : tr("Reading ..."));
    setTone(m_summary, "muted");
    m_timer.start();
}

void OpenModelDialog::ask() {
    if (checkpoint().isEmpty()) return;
    m_request = m_session->client()->request<protocol::CheckpointInfo>(
        QStringLiteral("checkpoint/open"), checkpointQuestion(checkpoint(), m_adapters), this,
        [this](Expected<protocol::CheckpointInfo> info) { tell(info); });
}

void OpenModelDialog::tell(const Expected<protocol::CheckpointInfo>& info) {
    const bool missing = !info && info.error().kind == ErrorKind::NotFound && HubName::parse(checkpoint().toStdString()) &&
                         std::none_of(m_adapters.begin(), m_adapters.end(), [&](const QString& adapter) {
                             return info.error().context.starts_with(adapter.toStdString());
                         });
    // Of a model to download the place of the cache says nothing.
    const QString problem = info ? QString() : QString::fromStdString(missing ? info.error().message : info.error().describe());
    m_summary->setText(info ? modelSummary(*info) : asSentence(problem));
    setTone(m_summary, info || missing ? "" : "bad");
    m_facts->setText(info ? (modelFamilyFacts(*info) + modelNotices(*info)).join(QLatin1Char('\n')) : QString());
    m_facts->setVisible(info.has_value());
    m_open->setEnabled(info.has_value());
    if (missing) m_download->offer(checkpoint());
    if (info && m_openWhenRead) openChosen();
}

bool OpenModelDialog::event(QEvent* event) {
    const bool handled = QDialog::event(event);
    // Texts came or went: paragraphs do not tell their height by themselves.
    if (event->type() == QEvent::LayoutRequest) setMinimumHeight(layout()->totalHeightForWidth(width()));
    return handled;
}

}  // namespace safequant::workbench
