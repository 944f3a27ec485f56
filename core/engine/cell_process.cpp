// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/cell_process.h"

#include <signal.h>

#include <chrono>
#include <thread>
#include <utility>

#include "core/run/run_folder.h"
#include "core/run/run_lock.h"

namespace safequant {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(40);

/// What became of a run whose process has ended.
Expected<void> outcomeOfRun(const std::string& folder) {
    const auto summary = readRunSummary(folder);
    if (!summary) return fail(summary.error());
    if (summary->status == "finished") return {};
    if (summary->status == "stopped") return fail(cancelledError());
    if (summary->status == "failed") return fail(ErrorKind::Failed, summary->detail, folder);
    return fail(ErrorKind::Failed, "Its process ended without a word, as one does that memory ran out for; its last output stands in run.log.", folder);
}

}  // namespace

CellRunner cellProcesses(std::string program, RunFollower::Listener listener) {
    return [program = std::move(program), listener = std::move(listener)](const std::string& folder, const std::stop_token& stop) -> Expected<void> {
        const auto state = readRunState(folder);
        if (!state) return fail(state.error());
        pid_t child = 0;
        if (!runOwner(folder)) {
            const auto started = startRunProcess(program, folder);
            if (!started) return fail(started.error());
            child = *started;
        }
        const RunFollower follower(folder, state->sequence, child, listener);
        bool told = false;
        while (!follower.ended()) {
            if (stop.stop_requested() && !told) {
                const pid_t worker = child != 0 ? child : runOwner(folder).value_or(0);
                if (worker > 0) ::kill(worker, SIGTERM);
                told = true;
            }
            std::this_thread::sleep_for(kPatience);
        }
        return outcomeOfRun(folder);
    };
}

}  // namespace safequant
