// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/engineaddress.h"

#include <algorithm>

namespace safequant::workbench {

namespace {

constexpr int kLargestPort = 65535;

}  // namespace

QString EngineAddress::title() const { return !name.isEmpty() ? name : remote() ? host : tr("this machine"); }

QString EngineAddress::problem() const {
    if (!remote()) return {};
    if (host.isEmpty()) return tr("Say which host: a name, user@name, or a Host of ~/.ssh/config.");
    // ssh would take it for an option, or for two words.
    const bool odd = std::any_of(host.begin(), host.end(), [](QChar c) { return c.isSpace() || !c.isPrint(); });
    if (odd || host.startsWith(QLatin1Char('-'))) return tr("“%1” is no name of a host: no spaces, and no “-” at its beginning.").arg(host);
    if (port < 0 || port > kLargestPort) return tr("A port is a number from 1 to 65535.");
    return {};
}

QStringList EngineAddress::sshArguments() const {
    QStringList arguments{QStringLiteral("-T")};
    for (const char* option : {"BatchMode=yes", "ServerAliveInterval=5", "ServerAliveCountMax=3", "ConnectTimeout=10"})
        arguments << QStringLiteral("-o") << QLatin1String(option);
    if (port > 0) arguments << QStringLiteral("-p") << QString::number(port);
    return arguments << host << QStringLiteral("--") << (command.isEmpty() ? QString::fromLatin1(kDefaultCommand) : command);
}

EngineAddress localEngine(const QString& program, const QString& workspace) {
    EngineAddress address;
    address.command = program;
    address.workspace = workspace;
    return address;
}

EngineAddress sshEngine(const QString& host) {
    EngineAddress address;
    address.kind = EngineAddress::Kind::Ssh;
    address.name = address.host = host;
    return address;
}

nlohmann::json engineToJson(const EngineAddress& address) {
    nlohmann::json json{{"name", address.name.toStdString()}, {"kind", address.remote() ? "ssh" : "local"}};
    if (!address.host.isEmpty()) json["host"] = address.host.toStdString();
    if (address.port > 0) json["port"] = address.port;
    if (!address.command.isEmpty()) json["command"] = address.command.toStdString();
    if (!address.workspace.isEmpty()) json["workspace"] = address.workspace.toStdString();
    return json;
}

Expected<EngineAddress> engineFromJson(const nlohmann::json& json) {
    try {
        EngineAddress address;
        const auto text = [&](const char* key) { return QString::fromStdString(json.value(key, std::string())); };
        const QString kind = text("kind");
        if (kind != QLatin1String("ssh") && kind != QLatin1String("local"))
            return fail(ErrorKind::BadInput, "An engine's kind is \"local\" or \"ssh\".", kind.toStdString());
        address.kind = kind == QLatin1String("ssh") ? EngineAddress::Kind::Ssh : EngineAddress::Kind::Local;
        address.name = text("name");
        address.host = text("host");
        address.port = json.value("port", 0);
        address.command = text("command");
        address.workspace = text("workspace");
        return address;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("An engine of the settings cannot be read: ") + error.what());
    }
}

}  // namespace safequant::workbench
