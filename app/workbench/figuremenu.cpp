// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/figuremenu.h"

#include <QClipboard>
#include <QCoreApplication>
#include <QFile>
#include <QGuiApplication>
#include <QMenu>

#include "app/workbench/session.h"
#include "widgets/figure.h"

namespace safequant::workbench {

namespace {

struct MenuText {
    Q_DECLARE_TR_FUNCTIONS(FigureMenu)
};

QString writeNumbers(const widgets::FigureTable& table, const QString& path) {
    QFile file(path);
    const QByteArray bytes = table.csv().toUtf8();
    const bool written = file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
    return written ? QString() : MenuText::tr("%1 cannot be written: %2").arg(path, file.errorString());
}

}  // namespace

void fillFigureMenu(QMenu* menu, const FigureSource& source, Session* session, QWidget* parent,
                    const std::function<void(const QString&, const char*)>& say) {
    const auto save = [session, parent, say, name = source.name](const QString& filter, const QString& suffix,
                                                                  const std::function<QString(const QString&)>& write) {
        const QString path = session->chooseFigureFile(parent, name, name.toLower().replace(QLatin1Char(' '), QLatin1Char('-')), filter, suffix);
        if (path.isEmpty()) return;
        const QString problem = write(path);
        say(problem.isEmpty() ? MenuText::tr("Saved as %1").arg(path) : problem, problem.isEmpty() ? "muted" : "bad");
    };
    if (widgets::Figure* figure = source.figure) {
        menu->addAction(MenuText::tr("Copy the figure"), figure, [figure] { QGuiApplication::clipboard()->setImage(figure->picture()); });
        menu->addAction(MenuText::tr("Save the figure ..."), figure, [save, figure] {
            save(MenuText::tr("Figures (*.svg *.pdf *.png)"), QStringLiteral("svg"), [figure](const QString& path) { return figure->save(path); });
        });
        menu->addSeparator();
    }
    menu->addAction(MenuText::tr("Copy the numbers"), parent, [table = source.table] { QGuiApplication::clipboard()->setText(table().text()); });
    menu->addAction(MenuText::tr("Save the numbers ..."), parent, [save, table = source.table] {
        save(MenuText::tr("Numbers (*.csv)"), QStringLiteral("csv"), [table](const QString& path) { return writeNumbers(table(), path); });
    });
}

}  // namespace safequant::workbench
