// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <new>

#include "core/run/continued_blocks.h"
#include "core/run/prompt_table.h"
#include "core/run/run_folder.h"
#include "core/run/run_lock.h"
#include "core/run/session.h"
#include "core/tensor/open_device.h"

namespace safequant {
namespace {

/// Of this process since it began.
std::uint64_t peakMemory() {
    constexpr std::uint64_t kBytesPerUnit = 1024;
    rusage usage{};
    return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::uint64_t>(usage.ru_maxrss) * kBytesPerUnit : 0;
}

/// Work on one run by this process, from its start to the event that ends it.
class Execution {
public:
    Execution(std::string folder, Manifest manifest, EventLog log, protocol::RunState past, std::stop_token stop)
        : m_folder(std::move(folder)),
          m_manifest(std::move(manifest)),
          m_log(std::move(log)),
          m_state(std::move(past)),
          m_stop(std::move(stop)) {}

    Expected<void> run() {
        Expected<void> done;
        try {
            done = work();
        } catch (const std::bad_alloc&) {
            done = fail(ErrorKind::OutOfMemory,
                        "Memory ran out. Close other programs, or choose a smaller model or fewer prompts; "
                        "the run continues at the last finished block when it is resumed.");
        } catch (const std::exception& error) {
            done = fail(ErrorKind::Failed, error.what());
        }
        return conclude(std::move(done));
    }

private:
    Expected<void> work() {
        auto& manifest = m_manifest.json();
        const bool resumed = m_state.sequence > 0;
        manifest["status"] = "running";
        manifest.erase("error");
        auto& sessions = manifest["sessions"];
        if (!sessions.is_array()) sessions = nlohmann::json::array();
        sessions.push_back({{"started", utcNow()}, {"pid", ::getpid()}});
        if (auto saved = m_manifest.save(); !saved) return saved;
        protocol::RunEvent started;
        started.type = "started";
        started.message = resumed ? "resumed" : "started";
        if (auto told = m_log.append(std::move(started), m_state); !told) return told;

        const auto spec = readRunSpec(m_folder + "/spec.json");
        if (!spec) return fail(spec.error());
        auto device = openDevice(spec->device);
        if (!device) return fail(device.error());
        auto inputs = openInputs(*spec, true, Progress{m_stop, {}});
        if (!inputs) return fail(inputs.error());
        inputs->device = std::move(*device);
        if (auto same = checkFingerprints(*inputs); !same) return same;
        describeInputs(manifest, *inputs);
        if (auto saved = m_manifest.save(); !saved) return saved;
        if (inputs->usesPrompts())
            if (auto written = writePromptTable(m_folder, *inputs); !written) return written;

        Session session(m_folder, std::move(*inputs), m_manifest, m_log, m_state, m_stop);
        if (auto told = tellDevice(session); !told) return told;
        return runStages(session);
    }

    Expected<void> checkFingerprints(const RunInputs& inputs) const {
        const auto then = m_manifest.json().find("fingerprints");
        if (then == m_manifest.json().end()) return {};
        const auto differences = fingerprintDifferences(*then, inputFingerprints(inputs));
        if (differences.empty()) return {};
        std::string list;
        for (const auto& difference : differences) list += (list.empty() ? "" : ", ") + difference;
        return fail(ErrorKind::Mismatch,
                    "The run cannot go on, because what it was begun with has changed: " + list +
                        ". Put it back as it was, or start a new run.",
                    m_folder);
    }

    Expected<void> tellDevice(Session& session) {
        // `describeInputs` has just written the device of now; what differs is told, not refused.
        const auto now = m_manifest.json()["device"];
        auto& sessions = m_manifest.json()["sessions"];
        const auto first = sessions.front().contains("device") ? sessions.front()["device"] : now;
        sessions.back()["device"] = now;
        if (auto saved = m_manifest.save(); !saved) return saved;
        if (first == now) return {};
        return session.say("warning",
                           "This part of the run uses other processor features or another number of threads than its "
                           "beginning; last digits of its numbers may differ from an unbroken run's.");
    }

    static Expected<void> runStages(Session& session) {
        for (const auto& stage : session.schedule().stages())
            if (auto told = session.tellProgress(stage.name); !told) return told;
        if (session.inputs().spec.hasStage("export"))
            if (auto possible = checkExport(session); !possible) return possible;
        if (auto told = tellWhatToKnow(session); !told) return told;
        if (session.inputs().spec.hasStage("quantize"))
            if (auto taken = takeContinuedBlocks(session); !taken) return taken;
        struct Step {
            const char* stage;
            Expected<void> (*run)(Session&);
        };
        for (const auto& step : {Step{"capture", runCaptureStage}, Step{"tune", runTuneStage}, Step{"patch", runPatchStage},
                                 Step{"quantize", runQuantizeStage}, Step{"evaluate", runEvaluateStage},
                                 Step{"export", runExportStage}}) {
            if (!session.inputs().spec.hasStage(step.stage)) continue;
            if (session.stop().stop_requested()) return fail(cancelledError());
            if (auto done = step.run(session); !done) return done;
        }
        return finishResults(session);
    }

    Expected<void> conclude(Expected<void> done) {
        protocol::RunEvent event;
        event.type = "finished";
        auto& manifest = m_manifest.json();
        if (done) {
            event.status = "finished";
            manifest["detail"] = "";
        } else {
            const auto& error = done.error();
            const bool stopped = error.kind == ErrorKind::Cancelled;
            event.status = stopped ? "stopped" : "failed";
            event.error = error;
            manifest["detail"] = stopped ? m_state.summary.detail : error.describe();
            if (!stopped) manifest["error"] = protocol::toJson(error);
        }
        manifest["status"] = event.status;
        manifest["updated"] = utcNow();
        auto& sessions = manifest["sessions"];
        if (sessions.is_array() && !sessions.empty()) {
            sessions.back()["ended"] = utcNow();
            sessions.back()["status"] = event.status;
            sessions.back()["peak_memory_bytes"] = peakMemory();
        }
        // The manifest first: whoever hears the event finds the run in its new state.
        const auto saved = m_manifest.save();
        const auto told = m_log.append(std::move(event), m_state);
        if (!done) return done;
        if (!saved) return saved;
        return told;
    }

    std::string m_folder;
    Manifest m_manifest;
    EventLog m_log;
    protocol::RunState m_state;
    std::stop_token m_stop;
};

}  // namespace

Expected<void> executeRun(const std::string& folder, const EventListener& listener, const std::stop_token& stop) {
    auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    const auto lock = RunLock::acquire(folder);
    if (!lock) return fail(lock.error());
    // Read again: another process may have finished the run between the two lines above.
    manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    protocol::RunState past;
    auto log = EventLog::open(folder, listener, past);
    if (!log) return fail(log.error());
    if (manifest->text("status") == "finished" && past.summary.status == "finished") return {};
    return Execution(folder, std::move(*manifest), std::move(*log), std::move(past), stop).run();
}

}  // namespace safequant
