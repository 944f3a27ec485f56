// SPDX-License-Identifier: GPL-3.0-or-later
#include <new>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "core/base/blas_core.h"
#include "safequant_version.h"

namespace safequant::cli {
namespace {

int run(int argc, char** argv) {
    CLI::App app{"Safety-aware quantization of language models: measure what quantizing does to refusals, block by block.",
                 "safequant"};
    app.set_version_flag("--version", SAFEQUANT_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    CommonOptions options;
    app.add_flag("--json", options.json, "Print results as one JSON value on stdout");
    app.add_option("--progress", options.progress, "Progress on stderr: auto, json (a line an event) or none")
        ->check(CLI::IsMember({"auto", "json", "none"}));
    app.footer(
        "Examples:\n"
        "  safequant download HuggingFaceTB/SmolLM2-135M-Instruct\n"
        "  safequant inspect model.gguf\n"
        "  safequant prompts harmful_behaviors.csv --label malicious\n"
        "  safequant run --default --model model.gguf --plots\n"
        "  safequant quantize model.gguf --bits 4 --group 64 --output model-w4a16\n"
        "  safequant verify ~/.local/share/safequant/workspace/runs/NAME\n\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 out of memory or device, 75 stopped and resumable,\n"
        "130 interrupted at once (second Ctrl-C).");
    Action action;
    addRunCommand(app, options, action);
    addInspectCommand(app, options, action);
    addDownloadCommand(app, options, action);
    addTokenizeCommand(app, options, action);
    addPromptsCommand(app, options, action);
    addCaptureCommand(app, options, action);
    addQuantizeCommand(app, options, action);
    addEvaluateCommand(app, options, action);
    addFinetuneCommand(app, options, action);
    addJudgeCommand(app, options, action);
    addCompareCommand(app, options, action);
    addAssessCommand(app, options, action);
    addSignatureCommand(app, options, action);
    addCheckCommand(app, options, action);
    addBudgetCommand(app, options, action);
    addExportCommand(app, options, action);
    addVerifyCommand(app, options, action);
    addPlotCommand(app, options, action);
    addReportCommand(app, options, action);
    addServeCommand(app, options, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // The library's own exit codes start at 100; help and version are successes.
        return app.exit(error) == 0 ? 0 : kExitUsage;
    }
    try {
        return action();
    } catch (const std::bad_alloc&) {
        return reportError(options, {ErrorKind::OutOfMemory, "There is not enough memory for this.", {}});
    } catch (const std::exception& error) {
        return reportError(options, {ErrorKind::Failed, error.what(), {}});
    }
}

}  // namespace
}  // namespace safequant::cli

int main(int argc, char** argv) {
    safequant::cli::blockInterrupts();
    safequant::useProcessorsBlas();
    return safequant::cli::run(argc, argv);
}
