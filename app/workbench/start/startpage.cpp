// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/start/startpage.h"

#include <QDir>
#include <QFileInfo>
#include <QHeaderView>
#include <QScrollArea>
#include <QTableView>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/recentrunsmodel.h"

namespace safequant::workbench {

namespace {

constexpr int kContentWidth = 880;
constexpr int kCardHeight = 190;
constexpr int kRecentRow = 26;
constexpr int kMaxRecentRows = 8;

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
    cards->addWidget(makeCard(tr("Open a model"), tr("A GGUF file or a Hugging Face folder of the Llama, Qwen, Gemma or Phi families. Or drop it here."),
                              tr("Choose a model ..."), "chooseModel", false, nullptr, &model));
    cards->addWidget(makeCard(tr("Open a run"), tr("A run folder from this machine, a cluster or a colleague."),
                              tr("Choose a run ..."), "chooseRun", false, nullptr, &run));
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
    m_recent->setObjectName(QStringLiteral("recentRuns"));
    m_recent->setAccessibleName(tr("Recent runs"));
    m_recent->setModel(m_runs);
    m_recent->setFrameShape(QFrame::NoFrame);
    m_recent->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_recent->setSelectionMode(QAbstractItemView::SingleSelection);
    m_recent->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_recent->setTabKeyNavigation(false);
    m_recent->setShowGrid(false);
    m_recent->setWordWrap(false);
    m_recent->horizontalHeader()->hide();
    m_recent->verticalHeader()->hide();
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
    m_machine = makeLabel({}, nullptr, "muted");
    column->addWidget(m_machine);
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
        if (state == EngineClient::State::Ready) refreshRuns();
    });
    refreshExample();
    refreshMachine();
    fitTable();
}

bool StartPage::exampleThere() const { return QFileInfo(m_exampleModel).isFile(); }

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
    m_exampleText->setText(exampleThere()
                               ? tr("SmolLM2-135M, whose refusals a harmless fine-tuning has eroded. One click quantizes it to "
                                    "8 bits, restores them while it does, and shows how, block by block.")
                               : tr("The example model is not on this machine. ./run.sh fetches it (98 MB) into\n%1")
                                     .arg(QDir(QFileInfo(m_exampleModel).absolutePath()).path()));
    m_exampleText->setToolTip(m_exampleModel);
}

void StartPage::refreshMachine() {
    const EngineClient* client = m_session->client();
    if (client->state() != EngineClient::State::Ready) {
        m_machine->clear();
        return;
    }
    const auto& info = client->info();
    m_machine->setText(tr("This machine: %1, %2%3.")
                           .arg(counted(info.threads, tr("thread"), tr("threads")), widgets::formatBytes(info.memoryBytes),
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
