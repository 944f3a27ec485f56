// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/openmodeldialog.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/session.h"
#include "app/workbench/setup/adapterlist.h"
#include "app/workbench/setup/modelfacts.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {
constexpr int kAskDelay = 250;
constexpr int kWidth = 560;
}  // namespace

OpenModelDialog::OpenModelDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("openModelDialog"));
    setWindowTitle(tr("Open a model"));
    setMinimumWidth(kWidth);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    layout->addWidget(makeLabel(tr("Open a model"), "cardTitle"));
    layout->addWidget(makeParagraph(tr("A GGUF file, a Hugging Face folder, or the name of a model in the local Hugging Face cache."), nullptr, "muted"));
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
    layout->addStretch(1);
    m_open = addDialogButtons(this, layout, tr("Open"), "openChosenModel");

    m_timer.setSingleShot(true);
    m_timer.setInterval(kAskDelay);
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
    connect(m_open, &QPushButton::clicked, this, [this] {
        accept();
        emit chosen(checkpoint(), m_adapters);
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

void OpenModelDialog::changed() {
    // An answer about what was there before must not allow this.
    m_session->client()->drop(m_request);
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
    m_summary->setText(info ? modelSummary(*info) : asSentence(QString::fromStdString(info.error().describe())));
    setTone(m_summary, info ? "" : "bad");
    m_facts->setText(info ? (modelFamilyFacts(*info) + modelNotices(*info)).join(QLatin1Char('\n')) : QString());
    m_facts->setVisible(info.has_value());
    m_open->setEnabled(info.has_value());
}

}  // namespace safequant::workbench
