// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/layoutmenu.h"

#include <QAction>
#include <QDockWidget>
#include <QMenu>
#include <QUndoCommand>

#include "app/workbench/appsettings.h"
#include "app/workbench/dialogs.h"
#include "app/workbench/frame/actions.h"
#include "app/workbench/frame/dockarea.h"

namespace safequant::workbench {

namespace {

class ArrangeCommand : public QUndoCommand {
public:
    ArrangeCommand(DockArea* area, const QString& text, QByteArray before)
        : QUndoCommand(text), m_area(area), m_before(std::move(before)), m_after(area->arrangement()) {}

    void undo() override { m_area->setArrangement(m_before); }
    void redo() override {
        // What is pushed has been done.
        if (m_pushed) m_area->setArrangement(m_after);
        m_pushed = true;
    }

private:
    DockArea* m_area;
    QByteArray m_before, m_after;
    bool m_pushed = false;
};

}  // namespace

LayoutMenu::LayoutMenu(QMenu* view, QAction* arranging, DockArea* area, std::vector<BuiltInLayout> builtIn, AppSettings* settings, Dialogs* dialogs, QWidget* window)
    : QObject(window), m_area(area), m_builtIn(std::move(builtIn)), m_settings(settings), m_dialogs(dialogs), m_window(window) {
    m_kept = nlohmann::json::parse(settings->text(Setting::Layouts).toStdString(), nullptr, false);
    if (!m_kept.is_object()) m_kept = nlohmann::json::object();
    m_panes = view->addMenu(tr("Pa&nes"));
    for (QDockWidget* pane : area->panes()) {
        QAction* shown = pane->toggleViewAction();
        shown->setObjectName(QStringLiteral("pane_") + pane->objectName());
        m_panes->addAction(shown);
    }
    m_layouts = view->addMenu(tr("La&yout"));
    m_layouts->setObjectName(QStringLiteral("layouts"));
    m_forgetting = new QMenu(tr("&Forget"), m_layouts);
    connect(arranging, &QAction::toggled, area, &DockArea::setArranging);
    refresh();
}

QAction* LayoutMenu::add(QMenu* menu, const QString& text, std::function<void()> work) {
    QAction* action = menu->addAction(text);
    connect(action, &QAction::triggered, this, std::move(work));
    return action;
}

void LayoutMenu::refresh() {
    m_layouts->clear();
    for (const auto& layout : m_builtIn) {
        QAction* action = add(m_layouts, layout.title, [this, &layout] { arrange(layout.title, layout.arrange); });
        action->setObjectName(QStringLiteral("layout_") + layout.key);
    }
    const QStringList names = kept();
    if (!names.isEmpty()) m_layouts->addSection(tr("Kept"));
    for (const QString& name : names) add(m_layouts, name, [this, name] { use(name); });
    m_layouts->addSeparator();
    add(m_layouts, tr("&Keep this layout ..."), [this] {
        const QString name = m_dialogs->askName(m_window, tr("Keep this layout"), tr("Its name:"));
        if (!name.isEmpty()) keep(name);
    })->setObjectName(QStringLiteral("keepLayout"));
    m_forgetting->clear();
    for (const QString& name : names) add(m_forgetting, name, [this, name] { forget(name); });
    if (!names.isEmpty()) m_layouts->addMenu(m_forgetting);
}

std::vector<Command> LayoutMenu::commands() {
    std::vector<Command> list;
    const QString layouts = tr("Layout");
    for (const auto& layout : m_builtIn)
        list.push_back({QStringLiteral("layout ") + layout.key, tr("Layout: %1").arg(Actions::plainText(layout.title)), layouts, {},
                        [this, &layout] { arrange(layout.title, layout.arrange); }});
    const QStringList names = kept();
    for (const QString& name : names)
        list.push_back({QStringLiteral("kept layout ") + name, tr("Layout: %1").arg(name), layouts, {},
                        [this, name] { use(name); }});
    for (QDockWidget* pane : m_area->panes())
        list.push_back({pane->toggleViewAction()->objectName(), tr("Go to pane: %1").arg(pane->windowTitle()), tr("Panes"), {},
                        [area = m_area, key = pane->objectName()] { area->showPane(key); }});
    return list;
}

QStringList LayoutMenu::kept() const {
    QStringList names;
    for (const auto& item : m_kept.items()) names.append(QString::fromStdString(item.key()));
    return names;
}

void LayoutMenu::keep(const QString& name) {
    m_kept[name.toStdString()] = m_area->arrangement().toBase64().toStdString();
    store();
    emit said(tr("“%1” is in the menu View, Layout.").arg(name));
}

void LayoutMenu::forget(const QString& name) {
    m_kept.erase(name.toStdString());
    store();
    emit said(tr("“%1” is forgotten.").arg(name));
}

void LayoutMenu::use(const QString& name) {
    const auto found = m_kept.find(name.toStdString());
    if (found == m_kept.end() || !found->is_string()) return;
    const QByteArray bytes = QByteArray::fromBase64(QByteArray::fromStdString(found->get<std::string>()));
    arrange(name, [&] {
        if (!m_area->setArrangement(bytes)) emit said(tr("“%1” was kept by another version and cannot be used.").arg(name));
    });
}

void LayoutMenu::arrange(const QString& title, const std::function<void()>& work) {
    const QByteArray before = m_area->arrangement();
    work();
    if (m_area->arrangement() != before) m_history.push(new ArrangeCommand(m_area, tr("layout %1").arg(Actions::plainText(title)), before));
}

void LayoutMenu::store() {
    m_settings->set(Setting::Layouts, QString::fromStdString(m_kept.dump()));
    refresh();
}

}  // namespace safequant::workbench
