// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFileInfo>
#include <QLineEdit>
#include <QPushButton>
#include <QTest>
#include <memory>

#include "app/workbench/mainwindow.h"
#include "app/workbench/session.h"
#include "realrun.h"

/// Windows of tests and their parts, worked as a user works them. What is not there, or does not come, ends the test.
namespace safequant::workbench {

/// The part of a window with this object name.
template <typename T>
T* named(const QObject* root, const char* name) {
    T* found = root->findChild<T*>(QString::fromLatin1(name));
    if (found == nullptr) qFatal("there is no %s", name);
    return found;
}

/// Answers to questions that a window would ask, which the test goes on to change.
template <typename Answers>
std::unique_ptr<Dialogs> scripted(Answers*& kept) {
    auto answers = std::make_unique<Answers>();
    kept = answers.get();
    return answers;
}

inline void waitForEngine(const EngineClient* engine) {
    if (!QTest::qWaitFor([&] { return engine->state() == EngineClient::State::Ready; }, 20'000)) qFatal("the engine does not answer");
}

/// A window's options with the engine of this build.
inline MainWindowOptions engineOptions(const QString& workspace) {
    MainWindowOptions options;
    options.engineProgram = enginePath();
    options.workspace = workspace;
    return options;
}

/// A window in sight at 1280 x 800.
inline std::unique_ptr<MainWindow> shownWindow(MainWindowOptions& options, AppSettings* settings) {
    auto window = std::make_unique<MainWindow>(options, settings);
    window->resize(1280, 800);
    window->show();
    if (!QTest::qWaitForWindowExposed(window.get())) qFatal("the window does not appear");
    return window;
}

/// The same, once its engine answers.
inline std::unique_ptr<MainWindow> readyWindow(MainWindowOptions options, AppSettings* settings) {
    auto window = shownWindow(options, settings);
    waitForEngine(window->session()->client());
    return window;
}

/// Writes the model of the run in sight into a folder by the export dialog, which is open, and closes it.
inline void exportTo(const QString& folder, QWidget* window, int timeout) {
    auto* path = named<QLineEdit>(window, "exportPath");
    path->selectAll();
    QTest::keyClicks(path, folder);
    auto* action = named<QPushButton>(window, "exportAction");
    QTRY_VERIFY_WITH_TIMEOUT(action->isEnabled(), timeout);
    QTest::mouseClick(action, Qt::LeftButton);
    QTRY_COMPARE_WITH_TIMEOUT(action->text(), QStringLiteral("Open the folder"), timeout);
    QVERIFY(QFileInfo(folder + QStringLiteral("/config.json")).isFile());
    named<QDialog>(window, "exportDialog")->close();
}

}  // namespace safequant::workbench
