// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/endnotice.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCall>
#include <QWidget>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

using Phase = RunController::Phase;

EndNotice::EndNotice(Session* session, QWidget* window) : QObject(window), m_session(session), m_window(window) {
    connect(m_session->run(), &RunController::phaseChanged, this, &EndNotice::follow);
}

void EndNotice::follow() {
    const RunController* run = m_session->run();
    if (run->active()) {
        if (!m_running.isValid()) m_running.start();
        return;
    }
    const bool wanted = m_running.isValid() && m_running.elapsed() >= m_least && !m_window->isActiveWindow();
    m_running.invalidate();
    if (!wanted) return;
    const auto& summary = m_session->store()->state().summary;
    const QString name = QString::fromStdString(summary.name);
    QString title;
    QString text;
    switch (run->phase()) {
        case Phase::Finished: title = tr("%1 is done").arg(name); text = asSentence(QString::fromStdString(summary.detail)); break;
        case Phase::Stopped: title = tr("%1 has stopped").arg(name); text = tr("It can be resumed at %1.").arg(run->resumePoint()); break;
        case Phase::Interrupted:
        case Phase::Failed: title = tr("%1 has failed").arg(name); text = asSentence(QString::fromStdString(summary.detail)); break;
        default: return;
    }
    QApplication::alert(m_window);
    notifyDesktop(title, text);
}

void notifyDesktop(const QString& title, const QString& text) {
    const QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected()) return;
    QDBusMessage call = QDBusMessage::createMethodCall(QStringLiteral("org.freedesktop.Notifications"), QStringLiteral("/org/freedesktop/Notifications"),
                                                       QStringLiteral("org.freedesktop.Notifications"), QStringLiteral("Notify"));
    call << QApplication::applicationDisplayName() << 0U << QStringLiteral("safequant-workbench") << title << text << QStringList()
         << QVariantMap{{QStringLiteral("desktop-entry"), QApplication::desktopFileName()}} << -1;
    bus.asyncCall(call);
}

}  // namespace safequant::workbench
