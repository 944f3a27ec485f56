// SPDX-License-Identifier: GPL-3.0-or-later
// take_prompt_screenshots ENGINE MODEL OUT_FOLDER [FILE...]: the window with the prompts dialog over it, light and dark, at two sizes,
// each as OUT_FOLDER/prompts-THEME[-wide].png. The files are added to the bundled set.
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QPainter>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTextStream>

#include "app/workbench/appsettings.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "realrun.h"
#include "widgets/theme.h"

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
    const QDir out(arguments[3]);
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
    using Mode = widgets::Theme::Mode;
    for (const auto& [size, suffix] : {std::pair(QSize(1280, 800), QString()), std::pair(QSize(1920, 1080), QStringLiteral("-wide"))}) {
        for (const auto& [mode, theme] : {std::pair(Mode::Light, QStringLiteral("light")), std::pair(Mode::Dark, QStringLiteral("dark"))}) {
            widgets::Theme::instance().setMode(mode);
            window.resize(size);
            wait(400);
            QPixmap picture = window.grab();
            QPainter painter(&picture);
            const QPoint corner((size.width() - dialog->width()) / 2, (size.height() - dialog->height()) / 2);
            painter.fillRect(picture.rect(), QColor(0, 0, 0, 90));
            painter.drawPixmap(corner, dialog->grab());
            painter.end();
            const QString path = out.filePath(QStringLiteral("prompts-%1%2.png").arg(theme, suffix));
            if (!picture.save(path)) {
                QTextStream(stderr) << path << " cannot be written\n";
                return 1;
            }
        }
    }
    return 0;
}
