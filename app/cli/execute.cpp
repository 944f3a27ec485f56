// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/execute.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "app/cli/interrupt.h"
#include "app/cli/terminal_progress.h"
#include "core/run/evaluation_table.h"
#include "core/run/run_folder.h"

extern char** environ;

namespace safequant::cli {
namespace {

void printMetrics(const protocol::ModelMetrics& m) {
    std::printf("%s\n  harmful score          %s (judge %s)\n  refused, malicious     %s\n  refused, benign        %s\n"
                "  refused, hard benign   %s\n  perplexity             %.3f over %llu tokens\n",
                m.model.c_str(), rateText(m.harmfulScore).c_str(), m.judge.c_str(), rateText(m.refusedMalicious).c_str(),
                rateText(m.refusedBenign).c_str(), rateText(m.refusedHardBenign).c_str(), m.perplexity,
                static_cast<unsigned long long>(m.perplexityTokens));
}

void printFurther(const EvaluationTable& table) {
    for (const auto& task : table.tasks)
        std::printf("%s, %s\n  right                  %s (%s)\n", task.task.c_str(), task.model.c_str(), rateText(taskAccuracy(task.answers)).c_str(),
                    task.kind.c_str());
    for (const auto& attack : table.attacks)
        std::printf("attack at %s, %s%s\n  success, mean          %.1f%% [%.1f, %.1f] of %zu answers\n  success, any of %-6d %s\n"
                    "  decisions flipped      %zu to harmful, %zu to safe\n",
                    attack.setting.name().c_str(), attack.model.c_str(), attack.stopWhenDecided ? " (answers end once decided)" : "",
                    100.0 * attack.summary.meanSuccess, 100.0 * attack.summary.meanInterval.low, 100.0 * attack.summary.meanInterval.high,
                    attack.answers.size(), attack.samples, rateText(attack.summary.anySuccess).c_str(), attack.summary.toHarmful.size(),
                    attack.summary.toSafe.size());
}

}  // namespace

int printRun(const CommonOptions& options, const std::string& folder) {
    const auto state = readRunState(folder);
    if (!state) return reportError(options, state.error());
    const auto further = readEvaluationTable(folder);
    if (!further) return reportError(options, further.error());
    if (options.json) {
        nlohmann::json json{{"folder", folder}, {"status", state->summary.status}, {"notes", state->notes}};
        for (const auto& metrics : state->metrics) json["metrics"].push_back(protocol::toJson(metrics));
        for (const auto& block : state->blocks) json["blocks"].push_back(protocol::toJson(block));
        json.update(toJson(*further));
        std::printf("%s\n", json.dump(2).c_str());
        return 0;
    }
    for (const auto& metrics : state->metrics) printMetrics(metrics);
    printFurther(*further);
    std::printf("%s\n", folder.c_str());
    return 0;
}

int executeFolder(const CommonOptions& options, const std::string& folder, bool plots) {
    TerminalProgress progress(options.progress);
    {
        const InterruptGuard guard;
        const auto done = executeRun(folder, [&](const protocol::RunEvent& event) { progress.show(event); }, guard.token());
        if (!done) {
            const int code = reportError(options, done.error());
            if (done.error().kind == ErrorKind::Cancelled) std::fprintf(stderr, "Resume with: safequant run --resume %s\n", folder.c_str());
            return code;
        }
    }
    if (plots) {
        if (auto drawn = drawPlots(folder); !drawn) return reportError(options, drawn.error());
    }
    return printRun(options, folder);
}

int printEstimate(const CommonOptions& options, const RunSpec& spec, const std::string& workspace) {
    const auto plan = planRun(spec, workspace, true);
    if (!plan) return reportError(options, plan.error());
    if (options.json) {
        std::printf("%s\n", protocol::toJson(*plan).dump(2).c_str());
        return 0;
    }
    const auto& e = plan->estimate;
    std::printf("memory   %s at its peak, %s available\ndisk     %s, %s available; an export takes %s more\n"
                "time     about %s (%s to %s), %s\n",
                sizeText(e.peakMemoryBytes).c_str(), sizeText(e.availableMemoryBytes).c_str(), sizeText(e.diskBytes).c_str(),
                sizeText(e.availableDiskBytes).c_str(), sizeText(e.exportBytes).c_str(), durationText(e.seconds).c_str(),
                durationText(e.secondsLow).c_str(), durationText(e.secondsHigh).c_str(), e.basis.c_str());
    for (const auto& warning : e.warnings) std::printf("warning  %s\n", warning.c_str());
    return 0;
}

Expected<void> drawPlots(const std::string& folder) {
    const auto here = std::filesystem::path(programPath()).parent_path();
    std::filesystem::path tool = here / "safequant-plot";
    if (!std::filesystem::exists(tool)) tool = here / "../plot/safequant-plot";
    if (!std::filesystem::exists(tool))
        return fail(ErrorKind::NotFound, "The program safequant-plot is not installed beside safequant.", here.string());
    std::string name = tool.lexically_normal().string();
    std::string argument = folder;
    char* arguments[] = {name.data(), argument.data(), nullptr};
    // This program blocks interrupts; the other shall heed them.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    pid_t pid = 0;
    const int code = posix_spawn(&pid, name.c_str(), nullptr, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (code != 0)
        return fail(ErrorKind::Failed, "Cannot be started: " + std::generic_category().message(code) + ".", name);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(ErrorKind::Failed, "The plots could not be drawn; its message stands above.", folder);
    return {};
}

}  // namespace safequant::cli
