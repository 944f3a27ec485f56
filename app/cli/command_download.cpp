// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/terminal_progress.h"
#include "core/hub/hub_download.h"

namespace safequant::cli {
namespace {

struct DownloadOptions {
    std::string name, revision, file;
    bool yes = false;
};

void printPlan(const protocol::HubPlan& plan) {
    std::fprintf(stderr, "%s at revision %s (commit %.12s) from %s\n", plan.repository.c_str(), plan.revision.c_str(), plan.commit.c_str(),
                 plan.host.c_str());
    for (const auto& file : plan.files)
        std::fprintf(stderr, "  %9s  %s%s\n", sizeText(file.bytes).c_str(), file.name.c_str(),
                     file.presentBytes == file.bytes ? "  (in the cache)"
                     : file.presentBytes > 0         ? ("  (" + sizeText(file.presentBytes) + " in the cache)").c_str()
                                                     : "");
    std::fprintf(stderr, "  licence   %s (%s)\n", plan.license.empty() ? "none named" : plan.license.c_str(), plan.page.c_str());
    if (!plan.gated.empty())
        std::fprintf(stderr, "  gated     open only to those who accepted the licence at %s%s%s\n", plan.page.c_str(),
                     plan.gated == "manual" ? " and were let in by the owner" : "",
                     plan.hasToken ? "" : "; set HF_TOKEN to a token of such an account");
    std::fprintf(stderr, "  to fetch  %s of %s, %s free in %s\n", sizeText(plan.missingBytes()).c_str(), sizeText(plan.bytes).c_str(),
                 sizeText(plan.availableBytes).c_str(), plan.cache.c_str());
}

/// An error once the plan is known, which --json tells too.
int refuse(const CommonOptions& options, const protocol::HubPlan& plan, const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.describe().c_str());
    if (options.json)
        std::printf("%s\n", nlohmann::json{{"error", protocol::toJson(error)}, {"plan", protocol::toJson(plan)}}.dump(2).c_str());
    return exitCodeFor(error.kind);
}

bool agreed(const protocol::HubPlan& plan) {
    std::fprintf(stderr, "Download %s? [y/N] ", sizeText(plan.missingBytes()).c_str());
    // Nothing is at work yet: Ctrl-C ends the program.
    unblockInterrupts();
    std::string line;
    std::getline(std::cin, line);
    blockInterrupts();
    return line == "y" || line == "Y" || line == "yes";
}

int download(const CommonOptions& options, const DownloadOptions& chosen) {
    auto name = HubName::parseForm(chosen.revision.empty() ? chosen.name : chosen.name + '@' + chosen.revision);
    if (!name)
        return reportError(options, {ErrorKind::BadInput, "Is no name of a model; give it as organisation/name, as its page on the Hub does.", chosen.name});
    const auto settings = HubSettings::fromEnvironment();
    if (!settings) return reportError(options, settings.error());
    Expected<protocol::HubPlan> plan;
    {
        const InterruptGuard guard("asking the Hub");
        plan = planHubDownload(*name, chosen.file, *settings, guard.token());
    }
    if (!plan) return reportError(options, plan.error());
    if (plan->files.empty()) {
        for (const auto& gguf : plan->ggufs)
            std::fprintf(stderr, "  %9s  %s%s\n", sizeText(gguf.bytes).c_str(), gguf.file.c_str(),
                         gguf.parts > 1 ? ("  (" + std::to_string(gguf.parts) + " parts)").c_str() : "");
        return refuse(options, *plan, {ErrorKind::BadInput, "The repository holds " + std::to_string(plan->ggufs.size()) +
                                                                " GGUF files; choose one with --file NAME.gguf.", plan->page});
    }
    printPlan(*plan);
    if (!plan->fits())
        return refuse(options, *plan,
                      {ErrorKind::Io, "The disk has too little free space. Free some, or name a cache on another disk with HF_HUB_CACHE.", plan->cache});
    if (!chosen.yes && plan->missingBytes() > 0) {
        if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
            refuse(options, *plan, {ErrorKind::BadInput, "There is no terminal to ask on; add --yes to download without being asked.", {}});
            return kExitUsage;
        }
        if (!agreed(*plan)) return refuse(options, *plan, {ErrorKind::Failed, "Nothing was downloaded.", {}});
    }
    Expected<protocol::HubOutcome> outcome;
    {
        TerminalProgress progress(options.progress);
        const InterruptGuard guard("the download");
        outcome = downloadFromHub(*plan, *settings, [&](const protocol::HubProgress& now) { progress.showDownload(now); }, guard.token());
    }
    if (!outcome) {
        const int code = refuse(options, *plan, outcome.error());
        if (outcome.error().kind == ErrorKind::Cancelled) std::fprintf(stderr, "What came is kept; the same command goes on from there.\n");
        return code;
    }
    if (options.json) {
        const nlohmann::json said{{"plan", protocol::toJson(*plan)}, {"path", outcome->path}, {"received_bytes", outcome->receivedBytes}};
        std::printf("%s\n", said.dump(2).c_str());
        return 0;
    }
    std::printf("%s\n", outcome->path.c_str());
    return 0;
}

}  // namespace

void addDownloadCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<DownloadOptions>();
    auto* command = app.add_subcommand("download", "Download a model from the Hugging Face Hub into the local cache of Hugging Face's programs");
    command->add_option("name", chosen->name, "organisation/name, or organisation/name@revision")->required();
    command->add_option("--revision", chosen->revision, "Branch, tag or commit (default: main)");
    command->add_option("--file", chosen->file, "The GGUF file to take, of a repository that has several");
    command->add_flag("--yes", chosen->yes, "Do not ask before downloading");
    command->footer(
        "Examples:\n"
        "  safequant download HuggingFaceTB/SmolLM2-135M-Instruct\n"
        "  safequant download bartowski/SmolLM2-135M-Instruct-GGUF --file SmolLM2-135M-Instruct-Q4_K_M.gguf --yes\n\n"
        "Shows files, sizes, licence and free space first. Only what opening the model reads is fetched, never a pickle, and every file is\n"
        "compared with its hash. Ctrl-C once keeps what came (exit code 75; the same command goes on from there). HF_TOKEN, HF_HOME,\n"
        "HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE are heeded as Hugging Face's own programs heed them.");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return download(options, *chosen); }; });
}

}  // namespace safequant::cli
