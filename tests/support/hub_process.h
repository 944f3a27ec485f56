// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFile>
#include <QProcess>
#include <QString>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace safequant::testing {

/// tests/core/hub/hub_server.py while it lives: a Hub on this machine, and the other host that it refers to for large files.
class HubProcess {
public:
    /// `folder` holds ORG/NAME folders of models.
    explicit HubProcess(const QString& folder) {
        m_process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        m_process.start(QStringLiteral("python3"), {QStringLiteral(SAFEQUANT_SOURCE_DIR "/tests/core/hub/hub_server.py"), folder});
        while (!m_process.canReadLine())
            if (!m_process.waitForReadyRead(20000)) throw std::runtime_error("the Hub's stand-in does not start");
        m_port = nlohmann::json::parse(m_process.readLine().toStdString()).at("hub").get<int>();
    }
    ~HubProcess() {
        m_process.closeWriteChannel();
        if (!m_process.waitForFinished(5000)) m_process.kill(), m_process.waitForFinished();
    }

    std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(m_port); }
    /// All requests since the last call, once no more come.
    std::vector<nlohmann::json> requests() {
        std::vector<nlohmann::json> list;
        do {
            while (m_process.canReadLine()) list.push_back(nlohmann::json::parse(m_process.readLine().toStdString()));
        } while (m_process.waitForReadyRead(150));
        return list;
    }

private:
    QProcess m_process;
    int m_port = 0;
};

/// Lets this process, and those it starts, speak to `endpoint` alone and keep everything under `home`.
inline void useHub(const std::string& endpoint, const QString& home) {
    for (const char* name : {"HF_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "SSL_CERT_FILE"}) qunsetenv(name);
    qputenv("HF_ENDPOINT", QByteArray::fromStdString(endpoint));
    qputenv("HF_HOME", home.toUtf8());
    qputenv("no_proxy", "127.0.0.1");
}

inline void writeFile(const QString& path, const QByteArray& content) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size()) throw std::runtime_error("cannot write " + path.toStdString());
}

inline QByteArray readFile(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) throw std::runtime_error("cannot read " + path.toStdString());
    return file.readAll();
}

}  // namespace safequant::testing
