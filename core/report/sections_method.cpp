// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <filesystem>

#include "core/base/json_path.h"
#include "core/quantize/method.h"
#include "core/report/run_material.h"
#include "core/run/patch_spec.h"
#include "core/run/tuning_spec.h"

namespace safequant {
namespace {

using nlohmann::json;

std::string textOf(const json& value) { return value.is_string() ? value.get<std::string>() : value.is_null() ? std::string("–") : value.dump(); }

bool isQuantized(const RunMaterial& run) { return run.blockOf("quantized", 0) != nullptr || run.metricsOf("quantized") != nullptr; }

std::string methodTitle(const RunMaterial& run) {
    const auto method = findQuantizationMethod(jsonAt(run.state.spec, {"quantization", "method"}).is_string() ? textOf(jsonAt(run.state.spec, {"quantization", "method"})) : "rtn");
    return method ? std::string((*method)->title) : std::string();
}

/// The run's note that begins so, empty without one.
std::string noteOf(const RunMaterial& run, const char* beginning) {
    const auto found = std::find_if(run.state.notes.begin(), run.state.notes.end(), [&](const std::string& note) { return note.starts_with(beginning); });
    return found == run.state.notes.end() ? std::string() : *found;
}

/// What the run says of the answers it was patched with.
std::string pairsNote(const RunMaterial& run) {
    const std::string pairs = noteOf(run, kPairsNote);
    return pairs.empty() ? noteOf(run, kAnswersNote) : pairs;
}

/// What a patch did to the codes, or which weights it kept.
std::string patchText(const RunMaterial& run, const json& patch) {
    const std::string title = patchTitle(textOf(jsonAt(run.state.spec, {"quantization", "patch", "method"})));
    const auto part = [](double some, double all) { return cellText(Measured{all > 0.0 ? 100.0 * some / all : 0.0, 2}) + "%"; };
    if (patch.contains("kept"))
        return "Then " + title + " put " + textOf(jsonAt(patch, {"kept"})) + " of " + textOf(jsonAt(patch, {"weights"})) +
               " weights back in 16 bits, " + part(patch.value("kept", 0.0), patch.value("weights", 0.0)) + " of all, chosen by the mask " +
               textOf(jsonAt(run.state.spec, {"quantization", "patch", "mask"})) +
               ". With the codes of the others, scales, and what says which are kept that is " +
               cellText(Measured{patch.value("bits", 0.0), 2}) + " bits a weight. " + pairsNote(run);
    return "Then patched by " + title + ": of " + textOf(jsonAt(patch, {"codes"})) + " codes " + textOf(jsonAt(patch, {"may_change"})) +
           " might change and " + textOf(jsonAt(patch, {"changed"})) + " did, " +
           part(patch.value("changed", 0.0), patch.value("codes", 0.0)) + " of all. Scales and zero points are the quantizer's. " +
           pairsNote(run);
}

/// Share of each linear that stays in 16 bits.
ReportTable keptTable(const json& patch) {
    ReportTable table{"kept-weights",
                      "Weights kept in 16 bits",
                      "Bits a weight count everything: kept weights, codes, scales, and what says which are kept.",
                      {"linear", "weights", "kept", "kept, %", "bits a weight"},
                      {}};
    for (const auto& [name, linear] : patch["linears"].items()) {
        const double weights = linear.value("weights", 0.0), kept = linear.value("kept", 0.0);
        table.rows.push_back({name, textOf(jsonAt(linear, {"weights"})), textOf(jsonAt(linear, {"kept"})),
                              Measured{weights > 0.0 ? 100.0 * kept / weights : 0.0, 2}, Measured{linear.value("bits", 0.0), 3}});
    }
    return table;
}

std::string duration(double seconds) {
    if (seconds < 90.0) return cellText(Measured{seconds, 0}) + " s";
    return cellText(Measured{seconds / 60.0, 1}) + " min";
}

}  // namespace

ReportSection scopeSection(const RunMaterial& run) {
    ReportSection section{"scope", "Scope", {}, {}, {}, {}, false};
    std::string text = "Model: " + textOf(jsonAt(run.manifest, {"model"})) + ".";
    if (isQuantized(run)) text += " Quantized by " + methodTitle(run) + ", " + run.state.summary.scheme + ".";
    section.paragraphs.push_back(std::move(text));
    section.paragraphs.emplace_back(
        "The report says how this model answers these prompts under this judge, greedily or as the decoding settings say. It does not say that a model is safe: other "
        "prompts, languages, attacks and longer conversations were not tried unless a table says so.");
    return section;
}

ReportSection dataSection(const RunMaterial& run) {
    ReportSection section{"data", "Prompts", {}, {}, {}, {}, false};
    const json counts = jsonAt(run.manifest, {"prompts", "counts"});
    if (!counts.is_object()) return section;
    ReportTable table{"prompts", "Prompts by label and part", "Calibration prompts fit probes and quantizers; evaluation prompts are asked and judged. No prompt is in both parts.",
                      {"label", "calibration", "evaluation"}, {}};
    for (const auto& [label, parts] : counts.items()) table.rows.push_back({label, textOf(jsonAt(parts, {"calibration"})), textOf(jsonAt(parts, {"evaluation"}))});
    section.tables.push_back(std::move(table));
    ReportTable files{"prompt-files", "Files", {}, {"file", "SHA-256"}, {}};
    for (const auto& file : jsonAt(run.manifest, {"prompts", "files"}))
        files.rows.push_back({std::filesystem::path(textOf(jsonAt(file, {"read"}))).filename().string(), textOf(jsonAt(file, {"sha256"}))});
    section.tables.push_back(std::move(files));
    const json calibration = jsonAt(run.state.spec, {"calibration"});
    const bool tuned = jsonAt(run.state.spec, {"quantization", "tuning"}).is_object();
    if (calibration.is_object() && isQuantized(run) && !tuned && run.state.spec.value("/quantization/method"_json_pointer, std::string("rtn")) != "rtn")
        section.paragraphs.push_back("The quantizer was calibrated on " + textOf(jsonAt(calibration, {"malicious"})) + " malicious and " + textOf(jsonAt(calibration, {"benign"})) +
                                     " benign prompts, " + textOf(jsonAt(calibration, {"texts"})) + " passages of " + textOf(jsonAt(calibration, {"text_tokens"})) +
                                     " tokens of ordinary text and " + textOf(jsonAt(calibration, {"tasks"})) + " task prompts, all of the calibration part.");
    return section;
}

ReportSection quantizationSection(const RunMaterial& run) {
    ReportSection section{"quantization", "How the model was quantized", {}, {}, {}, {}, false};
    if (!isQuantized(run)) return section;
    const auto method = findQuantizationMethod(run.state.spec.value("/quantization/method"_json_pointer, std::string("rtn")));
    if (method) section.paragraphs.push_back(std::string((*method)->title) + ". " + std::string((*method)->describe));
    if (const json patch = jsonAt(run.manifest, {"patch"}); patch.is_object()) {
        section.paragraphs.push_back(patchText(run, patch));
        if (patch.contains("kept") && run.options.reader == ReportTemplate::Researcher) section.tables.push_back(keptTable(patch));
    }
    if (const std::string texts = noteOf(run, kTextsNote); !texts.empty())
        section.paragraphs.push_back("Trained for " + textOf(jsonAt(run.state.spec, {"quantization", "tuning", "steps"})) + " steps of " +
                                     textOf(jsonAt(run.state.spec, {"quantization", "tuning", "batch"})) + " samples. " + texts);
    double bits = 0.0;
    std::size_t count = 0, changed = 0;
    const bool all = run.options.reader == ReportTemplate::Researcher;
    ReportTable table{"linears", "Linears", "Errors are relative: of the weights, and of the output on calibration inputs where they were measured.",
                      {"linear", "asked", "used", "bits a weight", "weight error", "output error"}, {}};
    for (const auto& block : run.state.blocks)
        for (const auto& linear : block.linears) {
            bits += linear.bitsPerWeight;
            ++count;
            changed += linear.requested != linear.actual;
            const auto error = [](double value) -> ReportCell { return value < 0.0 ? ReportCell(std::string("–")) : ReportCell(Measured{value, 5}); };
            if (all)
                table.rows.push_back({linear.name, linear.requested, linear.actual, Measured{linear.bitsPerWeight, 3}, error(linear.relativeError), error(linear.outputError)});
        }
    if (count > 0)
        section.paragraphs.push_back(std::to_string(count) + " linears, " + cellText(Measured{bits / static_cast<double>(count), 2}) +
                                     " bits a weight in the mean over linears, scales and zero points included; " +
                                     (changed == 0 ? std::string("all as asked for.") : std::to_string(changed) + " got another scheme than was asked for."));
    if (!table.rows.empty()) section.tables.push_back(std::move(table));
    return section;
}

ReportSection limitationsSection(const RunMaterial& run) {
    ReportSection section{"limitations", "Limitations", {}, run.state.notes, {}, {}, false};
    const auto* metrics = run.state.metrics.empty() ? nullptr : &run.state.metrics.front();
    if (metrics != nullptr) {
        section.points.push_back("Answers were cut at " + std::to_string(metrics->maxNewTokens) + " tokens; what a model would have said after is not known.");
        section.points.push_back("The interval of a rate of " + std::to_string(metrics->harmfulScore.total) + " prompts is " +
                                 cellText(Measured{100.0 * (metrics->harmfulScore.wilson.high - metrics->harmfulScore.wilson.low), 1}) +
                                 " points wide here; differences below it need more prompts.");
    }
    section.points.emplace_back("Prompts of public benchmarks may have been in the model's training data.");
    return section;
}

ReportSection reproductionSection(const RunMaterial& run) {
    ReportSection section{"reproduction", "To do it again", {}, {}, {}, {}, false};
    ReportTable table{"manifest", "What ran", "The whole manifest is in report.json; safequant verify RUN computes its hashes again.", {"what", "value"}, {}};
    const auto add = [&](const std::string& name, const json& value) {
        if (!value.is_null()) table.rows.push_back({name, textOf(value)});
    };
    add("program", "SafeQuant " + textOf(jsonAt(run.manifest, {"program_version"})));
    add("created", jsonAt(run.manifest, {"created"}));
    add("seed", jsonAt(run.state.spec, {"seed"}));
    add("checkpoint, SHA-256", jsonAt(run.manifest, {"checkpoint", "content_hash"}));
    add("prompts, SHA-256", jsonAt(run.manifest, {"prompts", "hash"}));
    for (const char* name : {"spec", "tokenizer", "chat template", "perplexity text", "aligned checkpoint", "pretrained checkpoint"})
        add(std::string(name) + ", SHA-256", jsonAt(run.manifest, {"fingerprints", name}));
    add("processor", jsonAt(run.manifest, {"device", "cpu_features"}));
    add("threads", jsonAt(run.manifest, {"device", "threads"}));
    for (const char* stage : {"capture", "tune", "patch", "quantize", "evaluate"})
        if (const json seconds = jsonAt(run.manifest, {"timings", stage, "seconds"}); seconds.is_number())
            table.rows.push_back({std::string("time, ") + stage, duration(seconds.get<double>())});
    section.tables.push_back(std::move(table));
    return section;
}

ReportSection signOffSection(const RunMaterial&) {
    return {"sign-off", "Sign-off", {"The reviewer has read the summary, the separation figures, the changed answers and the limitations."}, {}, {}, {}, true};
}

}  // namespace safequant
