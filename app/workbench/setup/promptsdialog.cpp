// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/promptsdialog.h"

#include <QCheckBox>
#include <QClipboard>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QScreen>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QTableWidget>
#include <QVBoxLayout>

#include "app/workbench/session.h"
#include "app/workbench/setup/promptfilepane.h"
#include "app/workbench/setup/promptreportview.h"
#include "app/workbench/setup/tokenspane.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"

namespace safequant::workbench {

namespace {

constexpr int kReportDelay = 200;
constexpr int kFilesHeight = 118;
constexpr int kTokensHeight = 104;
constexpr int kLeftWidth = 480;

std::string pathOf(const nlohmann::json& file) { return file.is_string() ? file.get<std::string>() : file.value("file", std::string()); }

QString titleOf(const nlohmann::json& file) {
    const QString path = QString::fromStdString(pathOf(file));
    return path.startsWith(QLatin1String("builtin:")) ? PromptsDialog::tr("Bundled set") : QFileInfo(path).fileName();
}

}  // namespace

PromptsDialog::PromptsDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("promptsDialog"));
    setWindowTitle(tr("Prompts"));
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 16, 20, 16, 14);
    auto* columns = new QHBoxLayout;
    columns->setSpacing(24);
    columns->addWidget(makeFileArea());
    auto* right = new QVBoxLayout;
    right->setSpacing(12);
    right->addWidget(makeLabel(tr("What is in them"), "cardTitle"));
    m_view = new PromptReportView;
    right->addWidget(m_view, 1);
    connect(m_view, &PromptReportView::placeChosen, this, &PromptsDialog::showPlace);
    right->addWidget(makeSplitRow());
    columns->addLayout(right, 1);
    layout->addLayout(columns, 1);
    layout->addLayout(makeButtons());
    const QSize room = screen() ? screen()->availableSize() : QSize(1280, 800);
    resize(QSize(1120, 700).boundedTo(room));
    m_timer.setSingleShot(true);
    m_timer.setInterval(kReportDelay);
    connect(&m_timer, &QTimer::timeout, this, &PromptsDialog::ask);
}

QWidget* PromptsDialog::makeFileArea() {
    auto* area = new QWidget;
    area->setFixedWidth(kLeftWidth);
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 8);
    auto* head = new QHBoxLayout;
    head->setSpacing(12);
    head->addWidget(makeLabel(tr("Files"), "cardTitle"), 1);
    m_remove = makeLink(tr("Remove"));
    m_remove->setObjectName(QStringLiteral("removePromptFile"));
    head->addWidget(m_remove);
    QPushButton* bundled = makeLink(tr("Bundled set"));
    bundled->setObjectName(QStringLiteral("useBundledPrompts"));
    bundled->setAccessibleName(tr("Use the bundled prompts alone"));
    head->addWidget(bundled);
    QPushButton* add = makeLink(tr("Add files ..."));
    add->setObjectName(QStringLiteral("addPromptFiles"));
    head->addWidget(add);
    layout->addLayout(head);
    m_table = new QTableWidget(0, 3);
    dressTable(m_table, QStringLiteral("promptFiles"), tr("Files of prompts"));
    m_table->setFrameShape(QFrame::StyledPanel);
    m_table->setHorizontalHeaderLabels({tr("File"), tr("Layout"), tr("Prompts")});
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_table->horizontalHeader()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(2, QHeaderView::ResizeToContents);
    m_table->setFixedHeight(kFilesHeight);
    layout->addWidget(m_table);
    layout->addSpacing(4);
    m_pane = new PromptFilePane(m_session->shield());
    layout->addWidget(m_pane, 1);
    m_tokens = new TokensPane(m_session->client());
    m_tokens->setFixedHeight(kTokensHeight);
    m_tokens->setProperty("surface", "panel");
    m_tokens->setAttribute(Qt::WA_StyledBackground);
    m_tokens->layout()->setContentsMargins(12, 8, 12, 8);
    layout->addWidget(m_tokens);
    connect(add, &QPushButton::clicked, this, &PromptsDialog::addFiles);
    connect(m_remove, &QPushButton::clicked, this, &PromptsDialog::removeFile);
    connect(bundled, &QPushButton::clicked, this, [this] {
        m_files = nlohmann::json::array({"builtin:default"});
        refreshFiles();
        selectFile(0);
        ask();
    });
    connect(m_table, &QTableWidget::currentCellChanged, this, [this](int row) {
        if (!m_refreshing) selectFile(row);
    });
    connect(m_pane, &PromptFilePane::promptChosen, this, [this](const QString& text, bool hidden) {
        if (text.isEmpty()) m_tokens->setNothing(tr("Choose a prompt above to see it as the model reads it, with the template around it."));
        else m_tokens->setPrompt(m_session->setup()->spec(), text, hidden);
    });
    connect(m_pane, &PromptFilePane::pageWanted, this, &PromptsDialog::askPreview);
    connect(m_pane, &PromptFilePane::fileChanged, this, &PromptsDialog::changeFile);
    return area;
}

QWidget* PromptsDialog::makeSplitRow() {
    auto* area = new QWidget;
    auto* layout = new QHBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 8);
    m_again = new QCheckBox(tr("Deal out again, to calibrate"));
    m_again->setObjectName(QStringLiteral("splitAgain"));
    m_again->setToolTip(tr("Deals all prompts out to calibration and evaluation by whole near-duplicate clusters, whatever the files say. "
                           "Without it only prompts without a split are dealt out."));
    layout->addWidget(m_again);
    m_share = new QSpinBox;
    m_share->setObjectName(QStringLiteral("splitShare"));
    m_share->setAccessibleName(tr("Share of prompts to calibrate, in percent"));
    m_share->setRange(5, 95);
    m_share->setSuffix(tr(" %"));
    m_share->setButtonSymbols(QAbstractSpinBox::NoButtons);
    layout->addWidget(m_share);
    layout->addStretch(1);
    m_allowOverlap = new QCheckBox(tr("Allow near duplicates on both sides"));
    m_allowOverlap->setObjectName(QStringLiteral("allowOverlap"));
    m_allowOverlap->setToolTip(tr("What is learnt from a calibration prompt is then measured on near duplicates of it. The run's notes say so."));
    layout->addWidget(m_allowOverlap);
    connect(m_again, &QCheckBox::toggled, this, &PromptsDialog::changeSplit);
    connect(m_share, &QSpinBox::valueChanged, this, &PromptsDialog::changeSplit);
    connect(m_allowOverlap, &QCheckBox::toggled, this, &PromptsDialog::changeSplit);
    return area;
}

QLayout* PromptsDialog::makeButtons() {
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    m_status = makeParagraph({}, "secondary", "muted");
    m_status->setObjectName(QStringLiteral("promptStatus"));
    buttons->addWidget(m_status, 1);
    m_copy = new QPushButton(tr("Copy report"));
    m_copy->setObjectName(QStringLiteral("copyPromptReport"));
    buttons->addWidget(m_copy);
    auto* cancel = new QPushButton(tr("Cancel"));
    buttons->addWidget(cancel);
    m_use = new QPushButton(tr("Use these prompts"));
    m_use->setObjectName(QStringLiteral("usePrompts"));
    m_use->setProperty("primary", true);
    m_use->setDefault(true);
    buttons->addWidget(m_use);
    connect(m_copy, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(PromptReportView::toText(m_report)); });
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    connect(m_use, &QPushButton::clicked, this, &PromptsDialog::use);
    return buttons;
}

void PromptsDialog::prepare() {
    const auto& spec = m_session->setup()->spec();
    m_files = spec.is_object() && spec.contains("prompts") && spec["prompts"].is_array() ? spec["prompts"] : nlohmann::json::array({"builtin:default"});
    m_split = splitOf(spec);
    m_refreshing = true;
    m_again->setChecked(m_split.value("again", false));
    m_share->setValue(qRound(100.0 * m_split.value("calibration", 0.5)));
    m_allowOverlap->setChecked(m_split.value("allow_overlap", false));
    m_refreshing = false;
    m_report = {};
    refreshFiles();
    selectFile(0);
    ask();
}

void PromptsDialog::addFiles() {
    const QStringList chosen = m_session->dialogs()->choosePromptFiles(this, m_session->lastFolder(Setting::LastPromptFolder));
    if (chosen.isEmpty()) return;
    // Copies of files of this machine lie in a folder each.
    const bool copied = m_session->client()->remote() && chosen.first().startsWith(m_session->client()->workspacePath() + QStringLiteral("/uploads/"));
    if (!copied) m_session->rememberFolderOf(Setting::LastPromptFolder, chosen.first());
    for (const QString& path : chosen) {
        const std::string name = path.toStdString();
        const bool there = std::any_of(m_files.begin(), m_files.end(), [&](const nlohmann::json& file) { return pathOf(file) == name; });
        if (!there) m_files.push_back(name);
    }
    refreshFiles();
    selectFile(static_cast<int>(m_files.size()) - 1);
    ask();
}

void PromptsDialog::removeFile() {
    const int row = m_table->currentRow();
    if (row < 0 || row >= static_cast<int>(m_files.size())) return;
    m_files.erase(static_cast<std::size_t>(row));
    refreshFiles();
    selectFile(std::min(row, static_cast<int>(m_files.size()) - 1));
    ask();
}

void PromptsDialog::refreshFiles() {
    const int current = m_table->currentRow();
    m_refreshing = true;
    m_table->setRowCount(static_cast<int>(m_files.size()));
    for (std::size_t i = 0; i < m_files.size(); ++i) {
        const int row = static_cast<int>(i);
        auto* name = new QTableWidgetItem(titleOf(m_files[i]));
        name->setToolTip(QString::fromStdString(pathOf(m_files[i])));
        m_table->setItem(row, 0, name);
        const bool told = !m_asking && i < m_report.files.size();
        const auto info = told ? m_report.files[i] : protocol::PromptFileInfo{};
        m_table->setItem(row, 1, new QTableWidgetItem(QString::fromStdString(info.benchmark.empty() ? info.title : info.benchmark)));
        auto* count = new QTableWidgetItem(!told ? QStringLiteral("–") : info.problems == 0 ? QLocale().toString(static_cast<qulonglong>(info.prompts))
                                                                      : counted(static_cast<qint64>(info.problems), tr("error"), tr("errors")));
        count->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
        m_table->setItem(row, 2, count);
    }
    if (current >= 0 && current < m_table->rowCount()) m_table->setCurrentCell(current, 0);
    m_refreshing = false;
    m_remove->setEnabled(!m_files.empty());
}

void PromptsDialog::selectFile(int row, int line) {
    const bool any = row >= 0 && row < static_cast<int>(m_files.size());
    m_refreshing = true;
    if (any) m_table->setCurrentCell(row, 0);
    m_refreshing = false;
    m_pane->setFile(any ? m_files[static_cast<std::size_t>(row)] : nlohmann::json());
    if (!any) return;
    if (line > 1) m_pane->showFrom(line);
    else askPreview();
}

void PromptsDialog::showPlace(const QString& file, int line) {
    const auto& files = m_report.files;
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& info) { return QString::fromStdString(info.path) == file; });
    if (found == files.end()) return;
    const int row = static_cast<int>(found - files.begin());
    if (row == m_table->currentRow()) m_pane->showFrom(line);
    else selectFile(row, line);
}

void PromptsDialog::changeFile(const nlohmann::json& file) {
    const int row = m_table->currentRow();
    if (row < 0) return;
    m_files[static_cast<std::size_t>(row)] = file.size() == 1 ? file["file"] : file;
    askPreview();
    ask();
}

void PromptsDialog::changeSplit() {
    if (m_refreshing) return;
    m_split["again"] = m_again->isChecked();
    m_split["calibration"] = m_share->value() / 100.0;
    m_split["allow_overlap"] = m_allowOverlap->isChecked();
    m_asking = true;
    refreshButtons();
    m_timer.start();
}

void PromptsDialog::askPreview() {
    const auto row = static_cast<std::size_t>(m_table->currentRow());
    m_session->client()->drop(m_previewRequest);
    nlohmann::json asked = m_pane->page();
    asked["file"] = m_files[row];
    m_previewRequest = m_session->client()->request<protocol::PromptPreview>(
        QStringLiteral("prompts/preview"), asked, this, [this](Expected<protocol::PromptPreview> preview) {
            if (preview) m_pane->setPreview(*preview);
        });
}

void PromptsDialog::ask() {
    m_timer.stop();
    m_session->client()->drop(m_reportRequest);
    if (m_files.empty()) return showReport(protocol::PromptReport{});
    m_asking = true;
    refreshButtons();
    const auto& spec = m_session->setup()->spec();
    m_reportRequest = m_session->client()->request<protocol::PromptReport>(
        QStringLiteral("prompts/report"),
        {{"files", m_files}, {"split", m_split}, {"seed", seedOf(spec)}, {"checkpoint", checkpointOf(spec).toStdString()},
         {"system_prompt", systemPromptOf(spec)},
         {"max_new_tokens", spec.is_object() ? spec.value("evaluation", nlohmann::json::object()).value("max_new_tokens", 0) : 0}},
        this, [this](Expected<protocol::PromptReport> report) { showReport(std::move(report)); });
}

void PromptsDialog::showReport(Expected<protocol::PromptReport> report) {
    m_asking = false;
    m_problem = report ? QString() : asSentence(QString::fromStdString(report.error().describe()));
    m_report = report ? std::move(*report) : protocol::PromptReport{};
    m_view->setReport(m_report);
    refreshFiles();
    refreshButtons();
}

void PromptsDialog::refreshButtons() {
    const bool usable = !m_asking && m_report.usable && !m_files.empty();
    const QString text = m_asking               ? tr("Reading the prompts ...")
                         : !m_problem.isEmpty() ? m_problem
                         : m_files.empty()      ? tr("Add a file, or take the bundled set.")
                         : usable               ? (m_report.warnings == 0 ? tr("A run takes these prompts.") : tr("A run takes these prompts. Read the warnings first."))
                                                : tr("A run refuses these prompts: %1.").arg(counted(static_cast<qint64>(m_report.errors), tr("error"), tr("errors")));
    m_status->setText(text);
    setTone(m_status, m_asking || usable || m_files.empty() ? "muted" : "bad");
    m_copy->setEnabled(!m_asking && !m_report.files.empty());
    m_use->setEnabled(usable);
}

void PromptsDialog::use() {
    m_session->setup()->setPrompts(m_files, m_split);
    accept();
}

}  // namespace safequant::workbench
