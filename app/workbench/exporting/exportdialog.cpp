// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/exporting/exportdialog.h"

#include <QClipboard>
#include <QDir>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QTimer>
#include <QVBoxLayout>

#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/icons.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {
constexpr int kPreflightDelay = 250;

/// A format by the engine's word for it, its label and what it is good for.
struct FormatText {
    const char* name;
    const char* label;
    const char* description;
};
constexpr FormatText kFormats[] = {
    {"compressed-tensors", QT_TRANSLATE_NOOP("ExportDialog", "compressed-tensors"),
     QT_TRANSLATE_NOOP("ExportDialog", "A Hugging Face folder with packed weights, config and tokenizer, that transformers and vLLM load. "
                                       "Holds every scheme.")},
    {"gptq", QT_TRANSLATE_NOOP("ExportDialog", "GPTQ"),
     QT_TRANSLATE_NOOP("ExportDialog", "A Hugging Face folder in GPTQ's layout, that vLLM, and transformers with gptqmodel, load on a graphics "
                                       "card. Weights of 2, 4 or 8 bits, one scheme for all linears.")},
    {"awq", QT_TRANSLATE_NOOP("ExportDialog", "AWQ"),
     QT_TRANSLATE_NOOP("ExportDialog", "A Hugging Face folder in AWQ's layout, that vLLM and transformers load on a graphics card. Weights of 4 "
                                       "bits in groups, one scheme for all linears.")},
    {"gguf", QT_TRANSLATE_NOOP("ExportDialog", "GGUF"),
     QT_TRANSLATE_NOOP("ExportDialog", "One file with tokenizer and chat template, that llama.cpp and the programs built on it load. Every linear "
                                       "gets the smallest block type that holds its grid exactly.")},
    {"bf16", QT_TRANSLATE_NOOP("ExportDialog", "bf16"),
     QT_TRANSLATE_NOOP("ExportDialog", "A plain Hugging Face folder with the quantized weights' values in bfloat16, that every runtime loads. The only one "
                                       "for methods with a format of their own, such as NF4 and AQLM. No smaller than the model was.")},
};
}  // namespace

ExportDialog::ExportDialog(Session* session, QWidget* parent) : QDialog(parent), m_session(session) {
    setObjectName(QStringLiteral("exportDialog"));
    setWindowTitle(tr("Export the quantized model"));
    setMinimumWidth(560);
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 20, 18, 20, 18, 12);
    m_title = makeLabel({}, "cardTitle");
    layout->addWidget(m_title);
    m_formats = new widgets::SegmentedControl;
    m_formats->setObjectName(QStringLiteral("exportFormat"));
    m_formats->setAccessibleName(tr("Format"));
    for (const FormatText& format : kFormats) m_formats->addSegment(tr(format.label), QString::fromLatin1(format.name));
    layout->addWidget(m_formats, 0, Qt::AlignLeft);
    m_description = makeParagraph({}, nullptr, "muted");
    layout->addWidget(m_description);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_path = new QLineEdit;
    m_path->setObjectName(QStringLiteral("exportPath"));
    m_path->setAccessibleName(tr("Folder to write"));
    m_path->setPlaceholderText(tr("Folder to write"));
    row->addWidget(m_path, 1);
    m_browse = new QPushButton(tr("Choose ..."));
    row->addWidget(m_browse);
    layout->addLayout(row);
    m_items = new QVBoxLayout;
    m_items->setSpacing(6);
    layout->addLayout(m_items);
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(6);
    layout->addWidget(m_progress);
    m_status = makeParagraph({}, "secondary", "muted");
    m_status->setObjectName(QStringLiteral("exportStatus"));
    layout->addWidget(m_status);
    layout->addStretch(1);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    buttons->addStretch(1);
    m_close = new QPushButton(tr("Close"));
    m_action = new QPushButton;
    m_action->setObjectName(QStringLiteral("exportAction"));
    m_action->setProperty("primary", true);
    m_action->setDefault(true);
    buttons->addWidget(m_close);
    buttons->addWidget(m_action);
    layout->addLayout(buttons);

    m_timer.setSingleShot(true);
    m_timer.setInterval(kPreflightDelay);
    connect(&m_timer, &QTimer::timeout, this, &ExportDialog::ask);
    connect(m_path, &QLineEdit::textChanged, this, [this] {
        // An answer about the path before must not allow this one.
        m_session->client()->drop(m_preflightRequest);
        m_possible = false;
        setStage(Stage::Choosing);
        m_timer.start();
    });
    connect(m_formats, &widgets::SegmentedControl::valueActivated, this,
            [this](const QVariant& value) { chooseFormat(value.toString()); });
    connect(m_browse, &QPushButton::clicked, this, [this] {
        const QString base = m_session->dialogs()->chooseFolder(this, tr("Export into"), QFileInfo(m_target).absolutePath());
        if (!base.isEmpty()) m_path->setText(QDir(base).filePath(QFileInfo(m_path->text()).fileName()));
    });
    m_formats->setCurrentIndex(0);
    chooseFormat(format());
    connect(m_close, &QPushButton::clicked, this, &QDialog::close);
    connect(m_action, &QPushButton::clicked, this, &ExportDialog::act);
    connect(m_session->client(), &EngineClient::exportProgress, this,
            [this](const QString& folder, const QString& target, quint64 done, quint64 total) {
                if (m_stage != Stage::Writing || folder != m_folder || target != m_target) return;
                m_progress->setRange(0, static_cast<int>(total));
                m_progress->setValue(static_cast<int>(done));
                m_status->setText(tr("%1 of %2 tensors written").arg(done).arg(total));
            });
    connect(m_session->client(), &EngineClient::exportFinished, this,
            [this](const QString& folder, const QString& target,
                   const std::shared_ptr<const Expected<protocol::ExportOutcome>>& outcome) {
                if (m_stage == Stage::Writing && folder == m_folder && target == m_target) finish(*outcome);
            });
    connect(m_session->client(), &EngineClient::died, this, [this](const QString& reason) {
        if (m_stage == Stage::Writing) finish(fail(ErrorKind::Failed, reason.toStdString()));
    });
}

void ExportDialog::prepare() {
    const QString folder = m_session->store()->folder();
    if (folder == m_folder && m_stage != Stage::Failed) return;
    m_folder = folder;
    const auto& spec = m_session->store()->state().spec;
    m_title->setText(QStringLiteral("%1 › %2").arg(modelNameOf(checkpointOf(spec)), m_session->schemeText()));
    QString base = m_session->lastFolder(Setting::LastExportFolder);
    if (base.isEmpty() || (!m_session->client()->remote() && !QFileInfo(base).isDir())) base = QDir(folder).filePath(QStringLiteral("export"));
    m_suggested = defaultName(format());
    m_path->setText(QDir(base).filePath(m_suggested));
    setStage(Stage::Choosing);
    ask();
}

QString ExportDialog::format() const { return m_formats->currentValue().toString(); }

QString ExportDialog::defaultName(const QString& format) const {
    const auto& spec = m_session->store()->state().spec;
    const QString scheme = defaultSchemeOf(spec).describe().section(QLatin1Char(' '), 0, 1).replace(QLatin1Char(' '), QLatin1Char('-'));
    const QString name = modelNameOf(checkpointOf(spec)) + QLatin1Char('-') + scheme;
    return format == QLatin1String(kFormats[0].name) ? name : name + QLatin1Char('-') + format;
}

void ExportDialog::chooseFormat(const QString& format) {
    for (const FormatText& text : kFormats)
        if (format == QLatin1String(text.name))
            m_description->setText(tr(text.description) + QLatin1Char(' ') + tr("It is read back and compared before it counts as done."));
    if (m_folder.isEmpty()) return;
    const QFileInfo path(m_path->text());
    if (path.fileName() == m_suggested) {
        m_suggested = defaultName(format);
        m_path->setText(path.dir().filePath(m_suggested));
    }
    // An answer about the format before must not allow this one.
    m_possible = false;
    setStage(Stage::Choosing);
    ask();
}

void ExportDialog::ask() {
    m_timer.stop();
    if (m_stage == Stage::Writing || m_path->text().isEmpty()) return;
    m_target = pathOnEngine(*m_session->client(), m_path->text());
    m_status->setText(tr("Checking ..."));
    m_session->client()->drop(m_preflightRequest);
    m_preflightRequest = m_session->client()->request<protocol::ExportPreflight>(
        QStringLiteral("export/preflight"),
        {{"folder", m_folder.toStdString()}, {"target", m_target.toStdString()}, {"format", format().toStdString()}}, this,
        [this](Expected<protocol::ExportPreflight> preflight) { showPreflight(preflight); });
}

void ExportDialog::showPreflight(const Expected<protocol::ExportPreflight>& preflight) {
    clearItems();
    m_possible = preflight && preflight->possible;
    if (preflight) {
        for (const auto& item : preflight->items) addItem(QString::fromStdString(item.level), QString::fromStdString(item.message));
        m_status->setText(tr("Needs %1, %2 are free.")
                              .arg(widgets::formatBytes(preflight->bytes), widgets::formatBytes(preflight->availableBytes)));
    } else {
        addItem(QStringLiteral("error"), QString::fromStdString(preflight.error().describe()));
        m_status->clear();
    }
    setStage(Stage::Choosing);
}

void ExportDialog::clearItems() {
    while (QLayoutItem* item = m_items->takeAt(0)) {
        if (item->widget()) item->widget()->deleteLater();
        delete item;
    }
}

void ExportDialog::addItem(const QString& level, const QString& text) {
    const auto& colors = widgets::Theme::current();
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    setSpacing(layout, 0, 0, 0, 0, 8);
    auto* mark = new QLabel;
    const bool ok = level == QLatin1String("ok");
    const bool error = level == QLatin1String("error");
    const QColor color = ok ? colors.good : error ? colors.bad : colors.warning;
    const auto shape = ok ? widgets::Icon::Check : error ? widgets::Icon::Cross : widgets::Icon::Warning;
    mark->setPixmap(widgets::iconPixmap(shape, color, 16, devicePixelRatioF()));
    mark->setAccessibleName(ok ? tr("fine") : error ? tr("error") : tr("warning"));
    layout->addWidget(mark, 0, Qt::AlignTop);
    layout->addWidget(makeParagraph(asSentence(text)), 1);
    m_items->addWidget(row);
}

void ExportDialog::act() {
    if (m_stage == Stage::Done) {
        if (!m_session->client()->remote()) return openFolderRequested(m_target);
        QGuiApplication::clipboard()->setText(m_session->placeOf(m_target));
        m_status->setText(tr("The path is on the clipboard; scp and rsync take it as it is."));
        return;
    }
    if (m_stage == Stage::Writing || !m_possible) return;
    m_session->rememberFolderOf(Setting::LastExportFolder, m_target);
    m_progress->setRange(0, 0);
    m_status->setText(tr("Starting ..."));
    setStage(Stage::Writing);
    m_session->client()->request<Nothing>(QStringLiteral("export/start"),
                                          {{"folder", m_folder.toStdString()},
                                           {"target", m_target.toStdString()},
                                           {"format", format().toStdString()}},
                                          this,
                                          [this](Expected<Nothing> started) {
                                              if (!started) finish(fail(started.error()));
                                          });
}

void ExportDialog::finish(const Expected<protocol::ExportOutcome>& outcome) {
    clearItems();
    if (!outcome) {
        addItem(QStringLiteral("error"), QString::fromStdString(outcome.error().describe()));
        m_status->clear();
        setStage(Stage::Failed);
        return;
    }
    addItem(QStringLiteral("ok"), tr("%1, %2, in %3")
                                      .arg(counted(static_cast<qint64>(outcome->files.size()), tr("file"), tr("files")),
                                           widgets::formatBytes(outcome->bytes), m_session->placeOf(m_target)));
    addItem(QStringLiteral("ok"), tr("Read back: largest difference to the quantized model %1")
                                      .arg(QLocale().toString(outcome->maxReloadError, 'g', 2)));
    m_status->setText(tr("Done."));
    setStage(Stage::Done);
    emit exported(m_target);
}

void ExportDialog::setStage(Stage stage) {
    m_stage = stage;
    m_progress->setVisible(stage == Stage::Writing);
    m_formats->setEnabled(stage != Stage::Writing);
    m_path->setEnabled(stage != Stage::Writing);
    m_browse->setEnabled(stage != Stage::Writing);
    m_action->setText(stage == Stage::Done ? (m_session->client()->remote() ? tr("Copy the path") : tr("Open the folder")) : stage == Stage::Failed ? tr("Try again") : tr("Export"));
    m_action->setEnabled(stage == Stage::Done || (stage != Stage::Writing && m_possible));
    // Once the new texts are laid out.
    QTimer::singleShot(0, this, &ExportDialog::fitHeight);
}

void ExportDialog::fitHeight() {
    layout()->activate();
    const int wanted = layout()->hasHeightForWidth() ? layout()->totalHeightForWidth(width()) : layout()->totalSizeHint().height();
    setMinimumHeight(wanted);
}

}  // namespace safequant::workbench
