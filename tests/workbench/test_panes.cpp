// SPDX-License-Identifier: GPL-3.0-or-later
// Panes that can be rearranged, and their layouts.
#include <QAction>
#include <QDockWidget>
#include <QLabel>
#include <QMenu>
#include <QTabBar>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <memory>

#include "app/workbench/appsettings.h"
#include "app/workbench/dialogs.h"
#include "app/workbench/frame/dockarea.h"
#include "app/workbench/frame/layoutmenu.h"

using namespace safequant::workbench;

namespace {

class NamingDialogs : public Dialogs {
public:
    QString name;
    QString askName(QWidget*, const QString&, const QString&) override { return name; }
};

/// Three panes: "a" beside "b", "c" upon "b".
struct Panes {
    Panes() {
        area = new DockArea(&window);
        window.setCentralWidget(area);
        for (const char* key : {"a", "b", "c"}) area->addPane(QLatin1String(key), QString::fromLatin1(key).toUpper(), new QLabel(QLatin1String(key)));
        place();
        arranging.setCheckable(true);
        menu = std::make_unique<LayoutMenu>(
            &view, &arranging, area,
            std::vector<BuiltInLayout>{{QStringLiteral("first"), QStringLiteral("&First"), [this] { place(); }},
                                       {QStringLiteral("one"), QStringLiteral("&One"), [this] { placeOne(); }}},
            &settings, &dialogs, &window);
        window.resize(800, 500);
        window.show();
        if (!QTest::qWaitForWindowExposed(&window)) qFatal("the window does not appear");
        QCoreApplication::processEvents();
    }
    void place() {
        area->rearrange([this] {
            area->addDockWidget(Qt::LeftDockWidgetArea, pane("a"));
            area->splitDockWidget(pane("a"), pane("b"), Qt::Horizontal);
            area->tabifyDockWidget(pane("b"), pane("c"));
            for (QDockWidget* each : area->panes()) each->show();
            pane("b")->raise();
        });
    }
    void placeOne() {
        area->rearrange([this] {
            area->addDockWidget(Qt::LeftDockWidgetArea, pane("a"));
            pane("a")->show();
        });
    }
    QWidget* content(const char* key) const { return area->content(QLatin1String(key)); }
    QDockWidget* pane(const char* key) const { return area->pane(QLatin1String(key)); }
    /// In the menu of layouts, by its text.
    QAction* entry(const QString& text) const {
        const auto actions = view.findChild<QMenu*>(QStringLiteral("layouts"))->actions();
        for (QAction* each : actions)
            if (each->text() == text) return each;
        return nullptr;
    }

    QTemporaryDir folder;
    AppSettings settings{folder.filePath(QStringLiteral("settings.ini"))};
    NamingDialogs dialogs;
    QMainWindow window;
    QMenu view;
    QAction arranging;
    DockArea* area = nullptr;
    std::unique_ptr<LayoutMenu> menu;
};

bool titled(const QDockWidget* pane) { return pane->titleBarWidget() && pane->titleBarWidget()->layout(); }

}  // namespace

class TestPanes : public QObject {
    Q_OBJECT

private slots:
    void titlesStandOnlyWhileArranging() {
        Panes panes;
        QVERIFY(!titled(panes.pane("a")));
        QVERIFY(!panes.pane("a")->features().testFlag(QDockWidget::DockWidgetMovable));
        const int before = panes.content("a")->height();
        panes.arranging.setChecked(true);
        QVERIFY(titled(panes.pane("a")));
        QVERIFY(panes.pane("a")->features().testFlag(QDockWidget::DockWidgetMovable));
        QTRY_VERIFY(panes.content("a")->height() < before);
        panes.arranging.setChecked(false);
        QTRY_COMPARE(panes.content("a")->height(), before);
    }

    void aPaneGoesOutAndBack() {
        Panes panes;
        QDockWidget* a = panes.pane("a");
        a->setFloating(true);
        // Out, it has a title to go back by, whether or not panes are being arranged.
        QTRY_VERIFY(titled(a));
        auto* back = a->titleBarWidget()->findChild<QToolButton*>();
        QVERIFY(back->accessibleName().contains(QStringLiteral("back")));
        QTest::mouseClick(back, Qt::LeftButton);
        QTRY_VERIFY(!a->isFloating());
        QTRY_VERIFY(!titled(a));
    }

    void tabsLeadToPanesThatShareAPlace() {
        Panes panes;
        QTRY_VERIFY(panes.area->findChild<QTabBar*>(QString(), Qt::FindDirectChildrenOnly));
        auto* bar = panes.area->findChild<QTabBar*>(QString(), Qt::FindDirectChildrenOnly);
        QTRY_VERIFY(!bar->accessibleName().isEmpty());
        QVERIFY(panes.content("b")->isVisible() && !panes.content("c")->isVisible());
        panes.area->showPane(QStringLiteral("c"));
        QTRY_VERIFY(panes.content("c")->isVisible());
        QTest::mouseClick(bar, Qt::LeftButton, {}, bar->tabRect(0).center());
        QTRY_VERIFY(panes.content("b")->isVisible());
    }

    void hiddenPanesAreFoundAgain() {
        Panes panes;
        panes.pane("c")->toggleViewAction()->trigger();
        QVERIFY(panes.pane("c")->isHidden());
        for (const auto& command : panes.menu->commands())
            if (command.key == QLatin1String("pane_c")) command.work();
        QVERIFY(!panes.pane("c")->isHidden());
        QTRY_VERIFY(panes.content("c")->isVisible());
        // So are those that a layout has no place for.
        panes.placeOne();
        QVERIFY(panes.pane("b")->isHidden());
        panes.area->showPane(QStringLiteral("b"));
        QTRY_VERIFY(panes.content("b")->isVisible() && panes.pane("b")->width() > 50);
    }

    void layoutsAreKeptUsedAndForgotten() {
        Panes panes;
        panes.menu->history()->clear();
        panes.entry(QStringLiteral("&One"))->trigger();
        QVERIFY(panes.pane("b")->isHidden());
        panes.dialogs.name = QStringLiteral("Mine");
        panes.entry(QStringLiteral("&Keep this layout ..."))->trigger();
        QCOMPARE(panes.menu->kept(), QStringList{QStringLiteral("Mine")});
        panes.entry(QStringLiteral("&First"))->trigger();
        QVERIFY(!panes.pane("b")->isHidden());
        panes.entry(QStringLiteral("Mine"))->trigger();
        QVERIFY(panes.pane("b")->isHidden());
        // Another start knows it too.
        QMenu view;
        LayoutMenu again(&view, &panes.arranging, panes.area, {}, &panes.settings, &panes.dialogs, &panes.window);
        QCOMPARE(again.kept(), QStringList{QStringLiteral("Mine")});
        again.forget(QStringLiteral("Mine"));
        QVERIFY(again.kept().isEmpty());
        QCOMPARE(panes.settings.text(Setting::Layouts), QStringLiteral("{}"));
    }

    void aNameThatIsGivenUpKeepsNothing() {
        Panes panes;
        panes.entry(QStringLiteral("&Keep this layout ..."))->trigger();
        QVERIFY(panes.menu->kept().isEmpty());
    }

    void layoutsAreUndone() {
        Panes panes;
        const QByteArray before = panes.area->arrangement();
        panes.entry(QStringLiteral("&One"))->trigger();
        const QByteArray after = panes.area->arrangement();
        QVERIFY(after != before);
        panes.menu->history()->undo();
        QVERIFY(!panes.pane("b")->isHidden());
        panes.menu->history()->redo();
        QVERIFY(panes.pane("b")->isHidden());
        // The same once more is no change.
        const int count = panes.menu->history()->count();
        panes.entry(QStringLiteral("&One"))->trigger();
        QCOMPARE(panes.menu->history()->count(), count);
    }

    void whatIsNoArrangementChangesNothing() {
        Panes panes;
        const QByteArray before = panes.area->arrangement();
        QVERIFY(!panes.area->setArrangement(QByteArray("not one")));
        QVERIFY(!panes.area->setArrangement({}));
        QCOMPARE(panes.area->arrangement(), before);
    }

    void settingsThatAreDamagedAreNoLayouts() {
        Panes panes;
        panes.settings.set(Setting::Layouts, QStringLiteral("[1, 2"));
        QMenu view;
        const LayoutMenu menu(&view, &panes.arranging, panes.area, {}, &panes.settings, &panes.dialogs, &panes.window);
        QVERIFY(menu.kept().isEmpty());
    }
};

QTEST_MAIN(TestPanes)
#include "test_panes.moc"
