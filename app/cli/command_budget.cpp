// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/spec_options.h"
#include "app/cli/terminal_progress.h"
#include "core/base/files.h"
#include "core/run/sensitivities.h"

namespace safequant::cli {
namespace {

struct BudgetCommand {
    SpecOptions changes;
    double meanBits = 0.0, megabytes = 0.0;
    std::string run;  ///< Empty: errors of weights.
    bool unfused = false;
    std::string output;
};

Expected<ModelSensitivities> measure(const CommonOptions& options, const BudgetCommand& chosen, const RunSpec& spec) {
    const InterruptGuard guard;
    TerminalProgress progress(options.progress);
    const Progress told = progress.task("Measure", "blocks", guard.token());
    if (chosen.run.empty()) return measureWeightErrors(spec, told);
    auto whatIf = WhatIf::open(chosen.run);
    if (!whatIf) return fail(whatIf.error());
    return measureOutputErrors(spec, **whatIf, told);
}

/// The number of bits that most weights get.
int commonBits(const std::vector<LinearSensitivity>& linears, const std::vector<int>& bits) {
    std::map<int, double> weights;
    for (std::size_t i = 0; i < bits.size(); ++i) weights[bits[i]] += linears[i].weights;
    return std::max_element(weights.begin(), weights.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
}

double errorAt(const LinearSensitivity& linear, int bits) {
    const auto at = std::find(kBudgetBits.begin(), kBudgetBits.end(), bits) - kBudgetBits.begin();
    return linear.relativeError[static_cast<std::size_t>(at)];
}

void print(const ModelSensitivities& measured, const BitBudget& solved, double weights, const std::string& measure) {
    int block = -1;
    for (std::size_t i = 0; i < solved.bits.size(); ++i) {
        const LinearSensitivity& linear = measured.linears[i];
        if (linear.block != block) std::printf("%sblock %3d ", block < 0 ? "" : "\n", linear.block);
        block = linear.block;
        std::printf("  %d (%.2f%%)", solved.bits[i], 100.0 * errorAt(linear, solved.bits[i]));
    }
    std::printf("\nColumns q k v o gate up down: bits (relative error of %s)\n", measure.c_str());
    std::printf("%.3f bits a weight, linears %s, export about %s; sum of squared relative errors %.5g, at most %.2f%% above the best possible\n",
                solved.size / weights, sizeText(static_cast<std::uint64_t>(solved.size / 8.0)).c_str(),
                sizeText(measured.otherBytes + static_cast<std::uint64_t>(solved.size / 8.0)).c_str(), solved.cost,
                solved.bound > 0.0 ? 100.0 * (solved.cost / solved.bound - 1.0) : 0.0);
}

int budget(const CommonOptions& options, const BudgetCommand& chosen) {
    auto spec = bundledRunSpec("default-run", chosen.changes.checkpoint);
    if (!spec) return reportError(options, spec.error());
    if (auto applied = chosen.changes.apply(*spec); !applied) return reportError(options, applied.error());
    anchorModels(*spec);
    const auto measured = measure(options, chosen, *spec);
    if (!measured) return reportError(options, measured.error());
    double weights = 0.0;
    for (const LinearSensitivity& linear : measured->linears) weights += linear.weights;
    const double size = chosen.meanBits > 0.0 ? chosen.meanBits * weights : 8.0 * (chosen.megabytes * 1e6 - static_cast<double>(measured->otherBytes));
    const auto solved = solveBudget(measured->linears, size, !chosen.unfused);
    if (!solved) return reportError(options, solved.error());

    spec->scheme.weightBits = commonBits(measured->linears, solved->bits);
    spec->rules = rulesFor(measured->linears, solved->bits, spec->scheme);
    if (!chosen.output.empty())
        if (auto written = writeFileAtomically(chosen.output, runSpecToJson(*spec).dump(2) + "\n"); !written) return reportError(options, written.error());
    const std::string measure = chosen.run.empty() ? "weights" : "outputs";
    if (!options.json) {
        print(*measured, *solved, weights, measure);
        return 0;
    }
    nlohmann::json linears = nlohmann::json::array();
    for (std::size_t i = 0; i < solved->bits.size(); ++i)
        linears.push_back({{"name", measured->linears[i].name}, {"bits", solved->bits[i]}, {"error", errorAt(measured->linears[i], solved->bits[i])}});
    const nlohmann::json json{{"measure", measure}, {"mean_bits", solved->size / weights}, {"cost", solved->cost}, {"bound", solved->bound}, {"linears", linears}};
    std::printf("%s\n", json.dump(2).c_str());
    return 0;
}

}  // namespace

void addBudgetCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<BudgetCommand>();
    auto* command = app.add_subcommand("budget", "Choose the bits of every linear for a budget, by what rounding does to each");
    command->add_option("checkpoint", chosen->changes.checkpoint, "GGUF file, Hugging Face folder, or org/name in its local cache")->required();
    auto* target = command->add_option_group("target", "What the model may take");
    target->add_option("--mean-bits", chosen->meanBits, "Bits a weight of all linears, scales and zero points among them")->check(CLI::PositiveNumber);
    target->add_option("--size", chosen->megabytes, "Megabytes of an export")->check(CLI::PositiveNumber);
    target->require_option(1);
    command->add_option("--run", chosen->run, "Judge by errors of outputs on the activations of this run (default: errors of weights)")
        ->check(CLI::ExistingDirectory);
    command->add_flag("--unfused", chosen->unfused, "Let query, key and value, and gate and up, have bits of their own; runtimes that fuse them refuse such an export");
    command->add_option("-o,--output", chosen->output, "Write a run spec with these bits");
    chosen->changes.addAdapterOption(*command);
    chosen->changes.addSchemeOptions(*command);
    command->footer("Examples:\n  safequant budget model.gguf --mean-bits 4.5 -o spec.json\n"
                    "  safequant budget model.gguf --size 100 --run RUN -o spec.json\n  safequant run spec.json");
    command->callback([chosen, &options, &action] {
        action = [chosen, &options] { return budget(options, *chosen); };
    });
}

}  // namespace safequant::cli
