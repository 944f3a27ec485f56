// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/checkpoint/checkpoint.h"
#include "core/engine/assessment_process.h"
#include "core/engine/connection.h"
#include "core/engine/run_process.h"
#include "core/engine/ticket_line.h"
#include "core/engine/worker_pool.h"
#include "core/prompts/prompt_set.h"
#include "core/run/run_spec.h"

namespace safequant {

class WhatIf;
struct ChatFormat;
struct ModelSensitivities;

/// Answers the engine's requests (core/engine/protocol/messages.h lists them). `handle` returns at once; answers come from
/// worker threads. Destruction waits for requests at work and leaves runs running.
class EngineRequests {
public:
    EngineRequests(Connection& connection, std::string program);
    ~EngineRequests();

    void handle(const nlohmann::json& id, const std::string& method, const nlohmann::json& params);
    /// Notifications from the client: `$/cancelRequest` {id} drops a request that has not begun, `exit` ends the service.
    void notified(const std::string& method, const nlohmann::json& params);
    bool shutdownAsked() const { return m_shutdown; }

private:
    using Handler = Expected<nlohmann::json> (EngineRequests::*)(const nlohmann::json& params);
    struct Route {
        Handler handler;
        bool slow;  ///< Answered by the second pool, so that quick requests never wait behind it.
        bool network = false;  ///< Waits for other machines: answered by a pool of its own.
    };
    static const std::map<std::string, Route>& routes();

    Expected<nlohmann::json> initialize(const nlohmann::json& params);
    Expected<nlohmann::json> shutdown(const nlohmann::json& params);
    Expected<nlohmann::json> openCheckpointInfo(const nlohmann::json& params);
    Expected<nlohmann::json> validatePrompts(const nlohmann::json& params);
    Expected<nlohmann::json> previewPromptFile(const nlohmann::json& params);
    Expected<nlohmann::json> reportPrompts(const nlohmann::json& params);
    Expected<nlohmann::json> readPromptTokens(const nlohmann::json& params);
    Expected<nlohmann::json> samplePrompts(const nlohmann::json& params);
    Expected<nlohmann::json> planRunRequest(const nlohmann::json& params);
    Expected<nlohmann::json> runSettings(const nlohmann::json& params);
    Expected<nlohmann::json> startRun(const nlohmann::json& params);
    Expected<nlohmann::json> resumeRun(const nlohmann::json& params);
    Expected<nlohmann::json> cancelRun(const nlohmann::json& params);
    Expected<nlohmann::json> openRun(const nlohmann::json& params);
    Expected<nlohmann::json> listRunsRequest(const nlohmann::json& params);
    Expected<nlohmann::json> listResults(const nlohmann::json& params);
    Expected<nlohmann::json> compareRunsRequest(const nlohmann::json& params);
    Expected<nlohmann::json> projection(const nlohmann::json& params);
    Expected<nlohmann::json> overlay(const nlohmann::json& params);
    Expected<nlohmann::json> overlayProjectionRequest(const nlohmann::json& params);
    Expected<nlohmann::json> place(const nlohmann::json& params);
    Expected<nlohmann::json> checkAgainstSignature(const nlohmann::json& params);
    Expected<nlohmann::json> embed(const nlohmann::json& params);
    /// Ends the work of a line up to a ticket.
    template <TicketLine EngineRequests::*Line>
    Expected<nlohmann::json> cancelTicket(const nlohmann::json& params);
    Expected<nlohmann::json> probeWeights(const nlohmann::json& params);
    Expected<nlohmann::json> probeSimilarity(const nlohmann::json& params);
    Expected<nlohmann::json> probeTransfer(const nlohmann::json& params);
    Expected<nlohmann::json> probeCalibration(const nlohmann::json& params);
    Expected<nlohmann::json> linearWeights(const nlohmann::json& params);
    Expected<nlohmann::json> linearInputs(const nlohmann::json& params);
    Expected<nlohmann::json> whatIf(const nlohmann::json& params);
    Expected<nlohmann::json> measureBudget(const nlohmann::json& params);
    Expected<nlohmann::json> solveBudgetRequest(const nlohmann::json& params);
    Expected<nlohmann::json> answers(const nlohmann::json& params);
    Expected<nlohmann::json> tasks(const nlohmann::json& params);
    Expected<nlohmann::json> review(const nlohmann::json& params);
    Expected<nlohmann::json> judgeAnswer(const nlohmann::json& params);
    Expected<nlohmann::json> previewReport(const nlohmann::json& params);
    Expected<nlohmann::json> writeReportRequest(const nlohmann::json& params);
    Expected<nlohmann::json> reportFilesRequest(const nlohmann::json& params);
    Expected<nlohmann::json> listFiles(const nlohmann::json& params);
    Expected<nlohmann::json> uploadFile(const nlohmann::json& params);
    Expected<nlohmann::json> preflightExportRequest(const nlohmann::json& params);
    Expected<nlohmann::json> startExport(const nlohmann::json& params);
    Expected<nlohmann::json> cancelExport(const nlohmann::json& params);
    Expected<nlohmann::json> planDownload(const nlohmann::json& params);
    Expected<nlohmann::json> startDownload(const nlohmann::json& params);
    Expected<nlohmann::json> cancelDownload(const nlohmann::json& params);

    Expected<nlohmann::json> listAssessmentsRequest(const nlohmann::json& params);
    Expected<nlohmann::json> openAssessment(const nlohmann::json& params);
    Expected<nlohmann::json> planAssessment(const nlohmann::json& params);
    Expected<nlohmann::json> startAssessment(const nlohmann::json& params);
    Expected<nlohmann::json> resumeAssessment(const nlohmann::json& params);
    Expected<nlohmann::json> cancelAssessment(const nlohmann::json& params);
    Expected<nlohmann::json> flippedPrompts(const nlohmann::json& params);

    Expected<nlohmann::json> launchAssessment(const std::string& folder);
    /// Does nothing while it is followed already.
    void followAssessment(const std::string& folder, pid_t child);
    Expected<std::shared_ptr<const PromptSet>> promptSet(const nlohmann::json& params);
    Expected<void> tryOut(const std::string& folder, int block, const nlohmann::json& quantization, std::int64_t ticket, const std::stop_token& stop);
    /// The run's what-if, opened unless it is. Called by its own pool alone.
    Expected<WhatIf*> whatIfOf(const std::string& folder);
    Expected<nlohmann::json> launch(const std::string& folder);
    /// Progress of a ticket's work, told as notifications {ticket, done, total}.
    Progress told(const std::string& method, std::int64_t ticket, std::stop_token stop);
    /// Does work and tells its end in `note`, with its result or the error that ended it.
    void tellEnd(const std::string& method, nlohmann::json note, const std::string& where, const std::function<Expected<nlohmann::json>()>& work);
    void followRun(const std::string& folder, std::uint64_t afterSequence, pid_t child);

    Connection& m_connection;
    std::string m_program;
    std::atomic<bool> m_shutdown = false;
    std::mutex m_reviewMutex;
    std::stop_source m_ending;  ///< Of requests that wait for others than this machine.

    std::mutex m_mutex;  ///< Guards everything below.
    std::set<std::string> m_cancelledIds;
    std::map<std::string, std::unique_ptr<RunFollower>> m_followers;
    std::map<std::string, std::unique_ptr<AssessmentFollower>> m_assessments;
    std::map<std::string, std::stop_source> m_exports;
    std::map<std::string, std::stop_source> m_downloads;  ///< By repository.
    std::string m_formatKey;  ///< Checkpoint and system prompt of `m_format`.
    std::shared_ptr<const ChatFormat> m_format;
    std::string m_promptKey;
    std::shared_ptr<const PromptSet> m_promptSet;
    std::shared_ptr<const ModelSensitivities> m_sensitivities;  ///< Measured last.

    TicketLine m_embeddingTickets, m_placingTickets, m_signatureTickets, m_inputTickets, m_whatIfTickets, m_budgetTickets;
    std::unique_ptr<WhatIf> m_whatIf;  ///< Of the run tried last; touched by its own pool alone.

    WorkerPool m_quick{2};
    WorkerPool m_slow{2};
    WorkerPool m_embeddings{1};
    WorkerPool m_inputs{1};
    WorkerPool m_network{4};
    WorkerPool m_whatIfs{1};
};

}  // namespace safequant
