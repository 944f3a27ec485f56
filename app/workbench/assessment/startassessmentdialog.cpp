// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/assessment/startassessmentdialog.h"

#include <QDir>
#include <QFileInfo>
#include <QLineEdit>
#include <QRadioButton>
#include <set>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {

constexpr int kIndent = 24;
/// A path is looked at when so many milliseconds brought no letter.
constexpr int kTyping = 350;

QString inOneLine(const QStringList& words) { return words.join(QStringLiteral(", ")); }

}  // namespace

StartAssessmentDialog::StartAssessmentDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("startAssessmentDialog"));
    setWindowTitle(tr("New assessment"));
    setMinimumWidth(600);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 8);
    layout->addWidget(makeLabel(tr("What does quantizing do to a model's safety?"), "cardTitle"));
    layout->addWidget(makeParagraph(tr("Every method at every bit width, calibrated on every set of prompts, each against the model before. Cells that are finished stay when it is "
                                       "stopped; a cell that fails stops no other."),
                                    "secondary", "muted"));
    layout->addSpacing(6);
    m_bundled = new QRadioButton(tr("The bundled matrix on the model that is set up"));
    m_bundled->setObjectName(QStringLiteral("bundledAssessment"));
    m_bundled->setChecked(true);
    layout->addWidget(m_bundled);
    m_model = makeParagraph({}, "secondary", "muted");
    m_model->setContentsMargins(kIndent, 0, 0, 4);
    layout->addWidget(m_model);
    m_own = new QRadioButton(tr("A spec file"));
    m_own->setObjectName(QStringLiteral("ownAssessment"));
    layout->addWidget(m_own);
    auto* row = new QHBoxLayout;
    setSpacing(row, kIndent, 0, 0, 6, 8);
    m_file = new QLineEdit;
    m_file->setObjectName(QStringLiteral("assessmentFile"));
    m_file->setAccessibleName(tr("Spec file"));
    m_file->setPlaceholderText(tr("assessment.json, with its model in it"));
    auto* browse = new QPushButton(tr("Choose ..."));
    browse->setObjectName(QStringLiteral("chooseAssessmentFile"));
    browse->setAutoDefault(false);
    row->addWidget(m_file, 1);
    row->addWidget(browse);
    layout->addLayout(row);
    m_plan = makeParagraph({}, "secondary");
    m_plan->setObjectName(QStringLiteral("assessmentPlan"));
    m_plan->setMinimumHeight(54);
    m_plan->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    layout->addWidget(m_plan);
    m_start = addDialogButtons(this, layout, tr("Start"), "startAssessment");

    connect(browse, &QPushButton::clicked, this, &StartAssessmentDialog::chooseFile);
    connect(m_bundled, &QRadioButton::toggled, this, &StartAssessmentDialog::askPlan);
    m_typed.setSingleShot(true);
    m_typed.setInterval(kTyping);
    connect(&m_typed, &QTimer::timeout, this, &StartAssessmentDialog::askPlan);
    connect(m_file, &QLineEdit::textEdited, this, [this] {
        m_own->setChecked(true);
        say({}, "muted", false);
        m_typed.start();
    });
    connect(m_start, &QPushButton::clicked, this, [this] {
        emit chosen(what());
        accept();
    });
}

void StartAssessmentDialog::prepare() {
    const QString checkpoint = m_session->setup()->hasSpec() ? checkpointOf(m_session->setup()->spec()) : QString();
    m_bundled->setEnabled(!checkpoint.isEmpty());
    if (checkpoint.isEmpty()) {
        m_model->setText(tr("No model is set up; open one first."));
        m_own->setChecked(true);
    } else {
        QStringList adapters;
        for (const QString& adapter : adaptersOf(m_session->setup()->spec())) adapters << QFileInfo(adapter).fileName().remove(QStringLiteral("builtin:"));
        const QString name = QFileInfo(checkpoint).fileName();
        m_model->setText(adapters.isEmpty() ? name : tr("%1 with %2").arg(name, inOneLine(adapters)));
    }
    askPlan();
}

nlohmann::json StartAssessmentDialog::what() const {
    if (m_own->isChecked()) return {{"file", m_file->text().trimmed().toStdString()}};
    const nlohmann::json& spec = m_session->setup()->spec();
    nlohmann::json adapters = nlohmann::json::array();
    for (const QString& adapter : adaptersOf(spec)) adapters.push_back(adapter.toStdString());
    const QString name = QFileInfo(checkpointOf(spec)).completeBaseName();
    return {{"example", true}, {"model", checkpointOf(spec).toStdString()}, {"adapters", std::move(adapters)}, {"name", tr("What quantizing does to %1").arg(name).toStdString()}};
}

void StartAssessmentDialog::chooseFile() {
    QString folder = m_session->lastFolder(Setting::LastAssessmentFolder);
    if (folder.isEmpty()) folder = m_session->client()->remote() ? m_session->client()->workspacePath() : QDir::homePath();
    const QString file = m_session->dialogs()->chooseAssessmentFile(this, folder);
    if (file.isEmpty()) return;
    m_session->rememberFolderOf(Setting::LastAssessmentFolder, file);
    m_file->setText(file);
    m_own->setChecked(true);
    askPlan();
}

void StartAssessmentDialog::askPlan() {
    m_session->client()->drop(m_request);
    if (m_own->isChecked() && m_file->text().trimmed().isEmpty()) return say(tr("Choose a file."), "muted", false);
    if (!m_own->isChecked() && !m_bundled->isEnabled()) return say({}, "muted", false);
    say(tr("Counting the cells ..."), "muted", false);
    m_request = m_session->client()->request<protocol::AssessmentState>(QStringLiteral("assessment/plan"), what(), this,
                                                                        [this](Expected<protocol::AssessmentState> plan) { showPlan(plan); });
}

void StartAssessmentDialog::showPlan(const Expected<protocol::AssessmentState>& plan) {
    if (!plan) return say(asSentence(QString::fromStdString(plan.error().describe())), "bad", false);
    QStringList methods, risks;
    std::set<int, std::greater<>> widths;
    for (const auto& cell : plan->cells) {
        const QString title = QString::fromStdString(cell.title);
        if (!methods.contains(title)) methods << title;
        widths.insert(cell.bits);
    }
    for (std::size_t i = 0; i < plan->risks.size(); ++i) {
        const QString name = QString::fromStdString(plan->risks[i]), text = QString::fromStdString(i < plan->riskTexts.size() ? plan->riskTexts[i] : std::string());
        risks << (text.isEmpty() ? name : tr("%1 (%2)").arg(name, text));
    }
    QStringList bits;
    for (const int width : widths) bits << QString::number(width);
    say(tr("%1: %2; %3 bits; calibrated on %4.").arg(counted(qint64(plan->cells.size()), tr("cell"), tr("cells")), inOneLine(methods), inOneLine(bits), inOneLine(risks)), "muted",
        !plan->cells.empty());
}

void StartAssessmentDialog::say(const QString& text, const char* tone, bool startable) {
    m_plan->setText(text);
    setTone(m_plan, tone);
    m_start->setEnabled(startable);
}

}  // namespace safequant::workbench
