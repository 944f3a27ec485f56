// SPDX-License-Identifier: GPL-3.0-or-later
// Which engine the window works with, and what depends on the machine that it is on.
#include <QDir>
#include <QFileInfo>
#include <algorithm>

#include "app/workbench/engine/enginesdialog.h"
#include "app/workbench/frame/actions.h"
#include "app/workbench/frame/statusline.h"
#include "app/workbench/log/logpage.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "core/engine/protocol/file_messages.h"

namespace safequant::workbench {

namespace {

bool isRunFolder(const QString& path) { return QFileInfo(QDir(path).filePath(QStringLiteral("spec.json"))).isFile(); }

}  // namespace

EngineAddress engineToBeginWith(const MainWindowOptions& options, AppSettings* settings) {
    EngineAddress address = options.engine                     ? *options.engine
                            : options.engineProgram.isEmpty() ? EngineList(settings).chosen()
                                                              : localEngine(options.engineProgram);
    if (!options.workspace.isEmpty()) address.workspace = options.workspace;
    return address;
}

void MainWindow::openPath(const QString& path) {
    if (!m_session->client()->remote()) return isRunFolder(path) ? openRun(path) : openModel(path, {});
    m_session->client()->request<protocol::FolderListing>(
        QStringLiteral("files/list"), {{"folder", path.toStdString()}, {"endings", {"spec.json"}}}, this,
        [this, path](const Expected<protocol::FolderListing>& listing) {
            const bool run = listing && std::any_of(listing->entries.begin(), listing->entries.end(), [](const auto& entry) { return entry.name == "spec.json"; });
            run ? openRun(path) : openModel(path, {});
        });
}

void MainWindow::whenThere(const std::function<void()>& work) {
    EngineClient* client = m_session->client();
    if (!client->remote() || client->state() == EngineClient::State::Ready) return work();
    auto* once = new QObject(this);
    connect(client, &EngineClient::stateChanged, once, [once, work](EngineClient::State state) {
        if (state != EngineClient::State::Ready) return;
        once->deleteLater();
        once->disconnect();
        work();
    });
    connect(client, &EngineClient::addressChanged, once, &QObject::deleteLater);
}

void MainWindow::useEngine(const EngineAddress& address) {
    EngineClient* client = m_session->client();
    const bool active = m_session->run()->active();
    const QString before = client->address().title();
    if (m_session->store()->hasRun()) {
        m_session->run()->close();
        showStartPage();
        if (active) m_status->say(tr("The run was closed here; it goes on, on %1.").arg(before));
        m_log->note(QStringLiteral("info"), active ? tr("The run was closed here; it goes on, on %1.").arg(before) : tr("The run on %1 was closed.").arg(before));
    }
    m_session->engines()->choose(address);
    client->setAddress(address);
}

void MainWindow::chooseEngine() {
    if (!m_engines) {
        m_engines = new EnginesDialog(m_session, this);
        connect(m_engines, &EnginesDialog::useRequested, this, &MainWindow::useEngine);
    }
    m_engines->prepare();
    m_engines->open();
}

void MainWindow::refreshEngine() {
    const EngineClient* client = m_session->client();
    m_actions->runFolder->setToolTip(client->remote() ? tr("The run folder is on %1.").arg(client->address().title()) : QString());
    m_actions->runFolder->setText(client->remote() ? tr("Open the run &folder (it is on %1)").arg(client->address().title()) : tr("Open the run &folder"));
    m_actions->restartEngine->setText(client->remote() ? tr("&Connect to %1 again").arg(client->address().title()) : tr("&Restart the engine"));
}

}  // namespace safequant::workbench
