// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QString>
#include <QStringList>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace safequant::workbench {

/// Where an engine is and how it is started.
struct EngineAddress {
    enum class Kind {
        Local,  ///< A process of this machine.
        Ssh,    ///< `ssh HOST -- COMMAND`.
    };

    Kind kind = Kind::Local;
    QString name;       ///< For people, and by which settings know it; empty: this machine's own.
    QString host;       ///< As ssh understands it: a name, user@name, or a Host of ~/.ssh/config.
    int port = 0;       ///< 0: ssh's own choice.
    QString command;    ///< Local: path of `safequant`, empty looks for it. Ssh: command line there, empty: kDefaultCommand.
    QString workspace;  ///< On the engine's machine; empty: the engine's own default.

    static constexpr const char* kDefaultCommand = "safequant serve";

    bool remote() const { return kind == Kind::Ssh; }
    /// Name for people: "this machine", or the engine's name or host.
    QString title() const;
    /// What keeps it from being started, in one sentence; empty when nothing does.
    QString problem() const;
    /// Arguments of `ssh` that start the engine: no terminal, no questions, a lost connection noticed within 15 s.
    QStringList sshArguments() const;

    bool operator==(const EngineAddress&) const = default;

    Q_DECLARE_TR_FUNCTIONS(EngineAddress)
};

/// The engine of a program on this machine; an empty program is looked for.
EngineAddress localEngine(const QString& program = {}, const QString& workspace = {});
/// The engine of a host with everything else as it is by default.
EngineAddress sshEngine(const QString& host);

nlohmann::json engineToJson(const EngineAddress& address);
/// Errors: bad_input.
Expected<EngineAddress> engineFromJson(const nlohmann::json& json);

}  // namespace safequant::workbench
