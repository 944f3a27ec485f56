// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/report/reportpage.h"

#include <QCheckBox>
#include <QDesktopServices>
#include <QDir>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

#include "app/workbench/report/reportpartsdialog.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "core/base/base64.h"
#include "core/base/files.h"
#include "widgets/documentview.h"
#include "widgets/emptystate.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

namespace {

/// Writes a report that came as bytes; the path of its page. No name may lead out of the folder.
Expected<QString> writeReportHere(const protocol::ReportBundle& bundle, const QString& folder) {
    QString page;
    for (const auto& file : bundle.files) {
        const QString name = QDir::cleanPath(QString::fromStdString(file.name));
        const auto bytes = fromBase64(file.data);
        if (!bytes || name.isEmpty() || name.startsWith(QLatin1Char('/')) || name.startsWith(QLatin1String("..")))
            return fail(ErrorKind::BadInput, "The engine sent a file of the report that cannot be written.", file.name);
        const QString path = QDir(folder).filePath(name);
        if (!QDir().mkpath(QFileInfo(path).absolutePath()))
            return fail(ErrorKind::Io, "The folder cannot be made.", QFileInfo(path).absolutePath().toStdString());
        if (auto done = writeFileAtomically(path.toStdString(), *bytes); !done) return fail(done.error());
        if (page.isEmpty()) page = path;
    }
    if (page.isEmpty()) return fail(ErrorKind::BadInput, "The engine sent no files.", {});
    return page;
}

}  // namespace

ReportPage::ReportPage(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    setAttribute(Qt::WA_StyledBackground);
    setProperty("surface", "panel");
    m_reader = new widgets::SegmentedControl;
    m_reader->setObjectName(QStringLiteral("reportReader"));
    m_reader->setAccessibleName(tr("For whom the report is"));
    m_reader->addSegment(tr("Reviewer"), QStringLiteral("reviewer"), tr("The verdict and what it rests on, with lines to sign on"));
    m_reader->addSegment(tr("Researcher"), QStringLiteral("researcher"), tr("Every table, block by block and linear by linear"));
    m_reader->addSegment(tr("Model card"), QStringLiteral("model-card"), tr("What goes beside a model that is handed on"));
    m_reader->setCurrentIndex(0);
    m_texts = new QCheckBox(tr("With malicious texts"));
    m_texts->setObjectName(QStringLiteral("reportTexts"));
    m_texts->setToolTip(tr("Puts malicious prompts and their answers into the report; they are left out otherwise"));
    m_save = new QPushButton(tr("Save report ..."));
    m_save->setObjectName(QStringLiteral("saveReport"));
    m_save->setProperty("primary", true);
    m_save->setToolTip(tr("Writes page (HTML), paper (PDF), tables (CSV), figures (SVG) and JSON into a folder"));
    m_saveHere = makeLink(tr("Save it here ..."));
    m_saveHere->setObjectName(QStringLiteral("saveReportHere"));
    m_saveHere->setToolTip(tr("Brings the same files to a folder of this machine"));
    m_showParts = makeLink(tr("Figures and tables ..."));
    m_showParts->setObjectName(QStringLiteral("reportPartsButton"));
    m_showParts->setToolTip(tr("Each to look at, copy or save alone"));
    m_open = makeLink(tr("Open the page"));
    m_open->setObjectName(QStringLiteral("openReport"));
    m_open->hide();
    m_back = makeLink(tr("Back to the open run"));
    m_back->setObjectName(QStringLiteral("reportBack"));
    m_back->hide();
    m_said = makeLabel({}, "secondary", "muted");
    m_said->setObjectName(QStringLiteral("reportSaid"));
    m_said->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 9, 14, 9, 12);
    head->addWidget(makeLabel(tr("Report"), "heading"));
    head->addWidget(m_reader);
    head->addWidget(m_texts);
    head->addWidget(m_back);
    head->addWidget(m_said, 1);
    head->addWidget(m_open);
    head->addWidget(m_showParts);
    head->addWidget(m_saveHere);
    head->addWidget(m_save);
    m_empty = new widgets::EmptyState;
    m_empty->setIcon(widgets::Icon::Report);
    m_preview = new widgets::DocumentView;
    m_preview->setAccessibleName(tr("Preview of the report"));
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_preview);
    QWidget* body = makeSurface("panel", "top");
    auto* bodyLayout = new QVBoxLayout(body);
    setSpacing(bodyLayout, 0, 1, 0, 0, 0);
    bodyLayout->addWidget(m_stack);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addLayout(head);
    layout->addWidget(body, 1);

    connect(m_reader, &widgets::SegmentedControl::activated, this, &ReportPage::refresh);
    connect(m_texts, &QCheckBox::toggled, this, &ReportPage::refresh);
    connect(m_save, &QPushButton::clicked, this, &ReportPage::save);
    connect(m_back, &QPushButton::clicked, this, [this] { showRuns({}); });
    connect(m_open, &QPushButton::clicked, this, [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(m_page)); });
    connect(m_session->run(), &RunController::phaseChanged, this, [this] {
        const bool other = m_openRun != m_session->run()->folder();
        m_openRun = m_session->run()->folder();
        other ? showRuns({}) : refresh();
    });
    connect(m_saveHere, &QPushButton::clicked, this, &ReportPage::saveHere);
    connect(m_showParts, &QPushButton::clicked, this, &ReportPage::showParts);
    connect(m_session->client(), &EngineClient::stateChanged, this, &ReportPage::refresh);
    connect(m_session->client(), &EngineClient::addressChanged, this, &ReportPage::refreshEngine);
    setSavable(false);
    refreshEngine();
}

void ReportPage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refresh();
}

void ReportPage::showRuns(const QStringList& folders) {
    m_chosen = folders;
    m_back->setVisible(!folders.isEmpty());
    refresh();
}

QStringList ReportPage::folders() const {
    const QString open = m_session->run()->folder();
    return !m_chosen.isEmpty() ? m_chosen : open.isEmpty() ? QStringList() : QStringList{open};
}

nlohmann::json ReportPage::parameters() const {
    nlohmann::json list = nlohmann::json::array();
    for (const QString& folder : folders()) list.push_back(folder.toStdString());
    return {{"folders", std::move(list)},
            {"template", m_reader->currentValue().toString().toStdString()},
            {"show_text", m_texts->isChecked()}};
}

void ReportPage::say(const QString& text, const char* tone) {
    m_said->setText(text);
    m_said->setToolTip(text);
    setTone(m_said, tone);
}

void ReportPage::refresh() {
    if (!isVisible() || m_session->client()->state() != EngineClient::State::Ready) return;
    if (folders().isEmpty()) {
        m_shown.clear();
        setSavable(false);
        m_empty->setText(tr("A report tells what a run measured. Start a run, or open one that has finished."));
        m_stack->setCurrentIndex(0);
        return;
    }
    const nlohmann::json asked = parameters();
    const QString key = QString::fromStdString(asked.dump()) + QString::number(static_cast<int>(m_session->run()->phase()));
    if (key == m_shown) return;
    m_shown = key;
    m_open->hide();
    say({}, "muted");
    m_session->client()->drop(m_request);
    m_request = m_session->client()->request<protocol::ReportPreview>(
        QStringLiteral("report/preview"), asked, this, [this](Expected<protocol::ReportPreview> preview) { take(std::move(preview)); });
}

void ReportPage::take(Expected<protocol::ReportPreview> preview) {
    const bool shown = preview && m_preview->setDocument(QByteArray::fromBase64(QByteArray::fromStdString(preview->pdf)));
    setSavable(shown);
    if (!shown) {
        m_shown.clear();
        m_empty->setText(preview ? tr("The preview cannot be drawn.") : asSentence(QString::fromStdString(preview.error().message)));
    } else if (m_chosen.size() > 1) {
        say(tr("%1 runs, compared with the first").arg(m_chosen.size()), "muted");
    } else if (m_chosen.isEmpty() && m_session->run()->active()) {
        say(tr("The run goes on; the report tells what was measured when this page was opened."), "muted");
    }
    m_stack->setCurrentIndex(shown ? 1 : 0);
}

void ReportPage::setSavable(bool savable) {
    m_save->setEnabled(savable);
    m_saveHere->setEnabled(savable);
    m_showParts->setEnabled(savable);
}

void ReportPage::refreshEngine() {
    const EngineClient* client = m_session->client();
    m_saveHere->setVisible(client->remote());
    m_save->setText(client->remote() ? tr("Save report on %1 ...").arg(client->address().title()) : tr("Save report ..."));
    m_open->hide();
    showRuns({});
}

void ReportPage::showParts() {
    if (!m_parts) m_parts = new ReportPartsDialog(m_session, this);
    m_parts->prepare(parameters());
    m_parts->show();
    m_parts->raise();
    m_parts->activateWindow();
}

void ReportPage::save() {
    const QString folder = m_session->dialogs()->chooseFolder(this, tr("Folder for the report"), QDir::cleanPath(folders().constLast()));
    if (folder.isEmpty()) return;
    nlohmann::json asked = parameters();
    asked["target"] = QDir(folder).filePath(nameOfReport()).toStdString();
    setSavable(false);
    m_session->client()->request<protocol::ReportFiles>(QStringLiteral("report/write"), asked, this, [this](Expected<protocol::ReportFiles> files) {
        setSavable(true);
        if (!files || files->files.empty()) {
            m_open->hide();
            return say(files ? tr("Nothing was written.") : asSentence(QString::fromStdString(files.error().describe())), "bad");
        }
        const QString page = QString::fromStdString(files->files.front());
        say(tr("Written to %1").arg(m_session->placeOf(QFileInfo(page).absolutePath())), "muted");
        m_open->setVisible(!m_session->client()->remote());
        if (!m_session->client()->remote()) m_page = page;
        emit written(page);
    });
}

void ReportPage::saveHere() {
    const QString folder = m_session->dialogs()->chooseLocalFolder(this, tr("Folder for the report"), {});
    if (folder.isEmpty()) return;
    const QString target = QDir(folder).filePath(nameOfReport());
    setSavable(false);
    m_session->client()->request<protocol::ReportBundle>(
        QStringLiteral("report/files"), parameters(), this, [this, target](const Expected<protocol::ReportBundle>& bundle) {
            setSavable(true);
            m_open->hide();
            if (!bundle) return say(asSentence(QString::fromStdString(bundle.error().describe())), "bad");
            const auto written = writeReportHere(*bundle, target);
            if (!written) return say(asSentence(QString::fromStdString(written.error().describe())), "bad");
            m_page = *written;
            m_open->show();
            say(tr("Written to %1 on this machine").arg(QDir::toNativeSeparators(target)), "muted");
            emit this->written(m_page);
        });
}

}  // namespace safequant::workbench
