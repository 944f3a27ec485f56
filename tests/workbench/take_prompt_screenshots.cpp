// SPDX-License-Identifier: GPL-3.0-or-later
// take_prompt_screenshots ENGINE MODEL OUT_FOLDER [FILE...]: the window with the prompts dialog over it, light and dark, at two sizes,
// each as OUT_FOLDER/prompts-THEME[-wide].png. The files are added to the bundled set.
#include <QApplication>
#include <QDialog>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "pictures.h"
#include "realrun.h"

using namespace safequant;
using namespace safequant::workbench;

namespace {

class GivenFiles : public Dialogs {
public:
    explicit GivenFiles(const QStringList& files) : m_files(files) {}
    QStringList choosePromptFiles(QWidget*, const QString&) override { return m_files; }

private:
    QStringList m_files;
};

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() < 4) {
        QTextStream(stderr) << "take_prompt_screenshots ENGINE MODEL OUT_FOLDER [FILE...]\n";
        return 2;
    }
    QTemporaryDir folder;
    AppSettings settings(folder.filePath(QStringLiteral("settings.ini")));
    MainWindowOptions options;
    options.engineProgram = arguments[1];
    options.workspace = folder.path();
    options.dialogs = std::make_unique<GivenFiles>(arguments.mid(4));
    MainWindow window(options, &settings);
    window.show();
    wait(1500);
    window.openPath(arguments[2]);
    wait(1500);
    window.findChild<QPushButton*>(QStringLiteral("changePrompts"))->click();
    wait(500);
    auto* dialog = window.findChild<QDialog*>(QStringLiteral("promptsDialog"));
    if (arguments.size() > 4) dialog->findChild<QPushButton*>(QStringLiteral("addPromptFiles"))->click();
    wait(2500);
    takePictures(window, dialog, arguments[3], QStringLiteral("prompts"));
    return 0;
}
