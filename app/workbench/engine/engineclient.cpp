// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/engineclient.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QStandardPaths>
#include <algorithm>

#include "app/workbench/engine/enginepaths.h"
#include "app/workbench/engine/messagedecoder.h"
#include "app/workbench/engine/sshproblem.h"
#include "core/base/files.h"
#include "safequant_version.h"

namespace safequant::workbench {

namespace {

constexpr int kRestartDelay = 300;
/// An engine that dies this often within the window has a reason that another start will not cure.
constexpr std::size_t kMaxDeaths = 3;
constexpr qint64 kDeathWindow = 60'000;
constexpr int kLongestWait = 30'000;
/// A remote engine that was there for so long begins with short waits again.
constexpr qint64 kSteady = 30'000;
constexpr int kIntroductionTime = 60'000;
constexpr int kLatencyInterval = 10'000;
constexpr int kRetireTime = 3000;
constexpr int kFarewell = 300;
constexpr qsizetype kMaxErrorLines = 20;
constexpr qsizetype kMaxFirstBytes = 400;
const QByteArray kFrameBegin = QByteArrayLiteral("Content-Length");

QString textOf(const nlohmann::json& params, const char* key) {
    const auto found = params.find(key);
    return found != params.end() && found->is_string() ? QString::fromStdString(found->get<std::string>()) : QString();
}

quint64 numberOf(const nlohmann::json& params, const char* key) {
    const auto found = params.find(key);
    return found != params.end() && found->is_number() ? found->get<quint64>() : 0;
}

}  // namespace

EngineClient::EngineClient(const QString& program, QObject* parent) : EngineClient(localEngine(program), parent) {}

EngineClient::EngineClient(const EngineAddress& address, QObject* parent)
    : QObject(parent), m_address(address), m_calls(std::make_shared<PendingCalls>()) {
    qRegisterMetaType<Delivery>();
    m_decoder = new MessageDecoder(
        m_calls, [this](const std::string& method, const nlohmann::json& params) { return notification(method, params); });
    m_decoder->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_decoder, &QObject::deleteLater);
    connect(m_decoder, &MessageDecoder::delivered, this, [this](int generation, const Delivery& delivery) {
        if (generation == m_generation) delivery();
    });
    connect(m_decoder, &MessageDecoder::broken, this, [this](int generation, const QString& message) {
        if (generation == m_generation && m_process) handleBroken(message);
    });
    m_thread.setObjectName(QStringLiteral("engine messages"));
    m_thread.start();
    m_restartTimer.setSingleShot(true);
    m_restartTimer.setTimerType(Qt::PreciseTimer);
    connect(&m_restartTimer, &QTimer::timeout, this, &EngineClient::start);
    m_introductionTimer.setSingleShot(true);
    m_introductionTimer.setInterval(kIntroductionTime);
    connect(&m_introductionTimer, &QTimer::timeout, this, [this] {
        if (m_state == State::Starting) handleLoss(tr("%1 was reached, but no engine introduced itself there.").arg(m_address.title()), true);
    });
    m_latencyTimer.setInterval(kLatencyInterval);
    connect(&m_latencyTimer, &QTimer::timeout, this, &EngineClient::measureLatency);
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

QString EngineClient::findSsh() {
    const QString asked = qEnvironmentVariable("SAFEQUANT_SSH");
    return asked.isEmpty() ? QStandardPaths::findExecutable(QStringLiteral("ssh")) : asked;
}

QString EngineClient::workspace() const {
    if (!m_address.workspace.isEmpty() || remote()) return m_address.workspace;
    return QString::fromStdString(dataFolder() + "/workspace");
}

QString EngineClient::workspacePath() const {
    return workspace().isEmpty() ? QString::fromStdString(m_info.workspace) : pathOnEngine(*this, workspace());
}

void EngineClient::start() {
    if (m_process) return;
    m_restartTimer.stop();
    if (remote()) {
        const QString program = findSsh();
        if (const QString problem = m_address.problem(); !problem.isEmpty()) return giveUp(problem);
        if (program.isEmpty()) return giveUp(tr("The program ssh was not found in PATH. Install openssh-client, or set SAFEQUANT_SSH to its path."));
        launch(program, m_address.sshArguments());
        return;
    }
    const QString program = m_address.command.isEmpty() ? findProgram() : m_address.command;
    if (program.isEmpty())
        return giveUp(tr("The program safequant was not found beside this one or in PATH. Install it, or set SAFEQUANT_ENGINE to its path."));
    launch(program, {QStringLiteral("serve")});
}

void EngineClient::launch(const QString& program, const QStringList& arguments) {
    ++m_generation;
    m_errorBuffer.clear();
    m_errorLines.clear();
    m_firstBytes.clear();
    m_process = std::make_unique<QProcess>();
    QProcess* process = m_process.get();
    process->setProgram(program);
    process->setArguments(arguments);
    connect(process, &QProcess::readyReadStandardOutput, this, [this, process] {
        const QByteArray bytes = process->readAllStandardOutput();
        if (m_state == State::Starting && m_firstBytes.size() < kMaxFirstBytes) m_firstBytes += bytes.left(kMaxFirstBytes);
        QMetaObject::invokeMethod(
            m_decoder, [decoder = m_decoder, generation = m_generation, bytes] { decoder->feed(generation, bytes); },
            Qt::QueuedConnection);
    });
    connect(process, &QProcess::readyReadStandardError, this, &EngineClient::readDiagnostics);
    connect(process, &QProcess::errorOccurred, this, [this, program](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) giveUp(tr("%1 could not be started. Check that it is an executable file.").arg(program));
    });
    connect(process, &QProcess::finished, this,
            [this](int code, QProcess::ExitStatus status) { handleFinish(code, status == QProcess::CrashExit); });
    setState(State::Starting);
    if (remote()) m_introductionTimer.start();
    process->start();
    introduce();
}

void EngineClient::restart() {
    m_deaths.clear();
    m_failedTries = 0;
    retireProcess();
    setState(State::Stopped);
    failPending(tr("The engine is being started anew."));
    start();
}

void EngineClient::setAddress(const EngineAddress& address) {
    m_deaths.clear();
    m_failedTries = 0;
    m_wasReady = false;
    retireProcess();
    setState(State::Stopped);
    failPending(tr("Another engine was chosen."));
    m_address = address;
    m_info = {};
    emit addressChanged();
    start();
}

void EngineClient::introduce() {
    const nlohmann::json params{{"client", "safequant-workbench " SAFEQUANT_VERSION},
                                {"protocol_version", protocol::kProtocolVersion}};
    auto answered = [this](const Expected<protocol::EngineIntroduction>& info) { takeIntroduction(info); };
    const nlohmann::json message{
        {"jsonrpc", "2.0"},
        {"id", m_calls->add(decoderFor<protocol::EngineIntroduction>(QPointer<QObject>(this), std::move(answered)))},
        {"method", "initialize"},
        {"params", params}};
    m_process->write(QByteArray::fromStdString(protocol::frameMessage(message)));
}

void EngineClient::takeIntroduction(const Expected<protocol::EngineIntroduction>& info) {
    const bool mine = info && info->protocolVersion == protocol::kProtocolVersion;
    if (!mine && m_state != State::Starting) return;
    if (!mine) {
        const QString why = info ? tr("It speaks protocol version %1, this window needs %2. Install programs of the same release.")
                                       .arg(info->protocolVersion)
                                       .arg(protocol::kProtocolVersion)
                                 : QString::fromStdString(info.error().describe());
        return giveUp(remote() ? tr("The engine on %1 cannot be used. %2").arg(m_address.title(), why) : tr("The engine cannot be used. %1").arg(why));
    }
    m_info = *info;
    m_introductionTimer.stop();
    m_wasReady = true;
    m_readySince = m_clock.elapsed();
    setState(State::Ready);
    for (const QByteArray& bytes : std::exchange(m_unsent, {})) m_process->write(bytes);
    if (!remote()) return;
    measureLatency();
    m_latencyTimer.start();
}

void EngineClient::measureLatency() {
    if (m_state != State::Ready) return;
    const qint64 asked = m_clock.elapsed();
    request<protocol::EngineIntroduction>(QStringLiteral("initialize"), {{"protocol_version", protocol::kProtocolVersion}}, this,
                                  [this, asked](const Expected<protocol::EngineIntroduction>& info) {
                                      if (!info) return;
                                      m_latency = static_cast<int>(m_clock.elapsed() - asked);
                                      emit latencyChanged();
                                  });
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
    m_introductionTimer.stop();
    if (m_process) {
        m_process->disconnect(this);
        if (m_process->state() == QProcess::Running) {
            askToEnd();
            // What was said is on its way to another machine by then; its answer is not waited for.
            if (!m_process->waitForFinished(remote() ? std::min(milliseconds, kFarewell) : milliseconds)) {
                m_process->terminate();
                if (!m_process->waitForFinished(500)) m_process->kill();
            }
        }
        discardProcess();
    }
    setState(State::Stopped);
    failPending(tr("The engine was shut down."));
}

void EngineClient::askToEnd() {
    const nlohmann::json message{{"jsonrpc", "2.0"}, {"id", 0}, {"method", "shutdown"}, {"params", nlohmann::json::object()}};
    m_process->write(QByteArray::fromStdString(protocol::frameMessage(message)));
    m_process->closeWriteChannel();
}

void EngineClient::retireProcess() {
    m_restartTimer.stop();
    m_introductionTimer.stop();
    if (!m_process) return;
    m_process->disconnect(this);
    if (m_process->state() != QProcess::Running) return discardProcess();
    askToEnd();
    QProcess* process = m_process.release();
    ++m_generation;
    process->closeReadChannel(QProcess::StandardOutput);
    process->closeReadChannel(QProcess::StandardError);
    connect(process, &QProcess::finished, process, &QObject::deleteLater);
    QTimer::singleShot(kRetireTime, process, &QProcess::kill);
}

void EngineClient::discardProcess() {
    m_introductionTimer.stop();
    if (!m_process) return;
    m_process->disconnect(this);
    if (m_process->state() != QProcess::NotRunning) m_process->kill();
    // It may be the sender of the signal being handled: deleted later, when it cannot be under our feet.
    m_process.release()->deleteLater();
    ++m_generation;
}

void EngineClient::handleBroken(const QString& message) {
    if (!remote()) return handleEnd(tr("The engine sent something unreadable. %1").arg(message));
    const bool early = m_state == State::Starting;
    handleLoss(early ? strayOutputProblem(m_address, QString::fromUtf8(m_firstBytes))
                     : tr("The engine on %1 sent something unreadable. %2").arg(m_address.title(), message),
               !early);
}

void EngineClient::handleFinish(int code, bool crashed) {
    readDiagnostics();
    const QString last = m_errorLines.isEmpty() ? QString() : m_errorLines.last();
    if (remote()) {
        const QByteArray said = m_firstBytes.trimmed();
        if (crashed) return handleLoss(tr("ssh was killed or crashed (signal %1).").arg(code), true);
        if (m_state == State::Starting && code == 0 && !said.isEmpty() && !said.startsWith(kFrameBegin))
            return handleLoss(strayOutputProblem(m_address, QString::fromUtf8(said)), false);
        const SshProblem problem = sshProblem(m_address, code, m_errorLines);
        return handleLoss(problem.text, problem.passing);
    }
    QString reason = crashed ? tr("The engine was killed or crashed (signal %1).").arg(code)
                             : tr("The engine ended unexpectedly with exit code %1.").arg(code);
    if (!last.isEmpty()) reason += QLatin1Char(' ') + last;
    handleEnd(reason);
}

bool EngineClient::mayRestart() {
    while (!m_deaths.empty() && m_clock.elapsed() - m_deaths.front() > kDeathWindow) m_deaths.pop_front();
    m_deaths.push_back(m_clock.elapsed());
    return m_deaths.size() < kMaxDeaths;
}

void EngineClient::handleEnd(const QString& reason) {
    discardProcess();
    const bool again = mayRestart();
    setState(again ? State::Restarting : State::Failed, reason);
    failPending(reason);
    if (again) m_restartTimer.start(kRestartDelay);
    emit died(reason);
}

void EngineClient::handleLoss(const QString& reason, bool passing) {
    const bool wasThere = m_state == State::Ready;
    if (wasThere && m_clock.elapsed() - m_readySince > kSteady) m_failedTries = 0;
    discardProcess();
    m_latencyTimer.stop();
    m_latency = -1;
    if (!m_wasReady || !passing) {
        giveUp(reason);
        if (wasThere) emit died(reason);
        return;
    }
    const int wait = std::min(kLongestWait, 1000 << std::min(m_failedTries++, 5));
    // Before the state: whoever hears of it asks how long it will be.
    m_restartTimer.start(wait);
    setState(State::Restarting, reason);
    failPending(reason);
    if (wasThere) emit died(reason);
}

void EngineClient::giveUp(const QString& problem) {
    discardProcess();
    m_latencyTimer.stop();
    setState(State::Failed, problem);
    failPending(problem);
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
        m_errorLines.append(line);
        if (m_errorLines.size() > kMaxErrorLines) m_errorLines.removeFirst();
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
    if (method == "assessment/changed") {
        auto state = protocol::parseMessage<protocol::AssessmentState>(params);
        if (!state) return [this, text = QString::fromStdString(state.error().describe())] { emit diagnostics(text); };
        return [this, shared = std::make_shared<const protocol::AssessmentState>(std::move(*state))] { emit assessmentChanged(shared); };
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
    if (method == "run/place-progress" || method == "signature/progress") {
        const auto told = method == "run/place-progress" ? &EngineClient::placeProgress : &EngineClient::signatureProgress;
        return [this, told, ticket = qint64(numberOf(params, "ticket")), done = quint64(numberOf(params, "done")), total = quint64(numberOf(params, "total"))] {
            emit (this->*told)(ticket, done, total);
        };
    }
    if (method == "projection/finished") {
        auto result = outcomeOf<protocol::ProjectionResult>(params);
        return [this, ticket = qint64(numberOf(params, "ticket")),
                shared = std::make_shared<const Expected<protocol::ProjectionResult>>(std::move(result))] {
            emit projectionFinished(ticket, shared);
        };
    }
    if (method == "analysis/block-inputs") {
        auto inputs = protocol::parseMessage<protocol::BlockInputs>(params);
        if (!inputs) return [this, text = QString::fromStdString(inputs.error().describe())] { emit diagnostics(text); };
        return [this, shared = std::make_shared<const protocol::BlockInputs>(std::move(*inputs))] { emit blockInputs(shared); };
    }
    if (method == "analysis/inputs-finished") {
        QString problem;
        if (const auto error = params.find("error"); error != params.end()) {
            const auto parsed = protocol::parseMessage<Error>(*error);
            problem = QString::fromStdString(parsed ? parsed->message : parsed.error().message);
        }
        return [this, ticket = qint64(numberOf(params, "ticket")), problem] { emit inputsFinished(ticket, problem); };
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
    return trialNotification(method, params);
}

/// Those of what-if and budget.
Delivery EngineClient::trialNotification(const std::string& method, const nlohmann::json& params) {
    const auto ticket = qint64(numberOf(params, "ticket"));
    if (method == "whatif/progress") {
        return [this, progress = protocol::parseMessage<protocol::WhatIfProgress>(params)] {
            if (progress) emit whatIfProgress(*progress);
        };
    }
    if (method == "whatif/result") {
        auto result = protocol::parseMessage<protocol::WhatIfResult>(params.value("result", nlohmann::json::object()));
        if (!result) return [this, text = QString::fromStdString(result.error().describe())] { emit diagnostics(text); };
        return [this, ticket, shared = std::make_shared<const protocol::WhatIfResult>(std::move(*result))] { emit whatIfResult(ticket, shared); };
    }
    if (method == "whatif/finished") {
        return [this, ticket, shared = std::make_shared<const Expected<Nothing>>(outcomeOf<Nothing>(params))] {
            emit whatIfFinished(ticket, shared);
        };
    }
    if (method == "budget/progress") {
        return [this, ticket, done = numberOf(params, "done"), total = numberOf(params, "total")] { emit budgetProgress(ticket, done, total); };
    }
    if (method == "budget/finished") {
        return [this, ticket,
                shared = std::make_shared<const Expected<protocol::Sensitivities>>(outcomeOf<protocol::Sensitivities>(params))] {
            emit budgetFinished(ticket, shared);
        };
    }
    return {};
}

}  // namespace safequant::workbench
