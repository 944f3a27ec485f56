// SPDX-License-Identifier: GPL-3.0-or-later
// take_engine_screenshots ENGINE OUT_FOLDER [RUN_FOLDER]: the window with an engine behind ssh, light and dark, at two sizes: the start
// page, the engines dialog, the chooser of files there, and with a run the layers, report and lost connection, each as
// OUT_FOLDER/engine-SCENE-THEME[-wide].png.
#include <signal.h>

#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QFileInfo>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/files/remotefiledialog.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "pictures.h"
#include "realrun.h"
#include "sshserver.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kSettle = 600;

void waitUntilReady(EngineClient* client) {
    for (int i = 0; i < 100 && client->state() != EngineClient::State::Ready; ++i) wait(200);
    wait(kSettle);
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() < 3) {
        QTextStream(stderr) << "take_engine_screenshots ENGINE OUT_FOLDER [RUN_FOLDER]\n";
        return 2;
    }
    const QString& out = arguments[2];
    QTemporaryDir folder;
    SshServer server;
    if (const QString obstacle = server.prepare(); !obstacle.isEmpty()) {
        QTextStream(stderr) << obstacle << "\n";
        return 1;
    }
    qputenv("SAFEQUANT_SSH", server.ssh().toUtf8());
    EngineAddress address = sshEngine(QStringLiteral("far"));
    address.name = QStringLiteral("gpu-box");
    address.command = QFileInfo(arguments[1]).absoluteFilePath() + QStringLiteral(" serve");
    address.workspace = folder.filePath(QStringLiteral("workspace"));
    AppSettings settings(folder.filePath(QStringLiteral("settings.ini")));
    EngineList(&settings).add(address);
    MainWindowOptions options;
    options.engine = address;
    MainWindow window(options, &settings);
    EngineClient* client = window.session()->client();
    window.show();
    waitUntilReady(client);
    takePictures(window, nullptr, out, QStringLiteral("engine-start"));

    window.findChild<QAction*>(QStringLiteral("engines"))->trigger();
    auto* engines = window.findChild<QDialog*>(QStringLiteral("enginesDialog"));
    engines->findChild<QPushButton*>(QStringLiteral("testEngine"))->click();
    wait(4000);
    takePictures(window, engines, out, QStringLiteral("engine-dialog"));
    engines->findChild<QPushButton*>(QStringLiteral("addEngine"))->click();
    takePictures(window, engines, out, QStringLiteral("engine-new"));
    engines->findChild<QPushButton*>(QStringLiteral("removeEngine"))->click();
    engines->reject();

    RemoteFileDialog chooser(client, RemoteFileDialog::What::Files, QStringLiteral("Add prompts"), {QStringLiteral("Prompts"), {".jsonl", ".csv", ".md"}},
                             [](QWidget*) { return QStringList(); }, &window);
    chooser.setFolder(QFileInfo(enginePath()).path() + QStringLiteral("/../../../../resources"));
    chooser.show();
    wait(1500);
    takePictures(window, &chooser, out, QStringLiteral("engine-files"));
    chooser.reject();

    if (arguments.size() > 3) {
        window.openPath(QFileInfo(arguments[3]).absoluteFilePath());
        wait(3000);
        takePictures(window, nullptr, out, QStringLiteral("engine-layers"));
        window.setPage(Page::Report);
        wait(5000);
        takePictures(window, nullptr, out, QStringLiteral("engine-report"));
        window.setPage(Page::Layers);
    }
    server.stop();
    ::kill(static_cast<pid_t>(client->processId()), SIGKILL);
    wait(kSettle);
    takePictures(window, nullptr, out, QStringLiteral("engine-lost"));
    return 0;
}
