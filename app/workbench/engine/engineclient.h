// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <QProcess>
#include <QThread>
#include <QTimer>
#include <deque>
#include <functional>
#include <memory>
#include <type_traits>
#include <variant>

#include "app/workbench/engine/engineaddress.h"
#include "app/workbench/engine/pendingcalls.h"
#include "core/engine/protocol/analysis_messages.h"
#include "core/engine/protocol/assessment_messages.h"
#include "core/engine/protocol/budget_messages.h"
#include "core/engine/protocol/embedding_messages.h"
#include "core/engine/protocol/file_messages.h"
#include "core/engine/protocol/hub_messages.h"
#include "core/engine/protocol/whatif_messages.h"

namespace safequant::workbench {

class MessageDecoder;

/// Result of a request that answers nothing of interest.
using Nothing = std::monostate;

/// The engine as the window sees it: a `safequant serve` process, here or at the other end of ssh, that is started, asked, listened to
/// and, when it dies or its connection is lost, started again. Requests return at once; their callbacks run in this object's thread with
/// typed results. Parsing happens elsewhere.
class EngineClient : public QObject {
    Q_OBJECT

public:
    enum class State {
        Stopped,     ///< Not started, or shut down on request.
        Starting,    ///< The process runs and has not introduced itself yet.
        Ready,
        Restarting,  ///< Died or lost, and will be started again in a moment; of a remote engine with growing waits, for ever.
        Failed,      ///< Cannot be started, speaks another version, or died too often. `restart()` tries again.
    };
    Q_ENUM(State)
    using RequestId = PendingCalls::Id;

    /// `program`: path of `safequant`; empty looks for it (see findProgram).
    explicit EngineClient(const QString& program = {}, QObject* parent = nullptr);
    explicit EngineClient(const EngineAddress& address, QObject* parent = nullptr);
    ~EngineClient() override;

    /// $SAFEQUANT_ENGINE, `safequant` beside this program, in ../cli of a build tree, or in PATH; empty when there is none.
    static QString findProgram();
    /// $SAFEQUANT_SSH, or `ssh` in PATH; empty when there is none.
    static QString findSsh();

    void start();
    /// Lets the present engine go, without waiting for it, and starts another.
    void restart();
    /// Goes on with another engine, which is started; what is asked of the present one is answered with an error.
    void setAddress(const EngineAddress& address);
    /// Asks the engine to end and waits for at most `milliseconds`. Runs go on: they are processes of their own.
    void shutdown(int milliseconds = 2000);

    const EngineAddress& address() const { return m_address; }
    bool remote() const { return m_address.remote(); }
    /// Workspace that requests name; empty: the engine's own default.
    QString workspace() const;
    /// The same as a path, once a remote engine has introduced itself.
    QString workspacePath() const;
    /// Milliseconds until a lost engine is tried again; 0 when it is not waited for.
    int retryIn() const { return m_restartTimer.isActive() ? m_restartTimer.remainingTime() : 0; }
    /// Milliseconds to a remote engine and back, measured every some seconds; -1: not known.
    int latency() const { return m_latency; }

    State state() const { return m_state; }
    const protocol::EngineIntroduction& info() const { return m_info; }
    /// Why the state is Failed or Restarting; else empty.
    QString problem() const { return m_problem; }
    qint64 processId() const { return m_process ? m_process->processId() : 0; }

    /// Asks. `T` is a message of the protocol, a vector of one, or Nothing. The callback is dropped when `receiver` is gone. When
    /// the engine dies or is not there, the callback gets an error of kind failed. Requests wait while the engine starts.
    template <typename T>
    RequestId request(const QString& method, nlohmann::json params, QObject* receiver,
                      std::function<void(Expected<T>)> callback) {
        return send(method, std::move(params), decoderFor<T>(QPointer<QObject>(receiver), std::move(callback)));
    }
    /// The answer to this request is no longer wanted.
    void drop(RequestId id);

signals:
    void stateChanged(safequant::workbench::EngineClient::State state);
    /// Another engine takes the place of the present one; it is not started yet.
    void addressChanged();
    void latencyChanged();
    /// The process ended without being asked to.
    void died(const QString& reason);
    void runEvent(const QString& folder, const std::shared_ptr<const safequant::protocol::RunEvent>& event);
    void assessmentChanged(const std::shared_ptr<const safequant::protocol::AssessmentState>& state);
    void exportProgress(const QString& folder, const QString& target, quint64 done, quint64 total);
    void exportFinished(const QString& folder, const QString& target,
                        const std::shared_ptr<const safequant::Expected<safequant::protocol::ExportOutcome>>& outcome);
    void projectionFrame(const std::shared_ptr<const safequant::protocol::ProjectionFrame>& frame);
    void projectionFinished(qint64 ticket, const std::shared_ptr<const safequant::Expected<safequant::protocol::ProjectionResult>>& result);
    void placeProgress(qint64 ticket, quint64 done, quint64 total);
    void signatureProgress(qint64 ticket, quint64 done, quint64 total);
    void blockInputs(const std::shared_ptr<const safequant::protocol::BlockInputs>& inputs);
    /// `problem` is empty when every block was told.
    void inputsFinished(qint64 ticket, const QString& problem);
    void hubProgress(const QString& repository, const std::shared_ptr<const safequant::protocol::HubProgress>& progress);
    void hubFinished(const QString& repository, const std::shared_ptr<const safequant::Expected<safequant::protocol::HubOutcome>>& outcome);
    void whatIfProgress(const safequant::protocol::WhatIfProgress& progress);
    void whatIfResult(qint64 ticket, const std::shared_ptr<const safequant::protocol::WhatIfResult>& result);
    void whatIfFinished(qint64 ticket, const std::shared_ptr<const safequant::Expected<safequant::workbench::Nothing>>& end);
    void budgetProgress(qint64 ticket, quint64 done, quint64 total);
    void budgetFinished(qint64 ticket, const std::shared_ptr<const safequant::Expected<safequant::protocol::Sensitivities>>& result);
    /// A line the engine wrote to its standard error.
    void diagnostics(const QString& line);

private:
    template <typename T>
    struct VectorOf : std::false_type {};
    template <typename T>
    struct VectorOf<std::vector<T>> : std::true_type {
        using Item = T;
    };

    template <typename T>
    static Expected<T> decodeResult(const nlohmann::json& result) {
        if constexpr (std::is_same_v<T, Nothing>) {
            return Nothing{};
        } else if constexpr (VectorOf<T>::value) {
            if (!result.is_array()) return fail(ErrorKind::BadInput, "The engine's answer is not a list.");
            T values;
            for (const auto& item : result) {
                auto value = protocol::parseMessage<typename VectorOf<T>::Item>(item);
                if (!value) return fail(value.error());
                values.push_back(std::move(*value));
            }
            return values;
        } else {
            return protocol::parseMessage<T>(result);
        }
    }

    template <typename T>
    static PendingCalls::Decode decoderFor(QPointer<QObject> receiver, std::function<void(Expected<T>)> callback) {
        return [receiver, callback = std::move(callback)](Expected<nlohmann::json> answer) -> Delivery {
            auto value = std::make_shared<Expected<T>>(answer ? decodeResult<T>(*answer) : Expected<T>(fail(answer.error())));
            return [receiver, callback, value] {
                if (receiver) callback(std::move(*value));
            };
        };
    }

    RequestId send(const QString& method, nlohmann::json params, PendingCalls::Decode decode);
    void write(const nlohmann::json& message);
    void launch(const QString& program, const QStringList& arguments);
    void introduce();
    void takeIntroduction(const Expected<protocol::EngineIntroduction>& info);
    void measureLatency();
    void setState(State state, const QString& problem = {});
    void handleBroken(const QString& message);
    void handleFinish(int code, bool crashed);
    void handleEnd(const QString& reason);
    /// The same of a remote engine; `passing` problems of one that was there before are waited out.
    void handleLoss(const QString& reason, bool passing);
    void giveUp(const QString& problem);
    void failPending(const QString& reason);
    void readDiagnostics();
    void askToEnd();
    void discardProcess();
    /// Lets the process end by itself, out of sight.
    void retireProcess();
    bool mayRestart();
    /// What ends a long request: its result, or the error that stopped it.
    template <typename T>
    static Expected<T> outcomeOf(const nlohmann::json& params) {
        if (const auto error = params.find("error"); error != params.end() && !error->is_null()) {
            auto parsed = protocol::parseMessage<Error>(*error);
            return fail(parsed ? *parsed : parsed.error());
        }
        return decodeResult<T>(params.value("result", nlohmann::json::object()));
    }
    Delivery notification(const std::string& method, const nlohmann::json& params);
    Delivery trialNotification(const std::string& method, const nlohmann::json& params);

    EngineAddress m_address;
    std::unique_ptr<QProcess> m_process;
    std::shared_ptr<PendingCalls> m_calls;
    MessageDecoder* m_decoder = nullptr;
    QThread m_thread;
    QTimer m_restartTimer;
    QTimer m_introductionTimer;
    QTimer m_latencyTimer;
    QElapsedTimer m_clock;
    qint64 m_readySince = 0;
    int m_latency = -1;
    int m_failedTries = 0;     ///< Since a remote engine was last there for a while.
    bool m_wasReady = false;   ///< This engine has been there before.
    std::deque<qint64> m_deaths;
    std::vector<QByteArray> m_unsent;
    QByteArray m_errorBuffer;
    QStringList m_errorLines;  ///< The newest of this process.
    QByteArray m_firstBytes;   ///< What it wrote before its introduction was understood.
    State m_state = State::Stopped;
    QString m_problem;
    protocol::EngineIntroduction m_info;
    int m_generation = 0;
};

}  // namespace safequant::workbench
