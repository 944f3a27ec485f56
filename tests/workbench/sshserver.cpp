// SPDX-License-Identifier: GPL-3.0-or-later
#include "sshserver.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <QDir>
#include <QFile>
#include <QStandardPaths>
#include <QThread>

namespace safequant::workbench {

namespace {

int freePort() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const bool bound = ::bind(fd, any, size) == 0 && ::getsockname(fd, any, &size) == 0;
    ::close(fd);
    return bound ? ntohs(address.sin_port) : 0;
}

bool connects(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool done = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return done;
}

bool write(const QString& path, const QString& text) {
    QFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(text.toUtf8()) >= 0;
}

}  // namespace

SshServer::SshServer() = default;

SshServer::~SshServer() { stop(); }

QString SshServer::prepare() {
    m_program = QStandardPaths::findExecutable(QStringLiteral("sshd"), {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/local/sbin")});
    if (m_program.isEmpty()) return QStringLiteral("sshd is not installed (openssh-server)");
    // Its service makes it where it runs as one.
    if (::geteuid() == 0) QDir().mkpath(QStringLiteral("/run/sshd"));
    const auto path = [this](const char* name) { return m_folder.filePath(QString::fromLatin1(name)); };
    for (const char* key : {"host_key", "user_key", "other_key"}) {
        if (QProcess::execute(QStringLiteral("ssh-keygen"), {QStringLiteral("-q"), QStringLiteral("-t"), QStringLiteral("ed25519"), QStringLiteral("-N"),
                                                             QString(), QStringLiteral("-f"), path(key)}) != 0)
            return QStringLiteral("ssh-keygen makes no keys");
    }
    if (!QFile::copy(path("user_key.pub"), path("authorized_keys"))) return QStringLiteral("the keys cannot be copied");
    m_port = freePort();
    QFile hostKey(path("host_key.pub"));
    if (m_port == 0 || !hostKey.open(QIODevice::ReadOnly)) return QStringLiteral("there is no free port, or no host key");
    const QString known = QString::fromUtf8(hostKey.readAll()).section(QLatin1Char(' '), 0, 1);
    bool written = write(path("sshd_config"), QStringLiteral("Port %1\nListenAddress 127.0.0.1\nHostKey %2\nPidFile none\nAuthorizedKeysFile %3\n"
                                                             "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                                                             "PermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\n")
                                                  .arg(m_port)
                                                  .arg(path("host_key"), path("authorized_keys")));
    written = write(path("known_hosts"), QStringLiteral("[127.0.0.1]:%1 %2\n").arg(m_port).arg(known)) && written;
    const QString host = QStringLiteral("Host %1\n  HostName 127.0.0.1\n  Port %2\n  IdentityFile %3\n  IdentitiesOnly yes\n  IdentityAgent none\n"
                                        "  UserKnownHostsFile %4\n  GlobalKnownHostsFile /dev/null\n");
    written = write(path("config"), host.arg(QStringLiteral("far")).arg(m_port).arg(path("user_key"), path("known_hosts")) +
                                        host.arg(QStringLiteral("strange")).arg(m_port).arg(path("other_key"), path("known_hosts")) +
                                        host.arg(QStringLiteral("unseen")).arg(m_port).arg(path("user_key"), QStringLiteral("/dev/null"))) &&
              written;
    written = write(ssh(), QStringLiteral("#!/bin/sh\nexec ssh -F %1 \"$@\"\n").arg(path("config"))) && written;
    if (!written || !QFile::setPermissions(ssh(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner)) return QStringLiteral("its files cannot be written");
    return start() ? QString() : QStringLiteral("sshd does not start: %1").arg(QString::fromUtf8(m_process.readAllStandardError()));
}

bool SshServer::start() {
    m_process.start(m_program, {QStringLiteral("-D"), QStringLiteral("-e"), QStringLiteral("-f"), m_folder.filePath(QStringLiteral("sshd_config"))});
    for (int i = 0; i < 100 && !connects(m_port); ++i) {
        if (m_process.waitForFinished(50)) return false;
    }
    return connects(m_port);
}

void SshServer::stop() {
    m_process.terminate();
    if (!m_process.waitForFinished(5000)) m_process.kill();
}

}  // namespace safequant::workbench
