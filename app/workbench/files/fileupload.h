// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/file_messages.h"

namespace safequant::workbench {

/// Copies a file of this machine into the workspace of the engine's, piece by piece, whole or not at all. What arrived before a lost
/// connection is not sent again.
class FileUpload : public QObject {
    Q_OBJECT

public:
    FileUpload(EngineClient* client, const QString& file, QObject* parent = nullptr);

    /// Reads the file beside the window's thread, then sends it.
    void start();
    QString file() const { return m_file; }

signals:
    void progressed(quint64 done, quint64 total);
    /// `path`: of the copy, on the engine's machine.
    void finished(const QString& path);
    void failed(const QString& message);

private:
    void begin(const QByteArray& content, const QString& digest);
    void send(quint64 offset, bool asking);
    void fail(const QString& message);

    EngineClient* m_client;
    QString m_file;
    QString m_digest;
    QByteArray m_content;
    EngineClient::RequestId m_request = 0;
};

}  // namespace safequant::workbench
