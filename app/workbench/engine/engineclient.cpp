// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/engineclient.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QStandardPaths>

#include "app/workbench/engine/messagedecoder.h"
#include "safequant_version.h"

namespace safequant::workbench {

namespace {

constexpr int kRestartDelay = 300;
/// An engine that dies this often within the window has a reason that another start will not cure.
constexpr std::size_t kMaxDeaths = 3;
constexpr qint64 kDeathWindow = 60'000;

QString textOf(const nlohmann::json& params, const char* key) {
    const auto found = params.find(key);
    return found != params.end() && found->is_string() ? QString::fromStdString(found->get<std::string>()) : QString();
}

quint64 numberOf(const nlohmann::json& params, const char* key) {
    const auto found = params.find(key);
    return found != params.end() && found->is_number() ? found->get<quint64>() : 0;
}

}  // namespace

EngineClient::EngineClient(const QString& program, QObject* parent)
    : QObject(parent), m_program(program), m_calls(std::make_shared<PendingCalls>()) {
    qRegisterMetaType<Delivery>();
    m_decoder = new MessageDecoder(
        m_calls, [this](const std::string& method, const nlohmann::json& params) { return notification(method, params); });
    m_decoder->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_decoder, &QObject::deleteLater);
    connect(m_decoder, &MessageDecoder::delivered, this, [this](int generation, const Delivery& delivery) {
        if (generation == m_generation) delivery();
    });
    connect(m_decoder, &MessageDecoder::broken, this, [this](int generation, const QString& message) {
        if (generation == m_generation && m_process) handleEnd(tr("The engine sent something unreadable. %1").arg(message));
    });
    m_thread.setObjectName(QStringLiteral("engine messages"));
    m_thread.start();
    m_restartTimer.setSingleShot(true);
    m_restartTimer.setInterval(kRestartDelay);
    connect(&m_restartTimer, &QTimer::timeout, this, &EngineClient::start);
    m_clock.start();
}

EngineClient::~EngineClient() {
    blockSignals(true);
    shutdown();
    m_thread.quit();
    m_thread.wait();
}

QString EngineClient::findProgram() {
    const QString asked = qEnvironmentVariable("SAFEQUANT_ENGINE");
    if (!asked.isEmpty()) return asked;
    const QDir here(QCoreApplication::applicationDirPath());
    for (const char* relative : {"safequant", "../cli/safequant", "../../app/cli/safequant"}) {
        const QFileInfo candidate(here.filePath(QString::fromLatin1(relative)));
        if (candidate.isFile() && candidate.isExecutable()) return candidate.canonicalFilePath();
    }
    return QStandardPaths::findExecutable(QStringLiteral("safequant"));
}

void EngineClient::start() {
    if (m_process) return;
    const QString program = m_program.isEmpty() ? findProgram() : m_program;
    if (program.isEmpty()) {
        failPending(tr("The program safequant was not found."));
        setState(State::Failed, tr("The program safequant was not found beside this one or in PATH. Install it, or set "
                                   "SAFEQUANT_ENGINE to its path."));
        return;
    }
    ++m_generation;
    m_errorBuffer.clear();
    m_lastErrorLine.clear();
    m_process = std::make_unique<QProcess>();
    QProcess* process = m_process.get();
    process->setProgram(program);
    process->setArguments({QStringLiteral("serve")});
    connect(process, &QProcess::readyReadStandardOutput, this, [this, process] {
        const QByteArray bytes = process->readAllStandardOutput();
        QMetaObject::invokeMethod(
            m_decoder, [decoder = m_decoder, generation = m_generation, bytes] { decoder->feed(generation, bytes); },
            Qt::QueuedConnection);
    });
    connect(process, &QProcess::readyReadStandardError, this, &EngineClient::readDiagnostics);
    connect(process, &QProcess::errorOccurred, this, [this, program](QProcess::ProcessError error) {
        if (error != QProcess::FailedToStart) return;
        discardProcess();
        failPending(tr("The engine could not be started."));
        setState(State::Failed, tr("%1 could not be started. Check that it is an executable file.").arg(program));
    });
    connect(process, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
        readDiagnostics();
        QString reason = status == QProcess::CrashExit ? tr("The engine was killed or crashed (signal %1).").arg(code)
                                                       : tr("The engine ended unexpectedly with exit code %1.").arg(code);
        if (!m_lastErrorLine.isEmpty()) reason += QLatin1Char(' ') + m_lastErrorLine;
        handleEnd(reason);
    });
    setState(State::Starting);
    process->start();
    introduce();
}

void EngineClient::restart() {
    m_deaths.clear();
    m_restartTimer.stop();
    if (m_process) shutdown();
    start();
}

void EngineClient::introduce() {
    const nlohmann::json params{{"client", "safequant-workbench " SAFEQUANT_VERSION},
                                {"protocol_version", protocol::kProtocolVersion}};
    auto answered = [this](Expected<protocol::EngineInfo> info) {
        const bool mine = info && info->protocolVersion == protocol::kProtocolVersion;
        if (!mine && m_state != State::Starting) return;
        if (!mine) {
            const QString why = info ? tr("It speaks protocol version %1, this window needs %2. Install programs of the same release.")
                                           .arg(info->protocolVersion)
                                           .arg(protocol::kProtocolVersion)
                                     : QString::fromStdString(info.error().describe());
            discardProcess();
            failPending(tr("The engine cannot be used."));
            setState(State::Failed, tr("The engine cannot be used. %1").arg(why));
            return;
        }
        m_info = *info;
        setState(State::Ready);
        for (const QByteArray& bytes : std::exchange(m_unsent, {})) m_process->write(bytes);
    };
    const nlohmann::json message{
        {"jsonrpc", "2.0"},
        {"id", m_calls->add(decoderFor<protocol::EngineInfo>(QPointer<QObject>(this), std::move(answered)))},
        {"method", "initialize"},
        {"params", params}};
    m_process->write(QByteArray::fromStdString(protocol::frameMessage(message)));
}

EngineClient::RequestId EngineClient::send(const QString& method, nlohmann::json params, PendingCalls::Decode decode) {
    if (m_state == State::Stopped || m_state == State::Failed) {
        const QString reason = m_problem.isEmpty() ? tr("The engine is not running.") : m_problem;
        const Delivery delivery = decode(fail(ErrorKind::Failed, reason.toStdString()));
        QMetaObject::invokeMethod(this, delivery, Qt::QueuedConnection);
        return 0;
    }
    const RequestId id = m_calls->add(std::move(decode));
    write({{"jsonrpc", "2.0"}, {"id", id}, {"method", method.toStdString()}, {"params", std::move(params)}});
    return id;
}

void EngineClient::write(const nlohmann::json& message) {
    QByteArray bytes = QByteArray::fromStdString(protocol::frameMessage(message));
    if (m_state == State::Ready) {
        m_process->write(bytes);
    } else {
        m_unsent.push_back(std::move(bytes));
    }
}

void EngineClient::drop(RequestId id) { m_calls->drop(id); }

void EngineClient::shutdown(int milliseconds) {
    m_restartTimer.stop();
    if (m_process) {
        m_process->disconnect(this);
        if (m_process->state() == QProcess::Running) {
            const nlohmann::json message{
                {"jsonrpc", "2.0"}, {"id", 0}, {"method", "shutdown"}, {"params", nlohmann::json::object()}};
            m_process->write(QByteArray::fromStdString(protocol::frameMessage(message)));
            m_process->closeWriteChannel();
            if (!m_process->waitForFinished(milliseconds)) {
                m_process->terminate();
                if (!m_process->waitForFinished(500)) m_process->kill();
            }
        }
        discardProcess();
    }
    setState(State::Stopped);
    failPending(tr("The engine was shut down."));
}

void EngineClient::discardProcess() {
    if (!m_process) return;
    m_process->disconnect(this);
    if (m_process->state() != QProcess::NotRunning) m_process->kill();
    // It may be the sender of the signal being handled: deleted later, when it cannot be under our feet.
    m_process.release()->deleteLater();
    ++m_generation;
}

void EngineClient::handleEnd(const QString& reason) {
    discardProcess();
    while (!m_deaths.empty() && m_clock.elapsed() - m_deaths.front() > kDeathWindow) m_deaths.pop_front();
    m_deaths.push_back(m_clock.elapsed());
    const bool again = m_deaths.size() < kMaxDeaths;
    setState(again ? State::Restarting : State::Failed, reason);
    failPending(reason);
    if (again) m_restartTimer.start();
    emit died(reason);
}

void EngineClient::failPending(const QString& reason) {
    m_unsent.clear();
    for (const PendingCalls::Decode& decode : m_calls->takeAll()) decode(fail(ErrorKind::Failed, reason.toStdString()))();
}

void EngineClient::setState(State state, const QString& problem) {
    m_problem = problem;
    if (state == m_state) return;
    m_state = state;
    emit stateChanged(state);
}

void EngineClient::readDiagnostics() {
    if (!m_process) return;
    m_errorBuffer += m_process->readAllStandardError();
    qsizetype end = 0;
    while ((end = m_errorBuffer.indexOf('\n')) >= 0) {
        const QString line = QString::fromUtf8(m_errorBuffer.left(end)).trimmed();
        m_errorBuffer.remove(0, end + 1);
        if (line.isEmpty()) continue;
        m_lastErrorLine = line;
        emit diagnostics(line);
    }
}

Delivery EngineClient::notification(const std::string& method, const nlohmann::json& params) {
    if (!params.is_object()) return {};
    const QString folder = textOf(params, "folder");
    const QString target = textOf(params, "target");
    if (method == "run/event") {
        auto event = protocol::parseMessage<protocol::RunEvent>(params.value("event", nlohmann::json::object()));
        if (!event) {
            return [this, text = QString::fromStdString(event.error().describe())] { emit diagnostics(text); };
        }
        return [this, folder, shared = std::make_shared<const protocol::RunEvent>(std::move(*event))] {
            emit runEvent(folder, shared);
        };
    }
    if (method == "export/progress") {
        return [this, folder, target, done = numberOf(params, "done"), total = numberOf(params, "total")] {
            emit exportProgress(folder, target, done, total);
        };
    }
    if (method == "export/finished") {
        auto outcome = outcomeOf<protocol::ExportOutcome>(params);
        return [this, folder, target,
                shared = std::make_shared<const Expected<protocol::ExportOutcome>>(std::move(outcome))] {
            emit exportFinished(folder, target, shared);
        };
    }
    if (method == "projection/frame") {
        auto frame = protocol::parseMessage<protocol::ProjectionFrame>(params);
        if (!frame) return [this, text = QString::fromStdString(frame.error().describe())] { emit diagnostics(text); };
        return [this, shared = std::make_shared<const protocol::ProjectionFrame>(std::move(*frame))] { emit projectionFrame(shared); };
    }
    if (method == "run/place-progress") {
        return [this, ticket = qint64(numberOf(params, "ticket")), done = quint64(numberOf(params, "done")), total = quint64(numberOf(params, "total"))] {
            emit placeProgress(ticket, done, total);
        };
    }
    if (method == "projection/finished") {
        auto result = outcomeOf<protocol::ProjectionResult>(params);
        return [this, ticket = qint64(numberOf(params, "ticket")),
                shared = std::make_shared<const Expected<protocol::ProjectionResult>>(std::move(result))] {
            emit projectionFinished(ticket, shared);
        };
    }
    const QString repository = textOf(params, "repository");
    if (method == "hub/progress") {
        auto progress = protocol::parseMessage<protocol::HubProgress>(params.value("progress", nlohmann::json::object()));
        if (!progress) return [this, text = QString::fromStdString(progress.error().describe())] { emit diagnostics(text); };
        return [this, repository, shared = std::make_shared<const protocol::HubProgress>(std::move(*progress))] {
            emit hubProgress(repository, shared);
        };
    }
    if (method == "hub/finished") {
        auto outcome = outcomeOf<protocol::HubOutcome>(params);
        return [this, repository, shared = std::make_shared<const Expected<protocol::HubOutcome>>(std::move(outcome))] {
            emit hubFinished(repository, shared);
        };
    }
    return {};
}

}  // namespace safequant::workbench
