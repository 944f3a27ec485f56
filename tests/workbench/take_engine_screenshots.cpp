// SPDX-License-Identifier: GPL-3.0-or-later
// take_engine_screenshots ENGINE OUT_FOLDER [RUN_FOLDER]: the window with an engine behind ssh, light and dark, at two sizes: the start
// page, the engines dialog, the chooser of files there, and with a run the layers, report and lost connection, each as
// OUT_FOLDER/engine-SCENE-THEME[-wide].png.
#include <signal.h>

#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QFileInfo>
#include <QLineEdit>
#include <QPainter>
#include <QPushButton>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/files/remotefiledialog.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "realrun.h"
#include "sshserver.h"
#include "widgets/theme.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

constexpr int kSettle = 600;

/// The window in both themes and sizes, under a dialog where one is given.
void take(MainWindow& window, QDialog* dialog, const QString& scene, const QDir& out) {
    using Mode = widgets::Theme::Mode;
    for (const auto& [size, suffix] : {std::pair(QSize(1280, 800), QString()), std::pair(QSize(1920, 1080), QStringLiteral("-wide"))}) {
        for (const auto& [mode, theme] : {std::pair(Mode::Light, QStringLiteral("light")), std::pair(Mode::Dark, QStringLiteral("dark"))}) {
            widgets::Theme::instance().setMode(mode);
            window.resize(size);
            wait(kSettle);
            QPixmap picture = window.grab();
            if (dialog) {
                QPainter painter(&picture);
                painter.fillRect(picture.rect(), QColor(0, 0, 0, 90));
                painter.drawPixmap((size.width() - dialog->width()) / 2, (size.height() - dialog->height()) / 2, dialog->grab());
            }
            const QString path = out.filePath(QStringLiteral("engine-%1-%2%3.png").arg(scene, theme, suffix));
            if (!picture.save(path)) QTextStream(stderr) << path << " cannot be written\n";
        }
    }
}

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
    const QDir out(arguments[2]);
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
    take(window, nullptr, QStringLiteral("start"), out);

    window.findChild<QAction*>(QStringLiteral("engines"))->trigger();
    auto* engines = window.findChild<QDialog*>(QStringLiteral("enginesDialog"));
    engines->findChild<QPushButton*>(QStringLiteral("testEngine"))->click();
    wait(4000);
    take(window, engines, QStringLiteral("dialog"), out);
    engines->findChild<QPushButton*>(QStringLiteral("addEngine"))->click();
    take(window, engines, QStringLiteral("new"), out);
    engines->findChild<QPushButton*>(QStringLiteral("removeEngine"))->click();
    engines->reject();

    RemoteFileDialog chooser(client, RemoteFileDialog::What::Files, QStringLiteral("Add prompts"), {QStringLiteral("Prompts"), {".jsonl", ".csv", ".md"}},
                             [](QWidget*) { return QStringList(); }, &window);
    chooser.setFolder(QFileInfo(enginePath()).path() + QStringLiteral("/../../../../resources"));
    chooser.show();
    wait(1500);
    take(window, &chooser, QStringLiteral("files"), out);
    chooser.reject();

    if (arguments.size() > 3) {
        window.openPath(QFileInfo(arguments[3]).absoluteFilePath());
        wait(3000);
        take(window, nullptr, QStringLiteral("layers"), out);
        window.setPage(Page::Report);
        wait(5000);
        take(window, nullptr, QStringLiteral("report"), out);
        window.setPage(Page::Layers);
    }
    server.stop();
    ::kill(static_cast<pid_t>(client->processId()), SIGKILL);
    wait(kSettle);
    take(window, nullptr, QStringLiteral("lost"), out);
    return 0;
}
