// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/session.h"

#include <QDir>
#include <QFileInfo>

#include "app/workbench/layers/slicefile.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

Session::Session(const QString& engineProgram, const QString& workspace, AppSettings* settings,
                 std::unique_ptr<Dialogs> dialogs, QObject* parent)
    : Session(localEngine(engineProgram, workspace), settings, std::move(dialogs), parent) {}

Session::Session(const EngineAddress& engine, AppSettings* settings, std::unique_ptr<Dialogs> dialogs, QObject* parent)
    : QObject(parent),
      m_settings(settings),
      m_engines(settings),
      m_dialogs(std::move(dialogs)),
      m_client(engine),
      m_projections(&m_client),
      m_embeddings(&m_client),
      m_overlay(&m_client, &m_store),
      m_placed(&m_client, &m_store),
      m_drift(&m_client, &m_store),
      m_review(&m_client, &m_store),
      m_run(&m_client, &m_store, &m_projections, &m_embeddings),
      m_setup(&m_client),
      m_items(std::make_shared<const std::vector<protocol::PromptItem>>()) {
    m_dialogs->setClient(&m_client);
    m_prompts.setContentShield(&m_shield);
    m_prompts.setModelNames(tr("base"), tr("quant."));
    m_history.add(m_setup.undoStack());
    m_history.add(m_slices.undoStack());
    m_history.add(m_review.undoStack());
    connect(&m_selection, &widgets::SelectionModel::currentChanged, &m_shield, &widgets::ContentShield::followCurrent);
    connect(&m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (changes & RunStore::Replaced) takePrompts();
        if (changes & (RunStore::Replaced | RunStore::Answers)) m_prompts.setAnswers(m_store.state().answers);
    });
}

QString Session::lastFolder(Setting setting) const {
    const EngineAddress& engine = m_client.address();
    return m_settings->textOf(setting, engine.remote() ? engine.name : QString());
}

void Session::rememberFolderOf(Setting setting, const QString& path) {
    const EngineAddress& engine = m_client.address();
    m_settings->setTextOf(setting, engine.remote() ? engine.name : QString(), QFileInfo(path).absolutePath());
}

QString Session::placeOf(const QString& path) const {
    return m_client.remote() ? QStringLiteral("%1:%2").arg(m_client.address().host, path) : QDir::toNativeSeparators(path);
}

const protocol::PromptItem* Session::prompt(int index) const {
    if (index < 0 || index >= static_cast<int>(m_items->size())) return nullptr;
    return &(*m_items)[static_cast<std::size_t>(index)];
}

QString Session::chooseFigureFile(QWidget* parent, const QString& title, const QString& stem, const QString& filter, const QString& suffix) {
    QString folder = m_settings->text(Setting::LastFigureFolder);
    if (folder.isEmpty()) folder = QDir::homePath();
    const QString ending = QLatin1Char('.') + suffix;
    QString path = m_dialogs->chooseSaveFile(parent, tr("Save \"%1\"").arg(title), QDir(folder).filePath(stem + ending), filter);
    if (path.isEmpty()) return path;
    if (QFileInfo(path).suffix().isEmpty()) path += ending;
    m_settings->set(Setting::LastFigureFolder, QFileInfo(path).absolutePath());
    return path;
}

QString Session::schemeText() const {
    if (!m_store.hasRun()) return {};
    const auto& spec = m_store.state().spec;
    const QString patch = patchOf(spec);
    return defaultSchemeOf(spec).describe() + (patch.isEmpty() ? QString() : QStringLiteral(" + ") + patch);
}

QString Session::judgeText() const {
    if (m_store.state().metrics.empty()) return {};
    const auto& metrics = m_store.state().metrics.front();
    const auto& spec = m_store.state().spec;
    bool sampled = false;
    if (spec.contains("evaluation") && spec["evaluation"].is_object() && spec["evaluation"].contains("decoding")) {
        sampled = spec["evaluation"]["decoding"].value("sample", false);
    }
    return tr("%1, %2, %3").arg(QString::fromStdString(metrics.judge), sampled ? tr("sampled") : tr("greedy"),
                               counted(metrics.maxNewTokens, tr("token"), tr("tokens")));
}

void Session::takePrompts() {
    const auto& prompts = m_store.state().prompts;
    const QString folder = m_store.folder();
    if (folder == m_promptsOf && prompts.size() == m_items->size()) return;
    m_promptsOf = folder;
    m_items = std::make_shared<const std::vector<protocol::PromptItem>>(prompts);
    m_selection.clear();
    m_shield.hide();
    m_prompts.clearAnswers();
    m_prompts.clearScores();
    m_prompts.setPrompts(m_items);
    if (m_items->empty()) {
        m_slices.close();
    } else {
        const protocol::RunSummary& run = m_store.state().summary;
        m_slices.open(sliceFileOf(m_run.workspace(), run), run.name, m_items);
    }
    emit promptsReplaced();
}

}  // namespace safequant::workbench
