// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/run_spec.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/base/model_path.h"
#include "core/base/nearest_name.h"
#include "core/evaluate/judge.h"
#include "core/quantize/method.h"
#include "core/run/spec_reader.h"

namespace safequant {
namespace {

constexpr const char* kSpecFormat = "safequant-run-spec";
constexpr int kSpecVersion = 1;
constexpr int kMany = 10'000'000;
constexpr int kCodebooksWanted = 2;  // Bits of AQLM where a spec asks for none.
constexpr std::array kStages{"capture", "quantize", "evaluate", "export"};
constexpr std::array kSchemeFields{"weight_bits", "group_size", "symmetric", "activation_bits", "activation_symmetric"};

void readPrompts(SpecReader& spec, const char* field, std::vector<PromptFile>& files) {
    const auto* json = spec.child(field);
    if (json == nullptr) return;
    if (!json->is_array()) return spec.reject(field, std::string("must be a list of files, not ") + json->type_name() + ".");
    files.clear();
    for (std::size_t i = 0; i < json->size(); ++i) {
        auto file = promptFileFromJson((*json)[i], spec.where());
        if (!file) return spec.reject(std::string(field) + "[" + std::to_string(i) + "]", "is wrong: " + file.error().message);
        files.push_back(std::move(*file));
    }
}

void readSplit(SpecReader& spec, PromptSplitOptions& split, bool& allowOverlap) {
    const auto* json = spec.child("split");
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf("split"), spec.where());
    reader.number("calibration", split.calibration, 0.0, 1.0, true);
    if (split.calibration >= 1.0) reader.reject("calibration", "must be below 1: something has to be left for evaluation.");
    reader.truth("stratified", split.stratified);
    reader.truth("again", split.again);
    reader.truth("allow_overlap", allowOverlap);
    spec.finishInner(reader);
}

void readScheme(SpecReader& reader, const nlohmann::json& json, const std::string& path,
                const QuantizationScheme& defaults, QuantizationScheme& target, SchemeRule* rule) {
    SpecReader inner(json, path, reader.where());
    if (rule != nullptr) {
        inner.text("pattern", rule->pattern);
        if (json.is_object() && rule->pattern.empty())
            inner.reject("pattern",
                         "is missing or empty; give a regular expression that names of linears match, e.g. "
                         "\"mlp\\\\.down_proj\".");
    }
    nlohmann::json fields = nlohmann::json::object();
    for (const auto* name : kSchemeFields)
        if (const auto* value = inner.child(name); value != nullptr) fields[name] = *value;
    const auto known = inner.finish();
    if (!known) return reader.adopt(known.error());
    const auto scheme = schemeFromJson(fields, defaults, path);
    if (!scheme) {
        // The spec file is where the reader of the message looks first; the path inside it belongs to the message.
        const auto& error = scheme.error();
        const bool named = error.message.find(path) != std::string::npos;
        return reader.adopt(Error{error.kind, named ? error.message : error.describe(), reader.where()});
    }
    target = *scheme;
}

/// `quantization` is the reader of the section that holds "rotation". The run's seed is known by then.
void readRotation(SpecReader& quantization, RunSpec& run) {
    const auto* json = quantization.child("rotation");
    if (json == nullptr) return;
    SpecReader reader = quantization.inside(*json, "rotation");
    RotationOptions rotation{true, true, run.seed};
    reader.truth("residual", rotation.residual);
    reader.truth("heads", rotation.heads);
    reader.wholeUnsigned("seed", rotation.seed);
    if (!rotation.residual && !rotation.heads)
        reader.reject("residual", "and \"heads\" are both false; leave \"rotation\" out for a model that is not rotated.");
    quantization.finishInner(reader);
    run.rotation = rotation;
}

void readQuantization(SpecReader& spec, RunSpec& run) {
    const auto* json = spec.child("quantization");
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf("quantization"), spec.where());
    reader.text("method", run.method);
    if (const auto method = findQuantizationMethod(run.method); !method)
        reader.reject("method", "is wrong: " + method.error().message);
    // A format of a method's own is what an absent "default" means.
    if (const auto method = findQuantizationMethod(run.method); method && (*method)->format != WeightFormat::Grid) {
        run.scheme = schemeOfFormat((*method)->format, kCodebooksWanted);
        run.scheme.format = WeightFormat::Grid;
    }
    if (const auto* scheme = reader.child("default"); scheme != nullptr)
        readScheme(reader, *scheme, reader.pathOf("default"), run.scheme, run.scheme, nullptr);
    run.learning = defaultLearning(run.method, run.reference(), run.scheme);
    run.learning.device = run.device;
    readLearning(reader, run.learning);
    readRotation(reader, run);
    readMethodOptions(reader, run.method, run.options);
    run.tuning = defaultTuning(run.method);
    readTuning(reader, run.method, run.tuning);
    if (run.method == "qlora") run.options.nf4.doubleQuantization = run.tuning.options.doubleQuantization;
    readPatch(reader, run.seed, run.patch);
    if (const auto* continues = reader.child("continues"); continues != nullptr) {
        SpecReader inner(*continues, reader.pathOf("continues"), reader.where());
        inner.text("run", run.continues.run);
        run.continues.blocks = 1;
        inner.whole("blocks", run.continues.blocks, 1, kMany);
        if (run.continues.run.empty()) inner.reject("run", "is missing: the folder of the run whose blocks are taken over.");
        reader.finishInner(inner);
    }
    if (const auto* rules = reader.child("rules"); rules != nullptr) {
        if (!rules->is_array()) {
            reader.reject("rules", std::string("must be a list, not ") + rules->type_name() + ".");
        } else {
            run.rules.clear();
            for (std::size_t i = 0; i < rules->size(); ++i) {
                SchemeRule rule{{}, run.scheme};
                readScheme(reader, (*rules)[i], reader.pathOf("rules") + "[" + std::to_string(i) + "]", run.scheme,
                           rule.scheme, &rule);
                run.rules.push_back(std::move(rule));
            }
        }
    }
    spec.finishInner(reader);
}

void readDecoding(SpecReader& evaluation, RunSpec& run) {
    const auto* json = evaluation.child("decoding");
    if (json == nullptr) return;
    SpecReader reader(*json, evaluation.pathOf("decoding"), evaluation.where());
    reader.truth("sample", run.decoding.sample);
    reader.number("temperature", run.decoding.temperature, 0.0, 100.0, true);
    reader.number("top_p", run.decoding.topP, 0.0, 1.0, true);
    reader.whole("top_k", run.decoding.topK, 0, kMany);
    evaluation.finishInner(reader);
}

void checkJudge(SpecReader& reader, const std::string& field, const std::string& id) {
    if (findTextJudge(id) != nullptr) return;
    std::string known;
    for (const auto& name : textJudgeNames()) known += (known.empty() ? "\"" : ", \"") + name + "\"";
    reader.reject(field, "names no judge that works on text alone: \"" + id + "\". Those are " + known +
                             "; others judge a finished run (safequant judge).");
}

void readEvaluation(SpecReader& spec, RunSpec& run) {
    const auto* json = spec.child("evaluation");
    if (json == nullptr) return;
    SpecReader reader(*json, spec.pathOf("evaluation"), spec.where());
    reader.whole("malicious", run.evaluateMalicious, 0, kMany);
    reader.whole("benign", run.evaluateBenign, 0, kMany);
    reader.whole("hard_benign", run.evaluateHardBenign, 0, kMany);
    reader.whole("max_new_tokens", run.decoding.maxNewTokens, 1, 100'000);
    readDecoding(reader, run);
    reader.text("judge", run.judge);
    checkJudge(reader, "judge", run.judge);
    reader.text("second_judge", run.secondJudge);
    if (!run.secondJudge.empty()) checkJudge(reader, "second_judge", run.secondJudge);
    reader.text("perplexity_text", run.perplexityText);
    reader.whole("perplexity_tokens", run.perplexityTokens, 0, kMany);
    reader.whole("perplexity_window", run.perplexityWindow, 2, kMany);
    readTasks(reader, run.tasks);
    readAttack(reader, run.attack);
    spec.finishInner(reader);
}

void readStages(SpecReader& spec, RunSpec& run) {
    std::vector<std::string> named = run.stages;
    spec.texts("stages", named);
    run.stages.clear();
    for (const auto* stage : kStages)
        if (std::find(named.begin(), named.end(), stage) != named.end()) run.stages.emplace_back(stage);
    const std::vector<std::string> known(kStages.begin(), kStages.end());
    for (std::size_t i = 0; i < named.size(); ++i) {
        if (std::find(known.begin(), known.end(), named[i]) != known.end()) continue;
        spec.reject("stages[" + std::to_string(i) + "]", "names no stage: \"" + named[i] + "\"" + didYouMean(named[i], known));
    }
}

void readExecution(SpecReader& spec, RunSpec& run) {
    std::string execution = run.integers ? "integer" : "float";
    spec.text("execution", execution);
    run.integers = execution == "integer";
    if (!run.integers && execution != "float") spec.reject("execution", "must be \"integer\" or \"float\", not \"" + execution + "\".");
}

void readExport(SpecReader& spec, RunSpec& run) {
    if (const auto* json = spec.child("export"); json != nullptr) {
        SpecReader reader(*json, spec.pathOf("export"), spec.where());
        reader.text("folder", run.exportFolder);
        std::string format(exportFormatName(run.exporting.format)), type;
        reader.text("format", format);
        reader.text("type", type);
        if (auto named = exportOptionsNamed(format, type, {}); named)
            run.exporting = std::move(*named);
        else
            reader.reject(exportFormatNamed(format) ? "type" : "format", "is wrong: " + named.error().message);
        spec.finishInner(reader);
    }
}

void checkTuning(SpecReader& spec, const RunSpec& run) {
    if (!run.tunes() || !run.hasStage("quantize")) return;
    if (run.patch)
        spec.reject("quantization.patch", "changes codes that a quantizer rounded; \"" + run.method + "\" trains the weights themselves. Leave it out, or choose another method.");
    if (run.tuning.asked(run.calibration) == 0)
        spec.reject("calibration", "asks for no malicious and benign prompts and no tasks, and \"" + run.method + "\" has nothing else to be tuned on.");
}

/// What a method learns towards, and what the run knows of it.
void checkReference(SpecReader& spec, const RunSpec& run, bool learned) {
    const RealignObjective& objective = run.learning.learning.objective;
    const AlignedReference reference = run.reference();
    if (reference == AlignedReference::Signature && !learned)
        spec.reject("aligned.signature", "is of use to methods that learn block by block alone, and \"" + run.method + "\" is none; leave it out, or choose q-realign.");
    if (run.learning.shiftControl != ShiftControl::None && (reference != AlignedReference::Signature || objective.target != MaliciousTarget::Signature))
        spec.reject("quantization.learning.shift_control", "takes the place of a signature's shift, and this run has none.");
    if (!learned) return;
    if (reference == AlignedReference::None && (objective.target != MaliciousTarget::FineTuned || objective.usesProbe()))
        spec.reject("aligned", "is missing, and the objective \"" + run.learning.objective +
                                   "\" needs it: name the adapters or the checkpoint of the model before it was fine-tuned, or its signature.");
    if (reference == AlignedReference::Signature && objective.target == MaliciousTarget::Aligned)
        spec.reject("quantization.learning.objective", "is \"" + run.learning.objective +
                                                           "\", which needs the aligned model's weights; a signature has its means and probes: "
                                                           "take \"signature\" or \"published\".");
}

void checkTogether(SpecReader& spec, const RunSpec& run) {
    const auto named = [&](const char* stage) {
        return std::find(run.stages.begin(), run.stages.end(), stage) != run.stages.end();
    };
    if (run.checkpoint.empty())
        spec.reject("checkpoint", "is missing; give the path of a GGUF file or of a Hugging Face folder.");
    if (run.prompts.empty()) spec.reject("prompts", "is empty; give files, or \"builtin:default\".");
    if (run.stages.empty() && run.exportFolder.empty()) spec.reject("stages", "is empty: the run would do nothing.");
    if (named("export") && run.exportFolder.empty())
        spec.reject("export.folder", "is missing, and the stage \"export\" needs it.");
    const auto method = findQuantizationMethod(run.method);
    if (named("quantize") && method) checkReference(spec, run, (*method)->learned());
    if (const std::string problem = patchExportProblem(run.patch, exportFormatName(run.exporting.format));
        !problem.empty() && !run.exportFolder.empty())
        spec.reject("export.format", problem);
    if (run.patch && run.patch->kind == PatchKind::Align && run.patch->options.alignment.contrast > 0.0 && !run.patch->pretrained.given() &&
        run.adapters.empty())
        spec.reject("quantization.patch.pretrained",
                    "is missing, and the run's checkpoint has no adapters without which it could be that model; name the checkpoint, or "
                    "the adapters, of the "
                    "model before it was aligned, or set \"lambda\" to 0.");
    if (run.patch && method && (*method)->format != WeightFormat::Grid)
        spec.reject("quantization.patch", "moves codes on integer grids, and \"" + run.method + "\" has a format of its own; patch what rtn, gptq or another "
                                          "method with such grids makes, or leave the patch out.");
    checkTuning(spec, run);
    if (!run.continues.run.empty() && (run.patch || !run.keepsBlocks() || run.tunes()))
        spec.reject("quantization.continues", run.patch ? "takes over what a quantizer made, and \"quantization.patch\" changes that; leave one of them out."
                                                        : "takes over blocks that are made one after the other, and \"" + run.method + "\" makes none so; leave it out.");
    if (run.patch && !named("quantize")) spec.reject("stages", "lacks \"quantize\", which \"quantization.patch\" patches the outcome of.");
    if (named("capture") && (run.maliciousFraction == 0.0 || run.maliciousFraction == 1.0))
        spec.reject("mix.malicious_fraction",
                    "must lie between 0 and 1, both excluded: probes are fitted on prompts of both kinds.");
    if (named("evaluate") && run.evaluateMalicious + run.evaluateBenign + run.evaluateHardBenign == 0 &&
        (run.perplexityText.empty() || run.perplexityTokens == 0) && run.tasks.empty())
        spec.reject("evaluation", "asks for no answers, no perplexity and no task; leave the stage \"evaluate\" out.");
    if (run.attack.samples > 0 && run.evaluateMalicious == 0)
        spec.reject("evaluation.attack", "needs malicious prompts, and \"evaluation.malicious\" is 0.");
}

}  // namespace

bool RunSpec::hasStage(const std::string& stage) const {
    if (stage == "export") return !exportFolder.empty();
    if (stage == "tune") return tunes() && hasStage("quantize");
    if (stage == "patch") return patch && hasStage("quantize");
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

bool RunSpec::keepsBlocks() const {
    const auto known = findQuantizationMethod(method);
    return patch || (known && (*known)->keepsBlocks());
}

bool RunSpec::tunes() const {
    const auto known = findQuantizationMethod(method);
    return known && (*known)->tunes;
}

bool RunSpec::movesScales() const {
    const auto known = findQuantizationMethod(method);
    if (known && (*known)->format != WeightFormat::Grid) return false;
    return method != "rtn" && method != "autoround" && (method != "gptq" || options.smoothing.on);
}

Expected<RunSpec> runSpecFromJson(const nlohmann::json& json, const std::string& where) {
    RunSpec run;
    SpecReader spec(json, {}, where);
    spec.format(kSpecFormat, kSpecVersion);
    spec.text("name", run.name);
    spec.text("checkpoint", run.checkpoint);
    spec.texts("adapters", run.adapters);
    readPrompts(spec, "prompts", run.prompts);
    readSplit(spec, run.split, run.allowOverlap);
    spec.text("system_prompt", run.systemPrompt);
    spec.wholeUnsigned("seed", run.seed);
    spec.text("device", run.device);
    readExecution(spec, run);
    if (const auto* mix = spec.child("mix"); mix != nullptr) {
        SpecReader reader(*mix, "mix", where);
        reader.number("malicious_fraction", run.maliciousFraction, 0.0, 1.0);
        reader.whole("total", run.mixTotal, 0, kMany);
        spec.finishInner(reader);
    }
    if (const auto* probe = spec.child("probe"); probe != nullptr) {
        SpecReader reader(*probe, "probe", where);
        reader.whole("folds", run.probeFolds, 2, 50);
        reader.whole("path_length", run.probePathLength, 2, 1000);
        spec.finishInner(reader);
    }
    readAligned(spec, run.aligned, run.signature);
    readCalibration(spec, run.calibration);
    readQuantization(spec, run);
    readStages(spec, run);
    readEvaluation(spec, run);
    readExport(spec, run);
    checkTogether(spec, run);
    if (const auto read = spec.finish(); !read) return fail(read.error());
    run.decoding.seed = run.seed;
    run.learning.learning.seed = run.seed;
    run.options.aqlm.seed = run.seed;
    run.tuning.options.seed = run.seed;
    run.split.seed = run.seed;
    return run;
}

Expected<PromptSource> promptSourceFromJson(const nlohmann::json& json, const char* filesField, const std::string& where) {
    PromptSource source;
    nlohmann::json relevant = nlohmann::json::object();
    for (const char* field : {filesField, "split", "seed"})
        if (json.contains(field)) relevant[field] = json[field];
    SpecReader reader(relevant, {}, where);
    readPrompts(reader, filesField, source.files);
    readSplit(reader, source.split, source.allowOverlap);
    reader.wholeUnsigned("seed", source.split.seed);
    if (source.files.empty()) reader.reject(filesField, "is empty; give files, or \"builtin:default\".");
    if (const auto read = reader.finish(); !read) return fail(read.error());
    return source;
}

Expected<std::vector<PromptFile>> resolvePromptFiles(std::vector<PromptFile> files) {
    for (auto& file : files) {
        auto path = resolveResource(file.path);
        if (!path) return fail(path.error());
        file.path = std::move(*path);
    }
    return files;
}

void anchorModels(RunSpec& spec, const std::string& folder) {
    const auto anchor = [&](std::string& checkpoint, std::vector<std::string>& adapters) {
        if (!checkpoint.empty()) checkpoint = absoluteModelPath(checkpoint, folder);
        for (auto& adapter : adapters) adapter = absoluteModelPath(adapter, folder);
    };
    anchor(spec.checkpoint, spec.adapters);
    anchor(spec.aligned.checkpoint, spec.aligned.adapters);
    if (spec.patch) anchor(spec.patch->pretrained.checkpoint, spec.patch->pretrained.adapters);
}

Expected<RunSpec> readRunSpec(const std::string& path) {
    const auto json = readSpecFile(path, "run spec");
    if (!json) return fail(json.error());
    auto spec = runSpecFromJson(*json, path);
    if (!spec) return spec;
    anchorRunSpec(*spec, std::filesystem::absolute(path).parent_path());
    return spec;
}

void anchorRunSpec(RunSpec& spec, const std::filesystem::path& folder) {
    anchorModels(spec, folder.string());
    anchorPath(spec.signature, folder);
    anchorPath(spec.continues.run, folder);
    anchorPath(spec.calibration.text, folder);
    anchorPath(spec.calibration.taskPrompts, folder);
    for (auto& file : spec.prompts) anchorPath(file.path, folder);
    if (spec.patch) {
        anchorPath(spec.patch->pairs, folder);
        anchorPath(spec.patch->texts.text, folder);
    }
    anchorPath(spec.perplexityText, folder);
    for (auto& task : spec.tasks) anchorPath(task.file, folder);
    anchorPath(spec.exportFolder, folder);
}

nlohmann::json runSpecToJson(const RunSpec& spec) {
    nlohmann::json rules = nlohmann::json::array();
    for (const auto& rule : spec.rules) {
        auto json = schemeToJson(rule.scheme);
        json["pattern"] = rule.pattern;
        rules.push_back(std::move(json));
    }
    nlohmann::json prompts = nlohmann::json::array();
    for (const auto& file : spec.prompts) prompts.push_back(promptFileToJson(file));
    nlohmann::json json{
        {"format", kSpecFormat},
        {"format_version", kSpecVersion},
        {"name", spec.name},
        {"checkpoint", spec.checkpoint},
        {"prompts", std::move(prompts)},
        {"split",
         {{"calibration", spec.split.calibration},
          {"stratified", spec.split.stratified},
          {"again", spec.split.again},
          {"allow_overlap", spec.allowOverlap}}},
        {"system_prompt", spec.systemPrompt},
        {"seed", spec.seed},
        {"mix", {{"malicious_fraction", spec.maliciousFraction}, {"total", spec.mixTotal}}},
        {"probe", {{"folds", spec.probeFolds}, {"path_length", spec.probePathLength}}},
        {"quantization", {{"method", spec.method}, {"default", schemeToJson(spec.scheme)}, {"rules", rules}}},
        {"stages", spec.stages},
        {"evaluation",
         {{"malicious", spec.evaluateMalicious},
          {"benign", spec.evaluateBenign},
          {"hard_benign", spec.evaluateHardBenign},
          {"max_new_tokens", spec.decoding.maxNewTokens},
          {"decoding",
           {{"sample", spec.decoding.sample},
            {"temperature", spec.decoding.temperature},
            {"top_p", spec.decoding.topP},
            {"top_k", spec.decoding.topK}}},
          {"judge", spec.judge},
          {"second_judge", spec.secondJudge},
          {"perplexity_text", spec.perplexityText},
          {"perplexity_tokens", spec.perplexityTokens},
          {"perplexity_window", spec.perplexityWindow}}}};
    if (spec.device != "cpu") json["device"] = spec.device;
    if (!spec.integers) json["execution"] = "float";
    if (!spec.adapters.empty()) json["adapters"] = spec.adapters;
    if (const auto method = findQuantizationMethod(spec.method); method && (*method)->keepsBlocks()) {
        json["calibration"] = calibrationToJson(spec.calibration);
        if ((*method)->learned()) json["quantization"]["learning"] = learningToJson(spec.learning);
        if ((*method)->tunes) json["quantization"]["tuning"] = tuningToJson(spec.method, spec.tuning);
    }
    if (spec.rotation)
        json["quantization"]["rotation"] = {
            {"residual", spec.rotation->residual}, {"heads", spec.rotation->heads}, {"seed", spec.rotation->seed}};
    if (auto options = methodOptionsToJson(spec.method, spec.options); !options.empty())
        json["quantization"]["options"] = std::move(options);
    if (spec.patch) json["quantization"]["patch"] = patchToJson(*spec.patch);
    if (!spec.continues.run.empty()) json["quantization"]["continues"] = {{"run", spec.continues.run}, {"blocks", spec.continues.blocks}};
    if (spec.aligned.given()) json["aligned"] = alignedToJson(spec.aligned);
    if (!spec.signature.empty()) json["aligned"] = {{"signature", spec.signature}};
    if (!spec.tasks.empty()) json["evaluation"]["tasks"] = tasksToJson(spec.tasks);
    if (spec.attack.samples > 0) json["evaluation"]["attack"] = attackToJson(spec.attack);
    if (!spec.exportFolder.empty()) {
        json["export"] = {{"folder", spec.exportFolder}, {"format", exportFormatName(spec.exporting.format)}};
        if (!spec.exporting.plainType.empty()) json["export"]["type"] = spec.exporting.plainType;
    }
    return json;
}

}  // namespace safequant
