// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>

namespace safequant::workbench {

class EngineClient;

/// Paths as users type them, made absolute where the engine is: on this machine from the current folder; on another one from the home
/// there, where "~" leads as well. Nothing of this machine's disk is asked about another machine's paths.
QString pathOnEngine(const EngineClient& client, const QString& named);
/// The same for a model or an adapter: names on the hub ("org/name") and of bundled files ("builtin:...") stay as they are.
QString modelPathOnEngine(const EngineClient& client, const QString& named);

}  // namespace safequant::workbench
