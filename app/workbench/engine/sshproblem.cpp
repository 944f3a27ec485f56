// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/sshproblem.h"

#include <QCoreApplication>

namespace safequant::workbench {

namespace {

constexpr int kSshFailed = 255;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
constexpr qsizetype kLongestQuote = 120;

QString tr(const char* text) { return QCoreApplication::translate("SshProblem", text); }

/// What ssh says, what that means, and whether it may pass. ssh speaks English whatever the locale.
struct Words {
    const char* said;
    const char* meaning;
    bool passing;
};
constexpr Words kWords[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED",
     QT_TRANSLATE_NOOP("SshProblem", "The host key of %1 is another than before: another machine may answer in its place. If the machine was set up anew, "
                                     "take the old key away with ssh-keygen -R and connect once in a terminal."),
     false},
    {"Host key verification failed",
     QT_TRANSLATE_NOOP("SshProblem", "This machine does not know the host key of %1 yet. Connect once in a terminal (ssh %1) and accept it."), false},
    {"Permission denied",
     QT_TRANSLATE_NOOP("SshProblem", "%1 does not accept your key. The window asks for no password: put the key there (ssh-copy-id %1), or unlock it for this "
                                     "session (ssh-add)."),
     false},
    {"Could not resolve hostname",
     QT_TRANSLATE_NOOP("SshProblem", "No host named %1 is known. Check the name, the network, or the Host entry in ~/.ssh/config."), true},
    {"Connection refused", QT_TRANSLATE_NOOP("SshProblem", "%1 refuses the connection: no ssh server listens at this port. Check the port, or start one there."), true},
    {"timed out", QT_TRANSLATE_NOOP("SshProblem", "%1 does not answer. Check that it is on and can be reached from here."), true},
    {"No route to host", QT_TRANSLATE_NOOP("SshProblem", "%1 cannot be reached from here. Check the network."), true},
    {"Network is unreachable", QT_TRANSLATE_NOOP("SshProblem", "%1 cannot be reached from here. Check the network."), true},
    {"Bad configuration option", QT_TRANSLATE_NOOP("SshProblem", "ssh cannot read its configuration. Check ~/.ssh/config."), false},
};

}  // namespace

SshProblem sshProblem(const EngineAddress& address, int exitCode, const QStringList& lines) {
    const QString all = lines.join(QLatin1Char('\n'));
    const QString last = lines.isEmpty() ? QString() : lines.last();
    if (exitCode == kSshFailed) {
        for (const Words& words : kWords) {
            if (!all.contains(QLatin1String(words.said))) continue;
            const QString text = tr(words.meaning);
            return {text.contains(QLatin1String("%1")) ? text.arg(address.host) : text, words.passing};
        }
        if (last.isEmpty()) return {tr("The connection to %1 ended without a word.").arg(address.title()), true};
        return {tr("The connection to %1 ended: %2").arg(address.title(), last), true};
    }
    const QString command = address.command.isEmpty() ? QString::fromLatin1(EngineAddress::kDefaultCommand) : address.command;
    const QString program = command.section(QLatin1Char(' '), 0, 0);
    if (exitCode == kNotFound) {
        return {tr("%1 was not found on %2. Install it there, or give the path of safequant there in the engine's command.").arg(program, address.title()),
                false};
    }
    if (exitCode == kNotExecutable) return {tr("%1 on %2 cannot be executed. %3").arg(program, address.title(), last), false};
    return {tr("The engine on %1 ended with exit code %2. %3").arg(address.title()).arg(exitCode).arg(last).trimmed(), true};
}

QString strayOutputProblem(const EngineAddress& address, const QString& said) {
    QString quote = said.simplified();
    if (quote.size() > kLongestQuote) quote = quote.left(kLongestQuote) + QStringLiteral(" ...");
    return tr("%1 wrote something else before the engine's first message: “%2”. A login message or a shell profile there speaks where only the engine may: "
              "make it silent for shells that are not interactive, or name a command that writes nothing before safequant serve.")
        .arg(address.title(), quote);
}

}  // namespace safequant::workbench
