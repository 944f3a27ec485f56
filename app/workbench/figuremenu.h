// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>

#include "widgets/figuretable.h"

class QMenu;
class QWidget;

namespace safequant::widgets {
class Figure;
}

namespace safequant::workbench {

class Session;

/// Something that has numbers: a figure, or a table alone.
struct FigureSource {
    QString name;
    widgets::Figure* figure = nullptr;
    std::function<widgets::FigureTable()> table;
};

/// Adds to a menu what copies and saves a figure and its numbers. `say` hears where something was saved ("muted"), or why not ("bad");
/// `parent` is what the question for a file belongs to.
void fillFigureMenu(QMenu* menu, const FigureSource& source, Session* session, QWidget* parent,
                    const std::function<void(const QString& text, const char* tone)>& say);

}  // namespace safequant::workbench
