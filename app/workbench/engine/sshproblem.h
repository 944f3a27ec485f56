// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include "app/workbench/engine/engineaddress.h"

namespace safequant::workbench {

/// Why `ssh` ended, in words for the user.
struct SshProblem {
    QString text;          ///< What is wrong and what to do about it.
    bool passing = false;  ///< May be gone when it is tried again: a network, a host that starts.
};

/// `exitCode` of ssh and what it, or the command there, wrote to the standard error.
SshProblem sshProblem(const EngineAddress& address, int exitCode, const QStringList& lines);
/// What to say when `said` came before the engine's first message.
QString strayOutputProblem(const EngineAddress& address, const QString& said);

}  // namespace safequant::workbench
