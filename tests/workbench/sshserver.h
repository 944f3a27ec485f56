// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcess>
#include <QString>
#include <QTemporaryDir>

namespace safequant::workbench {

/// An ssh server of the test's own on this machine, which plays the other machine: a free port, keys made for it, and an `ssh` whose
/// configuration knows it as "far". Works for root and for others.
class SshServer {
public:
    SshServer();
    ~SshServer();

    /// Makes the keys and starts the server. Why it cannot be; empty when it runs.
    QString prepare();
    bool start();
    /// No more connections are taken; those that are there stay.
    void stop();
    int port() const { return m_port; }
    /// An `ssh` that knows the hosts "far", "strange" (the same with a key it does not accept) and "unseen" (the same, its host key not
    /// known yet): for SAFEQUANT_SSH.
    QString ssh() const { return m_folder.filePath(QStringLiteral("ssh")); }

private:
    QTemporaryDir m_folder;
    QString m_program;
    QProcess m_process;
    int m_port = 0;
};

}  // namespace safequant::workbench
