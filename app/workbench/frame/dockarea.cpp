// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/dockarea.h"

#include <QChildEvent>
#include <QDockWidget>
#include <QTabBar>
#include <QTimer>
#include <QToolButton>
#include <utility>

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

/// Keeps a pane's room while the content is hidden.
class PaneBody : public QWidget {
public:
    explicit PaneBody(QWidget* content) : m_content(content) {
        setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
        auto* layout = new QVBoxLayout(this);
        setSpacing(layout, 0, 0, 0, 0, 0);
        layout->addWidget(content);
    }
    QWidget* content() const { return m_content; }
    void setShown(bool shown) {
        if (shown != m_content->isHidden()) return;
        setMinimumSize(shown ? QSize(0, 0) : minimumSizeHint());
        m_content->setVisible(shown);
    }

private:
    QWidget* m_content;
};

PaneBody* bodyOf(const QDockWidget* pane) { return static_cast<PaneBody*>(pane->widget()); }

/// In place of a title; of no height, which an empty widget does not say.
QWidget* makeNoTitle(QDockWidget* pane) {
    auto* none = new QWidget(pane);
    none->setFixedHeight(0);
    return none;
}

}  // namespace

DockArea::DockArea(QWidget* parent) : QMainWindow(parent) {
    setWindowFlags(Qt::Widget);
    setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setContextMenuPolicy(Qt::NoContextMenu);
    m_refresh.setSingleShot(true);
    m_refresh.setInterval(0);
    connect(&m_refresh, &QTimer::timeout, this, &DockArea::refreshContents);
}

QDockWidget* DockArea::addPane(const QString& key, const QString& title, QWidget* content) {
    auto* pane = new QDockWidget(title, this);
    pane->setObjectName(key);
    pane->setWidget(new PaneBody(content));
    pane->setAllowedAreas(Qt::AllDockWidgetAreas);
    m_panes.append(pane);
    refreshTitle(pane);
    connect(pane, &QDockWidget::topLevelChanged, this, [this, pane] { refreshTitle(pane); }, Qt::QueuedConnection);
    connect(pane, &QDockWidget::visibilityChanged, content, [pane](bool visible) {
        if (visible) bodyOf(pane)->setShown(true);
    });
    connect(pane, &QDockWidget::visibilityChanged, &m_refresh, qOverload<>(&QTimer::start));
    return pane;
}

QDockWidget* DockArea::pane(const QString& key) const {
    for (QDockWidget* pane : m_panes)
        if (pane->objectName() == key) return pane;
    return nullptr;
}

QWidget* DockArea::content(const QString& key) const {
    const QDockWidget* named = pane(key);
    return named ? bodyOf(named)->content() : nullptr;
}

void DockArea::showPane(const QString& key) {
    QDockWidget* wanted = pane(key);
    if (!wanted) return;
    wanted->show();
    wanted->raise();
    if (wanted->isFloating()) wanted->activateWindow();
}

void DockArea::rearrange(const std::function<void()>& place) {
    for (QDockWidget* pane : m_panes) {
        pane->setFloating(false);
        removeDockWidget(pane);
    }
    place();
    for (QDockWidget* pane : m_panes) {
        if (dockWidgetArea(pane) != Qt::NoDockWidgetArea) continue;
        // Not in the area it could neither be shown nor be part of an arrangement.
        addDockWidget(Qt::RightDockWidgetArea, pane);
        pane->hide();
    }
    m_refresh.start();
}

void DockArea::setArranging(bool arranging) {
    if (arranging == m_arranging) return;
    m_arranging = arranging;
    for (QDockWidget* pane : m_panes) refreshTitle(pane);
}

void DockArea::placeAtFirst(const std::function<void()>& place) {
    rearrange(place);
    m_atFirst = place;
}

bool DockArea::setArrangement(const QByteArray& arrangement) {
    const bool restored = restoreState(arrangement, kVersion);
    if (restored) m_atFirst = nullptr;
    nameTabs();
    return restored;
}

void DockArea::childEvent(QChildEvent* event) {
    QMainWindow::childEvent(event);
    // Tab bars come and go with panes that share a place; they are told apart only once they are whole.
    if (event->added() && event->child()->isWidgetType()) QTimer::singleShot(0, this, &DockArea::nameTabs);
}

void DockArea::showEvent(QShowEvent* event) {
    QMainWindow::showEvent(event);
    m_shown = true;
    QTimer::singleShot(0, this, [this] {
        // Sizes that are asked for before the area has its own come out otherwise.
        if (m_atFirst) rearrange(std::exchange(m_atFirst, nullptr));
        else refreshContents();
    });
}

void DockArea::refreshContents() {
    // A pane behind another's tab counts as shown, far left of the area: whoever works only while it is seen must not be.
    for (QDockWidget* pane : m_panes) bodyOf(pane)->setShown(pane->isFloating() || pane->x() >= 0);
}

void DockArea::refreshTitle(QDockWidget* pane) {
    const bool titled = m_arranging || pane->isFloating();
    pane->setFeatures(titled ? QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable
                             : QDockWidget::DockWidgetFeatures(QDockWidget::DockWidgetClosable));
    QWidget* before = pane->titleBarWidget();
    pane->setTitleBarWidget(titled ? static_cast<QWidget*>(new PaneTitle(pane)) : makeNoTitle(pane));
    if (before) before->deleteLater();
}

void DockArea::nameTabs() {
    const auto bars = findChildren<QTabBar*>(Qt::FindDirectChildrenOnly);
    for (QTabBar* bar : bars) {
        bar->setAccessibleName(tr("Panes in one place"));
        bar->setExpanding(false);
        bar->setElideMode(Qt::ElideNone);
        bar->setDrawBase(false);
        bar->setFocusPolicy(Qt::StrongFocus);
    }
}

}  // namespace safequant::workbench
