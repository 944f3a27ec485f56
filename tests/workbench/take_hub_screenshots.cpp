// SPDX-License-Identifier: GPL-3.0-or-later
// take_hub_screenshots ENGINE OUT_FOLDER: the dialog that opens models over the window, with a Hub on this machine: empty, a model of this
// machine, the offer to ask, what a download takes, its progress, stopped, gated, a choice of files, and a name that does not exist, each as
// OUT_FOLDER/hub-SCENE-THEME[-wide].png.
#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QLineEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "pictures.h"
#include "realrun.h"
#include "tests/support/hub_process.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using namespace safequant::workbench;
using namespace safequant::testing;
using nlohmann::json;

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() < 3) {
        QTextStream(stderr) << "take_hub_screenshots ENGINE OUT_FOLDER\n";
        return 2;
    }
    QTemporaryDir folder;
    const QString models = folder.filePath(QStringLiteral("models/"));
    const std::pair<const char*, json> repositories[] = {
        {"org/tiny-chat", {{"license", "apache-2.0"}, {"slow", {{"model.safetensors", 20000}}}}},
        {"org/gated-chat", {{"gated", "manual"}, {"license", "llama3"}}}};
    for (const auto& [name, behaviour] : repositories) {
        writeTinyModel((models + QLatin1String(name)).toStdString());
        writeFile(models + QLatin1String(name) + QStringLiteral("/.hub.json"), QByteArray::fromStdString(behaviour.dump()));
    }
    const QString ggufs = models + QStringLiteral("org/tiny-chat-GGUF");
    const QString gguf = QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf");
    QDir().mkpath(ggufs);
    for (const char* name : {"/tiny-chat-F16.gguf", "/tiny-chat-Q8_0.gguf"}) QFile::copy(gguf, ggufs + QLatin1String(name));
    HubProcess hub(models);
    useHub(hub.endpoint(), folder.path());

    AppSettings settings(folder.filePath(QStringLiteral("settings.ini")));
    MainWindowOptions options;
    options.engineProgram = arguments[1];
    options.workspace = folder.filePath(QStringLiteral("workspace"));
    MainWindow window(options, &settings);
    window.show();
    wait(1500);
    window.findChild<QAction*>(QStringLiteral("openModel"))->trigger();
    wait(500);
    auto* dialog = window.findChild<QDialog*>(QStringLiteral("openModelDialog"));
    auto* path = dialog->findChild<QLineEdit*>(QStringLiteral("modelPath"));
    auto* action = dialog->findChild<QPushButton*>(QStringLiteral("hubAction"));
    const auto take = [&](const char* scene) { takePictures(window, dialog, arguments[2], QStringLiteral("hub-") + QLatin1String(scene)); };
    const auto type = [&](const QString& text) { path->setText(text), wait(1500); };
    const auto click = [&](int milliseconds) { action->click(), wait(milliseconds); };
    take("empty");
    type(modelPath());
    take("model");
    type(QStringLiteral("org/tiny-chat"));
    take("offer");
    click(1500);
    take("plan");
    click(2000);
    take("progress");
    dialog->findChild<QPushButton*>(QStringLiteral("hubStop"))->click();
    wait(1000);
    take("stopped");
    type(QStringLiteral("org/gated-chat"));
    click(1500);
    click(1500);
    take("gated");
    type(QStringLiteral("org/tiny-chat-GGUF"));
    click(1500);
    take("files");
    type(QStringLiteral("org/tiny-chad"));
    click(1500);
    take("unknown");
    return 0;
}
