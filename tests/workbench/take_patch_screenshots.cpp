// SPDX-License-Identifier: GPL-3.0-or-later
// take_patch_screenshots ENGINE WORKSPACE RUN_FOLDER OUT_FOLDER: opens a patched run, during or after, and takes what tells of the patch at two
// sizes, light and dark, each as OUT_FOLDER/patch-WHAT-THEME[-wide].png, and the dialog of its settings.
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QPushButton>
#include <QScrollArea>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "pictures.h"
#include "realrun.h"
#include "widgets/segmentedcontrol.h"

using namespace safequant::workbench;

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    if (argc != 5) {
        QTextStream(stderr) << "take_patch_screenshots ENGINE WORKSPACE RUN_FOLDER OUT_FOLDER\n";
        return 2;
    }
    const QDir out(QString::fromLocal8Bit(argv[4]));
    QTemporaryDir settingsFolder;
    AppSettings settings(settingsFolder.filePath(QStringLiteral("settings.ini")));
    MainWindowOptions options;
    options.engineProgram = QString::fromLocal8Bit(argv[1]);
    options.workspace = QString::fromLocal8Bit(argv[2]);
    MainWindow window(options, &settings);
    window.resize(1280, 800);
    window.show();
    wait(2500);
    const auto take = [&](const char* name) { takePictures(window, nullptr, out.path(), QStringLiteral("patch-") + QLatin1String(name)); };
    window.setPage(Page::Learning);
    take("empty");
    window.openPath(QString::fromLocal8Bit(argv[3]));
    wait(8000);
    window.setPage(Page::Learning);
    take("learning");
    auto* shown = window.findChild<safequant::widgets::SegmentedControl*>(QStringLiteral("patchShown"));
    shown->setCurrentIndex(1);
    take("learning-changed");
    window.setPage(Page::Setup);
    auto* patch = window.findChild<QWidget*>(QStringLiteral("patch"));
    for (QWidget* above = patch; above != nullptr; above = above->parentWidget())
        if (auto* scroll = qobject_cast<QScrollArea*>(above)) scroll->ensureWidgetVisible(patch, 0, 200);
    take("setup");
    window.findChild<QPushButton*>(QStringLiteral("patchSettings"))->click();
    wait(1500);
    auto* dialog = window.findChild<QDialog*>(QStringLiteral("methodSettingsDialog"));
    takePictures(*dialog, out.path(), QStringLiteral("patch-settings"));
    dialog->close();
    window.setPage(Page::Results);
    wait(2000);
    take("results");
    window.setPage(Page::Report);
    wait(12000);
    take("report");
    window.close();
    return 0;
}
