// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/start/startpage.h"

#include <QFileInfo>
#include <QHeaderView>
#include <QScrollArea>
#include <QTableView>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "core/base/files.h"
#include "core/engine/protocol/file_messages.h"
#include "widgets/format.h"
#include "widgets/recentrunsmodel.h"

namespace safequant::workbench {

namespace {

constexpr int kContentWidth = 880;
constexpr int kCardHeight = 190;
constexpr int kRecentRow = 26;
constexpr int kMaxRecentRows = 8;
constexpr const char* kExampleFile = "SmolLM2-135M-Instruct.Q4_1.gguf";

}  // namespace

StartPage::StartPage(Session* session, const QString& exampleModel, QWidget* parent)
    : QWidget(parent), m_session(session), m_exampleModel(exampleModel), m_runs(new widgets::RecentRunsModel(this)) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "window");
    auto* content = new QWidget;
    content->setFixedWidth(kContentWidth);
    auto* column = new QVBoxLayout(content);
    setSpacing(column, 0, 84, 0, 24, 0);
    column->addWidget(makeLabel(tr("Quantize a language model. Keep its refusals."), "hero"));
    column->addSpacing(10);
    column->addWidget(makeLabel(tr("See, block by block, where a model tells harmful from harmless prompts, and what quantizing does to it."),
                                nullptr, "muted"));
    column->addSpacing(28);
    auto* cards = new QHBoxLayout;
    cards->setSpacing(20);
    QPushButton* example = nullptr;
    QPushButton* model = nullptr;
    QPushButton* run = nullptr;
    cards->addWidget(makeCard(tr("Try the example"), {}, tr("Open the example"), "openExample", true, &m_exampleText, &example));
    cards->addWidget(makeCard(tr("Open a model"), {}, tr("Choose a model ..."), "chooseModel", false, &m_modelText, &model));
    cards->addWidget(makeCard(tr("Open a run"), {}, tr("Choose a run ..."), "chooseRun", false, &m_runText, &run));
    connect(example, &QPushButton::clicked, this, [this] {
        refreshExample();
        if (exampleThere()) emit exampleRequested();
    });
    connect(model, &QPushButton::clicked, this, &StartPage::chooseModelRequested);
    connect(run, &QPushButton::clicked, this, &StartPage::chooseRunRequested);
    column->addLayout(cards);
    column->addSpacing(38);
    m_recentHead = makeLabel(tr("Recent runs"), "heading");
    column->addWidget(m_recentHead);
    column->addSpacing(10);
    m_recentEmpty = makeLabel(tr("Runs of this workspace will be listed here."), "secondary", "muted");
    column->addWidget(m_recentEmpty);
    m_recentFrame = new QFrame;
    m_recentFrame->setProperty("card", true);
    auto* frame = new QVBoxLayout(m_recentFrame);
    setSpacing(frame, 1, 1, 1, 1, 0);
    m_recent = new QTableView;
    dressTable(m_recent, QStringLiteral("recentRuns"), tr("Recent runs"));
    m_recent->setModel(m_runs);
    m_recent->setSelectionMode(QAbstractItemView::SingleSelection);
    m_recent->horizontalHeader()->hide();
    m_recent->verticalHeader()->setDefaultSectionSize(kRecentRow);
    m_recent->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    connect(m_recent, &QTableView::activated, this, [this](const QModelIndex& index) {
        emit runChosen(index.data(widgets::RecentRunsModel::FolderRole).toString());
    });
    connect(m_recent, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (!m_recent->style()->styleHint(QStyle::SH_ItemView_ActivateItemOnSingleClick, nullptr, m_recent)) {
            emit runChosen(index.data(widgets::RecentRunsModel::FolderRole).toString());
        }
    });
    frame->addWidget(m_recent);
    column->addWidget(m_recentFrame);
    column->addSpacing(28);
    auto* machine = new QHBoxLayout;
    machine->setSpacing(12);
    m_machine = makeParagraph({}, nullptr, "muted");
    m_machine->setObjectName(QStringLiteral("machine"));
    machine->addWidget(m_machine, 1);
    QPushButton* engines = makeLink(tr("Engines ..."));
    engines->setObjectName(QStringLiteral("chooseEngine"));
    engines->setToolTip(tr("Compute on this machine or on another one"));
    connect(engines, &QPushButton::clicked, this, &StartPage::enginesRequested);
    machine->addWidget(engines, 0, Qt::AlignTop);
    column->addLayout(machine);
    column->addStretch(1);

    auto* inside = new QWidget;
    auto* centre = new QHBoxLayout(inside);
    setSpacing(centre, 24, 0, 24, 0, 0);
    centre->addStretch(1);
    centre->addWidget(content);
    centre->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setAccessibleName(tr("Start page"));
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setWidget(inside);
    inside->setAttribute(Qt::WA_StyledBackground);
    inside->setProperty("surface", "window");
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(scroll);

    connect(m_session->client(), &EngineClient::stateChanged, this, [this](EngineClient::State state) {
        refreshMachine();
        if (state != EngineClient::State::Ready) return;
        refreshExample();
        refreshRuns();
    });
    connect(m_session->client(), &EngineClient::addressChanged, this, [this] {
        m_remoteExample = false;
        m_runs->setRuns({});
        fitTable();
        refreshExample();
        refreshMachine();
    });
    refreshExample();
    refreshMachine();
    fitTable();
}

QString StartPage::exampleModel() const {
    const EngineClient* client = m_session->client();
    if (!m_exampleModel.isEmpty() && !client->remote()) return m_exampleModel;
    return QString::fromStdString((client->remote() ? client->info().cacheFolder : cacheFolder()) + "/models/") + QString::fromLatin1(kExampleFile);
}

bool StartPage::exampleThere() const { return m_session->client()->remote() ? m_remoteExample : QFileInfo(exampleModel()).isFile(); }

void StartPage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refreshExample();
    refreshRuns();
}

QFrame* StartPage::makeCard(const QString& title, const QString& text, const QString& action, const char* name, bool primary,
                            QLabel** body, QPushButton** button) {
    auto* card = new QFrame;
    card->setProperty("card", true);
    card->setFixedHeight(kCardHeight);
    auto* layout = new QVBoxLayout(card);
    setSpacing(layout, 20, 18, 20, 20, 8);
    layout->addWidget(makeLabel(title, "cardTitle"));
    QLabel* paragraph = makeParagraph(text, nullptr, "muted");
    paragraph->setAlignment(Qt::AlignTop);
    layout->addWidget(paragraph, 1);
    auto* push = new QPushButton(action);
    push->setObjectName(QString::fromLatin1(name));
    if (primary) push->setProperty("primary", true);
    layout->addWidget(push);
    if (body) *body = paragraph;
    if (button) *button = push;
    return card;
}

void StartPage::refreshExample() {
    tellExample();
    EngineClient* client = m_session->client();
    if (!client->remote() || client->state() != EngineClient::State::Ready) return;
    client->request<protocol::FolderListing>(
        QStringLiteral("files/list"), {{"folder", client->info().cacheFolder + "/models"}, {"endings", {kExampleFile}}}, this,
        [this](const Expected<protocol::FolderListing>& listing) {
            m_remoteExample = listing && !listing->entries.empty();
            tellExample();
        });
}

void StartPage::tellExample() {
    const EngineClient* client = m_session->client();
    const QString where = client->remote() ? client->address().title() : tr("this machine");
    m_exampleText->setText(exampleThere()
                               ? tr("SmolLM2-135M, whose refusals a harmless fine-tuning has eroded. One click quantizes it to "
                                    "8 bits, restores them while it does, and shows how, block by block.")
                               : tr("The example model is not on %1. ./run.sh there fetches it (98 MB) into\n%2")
                                     .arg(where, QFileInfo(exampleModel()).absolutePath()));
    m_exampleText->setToolTip(exampleModel());
}

void StartPage::refreshMachine() {
    const EngineClient* client = m_session->client();
    const QString kinds = tr("A GGUF file or a Hugging Face folder of the Llama, Qwen, Gemma or Phi families");
    m_modelText->setText(client->remote() ? tr("%1, on %2.").arg(kinds, client->address().title()) : tr("%1. Or drop it here.").arg(kinds));
    m_runText->setText(client->remote() ? tr("A run folder on %1.").arg(client->address().title())
                                        : tr("A run folder from this machine, a cluster or a colleague."));
    setTone(m_machine, client->state() == EngineClient::State::Failed ? "bad" : "muted");
    if (client->state() != EngineClient::State::Ready) {
        m_machine->setText(asSentence(client->problem()));
        return;
    }
    const auto& info = client->info();
    m_machine->setText(tr("%1: %2, %3%4.")
                           .arg(client->remote() ? client->address().title() : tr("This machine"), counted(info.threads, tr("thread"), tr("threads")), widgets::formatBytes(info.memoryBytes),
                                info.cpuName.empty() ? QString() : QStringLiteral(", ") + QString::fromStdString(info.cpuName)));
}

const std::vector<protocol::RunSummary>& StartPage::runs() const { return m_runs->runs(); }

void StartPage::refreshRuns() {
    if (m_session->client()->state() != EngineClient::State::Ready) return;
    m_session->client()->request<std::vector<protocol::RunSummary>>(
        QStringLiteral("run/list"), {{"workspace", m_session->run()->workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::RunSummary>> runs) {
            if (!runs) return;
            m_runs->setRuns(std::move(*runs));
            fitTable();
        });
}

void StartPage::fitTable() {
    const int rows = m_runs->rowCount();
    m_recentFrame->setVisible(rows > 0);
    m_recentEmpty->setVisible(rows == 0);
    m_recent->setFixedHeight(std::min(rows, kMaxRecentRows) * kRecentRow);
}

}  // namespace safequant::workbench
