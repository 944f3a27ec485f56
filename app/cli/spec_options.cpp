// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/spec_options.h"

#include <charconv>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/model_path.h"
#include "core/exporting/export_model.h"
#include "core/quantize/method.h"

namespace safequant::cli {

void SpecOptions::addAdapterOption(CLI::App& command) {
    command.add_option("--adapter", adapters, "PEFT LoRA adapter folder merged into the checkpoint; repeatable, merged in this order")
        ->allow_extra_args(false);
}

void SpecOptions::addPromptOptions(CLI::App& command) {
    command.add_option("--prompts", prompts, "Labelled prompt files (JSON Lines), or builtin:default");
    command.add_option("--system-prompt", systemPrompt, "System message (default: the template's own)");
    command.add_option("--malicious-fraction", maliciousFraction, "Share of malicious prompts in the calibration sample")
        ->check(CLI::Range(0.0, 1.0));
}

void SpecOptions::addSchemeOptions(CLI::App& command) {
    command.add_option("--bits", weightBits, "Bits of a weight, 2 to 8; 16 leaves weights alone");
    command.add_option("--group", groupSize, "Columns that share a scale; -1: one scale a row");
    command.add_option("--activation-bits", activationBits, "Bits of a linear's input, per token")->check(CLI::IsMember({16, 8, 6, 4}));
    auto* symmetricFlag = command.add_flag("--symmetric", symmetric, "No zero points");
    command.add_flag("--asymmetric", asymmetric, "With zero points")->excludes(symmetricFlag);
    command.add_flag("--asymmetric-activations", asymmetricActivations, "A zero point for each token's activations");
    command.add_flag("--rotate", rotate, "Rotate the residual stream and value heads before quantizing (QuaRot's offline part)");
    command.add_option("--layer-bits", layerBits,
                       "REGEX=BITS: linears whose name matches get these bits; repeatable, the first match wins");
}

void SpecOptions::addMethodOption(CLI::App& command) {
    std::string known;
    for (const QuantizationMethod& each : quantizationMethods()) known += (known.empty() ? "" : ", ") + std::string(each.id);
    command.add_option("--method", method, "How weights are quantized, with its standard settings: " + known);
}

void SpecOptions::addPatchOption(CLI::App& command) {
    command.add_option("--patch", patch, "Patch what the method made: " + patchMethodNames());
}

void SpecOptions::addSeedOption(CLI::App& command) {
    command.add_option("--seed", seed, "Seed of every random choice (default 0)");
}

void SpecOptions::addDeviceOption(CLI::App& command) {
    command.add_option("--device", device, "Where blocks are computed and learned: cpu (default), cuda, cuda:N");
}

void addExportOptions(CLI::App& command, std::string& format, std::string& type) {
    const auto names = exportFormatNames();
    command.add_option("--format", format, "Format of the export")
        ->check(CLI::IsMember(std::vector<std::string>(names.begin(), names.end())))
        ->capture_default_str();
    command.add_option("--type", type,
                       "GGUF: type of matrices that are not quantized (F32, F16, BF16, Q8_0; default: the smallest that keeps every value)");
}

Expected<void> SpecOptions::apply(RunSpec& spec) const {
    if (!checkpoint.empty()) spec.checkpoint = absoluteModelPath(checkpoint);
    if (!adapters.empty()) spec.adapters.clear();
    for (const auto& adapter : adapters) spec.adapters.push_back(absoluteModelPath(adapter));
    if (!prompts.empty()) {
        spec.prompts.clear();
        for (const auto& name : prompts)
            spec.prompts.emplace_back().path = name.starts_with("builtin:") ? name : std::filesystem::absolute(name).lexically_normal().string();
    }
    if (systemPrompt) spec.systemPrompt = *systemPrompt;
    if (seed) spec.seed = *seed;
    if (device) spec.device = spec.learning.device = *device;
    if (maliciousFraction) spec.maliciousFraction = *maliciousFraction;
    if (weightBits) spec.scheme.weightBits = *weightBits;
    if (groupSize) spec.scheme.groupSize = *groupSize;
    if (activationBits) spec.scheme.activationBits = *activationBits;
    if (rotate && !spec.rotation) spec.rotation = RotationOptions{true, true, spec.seed};
    if (symmetric) spec.scheme.symmetric = true;
    if (asymmetric) spec.scheme.symmetric = false;
    if (asymmetricActivations) spec.scheme.activationSymmetric = false;
    for (const auto& text : layerBits) {
        const auto split = text.rfind('=');
        int bits = 0;
        const char* first = text.data() + (split == std::string::npos ? text.size() : split + 1);
        const char* last = text.data() + text.size();
        const auto parsed = std::from_chars(first, last, bits);
        if (split == std::string::npos || split == 0 || parsed.ec != std::errc() || parsed.ptr != last)
            return fail(ErrorKind::BadInput, "A layer rule is written REGEX=BITS, e.g. 'down_proj=8'.", "--layer-bits " + text);
        SchemeRule rule{text.substr(0, split), spec.scheme};
        rule.scheme.weightBits = bits;
        spec.rules.push_back(rule);
    }
    // Back through JSON, so that options meet the same checks as a spec file.
    auto json = runSpecToJson(spec);
    if (!method.empty() && method != spec.method) {
        json["quantization"]["method"] = method;
        json["calibration"] = calibrationToJson(spec.calibration);
        // What the method before it was told means nothing to this one.
        for (const char* section : {"learning", "options", "tuning"}) json["quantization"].erase(section);
    }
    if (!patch.empty()) json["quantization"]["patch"] = {{"method", patch}};
    auto checked = runSpecFromJson(json, "command line");
    if (!checked) return fail(checked.error());
    spec = std::move(*checked);
    return {};
}

Expected<RunSpec> bundledRunSpec(const std::string& name, const std::string& checkpoint) {
    const auto path = resolveResource("builtin:" + name);
    if (!path) return fail(path.error());
    const auto text = readTextFile(*path);
    if (!text) return fail(text.error());
    auto json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_discarded()) return fail(ErrorKind::BadInput, "The bundled run is broken: reinstall.", *path);
    json["checkpoint"] = absoluteModelPath(checkpoint);
    return runSpecFromJson(json, *path);
}

}  // namespace safequant::cli
