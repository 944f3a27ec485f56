// SPDX-License-Identifier: GPL-3.0-or-later
#include "pictures.h"

#include <QDialog>
#include <QDir>
#include <QPainter>
#include <QTextStream>
#include <utility>

#include "realrun.h"
#include "widgets/theme.h"

namespace safequant::workbench {

namespace {

using Mode = widgets::Theme::Mode;

constexpr int kSettle = 700;
constexpr std::pair<Mode, const char*> kThemes[] = {{Mode::Light, "light"}, {Mode::Dark, "dark"}};
constexpr std::pair<QSize, const char*> kSizes[] = {{QSize(1280, 800), ""}, {QSize(1920, 1080), "-wide"}};

void write(const QPixmap& picture, const QString& folder, const QString& name) {
    const QString path = QDir(folder).filePath(name + QStringLiteral(".png"));
    if (!picture.save(path)) QTextStream(stderr) << path << " cannot be written\n";
}

}  // namespace

void takePictures(QWidget& window, QDialog* dialog, const QString& folder, const QString& name) {
    for (const auto& [size, suffix] : kSizes) {
        for (const auto& [mode, theme] : kThemes) {
            window.resize(size);
            widgets::Theme::instance().setMode(mode);
            wait(kSettle);
            QPixmap picture = window.grab();
            if (dialog) {
                QPainter painter(&picture);
                painter.fillRect(picture.rect(), QColor(0, 0, 0, 90));
                painter.drawPixmap((size.width() - dialog->width()) / 2, (size.height() - dialog->height()) / 2, dialog->grab());
            }
            write(picture, folder, QStringLiteral("%1-%2%3").arg(name, QLatin1String(theme), QLatin1String(suffix)));
        }
    }
}

void takePictures(QDialog& dialog, const QString& folder, const QString& name) {
    for (const auto& [mode, theme] : kThemes) {
        widgets::Theme::instance().setMode(mode);
        wait(kSettle);
        write(dialog.grab(), folder, QStringLiteral("%1-%2").arg(name, QLatin1String(theme)));
    }
}

}  // namespace safequant::workbench
