// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/enginepaths.h"

#include <QDir>
#include <QFileInfo>

#include "app/workbench/engine/engineclient.h"
#include "core/base/model_path.h"

namespace safequant::workbench {

QString pathOnEngine(const EngineClient& client, const QString& named) {
    if (named.isEmpty()) return {};
    if (!client.remote()) return QDir::cleanPath(QFileInfo(named).absoluteFilePath());
    const QString home = QString::fromStdString(client.info().home);
    if (named == QLatin1String("~") || named.startsWith(QLatin1String("~/"))) return QDir::cleanPath(home + named.mid(1));
    return QDir::cleanPath(named.startsWith(QLatin1Char('/')) ? named : home + QLatin1Char('/') + named);
}

QString modelPathOnEngine(const EngineClient& client, const QString& named) {
    if (named.isEmpty()) return {};
    if (!client.remote()) return QString::fromStdString(absoluteModelPath(named.toStdString()));
    if (named.startsWith(QLatin1String("builtin:")) || HubName::parseForm(named.toStdString())) return named;
    return pathOnEngine(client, named);
}

}  // namespace safequant::workbench
