// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/manifest.h"

#include <ctime>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/base/utc.h"
#include "core/engine/protocol/messages.h"
#include "core/exporting/export_size.h"
#include "core/model/decoder.h"
#include "core/quantize/method.h"
#include "core/text/tokenizer_hash.h"
#include "safequant_version.h"

namespace safequant {
namespace {

constexpr const char* kManifestFormat = "safequant-run-manifest";
constexpr int kFormatVersion = 1;

std::string hashOf(const nlohmann::json& json) {
    return sha256Hex(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

nlohmann::json deviceJson(const RunInputs& inputs) {
    nlohmann::json json{{"cpu_features", cpuFeatures()}, {"threads", threadCount()}};
    if (!inputs.device->isProcessor()) json["name"] = inputs.device->name();
    return json;
}

/// What decides what comes of the base model, whatever is then done to it.
nlohmann::json baseFingerprints(const RunInputs& inputs) {
    const auto all = inputFingerprints(inputs);
    nlohmann::json prints;
    for (const char* name : {"program version", "checkpoint", "tokenizer", "chat template", "prompts"})
        if (all.contains(name)) prints[name] = all[name];
    return prints;
}

std::uint64_t storedBytes(const std::vector<std::string>& files) {
    std::uint64_t bytes = 0;
    std::error_code code;
    for (const auto& file : files)
        if (const auto size = std::filesystem::file_size(file, code); !code) bytes += size;
    return bytes;
}

nlohmann::json decodingJson(const RunSpec& spec) {
    return runSpecToJson(spec)["evaluation"]["decoding"];
}

}  // namespace

std::string utcNow() { return utcText(std::time(nullptr)); }

std::string describeScheme(const RunSpec& spec) {
    const auto method = findQuantizationMethod(spec.method);
    const auto format = method ? formatOf(**method, spec.options) : WeightFormat::Grid;
    const bool own = format != WeightFormat::Grid && spec.scheme.weightBits < 16;
    auto text = (own ? schemeOfFormat(format, spec.scheme.weightBits) : spec.scheme).describe();
    if (!spec.rules.empty())
        text += " and " + std::to_string(spec.rules.size()) + (spec.rules.size() == 1 ? " rule" : " rules");
    if (spec.rotation) text += ", rotated";
    if (spec.patch) text += ", patched by " + patchTitle(spec.patch->method);
    return text;
}

Expected<Manifest> Manifest::read(const std::string& folder) {
    const auto path = folder + "/manifest.json";
    const auto text = readTextFile(path, std::uint64_t{1} << 28);
    if (!text) return fail(text.error());
    Manifest manifest;
    manifest.m_folder = folder;
    manifest.m_json = nlohmann::json::parse(*text, nullptr, false);
    if (!manifest.m_json.is_object() || manifest.text("format") != kManifestFormat)
        return fail(ErrorKind::BadInput, "This is not the manifest of a run.", path);
    const auto version = manifest.m_json.find("format_version");
    if (version == manifest.m_json.end() || !version->is_number_integer() || *version != kFormatVersion)
        return fail(ErrorKind::Unsupported,
                    "The manifest has another format version than this program's; use the program that wrote it.",
                    path);
    return manifest;
}

Manifest Manifest::create(const std::string& folder, const RunSpec& spec) {
    Manifest manifest;
    manifest.m_folder = folder;
    manifest.m_json = {{"format", kManifestFormat},
                       {"format_version", kFormatVersion},
                       {"name", spec.name},
                       {"created", utcNow()},
                       {"status", "created"},
                       {"detail", "not started yet"},
                       {"scheme", describeScheme(spec)},
                       {"model", std::filesystem::path(spec.checkpoint).stem().string()}};
    return manifest;
}

std::string Manifest::text(const std::string& field) const {
    const auto found = m_json.find(field);
    return found != m_json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Expected<void> Manifest::save() {
    return writeFileAtomically(m_folder + "/manifest.json",
                               m_json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

nlohmann::json inputFingerprints(const RunInputs& inputs) {
    const auto& source = inputs.checkpoint->tokenizerSource();
    nlohmann::json prints{{"program version", SAFEQUANT_VERSION},
                          {"spec", hashOf(runSpecToJson(inputs.spec))},
                          {"checkpoint", inputs.checkpointHash},
                          {"tokenizer", tokenizerHash(source)},
                          {"chat template", sha256Hex(source.chatTemplate)}};
    if (inputs.usesPrompts()) prints["prompts"] = inputs.prompts.hash;
    if (!inputs.alignedHash.empty()) prints["aligned checkpoint"] = inputs.alignedHash;
    if (!inputs.pretrainedHash.empty()) prints["pretrained checkpoint"] = inputs.pretrainedHash;
    if (!inputs.learningHash.empty()) prints["calibration files"] = inputs.learningHash;
    if (!inputs.perplexityText.empty()) prints["perplexity text"] = sha256Hex(inputs.perplexityText);
    for (const auto& task : inputs.tasks) prints["task " + task.choice.name] = task.hash;
    return prints;
}

std::vector<std::string> fingerprintDifferences(const nlohmann::json& then, const nlohmann::json& now) {
    std::vector<std::string> differences;
    const auto shown = [](const nlohmann::json& value) {
        const auto text = value.is_string() ? value.get<std::string>() : std::string("nothing");
        return text.size() > 12 ? text.substr(0, 12) + "..." : text;
    };
    for (const auto& [name, value] : now.items()) {
        const auto before = then.is_object() && then.contains(name) ? then[name] : nlohmann::json();
        if (before != value) differences.push_back(name + " (was " + shown(before) + ", is " + shown(value) + ")");
    }
    return differences;
}

void describeInputs(nlohmann::json& manifest, const RunInputs& inputs) {
    const auto& spec = inputs.spec;
    const auto& checkpoint = *inputs.checkpoint;
    manifest["program_version"] = SAFEQUANT_VERSION;
    manifest["protocol_version"] = protocol::kProtocolVersion;
    manifest["fingerprints"] = inputFingerprints(inputs);
    manifest["device"] = deviceJson(inputs);
    if (!checkpoint.config().name.empty()) manifest["model"] = checkpoint.config().name;
    nlohmann::json files = nlohmann::json::array();
    for (const auto& file : checkpoint.files()) files.push_back(file);
    manifest["checkpoint"] = {{"path", checkpoint.path()},
                              {"format", checkpoint.format()},
                              {"files", files},
                              {"blocks", checkpoint.config().blocks},
                              {"content_hash", inputs.checkpointHash}};
    manifest["seeds"] = {{"run", spec.seed},       {"calibration sample", spec.seed}, {"folds", spec.seed},
                         {"bootstrap", spec.seed}, {"evaluation prompts", spec.seed}, {"decoding", spec.decoding.seed}};
    if (spec.rotation) manifest["seeds"]["rotation"] = spec.rotation->seed;
    if (inputs.usesPrompts()) {
        const auto& set = inputs.prompts;
        nlohmann::json counts;
        for (const auto label : {PromptLabel::Malicious, PromptLabel::Benign, PromptLabel::HardBenign})
            for (const auto split : {PromptSplit::Calibration, PromptSplit::Evaluation})
                counts[promptLabelName(label)][promptSplitName(split)] = set.indices(label, split).size();
        nlohmann::json promptFiles = nlohmann::json::array();
        for (std::size_t i = 0; i < spec.prompts.size(); ++i)
            promptFiles.push_back({{"read", promptFileToJson(spec.prompts[i])}, {"sha256", set.fileHashes[i]}});
        manifest["prompts"] = {{"files", promptFiles}, {"hash", set.hash}, {"counts", counts}};
    }
    if (spec.hasStage("capture"))
        manifest["calibration_sample"] = {{"malicious", inputs.sample.malicious.size()},
                                          {"benign", inputs.sample.benign.size()},
                                          {"hard_benign", inputs.sample.hardBenign.size()}};
    manifest["model_bytes"] = {{"base", storedBytes(checkpoint.files())}};
    if (spec.hasStage("quantize"))
        manifest["model_bytes"]["quantized"] = exportSize(checkpoint.config(), inputs.plan, inputs.checkpoint.get(), spec.exporting);
    nlohmann::json linears = nlohmann::json::array();
    for (const auto& linear : inputs.plan) {
        nlohmann::json entry{
            {"name", linear.name}, {"requested", linear.requested.describe()}, {"actual", linear.actual.describe()}};
        if (!linear.reason.empty()) entry["reason"] = linear.reason;
        linears.push_back(std::move(entry));
    }
    manifest["linears"] = std::move(linears);
}

std::string captureFingerprint(const RunInputs& inputs) {
    const auto& spec = inputs.spec;
    return hashOf({{"inputs", baseFingerprints(inputs)},
                   {"device", deviceJson(inputs)},
                   {"system_prompt", spec.systemPrompt},
                   {"seed", spec.seed},
                   {"mix", {spec.maliciousFraction, spec.mixTotal}},
                   {"probe", {spec.probeFolds, spec.probePathLength}}});
}

std::string answersFingerprint(const RunInputs& inputs) {
    auto prints = baseFingerprints(inputs);
    if (!inputs.perplexityText.empty()) prints["perplexity text"] = sha256Hex(inputs.perplexityText);
    const auto& spec = inputs.spec;
    return hashOf({{"inputs", prints},
                   {"device", deviceJson(inputs)},
                   {"system_prompt", spec.systemPrompt},
                   {"seed", spec.seed},
                   {"asked", inputs.asked},
                   {"max_new_tokens", spec.decoding.maxNewTokens},
                   {"decoding", decodingJson(spec)},
                   {"perplexity", {spec.perplexityTokens, spec.perplexityWindow}}});
}

std::string chosenFingerprint(const RunInputs& inputs) {
    const auto& spec = inputs.spec;
    return hashOf({{"inputs", baseFingerprints(inputs)},
                   {"aligned", inputs.alignedHash},
                   {"system_prompt", spec.systemPrompt},
                   {"answer_tokens", spec.patch->answerTokens}});
}

}  // namespace safequant
