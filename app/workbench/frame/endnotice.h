// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>

#include "app/workbench/run/runcontroller.h"

class QWidget;

namespace safequant::workbench {

class Session;

/// Tells the desktop when a run that took a while ends and the window is not the one in use: its entry in the task bar asks for
/// attention, and where there is a notification service on the session bus (org.freedesktop.Notifications) it says what ended.
class EndNotice : public QObject {
    Q_OBJECT

public:
    EndNotice(Session* session, QWidget* window);

    /// Runs shorter than this, in milliseconds, end without a notice.
    void setLeast(qint64 milliseconds) { m_least = milliseconds; }

private:
    void follow();

    Session* m_session;
    QWidget* m_window;
    QElapsedTimer m_running;
    qint64 m_least = 30'000;
};

/// Sends a notification; does nothing where there is no session bus.
void notifyDesktop(const QString& title, const QString& text);

}  // namespace safequant::workbench
