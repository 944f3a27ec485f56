// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/actions.h"

#include <QActionGroup>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <algorithm>

namespace safequant::workbench {

namespace {

constexpr const char* kMenuProperty = "menu";
constexpr const char* kKeysProperty = "standardKeys";

}  // namespace

Actions::Actions(QMainWindow* window) : QObject(window), m_window(window) {
    QMenuBar* bar = window->menuBar();

    QMenu* file = bar->addMenu(tr("&File"));
    startPage = add(file, tr("&Start page"), Qt::CTRL | Qt::Key_N, QStringLiteral("startPage"));
    file->addSeparator();
    openModel = add(file, tr("Open a &model ..."), QKeySequence::Open, QStringLiteral("openModel"));
    openRun = add(file, tr("Open a &run ..."), Qt::CTRL | Qt::SHIFT | Qt::Key_O, QStringLiteral("openRun"));
    file->addSeparator();
    exportModel = add(file, tr("&Export the quantized model ..."), Qt::CTRL | Qt::Key_E, QStringLiteral("exportModel"));
    file->addSeparator();
    closeRun = add(file, tr("&Close the run"), QKeySequence::Close, QStringLiteral("closeRun"));
    quit = add(file, tr("&Quit"), QKeySequence::Quit, QStringLiteral("quit"));
    quit->setMenuRole(QAction::QuitRole);

    QMenu* edit = bar->addMenu(tr("&Edit"));
    undo = add(edit, tr("&Undo"), QKeySequence::Undo, QStringLiteral("undo"));
    redo = add(edit, tr("&Redo"), Qt::CTRL | Qt::SHIFT | Qt::Key_Z, QStringLiteral("redo"));
    edit->addSeparator();
    copyChart = add(edit, tr("Copy the numbers of the &chart"), Qt::CTRL | Qt::SHIFT | Qt::Key_C, QStringLiteral("copyChart"));
    copyPoints = add(edit, tr("Copy the &points of the projection"), {}, QStringLiteral("copyPoints"));
    exportPrompts = add(edit, tr("&Export the selected prompts ..."), Qt::CTRL | Qt::SHIFT | Qt::Key_E, QStringLiteral("exportPrompts"));
    edit->addSeparator();
    find = add(edit, tr("&Find prompts"), QKeySequence::Find, QStringLiteral("find"));
    tryPrompt = add(edit, tr("&Try a prompt of your own"), Qt::CTRL | Qt::Key_T, QStringLiteral("tryPrompt"));

    view = bar->addMenu(tr("&View"));
    auto* pageGroup = new QActionGroup(this);
    for (int i = 0; i < kPages; ++i) {
        const Page page = static_cast<Page>(i);
        QAction* action = add(view, pageTitle(page), Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + i),
                              QStringLiteral("page_%1").arg(pageKey(page)));
        action->setCheckable(true);
        pageGroup->addAction(action);
        pages[static_cast<std::size_t>(i)] = action;
    }
    view->addSeparator();
    setupPanel = add(view, tr("Setup &panel beside the layers"), Qt::Key_F9, QStringLiteral("setupPanel"));
    setupPanel->setCheckable(true);
    arrangePanes = add(view, tr("&Arrange the panes of the layers"), Qt::CTRL | Qt::SHIFT | Qt::Key_L, QStringLiteral("arrangePanes"));
    arrangePanes->setCheckable(true);
    resetZoom = add(view, tr("Show &all points"), Qt::CTRL | Qt::Key_0, QStringLiteral("resetZoom"));
    showMalicious = add(view, tr("Show &malicious text"), Qt::CTRL | Qt::SHIFT | Qt::Key_M, QStringLiteral("showMalicious"));
    showMalicious->setCheckable(true);
    view->addSeparator();
    QMenu* theme = view->addMenu(tr("&Theme"));
    auto* themeGroup = new QActionGroup(this);
    const std::array names{tr("As the &system"), tr("&Light"), tr("&Dark"), tr("High &contrast")};
    const std::array keys{"system", "light", "dark", "contrast"};
    for (std::size_t i = 0; i < themes.size(); ++i) {
        themes[i] = add(theme, names[i], {}, QStringLiteral("theme_%1").arg(QLatin1String(keys[i])));
        themes[i]->setCheckable(true);
        themes[i]->setData(QLatin1String(keys[i]));
        themeGroup->addAction(themes[i]);
    }
    reduceMotion = add(view, tr("Reduce m&otion"), {}, QStringLiteral("reduceMotion"));
    reduceMotion->setCheckable(true);

    QMenu* run = bar->addMenu(tr("&Run"));
    quantize = add(run, tr("&Quantize"), Qt::CTRL | Qt::Key_R, QStringLiteral("quantizeAction"));
    stop = add(run, tr("&Stop after block"), Qt::CTRL | Qt::Key_Period, QStringLiteral("stopAction"));
    resume = add(run, tr("&Resume"), Qt::CTRL | Qt::SHIFT | Qt::Key_R, QStringLiteral("resumeAction"));
    saveSpec = add(run, tr("Save the spec for the command &line ..."), Qt::CTRL | Qt::Key_S, QStringLiteral("saveSpec"));
    run->addSeparator();
    previousBlock = add(run, tr("&Previous block"), Qt::CTRL | Qt::Key_BracketLeft, QStringLiteral("previousBlock"));
    nextBlock = add(run, tr("&Next block"), Qt::CTRL | Qt::Key_BracketRight, QStringLiteral("nextBlock"));

    QMenu* tools = bar->addMenu(tr("&Tools"));
    commands = add(tools, tr("&Commands ..."), Qt::CTRL | Qt::Key_K, QStringLiteral("commands"));
    commands->setShortcuts({Qt::CTRL | Qt::Key_K, Qt::CTRL | Qt::SHIFT | Qt::Key_P});
    tools->addSeparator();
    runFolder = add(tools, tr("Open the run &folder"), {}, QStringLiteral("runFolder"));
    engines = add(tools, tr("&Engines ..."), {}, QStringLiteral("engines"));
    restartEngine = add(tools, tr("&Restart the engine"), {}, QStringLiteral("restartEngine"));

    QMenu* help = bar->addMenu(tr("&Help"));
    terms = add(help, tr("T&erms ..."), QKeySequence::HelpContents, QStringLiteral("terms"));
    shortcuts = add(help, tr("&Keyboard shortcuts"), Qt::CTRL | Qt::Key_Question, QStringLiteral("shortcuts"));
    tour = add(help, tr("&Tour of the window"), {}, QStringLiteral("tour"));
    help->addSeparator();
    about = add(help, tr("&About SafeQuant Workbench"), {}, QStringLiteral("about"));
    about->setMenuRole(QAction::AboutRole);
    const auto actions = all();
    for (QAction* action : actions) action->setProperty(kKeysProperty, QVariant::fromValue(action->shortcuts()));
}

QAction* Actions::add(QMenu* menu, const QString& text, const QKeySequence& keys, const QString& name) {
    auto* action = new QAction(text, this);
    action->setShortcut(keys);
    action->setObjectName(name);
    action->setProperty(kMenuProperty, plainText(menu->title()));
    menu->addAction(action);
    m_window->addAction(action);
    return action;
}

QString Actions::plainText(const QString& text) {
    QString plain = text;
    return plain.remove(QLatin1Char('&'));
}

QString Actions::menuOf(const QAction* action) { return action->property(kMenuProperty).toString(); }

QList<QKeySequence> Actions::standardKeys(const QAction* action) { return action->property(kKeysProperty).value<QList<QKeySequence>>(); }

QAction* Actions::withKeys(const QKeySequence& keys) const {
    const auto actions = all();
    const auto found = std::find_if(actions.begin(), actions.end(), [&](const QAction* action) { return action->shortcuts().contains(keys); });
    return found == actions.end() ? nullptr : *found;
}

void Actions::setKeys(QAction* action, const QList<QKeySequence>& keys) {
    if (action->shortcuts() == keys) return;
    action->setShortcuts(keys);
    emit keysChanged();
}

QVariantMap Actions::changedKeys() const {
    QVariantMap changed = m_unknown;
    const auto actions = all();
    for (const QAction* action : actions)
        if (action->shortcuts() != standardKeys(action)) changed.insert(action->objectName(), QKeySequence::listToString(action->shortcuts(), QKeySequence::PortableText));
    return changed;
}

void Actions::setChangedKeys(const QVariantMap& changed) {
    m_unknown = changed;
    const auto actions = all();
    for (QAction* action : actions) {
        const auto keys = m_unknown.find(action->objectName());
        action->setShortcuts(keys == m_unknown.end() ? standardKeys(action) : QKeySequence::listFromString(keys->toString(), QKeySequence::PortableText));
        if (keys != m_unknown.end()) m_unknown.erase(keys);
    }
    emit keysChanged();
}

}  // namespace safequant::workbench
