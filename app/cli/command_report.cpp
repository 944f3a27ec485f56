// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <memory>

#include "app/cli/command.h"
#include "core/report/build_report.h"
#include "core/report/report_files.h"

namespace safequant::cli {
namespace {

struct ReportCommand {
    std::vector<std::string> folders;
    std::string output, reader = reportTemplateNames().front();
    bool showTexts = false;
};

int report(const CommonOptions& options, const ReportCommand& chosen) {
    const auto reader = reportTemplateNamed(chosen.reader);
    if (!reader) return reportError(options, reader.error());
    const ReportOptions wanted{*reader, chosen.showTexts};
    const auto built = chosen.folders.size() > 1 ? buildComparisonReport(chosen.folders, wanted) : buildReport(chosen.folders.front(), wanted);
    if (!built) return reportError(options, built.error());
    const auto written = writeReport(*built, chosen.output.empty() ? chosen.folders.back() + (chosen.folders.size() > 1 ? "/comparison" : "/report") : chosen.output);
    if (!written) return reportError(options, written.error());
    if (options.json) {
        std::printf("%s\n", nlohmann::json(*written).dump(2).c_str());
        return 0;
    }
    for (const ReportFinding& finding : built->verdict) std::printf("%s\n", finding.text.c_str());
    std::printf("%s\n", written->front().c_str());
    return 0;
}

}  // namespace

void addReportCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<ReportCommand>();
    auto* command = app.add_subcommand("report", "Write a report of a run, or of several compared: a page (HTML), paper (PDF), tables (CSV), figures (SVG), JSON");
    command->add_option("runs", chosen->folders, "Run folder; several (up to four): a report that compares the others with the first")
        ->required()
        ->check(CLI::ExistingDirectory);
    command->add_option("-o,--output", chosen->output, "Folder to write into (default: RUN/report; of several the last one's RUN/comparison)");
    command->add_option("--template", chosen->reader, "For whom: reviewer, researcher or model-card")
        ->check(CLI::IsMember(std::vector<std::string>(reportTemplateNames().begin(), reportTemplateNames().end())))
        ->capture_default_str();
    command->add_flag("--show-text", chosen->showTexts, "Put malicious prompts and their answers into it, which are left out otherwise");
    command->footer("Examples:\n  safequant report runs/2026-01-31T10-20-30-w4a16 --template researcher -o report\n"
                    "  safequant report ERODED REPAIRED -o comparison");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return report(options, *chosen); }; });
}

}  // namespace safequant::cli
