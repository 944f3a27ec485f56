// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

class QDialog;
class QWidget;

/// Pictures of the window for people to look at, and for docs/images.
namespace safequant::workbench {

/// The window in light and dark at 1280 x 800 and 1920 x 1080, with `dialog` in its middle where one is given, each as
/// FOLDER/NAME-THEME[-wide].png. A picture that cannot be written is said on stderr.
void takePictures(QWidget& window, QDialog* dialog, const QString& folder, const QString& name);

/// A dialog alone in light and dark, each as FOLDER/NAME-THEME.png.
void takePictures(QDialog& dialog, const QString& folder, const QString& name);

}  // namespace safequant::workbench
