// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/requests.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <new>
#include <thread>
#include <utility>

#include "core/base/files.h"
#include "core/engine/checkpoint_info.h"
#include "core/engine/engine_files.h"
#include "core/engine/protocol/messages.h"
#include "core/engine/request_fields.h"
#include "core/evaluate/judge.h"
#include "core/model/decoder.h"
#include "core/quantize/method.h"
#include "core/run/block_embedding.h"
#include "core/run/manifest.h"
#include "core/run/method_settings.h"
#include "core/run/patch_spec.h"
#include "core/run/prompt_check.h"
#include "core/run/prompt_reading.h"
#include "core/run/run_comparison.h"
#include "core/run/run_folder.h"
#include "core/run/run_lock.h"
#include "core/run/run_results.h"
#include "core/run/run_spec.h"
#include "core/run/sensitivities.h"
#include "core/tensor/cards.h"
#include "safequant_version.h"

namespace safequant {
namespace {

using nlohmann::json;

template <typename T>
json listToJson(const std::vector<T>& items) {
    json list = json::array();
    for (const auto& item : items) list.push_back(protocol::toJson(item));
    return list;
}

/// `format` and `type` of an export request; both may be absent.
Expected<ExportOptions> exportOptions(const json& params) {
    const auto format = fieldOr<std::string>(params, "format", std::string(exportFormatName({})));
    const auto type = fieldOr<std::string>(params, "type", {});
    if (!format) return fail(format.error());
    if (!type) return fail(type.error());
    return exportOptionsNamed(*format, *type, "export");
}

std::uint64_t residentBytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string cpuName() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
    return {};
}

std::string hostName() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

/// Waits, for a moment, until the process of a run that has ended gives the run back: it writes how it ended before it does.
void awaitLetGo(const std::string& folder) {
    for (int attempt = 0; attempt < 500 && runOwner(folder); ++attempt) {
        const auto manifest = Manifest::read(folder);
        if (!manifest || manifest->text("status") == "running") return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

}  // namespace

EngineRequests::EngineRequests(Connection& connection, std::string program)
    : m_connection(connection), m_program(std::move(program)) {}

EngineRequests::~EngineRequests() {
    const std::scoped_lock lock(m_mutex);
    for (auto& [target, stop] : m_exports) stop.request_stop();
    for (TicketLine* line : {&m_embeddingTickets, &m_placingTickets, &m_signatureTickets, &m_inputTickets, &m_whatIfTickets, &m_budgetTickets}) line->stop();
    for (auto& [repository, stop] : m_downloads) stop.request_stop();
    m_ending.request_stop();
}

template <TicketLine EngineRequests::*Line>
Expected<json> EngineRequests::cancelTicket(const json& params) {
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!ticket) return fail(ticket.error());
    (this->*Line).cancel(*ticket);
    return json(nullptr);
}

const std::map<std::string, EngineRequests::Route>& EngineRequests::routes() {
    static const std::map<std::string, Route> table{
        {"initialize", {&EngineRequests::initialize, false}},
        {"shutdown", {&EngineRequests::shutdown, false}},
        {"checkpoint/open", {&EngineRequests::openCheckpointInfo, true}},
        {"prompts/validate", {&EngineRequests::validatePrompts, true}},
        {"prompts/preview", {&EngineRequests::previewPromptFile, true}},
        {"prompts/report", {&EngineRequests::reportPrompts, true}},
        {"prompts/tokens", {&EngineRequests::readPromptTokens, true}},
        {"prompts/sample", {&EngineRequests::samplePrompts, true}},
        {"run/plan", {&EngineRequests::planRunRequest, true}},
        {"run/settings", {&EngineRequests::runSettings, false}},
        {"run/start", {&EngineRequests::startRun, false}},
        {"run/resume", {&EngineRequests::resumeRun, false}},
        {"run/cancel", {&EngineRequests::cancelRun, false}},
        {"run/open", {&EngineRequests::openRun, false}},
        {"run/list", {&EngineRequests::listRunsRequest, false}},
        {"run/results", {&EngineRequests::listResults, true}},
        {"run/compare", {&EngineRequests::compareRunsRequest, true}},
        {"run/projection", {&EngineRequests::projection, false}},
        {"run/overlay", {&EngineRequests::overlay, true}},
        {"run/overlay-projection", {&EngineRequests::overlayProjectionRequest, false}},
        {"run/place", {&EngineRequests::place, true}},
        {"run/place-cancel", {&EngineRequests::cancelTicket<&EngineRequests::m_placingTickets>, false}},
        {"signature/check", {&EngineRequests::checkAgainstSignature, true}},
        {"signature/cancel", {&EngineRequests::cancelTicket<&EngineRequests::m_signatureTickets>, false}},
        {"projection/embed", {&EngineRequests::embed, false}},
        {"projection/cancel", {&EngineRequests::cancelTicket<&EngineRequests::m_embeddingTickets>, false}},
        {"analysis/probe", {&EngineRequests::probeWeights, false}},
        {"analysis/probe-similarity", {&EngineRequests::probeSimilarity, true}},
        {"analysis/transfer", {&EngineRequests::probeTransfer, true}},
        {"analysis/calibration", {&EngineRequests::probeCalibration, false}},
        {"analysis/weights", {&EngineRequests::linearWeights, true}},
        {"analysis/inputs", {&EngineRequests::linearInputs, false}},
        {"analysis/cancel-inputs", {&EngineRequests::cancelTicket<&EngineRequests::m_inputTickets>, false}},
        {"whatif/block", {&EngineRequests::whatIf, false}},
        {"whatif/cancel", {&EngineRequests::cancelTicket<&EngineRequests::m_whatIfTickets>, false}},
        {"budget/measure", {&EngineRequests::measureBudget, false}},
        {"budget/cancel", {&EngineRequests::cancelTicket<&EngineRequests::m_budgetTickets>, false}},
        {"budget/solve", {&EngineRequests::solveBudgetRequest, false}},
        {"run/answers", {&EngineRequests::answers, false}},
        {"run/tasks", {&EngineRequests::tasks, false}},
        {"run/review", {&EngineRequests::review, false}},
        {"run/judge-answer", {&EngineRequests::judgeAnswer, false}},
        {"report/preview", {&EngineRequests::previewReport, true}},
        {"report/write", {&EngineRequests::writeReportRequest, true}},
        {"report/files", {&EngineRequests::reportFilesRequest, true}},
        {"assessment/list", {&EngineRequests::listAssessmentsRequest, true}},
        {"assessment/open", {&EngineRequests::openAssessment, true}},
        {"assessment/plan", {&EngineRequests::planAssessment, true}},
        {"assessment/start", {&EngineRequests::startAssessment, true}},
        {"assessment/resume", {&EngineRequests::resumeAssessment, false}},
        {"assessment/cancel", {&EngineRequests::cancelAssessment, false}},
        {"assessment/prompts", {&EngineRequests::flippedPrompts, true}},
        {"files/list", {&EngineRequests::listFiles, false}},
        {"files/upload", {&EngineRequests::uploadFile, false}},
        {"export/preflight", {&EngineRequests::preflightExportRequest, true}},
        {"export/start", {&EngineRequests::startExport, false}},
        {"export/cancel", {&EngineRequests::cancelExport, false}},
        {"hub/plan", {&EngineRequests::planDownload, true, true}},
        {"hub/download", {&EngineRequests::startDownload, false}},
        {"hub/cancel", {&EngineRequests::cancelDownload, false}},
    };
    return table;
}

void EngineRequests::handle(const json& id, const std::string& method, const json& params) {
    const auto route = routes().find(method);
    if (route == routes().end()) {
        m_connection.replyError(id, kRpcMethodNotFound, {ErrorKind::Unsupported, "This engine does not know the request.", method});
        return;
    }
    if (!params.is_object()) {
        m_connection.replyError(id, kRpcInvalidParams, {ErrorKind::BadInput, "The parameters must be an object.", method});
        return;
    }
    auto& pool = route->second.network ? m_network : route->second.slow ? m_slow : m_quick;
    pool.submit([this, id, params, handler = route->second.handler, method] {
        {
            const std::scoped_lock lock(m_mutex);
            if (m_cancelledIds.erase(id.dump()) > 0) {
                m_connection.replyError(id, kRpcFailed, cancelledError());
                return;
            }
        }
        try {
            const auto result = (this->*handler)(params);
            if (result) {
                m_connection.reply(id, *result);
            } else {
                const bool version = method == "initialize" && result.error().kind == ErrorKind::Mismatch;
                m_connection.replyError(id, version ? kRpcVersionMismatch : kRpcFailed, result.error());
            }
        } catch (const std::bad_alloc&) {
            m_connection.replyError(id, kRpcFailed, {ErrorKind::OutOfMemory, "There is not enough memory for this request.", method});
        } catch (const std::exception& error) {
            m_connection.replyError(id, kRpcFailed, {ErrorKind::Failed, error.what(), method});
        }
    });
}

void EngineRequests::notified(const std::string& method, const json& params) {
    if (method == "exit") m_shutdown = true;
    if (method == "$/cancelRequest" && params.is_object() && params.contains("id")) {
        const std::scoped_lock lock(m_mutex);
        m_cancelledIds.insert(params["id"].dump());
    }
}

Expected<json> EngineRequests::initialize(const json& params) {
    const auto version = field<int>(params, "protocol_version");
    if (!version) return fail(version.error());
    if (*version != protocol::kProtocolVersion)
        return fail(ErrorKind::Mismatch,
                    "The client speaks protocol " + std::to_string(*version) + ", this engine (" SAFEQUANT_VERSION ") speaks " +
                        std::to_string(protocol::kProtocolVersion) + ". Use a workbench and an engine of the same version.",
                    "protocol_version");
    protocol::EngineIntroduction info;
    info.version = SAFEQUANT_VERSION;
    info.pid = ::getpid();
    info.threads = threadCount();
    info.cpuFeatures = cpuFeatures();
    info.cpuName = cpuName();
    info.memoryBytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    info.residentBytes = residentBytes();
    for (const QuantizationMethod& method : quantizationMethods())
        info.methods.push_back({std::string(method.id), std::string(method.title), std::string(method.describe), method.calibrated, method.realigns, method.quick,
                                method.tunes});
    info.patches = patchInfos();
    for (const JudgeEntry& judge : judgeEntries())
        if (judge.textAlone) info.judges.push_back({judge.name, judge.describe});
    info.tasks = bundledTaskNames();
    info.host = hostName();
    info.home = homeFolder();
    info.cacheFolder = cacheFolder();
    info.workspace = workspaceNamed({});
    info.cards = usableCards();
    return protocol::toJson(info);
}

Expected<json> EngineRequests::shutdown(const json&) {
    m_shutdown = true;
    return json(nullptr);
}

Expected<json> EngineRequests::openCheckpointInfo(const json& params) {
    const auto path = field<std::string>(params, "path");
    if (!path) return fail(path.error());
    std::vector<std::string> adapters;
    if (params.contains("adapters")) {
        auto named = field<std::vector<std::string>>(params, "adapters");
        if (!named) return fail(named.error());
        adapters = std::move(*named);
    }
    {
        // Its tokenizer may have changed on disk since it was read.
        const std::scoped_lock lock(m_mutex);
        m_formatKey.clear();
    }
    const auto checkpoint = openModel(*path, adapters);
    if (!checkpoint) return fail(checkpoint.error());
    return protocol::toJson(checkpointInfo(**checkpoint));
}

Expected<std::shared_ptr<const PromptSet>> EngineRequests::promptSet(const json& params) {
    const auto source = promptSourceFromJson(params, "files", "prompts");
    if (!source) return fail(source.error());
    const std::string key = params["files"].dump() + params.value("seed", json(0)).dump() + params.value("split", json::object()).dump();
    {
        const std::scoped_lock lock(m_mutex);
        if (key == m_promptKey) return m_promptSet;
    }
    const auto files = resolvePromptFiles(source->files);
    if (!files) return fail(files.error());
    auto set = loadPromptSet(*files, source->split);
    if (!set) return fail(set.error());
    const std::scoped_lock lock(m_mutex);
    m_promptKey = key;
    m_promptSet = std::make_shared<const PromptSet>(std::move(*set));
    return m_promptSet;
}

Expected<json> EngineRequests::validatePrompts(const json& params) {
    {
        // Files may have changed on disk since they were read.
        const std::scoped_lock lock(m_mutex);
        m_promptKey.clear();
    }
    const auto set = promptSet(params);
    if (!set) return fail(set.error());
    return protocol::toJson(promptSetInfo(**set));
}

Expected<json> EngineRequests::samplePrompts(const json& params) {
    const auto set = promptSet(params);
    if (!set) return fail(set.error());
    const json mixJson = params.value("mix", json::object());
    CalibrationMix mix;
    mix.maliciousFraction = mixJson.value("malicious_fraction", mix.maliciousFraction);
    mix.total = mixJson.value("total", mix.total);
    mix.seed = params.value("seed", std::uint64_t{0});
    const auto sample = sampleCalibration(**set, mix);
    if (!sample) return fail(sample.error());
    protocol::CalibrationPreview preview;
    preview.malicious = static_cast<int>(sample->malicious.size());
    preview.benign = static_cast<int>(sample->benign.size());
    preview.hardBenign = static_cast<int>(sample->hardBenign.size());
    for (const auto* part : {&sample->malicious, &sample->benign, &sample->hardBenign})
        for (const auto index : *part) preview.ids.push_back((*set)->prompts[index].id);
    return protocol::toJson(preview);
}

Expected<json> EngineRequests::previewPromptFile(const json& params) {
    const auto given = field<json>(params, "file");
    if (!given) return fail(given.error());
    const auto file = promptFileFromJson(*given, "file");
    if (!file) return fail(file.error());
    const auto files = resolvePromptFiles({*file});
    if (!files) return fail(files.error());
    const PromptPage first;
    const auto rows = fieldOr(params, "rows", first.rows);
    const auto from = fieldOr(params, "from", first.from);
    const auto line = fieldOr(params, "line", first.line);
    if (!rows) return fail(rows.error());
    if (!from) return fail(from.error());
    if (!line) return fail(line.error());
    return protocol::toJson(previewPrompts(files->front(), {std::clamp<std::size_t>(*rows, 1, 1000), *from, *line}));
}

Expected<json> EngineRequests::reportPrompts(const json& params) {
    const auto source = promptSourceFromJson(params, "files", "prompts");
    if (!source) return fail(source.error());
    const auto checked = checkPromptsFor(*source, params.value("checkpoint", std::string()), params.value("system_prompt", std::string()),
                                         params.value("max_new_tokens", 0));
    if (!checked) return fail(checked.error());
    return protocol::toJson(checked->report);
}

Expected<json> EngineRequests::readPromptTokens(const json& params) {
    const auto checkpoint = field<std::string>(params, "checkpoint");
    if (!checkpoint) return fail(checkpoint.error());
    const auto text = field<std::string>(params, "text");
    if (!text) return fail(text.error());
    const std::string systemPrompt = params.value("system_prompt", std::string());
    const std::string key = *checkpoint + '\n' + systemPrompt;
    std::shared_ptr<const ChatFormat> format;
    {
        const std::scoped_lock lock(m_mutex);
        if (m_formatKey == key) format = m_format;
    }
    if (!format) {
        const auto opened = openCheckpoint(*checkpoint);
        if (!opened) return fail(opened.error());
        auto created = ChatFormat::create((*opened)->tokenizerSource(), systemPrompt);
        if (!created) return fail(created.error());
        format = std::make_shared<const ChatFormat>(std::move(*created));
        const std::scoped_lock lock(m_mutex);
        m_formatKey = key;
        m_format = format;
    }
    const auto reading = readPrompt(*format, *text);
    if (!reading) return fail(reading.error());
    return protocol::toJson(*reading);
}

Expected<json> EngineRequests::planRunRequest(const json& params) {
    const auto spec = runSpecFromJson(params.value("spec", json::object()), "spec");
    if (!spec) return fail(spec.error());
    const auto workspace = params.contains("workspace") ? askedWorkspace(params) : Expected<std::string>();
    if (!workspace) return fail(workspace.error());
    const auto plan = planRun(*spec, *workspace, params.value("time_one_block", false));
    if (!plan) return fail(plan.error());
    return protocol::toJson(*plan);
}

Expected<json> EngineRequests::runSettings(const json& params) {
    const std::string of = params.value("of", std::string("method"));
    if (of != "method" && of != "patch") return fail(ErrorKind::BadInput, "\"of\" must be \"method\" or \"patch\".", "run/settings");
    const json spec = params.value("spec", json::object());
    const auto settings = of == "patch" ? patchSettings(spec) : methodSettings(spec);
    if (!settings) return fail(settings.error());
    return listToJson(*settings);
}

Expected<json> EngineRequests::startRun(const json& params) {
    const auto spec = runSpecFromJson(params.value("spec", json::object()), "spec");
    if (!spec) return fail(spec.error());
    const auto workspace = askedWorkspace(params);
    if (!workspace) return fail(workspace.error());
    const auto folder = createRunFolder(*workspace, *spec);
    if (!folder) return fail(folder.error());
    return launch(*folder);
}

Expected<json> EngineRequests::resumeRun(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    awaitLetGo(*folder);
    const auto summary = readRunSummary(*folder);
    if (!summary) return fail(summary.error());
    if (summary->status == "running") {
        followRun(*folder, 0, 0);
        return protocol::toJson(protocol::RunRef{*folder});
    }
    return launch(*folder);
}

Expected<json> EngineRequests::launch(const std::string& folder) {
    const auto before = readRunState(folder);
    const std::uint64_t last = before ? before->sequence : 0;
    const auto child = startRunProcess(m_program, folder);
    if (!child) return fail(child.error());
    followRun(folder, last, *child);
    return protocol::toJson(protocol::RunRef{folder});
}

void EngineRequests::followRun(const std::string& folder, std::uint64_t afterSequence, pid_t child) {
    const std::scoped_lock lock(m_mutex);
    auto& follower = m_followers[folder];
    if (follower && !follower->ended() && child == 0) return;
    follower = std::make_unique<RunFollower>(folder, afterSequence, child, [this, folder](const protocol::RunEvent& event) {
        m_connection.notify("run/event", {{"folder", folder}, {"event", protocol::toJson(event)}});
    });
}

Expected<json> EngineRequests::cancelRun(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    if (auto told = stopFolderProcess(runOwner(*folder).value_or(0), SIGINT, "runs", "run", *folder); !told) return fail(told.error());
    return json(nullptr);
}

Expected<json> EngineRequests::openRun(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto state = readRunState(*folder);
    if (!state) return fail(state.error());
    if (state->summary.status == "running") followRun(*folder, state->sequence, 0);
    return protocol::toJson(*state);
}

Expected<json> EngineRequests::listRunsRequest(const json& params) {
    const auto workspace = askedWorkspace(params);
    if (!workspace) return fail(workspace.error());
    return listToJson(listRuns(*workspace));
}

Expected<json> EngineRequests::listResults(const json& params) {
    const auto workspace = askedWorkspace(params);
    if (!workspace) return fail(workspace.error());
    return listToJson(listRunResults(*workspace));
}

Expected<json> EngineRequests::compareRunsRequest(const json& params) {
    const auto folders = field<std::vector<std::string>>(params, "folders");
    if (!folders) return fail(folders.error());
    auto compared = compareRuns(*folders, {});
    if (!compared) return fail(compared.error());
    protocol::ComparisonTable table{compared->judge, {}};
    for (auto& row : compared->rows)
        table.rows.push_back({row.measure, row.first, row.second, row.firstRate, row.secondRate, row.difference, row.interval, row.p, row.pHolm,
                              std::move(row.onlyFirst), std::move(row.onlySecond), row.unpaired});
    return protocol::toJson(table);
}

Expected<json> EngineRequests::projection(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto block = field<int>(params, "block");
    const auto kind = field<std::string>(params, "kind");
    if (!folder) return fail(folder.error());
    if (!block) return fail(block.error());
    if (!kind) return fail(kind.error());
    const auto result = readProjection(*folder, *block, *kind, params.value("probe", std::string("transferred")));
    if (!result) return fail(result.error());
    return protocol::toJson(*result);
}

Expected<json> EngineRequests::embed(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto block = field<int>(params, "block");
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!folder) return fail(folder.error());
    if (!block) return fail(block.error());
    if (!ticket) return fail(ticket.error());
    const auto settings = protocol::parseMessage<protocol::EmbeddingSettings>(params.value("settings", json::object()));
    if (!settings) return fail(settings.error());
    const auto stop = m_embeddingTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    m_embeddings.submit([this, folder = *folder, block = *block, ticket = *ticket, settings = *settings, stop = *stop] {
        constexpr std::chrono::milliseconds kBetweenFrames{40};
        tellEnd("projection/finished", {{"ticket", ticket}}, folder, [&]() -> Expected<json> {
            auto last = std::chrono::steady_clock::now() - kBetweenFrames;
            const auto result = embedBlock(folder, block, settings, stop, [&](protocol::ProjectionFrame& frame) {
                const auto now = std::chrono::steady_clock::now();
                if (now - last < kBetweenFrames) return;
                last = now;
                frame.ticket = ticket;
                m_connection.notify("projection/frame", protocol::toJson(frame));
            });
            if (!result) return fail(result.error());
            return protocol::toJson(*result);
        });
    });
    return json{{"ticket", *ticket}};
}

Progress EngineRequests::told(const std::string& method, std::int64_t ticket, std::stop_token stop) {
    return {std::move(stop), [this, method, ticket](std::uint64_t done, std::uint64_t total) {
                m_connection.notify(method, {{"ticket", ticket}, {"done", done}, {"total", total}});
            }};
}

void EngineRequests::tellEnd(const std::string& method, json note, const std::string& where, const std::function<Expected<json>()>& work) {
    try {
        const auto result = work();
        if (result) note["result"] = *result;
        else note["error"] = protocol::toJson(result.error());
    } catch (const std::bad_alloc&) {
        note["error"] = protocol::toJson(Error{ErrorKind::OutOfMemory, "There is not enough memory for this.", where});
    } catch (const std::exception& error) {
        note["error"] = protocol::toJson(Error{ErrorKind::Failed, error.what(), where});
    }
    m_connection.notify(method, note);
}

Expected<json> EngineRequests::answers(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto prompts = field<std::vector<int>>(params, "prompts");
    if (!folder) return fail(folder.error());
    if (!prompts) return fail(prompts.error());
    const auto items = readAnswers(*folder, *prompts);
    if (!items) return fail(items.error());
    return listToJson(*items);
}

Expected<json> EngineRequests::preflightExportRequest(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto target = field<std::string>(params, "target");
    if (!folder) return fail(folder.error());
    if (!target) return fail(target.error());
    const auto options = exportOptions(params);
    if (!options) return fail(options.error());
    const auto report = preflightRunExport(*folder, *target, *options);
    if (!report) return fail(report.error());
    return protocol::toJson(*report);
}

Expected<json> EngineRequests::startExport(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto target = field<std::string>(params, "target");
    if (!folder) return fail(folder.error());
    if (!target) return fail(target.error());
    const auto options = exportOptions(params);
    if (!options) return fail(options.error());
    std::stop_token stop;
    {
        const std::scoped_lock lock(m_mutex);
        if (m_exports.contains(*target)) return fail(ErrorKind::BadInput, "An export to this folder is being written already.", *target);
        stop = m_exports[*target].get_token();
    }
    m_slow.submit([this, folder = *folder, target = *target, options = *options, stop] {
        Progress progress;
        progress.stop = stop;
        progress.report = [&](std::uint64_t done, std::uint64_t total) {
            m_connection.notify("export/progress", {{"folder", folder}, {"target", target}, {"done", done}, {"total", total}});
        };
        tellEnd("export/finished", {{"folder", folder}, {"target", target}}, target, [&]() -> Expected<json> {
            const auto result = exportRun(folder, target, progress, options);
            {
                const std::scoped_lock lock(m_mutex);
                m_exports.erase(target);
            }
            if (!result) return fail(result.error());
            return protocol::toJson(*result);
        });
    });
    return json{{"target", *target}};
}

Expected<json> EngineRequests::cancelExport(const json& params) {
    const auto target = field<std::string>(params, "target");
    if (!target) return fail(target.error());
    const std::scoped_lock lock(m_mutex);
    const auto found = m_exports.find(*target);
    if (found == m_exports.end()) return fail(ErrorKind::NotFound, "No export to this folder is being written.", *target);
    found->second.request_stop();
    return json(nullptr);
}

}  // namespace safequant
