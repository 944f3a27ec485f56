// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/dockarea.h"

#include <QChildEvent>
#include <QDockWidget>
#include <QTabBar>
#include <QTimer>
#include <QToolButton>

#include "app/workbench/ui.h"
#include "widgets/icons.h"

namespace safequant::workbench {

namespace {

/// What stands over a pane that can be moved.
class PaneTitle : public QWidget {
public:
    explicit PaneTitle(QDockWidget* pane) : QWidget(pane) {
        setAttribute(Qt::WA_StyledBackground);
        setProperty("surface", "window");
        setCursor(Qt::OpenHandCursor);
        auto* layout = new QHBoxLayout(this);
        setSpacing(layout, 12, 3, 6, 3, 2);
        layout->addWidget(makeLabel(pane->windowTitle(), "secondary", "muted"));
        layout->addStretch(1);
        const bool out = pane->isFloating();
        layout->addWidget(button(widgets::Icon::Float, out ? QDockWidget::tr("Put %1 back") : QDockWidget::tr("Take %1 out"), pane,
                                 [pane, out] { pane->setFloating(!out); }));
        layout->addWidget(button(widgets::Icon::Cross, QDockWidget::tr("Hide %1"), pane, [pane] { pane->close(); }));
    }

private:
    template <class Work>
    static QToolButton* button(widgets::Icon icon, const QString& text, QDockWidget* pane, Work&& work) {
        auto* made = new QToolButton;
        made->setIcon(widgets::icon(icon, widgets::IconTone::Muted));
        made->setIconSize({14, 14});
        made->setAutoRaise(true);
        made->setCursor(Qt::ArrowCursor);
        made->setToolTip(text.arg(pane->windowTitle()));
        made->setAccessibleName(made->toolTip());
        // Putting a pane elsewhere replaces this title: not while the click is still being told.
        connect(made, &QToolButton::clicked, pane, std::forward<Work>(work), Qt::QueuedConnection);
        return made;
    }
};

}  // namespace

DockArea::DockArea(QWidget* parent) : QMainWindow(parent, Qt::Widget) {
    setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setContextMenuPolicy(Qt::NoContextMenu);
}

QDockWidget* DockArea::addPane(const QString& key, const QString& title, QWidget* content) {
    auto* pane = new QDockWidget(title, this);
    pane->setObjectName(key);
    pane->setWidget(content);
    pane->setAllowedAreas(Qt::AllDockWidgetAreas);
    m_panes.append(pane);
    refreshTitle(pane);
    connect(pane, &QDockWidget::topLevelChanged, this, [this, pane] { refreshTitle(pane); }, Qt::QueuedConnection);
    return pane;
}

QDockWidget* DockArea::pane(const QString& key) const {
    for (QDockWidget* pane : m_panes)
        if (pane->objectName() == key) return pane;
    return nullptr;
}

void DockArea::showPane(const QString& key) {
    QDockWidget* wanted = pane(key);
    if (!wanted) return;
    wanted->show();
    wanted->raise();
    if (wanted->isFloating()) wanted->activateWindow();
}

void DockArea::gather() {
    for (QDockWidget* pane : m_panes) {
        pane->setFloating(false);
        removeDockWidget(pane);
    }
}

void DockArea::setArranging(bool arranging) {
    if (arranging == m_arranging) return;
    m_arranging = arranging;
    for (QDockWidget* pane : m_panes) refreshTitle(pane);
}

bool DockArea::setArrangement(const QByteArray& arrangement) {
    const bool restored = restoreState(arrangement, kVersion);
    nameTabs();
    return restored;
}

void DockArea::childEvent(QChildEvent* event) {
    QMainWindow::childEvent(event);
    // Tab bars come and go with panes that share a place; they are told apart only once they are whole.
    if (event->added() && event->child()->isWidgetType()) QTimer::singleShot(0, this, &DockArea::nameTabs);
}

void DockArea::refreshTitle(QDockWidget* pane) {
    const bool titled = m_arranging || pane->isFloating();
    pane->setFeatures(titled ? QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable
                             : QDockWidget::DockWidgetFeatures(QDockWidget::DockWidgetClosable));
    QWidget* before = pane->titleBarWidget();
    pane->setTitleBarWidget(titled ? new PaneTitle(pane) : new QWidget(pane));
    if (before) before->deleteLater();
}

void DockArea::nameTabs() {
    const auto bars = findChildren<QTabBar*>(Qt::FindDirectChildrenOnly);
    for (QTabBar* bar : bars) {
        bar->setAccessibleName(tr("Panes in one place"));
        bar->setExpanding(false);
        bar->setDrawBase(false);
        bar->setFocusPolicy(Qt::StrongFocus);
    }
}

}  // namespace safequant::workbench
