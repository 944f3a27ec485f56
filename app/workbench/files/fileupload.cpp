// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/files/fileupload.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>
#include <QThreadPool>

#include "app/workbench/ui.h"
#include "widgets/format.h"

namespace safequant::workbench {

FileUpload::FileUpload(EngineClient* client, const QString& file, QObject* parent) : QObject(parent), m_client(client), m_file(file) {}

void FileUpload::start() {
    const QString name = QFileInfo(m_file).fileName();
    if (static_cast<quint64>(QFileInfo(m_file).size()) > protocol::kMaxUploadBytes) {
        return fail(tr("%1 has more than %2. Copy it with scp or rsync, and choose it there.").arg(name, widgets::formatBytes(protocol::kMaxUploadBytes)));
    }
    QPointer<FileUpload> self(this);
    QThreadPool::globalInstance()->start([self, path = m_file] {
        QFile file(path);
        const bool open = file.open(QIODevice::ReadOnly);
        const QByteArray content = open ? file.readAll() : QByteArray();
        const QString problem = open && file.error() == QFileDevice::NoError ? QString() : file.errorString();
        const QString digest = QString::fromLatin1(QCryptographicHash::hash(content, QCryptographicHash::Sha256).toHex());
        QMetaObject::invokeMethod(
            qApp,
            [self, path, content, problem, digest] {
                if (!self) return;
                if (!problem.isEmpty()) return self->fail(tr("%1 cannot be read: %2").arg(path, problem));
                self->begin(content, digest);
            },
            Qt::QueuedConnection);
    });
}

void FileUpload::begin(const QByteArray& content, const QString& digest) {
    m_content = content;
    m_digest = digest;
    send(0, true);
}

void FileUpload::send(quint64 offset, bool asking) {
    const auto total = static_cast<quint64>(m_content.size());
    const QByteArray piece = asking ? QByteArray() : m_content.mid(static_cast<qsizetype>(offset), static_cast<qsizetype>(protocol::kUploadPieceBytes));
    m_request = m_client->request<protocol::UploadState>(
        QStringLiteral("files/upload"),
        {{"workspace", m_client->workspace().toStdString()},
         {"name", QFileInfo(m_file).fileName().toStdString()},
         {"sha256", m_digest.toStdString()},
         {"bytes", total},
         {"offset", offset},
         {"data", piece.toBase64().toStdString()}},
        this, [this, total](const Expected<protocol::UploadState>& state) {
            if (!state) return fail(asSentence(QString::fromStdString(state.error().describe())));
            emit progressed(state->received, total);
            if (!state->path.empty()) {
                emit finished(QString::fromStdString(state->path));
            } else {
                send(state->received, false);
            }
        });
}

void FileUpload::fail(const QString& message) {
    m_client->drop(m_request);
    emit failed(message);
}

}  // namespace safequant::workbench
