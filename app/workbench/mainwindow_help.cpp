// SPDX-License-Identifier: GPL-3.0-or-later
// What helps to find one's way: commands by name, the tour, terms, shortcuts.
#include <QMessageBox>

#include "app/workbench/frame/actions.h"
#include "app/workbench/frame/commandpalette.h"
#include "app/workbench/frame/layoutmenu.h"
#include "app/workbench/frame/shortcutsdialog.h"
#include "app/workbench/frame/termsdialog.h"
#include "app/workbench/frame/tour.h"
#include "app/workbench/layers/layerspage.h"
#include "app/workbench/mainwindow.h"
#include "app/workbench/report/reportpage.h"
#include "app/workbench/session.h"
#include "app/workbench/start/startpage.h"
#include "safequant_version.h"
#include "widgets/format.h"
#include "widgets/glossary.h"
#include "widgets/layerchart.h"
#include "widgets/projectionview.h"

namespace safequant::workbench {

std::vector<Command> MainWindow::commands() {
    std::vector<Command> list;
    const auto actions = m_actions->all();
    for (QAction* action : actions) {
        if (!action->isEnabled() || action == m_actions->commands) continue;
        list.push_back({action->objectName(), Actions::plainText(action->text()), Actions::menuOf(action),
                        action->shortcut().toString(QKeySequence::NativeText), [action] { action->trigger(); }});
    }
    if (m_top->currentIndex() == 1) {
        const auto blocks = m_session->store()->blocksOf("base");
        for (const int block : blocks) {
            list.push_back({QStringLiteral("block %1").arg(block), tr("Block %1").arg(block), tr("Layers"), {}, [this, block] {
                                setPage(Page::Layers);
                                m_layers->setBlock(block);
                            }});
        }
    }
    for (auto& command : m_layoutMenu->commands()) list.push_back(std::move(command));
    for (const auto& term : widgets::glossary()) {
        list.push_back({QStringLiteral("term ") + term.key, tr("What is: %1").arg(term.name), tr("Terms"), {}, [this, key = term.key] { showTerm(key); }});
    }
    for (const auto& run : m_start->runs()) {
        const QString folder = QString::fromStdString(run.folder);
        list.push_back({folder, tr("Open run: %1, %2").arg(QString::fromStdString(run.name), widgets::formatAge(QString::fromStdString(run.created))),
                        tr("Runs"), {}, [this, folder] { openRun(folder); }});
        if (!m_session->store()->hasRun() || folder == m_session->store()->folder()) continue;
        list.push_back({QStringLiteral("compare ") + folder, tr("Lay over this run: %1").arg(QString::fromStdString(run.name)), tr("Runs"), {},
                        [this, folder] {
                            setPage(Page::Layers);
                            m_session->overlay()->choose(folder);
                        }});
    }
    return list;
}

void MainWindow::showCommands() { m_palette->open(commands()); }

void MainWindow::startTour() {
    showWork();
    const auto onPage = [this](Page page, QWidget* whole, QWidget* part) {
        return [this, page, whole, part] {
            setPage(page);
            // An empty page has no parts yet.
            return part && part->isVisible() ? part : whole;
        };
    };
    m_tour->start({
        {tr("Pages in the order of the work"),
         tr("Set a run up, watch its layers, read what the model answers, compare runs, hand on a report. Ctrl and a number go to a page; "
            "Ctrl+K finds everything else by name."),
         onPage(Page::Layers, m_rail, m_rail)},
        {tr("Is the difference still there?"),
         tr("In every block a sparse probe tells malicious from benign prompts by their activations. Transferred asks whether they still sit "
            "where the base model put them, Refitted whether a new probe could find them. The switch is for chart, projection and table alike."),
         onPage(Page::Layers, m_layers, m_layers->chart())},
        {tr("Every point is a prompt"),
         tr("Choose points or draw around them: the table, the card and the answers follow. Malicious text stays hidden until you ask for it."),
         onPage(Page::Layers, m_layers, m_layers->projection())},
        {tr("Hand it on"),
         tr("The report says in words, tables and figures what changed and how sure that is, as a page, a PDF and tables. The quantized model "
            "itself goes out with Ctrl+E, for other runtimes to load."),
         onPage(Page::Report, m_report, nullptr)},
    });
}

void MainWindow::showTerm(const QString& key) {
    if (!m_terms) m_terms = new TermsDialog(this);
    m_terms->choose(key);
    m_terms->show();
    m_terms->raise();
    m_terms->activateWindow();
}

void MainWindow::showShortcuts() {
    if (!m_shortcuts) m_shortcuts = new ShortcutsDialog(m_actions, this);
    m_shortcuts->open();
}

void MainWindow::showAbout() {
    QMessageBox::about(this, tr("About SafeQuant Workbench"),
                       tr("<b>SafeQuant Workbench %1</b><p>Safety-aware quantization of language models, on your machines.</p>"
                          "<p>GPL-3.0-or-later</p>")
                           .arg(QStringLiteral(SAFEQUANT_VERSION)));
}

}  // namespace safequant::workbench
