// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

#include "app/cli/command.h"
#include "app/cli/interrupt.h"
#include "app/cli/spec_options.h"
#include "app/cli/terminal_progress.h"
#include "core/run/run_folder.h"
#include "core/run/run_signature.h"

namespace safequant::cli {
namespace {

namespace fs = std::filesystem;

struct SignatureOptions {
    std::string checkpoint, output, signature;
    std::string model = "quantized";
    std::vector<std::string> adapters, prompts{"builtin:default"};
    std::string systemPrompt;
    int asked = 100;
    std::uint64_t seed = 0;
};

/// A model, its chat format, and labelled prompts.
struct SignatureSubject {
    std::shared_ptr<const Checkpoint> checkpoint;
    ChatFormat format;
    PromptSet prompts;
};

Expected<SignatureSubject> openSubject(const SignatureOptions& chosen) {
    auto checkpoint = openModel(chosen.checkpoint, chosen.adapters);
    if (!checkpoint) return fail(checkpoint.error());
    auto format = ChatFormat::create((*checkpoint)->tokenizerSource(), chosen.systemPrompt);
    if (!format) return fail(format.error());
    std::vector<PromptFile> files;
    for (const std::string& path : chosen.prompts) files.push_back({.path = path, .format = {}, .delimiter = 0, .label = {}, .map = {}, .corrections = {}});
    auto resolved = resolvePromptFiles(std::move(files));
    if (!resolved) return fail(resolved.error());
    auto prompts = loadPromptSet(*resolved);
    if (!prompts) return fail(prompts.error());
    return SignatureSubject{std::move(*checkpoint), std::move(*format), std::move(*prompts)};
}

/// A folder that goes when it is no longer needed.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (fs::temp_directory_path() / "safequant-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) m_path = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!m_path.empty()) fs::remove_all(m_path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return m_path; }

private:
    std::string m_path;
};

/// The model's own answers to evaluation prompts, judged, by a run that leaves nothing.
Expected<AlignmentSignature::Scores> ownScores(const SignatureOptions& chosen, TerminalProgress& progress, const std::stop_token& stop) {
    const TemporaryFolder workspace;
    if (workspace.path().empty()) return fail(ErrorKind::Io, "A temporary folder cannot be made.", fs::temp_directory_path().string());
    RunSpec spec;
    spec.name = "scores";
    spec.checkpoint = chosen.checkpoint;
    spec.adapters = chosen.adapters;
    spec.systemPrompt = chosen.systemPrompt;
    spec.prompts.clear();
    for (const std::string& path : chosen.prompts)
        spec.prompts.push_back({.path = path, .format = {}, .delimiter = 0, .label = {}, .map = {}, .corrections = {}});
    spec.stages = {"evaluate"};
    spec.evaluateMalicious = chosen.asked;
    spec.evaluateBenign = spec.evaluateHardBenign = (chosen.asked + 1) / 2;
    spec.perplexityText.clear();
    const auto folder = createRunFolder(workspace.path(), spec);
    if (!folder) return fail(folder.error());
    if (auto done = executeRun(*folder, [&](const protocol::RunEvent& event) { progress.show(event); }, stop); !done) return fail(done.error());
    const auto state = readRunState(*folder);
    if (!state) return fail(state.error());
    for (const protocol::ModelMetrics& metrics : state->metrics)
        if (metrics.model == "base")
            return AlignmentSignature::Scores{metrics.harmfulScore, metrics.refusedMalicious, metrics.refusedBenign, metrics.refusedHardBenign, metrics.judge, metrics.maxNewTokens};
    return fail(ErrorKind::Failed, "The model was asked nothing.", *folder);
}

int make(const CommonOptions& options, const SignatureOptions& chosen) {
    const auto subject = openSubject(chosen);
    if (!subject) return reportError(options, subject.error());
    TerminalProgress progress(options.progress);
    Expected<void> done;
    AlignmentSignature signature;
    {
        const InterruptGuard guard;
        auto made = makeSignature(subject->checkpoint, subject->format, subject->prompts, progress.task("Means", "blocks", guard.token()));
        if (!made) return reportError(options, made.error());
        signature = std::move(*made);
        auto hash = subject->checkpoint->contentHash(Progress{guard.token(), {}});
        if (!hash) return reportError(options, hash.error());
        signature.checkpointHash = std::move(*hash);
        if (chosen.asked > 0) {
            auto scores = ownScores(chosen, progress, guard.token());
            if (!scores) return reportError(options, scores.error());
            signature.scores = std::move(*scores);
        }
    }
    if (auto written = writeSignature(chosen.output, signature); !written) return reportError(options, written.error());
    std::error_code code;
    const auto bytes = fs::file_size(chosen.output, code);
    if (options.json)
        std::printf("%s\n", nlohmann::json{{"file", chosen.output}, {"bytes", bytes}, {"tail", signature.tail}, {"malicious", signature.malicious}, {"benign", signature.benign()}}.dump(2).c_str());
    else
        std::printf("%s, %s: %d blocks, %d positions, means over %d malicious and %d benign prompts\n", chosen.output.c_str(), sizeText(bytes).c_str(), signature.blocks,
                    signature.tail, signature.malicious, signature.benign());
    return 0;
}

nlohmann::json measuredJson(const protocol::MeasuredValue& measured) { return {{"value", measured.value}, {"interval", {measured.low, measured.high}}}; }

nlohmann::json toJson(const protocol::SignatureReport& report, double seconds) {
    nlohmann::json blocks = nlohmann::json::array();
    for (const protocol::BlockDrift& block : report.blocks)
        blocks.push_back({{"malicious", measuredJson(block.malicious)},
                          {"benign", measuredJson(block.benign)},
                          {"separation", measuredJson(block.separation)},
                          {"malicious_called_malicious", block.maliciousCalled},
                          {"benign_called_malicious", block.benignCalled}});
    return {{"moved", measuredJson(report.moved)}, {"separation", measuredJson(report.separation)}, {"blocks", std::move(blocks)}, {"seconds", seconds}};
}

void print(const protocol::SignatureReport& report, double seconds) {
    std::printf("block  malicious prompts moved    benign prompts moved       separation left            called malicious: malicious, benign\n");
    for (std::size_t i = 0; i < report.blocks.size(); ++i) {
        const protocol::BlockDrift& block = report.blocks[i];
        std::printf("%5zu  %6.3f [%6.3f, %6.3f]  %7.3f [%6.3f, %6.3f]  %7.3f [%6.3f, %6.3f]  %7.1f%%, %.1f%%\n", i, block.malicious.value, block.malicious.low,
                    block.malicious.high, block.benign.value, block.benign.low, block.benign.high, block.separation.value, block.separation.low, block.separation.high,
                    100.0 * block.maliciousCalled, 100.0 * block.benignCalled);
    }
    std::printf("moved %.3f [%.3f, %.3f], separation left %.3f [%.3f, %.3f]; mean over blocks, in units of the spread within a class\n", report.moved.value, report.moved.low,
                report.moved.high, report.separation.value, report.separation.low, report.separation.high);
    std::printf("signature of %s", report.signatureOf.c_str());
    if (report.harmfulScore >= 0.0) std::printf(", whose harmful score is %.1f%%", 100.0 * report.harmfulScore);
    std::printf("; %.1f s\n", seconds);
}

Expected<protocol::SignatureReport> checkModel(const SignatureOptions& chosen, const Progress& progress) {
    const auto signature = readSignature(chosen.signature);
    if (!signature) return fail(signature.error());
    SignatureOptions own = chosen;
    own.systemPrompt = signature->systemPrompt;
    const auto subject = openSubject(own);
    if (!subject) return fail(subject.error());
    const auto checked = checkSignature(*signature, subject->checkpoint, subject->format, subject->prompts, chosen.seed, chosen.signature, progress);
    if (!checked) return fail(checked.error());
    return signatureReport(*signature, *checked, {});
}

int check(const CommonOptions& options, const SignatureOptions& chosen) {
    const auto start = std::chrono::steady_clock::now();
    TerminalProgress progress(options.progress);
    Expected<protocol::SignatureReport> report;
    {
        const InterruptGuard guard;
        const Progress task = progress.task("Check", "blocks", guard.token());
        const bool isRun = fs::exists(fs::path(chosen.checkpoint) / "spec.json") && fs::exists(fs::path(chosen.checkpoint) / "manifest.json");
        report = isRun ? checkRunSignature(chosen.checkpoint, chosen.signature, chosen.model, task) : checkModel(chosen, task);
    }
    if (!report) return reportError(options, report.error());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (options.json) std::printf("%s\n", toJson(*report, seconds).dump(2).c_str());
    else print(*report, seconds);
    return 0;
}

void addSubjectOptions(CLI::App& command, SignatureOptions& chosen, const std::string& orElse = {}) {
    command.add_option("checkpoint", chosen.checkpoint, "A GGUF file, a Hugging Face folder, or org/name in the local cache" + orElse)->required();
    command.add_option("--adapter", chosen.adapters, "PEFT LoRA adapter folder merged into the checkpoint; repeatable, merged in this order")->allow_extra_args(false);
    command.add_option("--prompts", chosen.prompts, "Labelled prompt files, or builtin:default");
}

}  // namespace

std::optional<int> inspectSignature(const CommonOptions& options, const std::string& path) {
    constexpr std::string_view kHdf5 = "\x89HDF";
    std::array<char, kHdf5.size()> first{};
    std::ifstream stream(path, std::ios::binary);
    if (!stream.read(first.data(), first.size()) || std::string_view(first.data(), first.size()) != kHdf5) return std::nullopt;
    const auto signature = readSignature(path);
    if (!signature) return reportError(options, signature.error());
    const AlignmentSignature& read = *signature;
    std::error_code code;
    const auto bytes = fs::file_size(path, code);
    if (options.json) {
        nlohmann::json json{{"kind", "alignment-signature"}, {"model", read.modelName}, {"checkpoint_hash", read.checkpointHash}, {"model_type", read.modelType}, {"blocks", read.blocks},
                            {"hidden", read.hidden}, {"vocabulary", read.vocabulary}, {"tail", read.tail}, {"malicious", read.malicious}, {"benign", read.benign()},
                            {"system_prompt", read.systemPrompt}, {"prompts_hash", read.promptsHash}, {"tokenizer_hash", read.tokenizerHash}, {"template_hash", read.templateHash}, {"bytes", bytes}};
        if (read.scores)
            json["scores"] = {{"harmful_score", read.scores->harmfulScore.value}, {"refused_malicious", read.scores->refusedMalicious.value},
                              {"refused_benign", read.scores->refusedBenign.value}, {"refused_hard_benign", read.scores->refusedHardBenign.value},
                              {"judge", read.scores->judge}, {"max_new_tokens", read.scores->newTokens}};
        std::printf("%s\n", json.dump(2).c_str());
        return 0;
    }
    std::printf("signature of %s, %s\n  family          %s\n  blocks          %d\n  hidden          %d\n  vocabulary      %d\n  positions       the last %d, which the template fixes\n"
                "  prompts         %d malicious, %d benign\n  system prompt   %s\n  checkpoint      SHA-256 %s\n",
                read.modelName.c_str(), sizeText(bytes).c_str(), read.modelType.c_str(), read.blocks, read.hidden, read.vocabulary, read.tail, read.malicious, read.benign(),
                read.systemPrompt.empty() ? "the template's own" : read.systemPrompt.c_str(), read.checkpointHash.c_str());
    if (read.scores)
        std::printf("  its own scores  harmful %s, refused of benign %s, of hard benign %s (%s, %d new tokens)\n", rateText(read.scores->harmfulScore).c_str(),
                    rateText(read.scores->refusedBenign).c_str(), rateText(read.scores->refusedHardBenign).c_str(), read.scores->judge.c_str(), read.scores->newTokens);
    else
        std::printf("  its own scores  not measured\n");
    return 0;
}

void addSignatureCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<SignatureOptions>();
    auto* command = app.add_subcommand("signature", "Write an aligned model's signature: a small file that its descendants are checked and repaired with");
    addSubjectOptions(*command, *chosen);
    command->add_option("-o,--output", chosen->output, "The file to write (HDF5)")->required();
    command->add_option("--system-prompt", chosen->systemPrompt, "System message (default: the template's own)");
    command->add_option("--ask", chosen->asked, "Malicious evaluation prompts asked for the model's own scores, and half as many benign and hard benign ones; 0: none")
        ->check(CLI::Range(0, 1'000'000));
    command->footer(
        "Examples:\n"
        "  safequant signature aligned.gguf -o aligned.signature.h5\n"
        "  safequant check tuned.gguf --signature aligned.signature.h5\n"
        "  safequant inspect aligned.signature.h5\n\n"
        "Holds means of activations over the prompts of the calibration split, no weights and no answers. A run spec with\n"
        "\"aligned\": {\"signature\": \"aligned.signature.h5\"} and the method q-realign quantizes a descendant and moves it back to them.");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return make(options, *chosen); }; });
}

void addCheckCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<SignatureOptions>();
    auto* command = app.add_subcommand("check", "Tell how far a model has moved from an aligned model's signature, without generating an answer");
    addSubjectOptions(*command, *chosen, "; or a run's folder");
    command->add_option("--model", chosen->model, "Which of a run's models")->check(CLI::IsMember({"base", "quantized"}))->capture_default_str();
    command->add_option("--signature", chosen->signature, "What `safequant signature` wrote")->required()->check(CLI::ExistingFile);
    command->add_option("--seed", chosen->seed, "Seed of the bootstrap (default 0)");
    command->footer("Examples:\n  safequant check tuned.gguf --signature aligned.signature.h5\n  safequant check model.gguf --adapter aligned --adapter eroded --signature aligned.signature.h5\n"
                    "  safequant check workspace/runs/RUN --signature aligned.signature.h5");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return check(options, *chosen); }; });
}

}  // namespace safequant::cli
