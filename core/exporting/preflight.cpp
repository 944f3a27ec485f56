// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "core/exporting/export_size.h"
#include "core/checkpoint/family.h"
#include "core/exporting/export_layout.h"
#include "core/exporting/gguf_export.h"
#include "core/exporting/target_folder.h"

namespace safequant {
namespace {

using Level = PreflightItem::Level;

constexpr std::uint64_t kTextBytesPerToken = 72;  // tokenizer.json: an entry and its merge.
constexpr std::uint64_t kSmallFiles = 16 * 1024;
constexpr std::array<int, 3> kKernelGroups = {32, 64, 128};

bool weightOnly(const QuantizationScheme& scheme) { return scheme.activationBits == 16; }

std::string linears(std::size_t count) { return std::to_string(count) + (count == 1 ? " linear" : " linears"); }

/// Why vLLM has no kernel for a scheme, and the cure; empty when it has one.
std::string vllmProblem(const QuantizationScheme& scheme) {
    const std::string name = scheme.describe();
    if (weightOnly(scheme)) {
        if (scheme.weightBits != 4 && scheme.weightBits != 8)
            return name + ": vLLM loads packed weights of 4 and 8 bits only. transformers loads these" +
                   (scheme.weightBits == 2 ? "" : " with compressed-tensors 0.18 or later") + "; for vLLM choose 4 or 8 bits.";
        if (scheme.groupSize > 0 &&
            std::find(kKernelGroups.begin(), kKernelGroups.end(), scheme.groupSize) == kKernelGroups.end())
            return name + ": vLLM's kernels take groups of 32, 64 or 128, or one scale a row; for vLLM choose one of these.";
        return {};
    }
    if (scheme.activationBits < 8)
        return name + ": no runtime has an integer scheme with activations of " + std::to_string(scheme.activationBits) +
               " bits. The export is for research: codes are stored as int8 and transformers computes with the dequantized weights. For "
               "serving choose activations of 8 bits.";
    if (!scheme.symmetric)
        return name + ": vLLM refuses asymmetric weights together with quantized activations; for vLLM choose symmetric weights.";
    if (scheme.weightBits == 8 && scheme.groupSize > 0)
        return name + ": vLLM's int8 kernels take one scale a row; for vLLM choose group size -1.";
    if (scheme.orderedGroups)
        return name + ": vLLM's kernels for quantized activations take groups of neighbouring columns only; for vLLM choose another column order.";
    if (scheme.weightBits != 8 && scheme.weightBits != 4)
        return name + ": vLLM takes weights of 4 or 8 bits with activations of 8 bits; for vLLM choose one of these.";
    return {};
}

void reportSchemes(const std::vector<LinearPlan>& plan, PreflightReport& report) {
    std::vector<std::pair<QuantizationScheme, std::size_t>> counts;
    std::size_t leftAlone = 0, changed = 0;
    for (const LinearPlan& entry : plan) {
        if (!entry.reason.empty()) ++changed;
        if (!entry.quantized()) {
            ++leftAlone;
            continue;
        }
        const auto it = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == entry.actual; });
        if (it == counts.end()) {
            counts.emplace_back(entry.actual, 1);
        } else {
            ++it->second;
        }
    }
    for (const auto& [scheme, count] : counts) {
        const std::string problem = vllmProblem(scheme);
        if (problem.empty()) {
            report.items.push_back({Level::Ok, scheme.describe() + ": " + linears(count) + ", stored as " + storageFormat(scheme) +
                                                   "."});
        } else {
            report.items.push_back({Level::Warning, problem + " (" + linears(count) + ".)"});
        }
    }
    if (counts.empty())
        report.items.push_back({Level::Ok, "No linear is quantized: a plain Hugging Face model is written."});
    else if (leftAlone > 0)
        report.items.push_back({Level::Ok, linears(leftAlone) + " left alone and named in the configuration's ignore list."});
    if (changed > 0)
        report.items.push_back({Level::Ok, linears(changed) + " got another scheme than was asked for; the plan gives the reasons."});
    if (report.format == "mixed-precision")
        report.items.push_back({Level::Warning, "Linears with and without quantized activations are stored in two formats side by "
                                                "side, which older loaders refuse; for them use one kind in the whole model."});
}

/// transformers 5 with compressed-tensors 0.18 to 0.20 expects the zero points of packed weights in another shape than the format
/// has, unless it decompresses while loading; it can do that for one scheme a model only.
void reportAsymmetricPacked(const std::vector<LinearPlan>& plan, PreflightReport& report) {
    std::vector<QuantizationScheme> schemes;
    bool asymmetric = false;
    for (const LinearPlan& entry : plan) {
        if (!entry.quantized()) continue;
        asymmetric = asymmetric || (weightOnly(entry.actual) && !entry.actual.symmetric);
        if (std::find(schemes.begin(), schemes.end(), entry.actual) == schemes.end()) schemes.push_back(entry.actual);
    }
    if (!asymmetric) return;
    report.items.push_back(
        {Level::Warning,
         schemes.size() == 1 ? "transformers 5 with compressed-tensors 0.18 to 0.20 loads asymmetric packed weights only with "
                               "quantization_config=CompressedTensorsConfig(dequantize=True); vLLM needs nothing special."
                             : "transformers 5 with compressed-tensors 0.18 to 0.20 cannot load asymmetric packed weights beside "
                               "another scheme; for transformers choose symmetric weights, or one scheme for all linears."});
}

/// vLLM computes q, k, v as one product, and gate and up: all parts need the same scheme.
void reportFusedParts(const std::vector<LinearPlan>& plan, PreflightReport& report) {
    struct Fused {
        const char* names;
        LinearRole first, last;
    };
    constexpr std::array<Fused, 2> kFused = {Fused{"q_proj, k_proj and v_proj", LinearRole::Query, LinearRole::Value},
                                             Fused{"gate_proj and up_proj", LinearRole::Gate, LinearRole::Up}};
    for (const Fused& fused : kFused) {
        std::map<int, const LinearPlan*> firstOfBlock;
        std::map<int, bool> differing;
        for (const LinearPlan& entry : plan) {
            if (entry.role < fused.first || entry.role > fused.last) continue;
            const auto [it, inserted] = firstOfBlock.emplace(entry.block, &entry);
            if (inserted) continue;
            const LinearPlan& other = *it->second;
            const bool same = entry.quantized() == other.quantized() && (!entry.quantized() || entry.actual == other.actual);
            if (!same) differing[entry.block] = true;
        }
        if (differing.empty()) continue;
        report.items.push_back(
            {Level::Warning, std::string("vLLM fuses ") + fused.names + " and needs one scheme for them, which " +
                                 std::to_string(differing.size()) + (differing.size() == 1 ? " block does" : " blocks do") +
                                 " not have (the first is block " + std::to_string(differing.begin()->first) +
                                 "); for vLLM give them the same scheme. transformers loads it as it is."});
    }
}

/// Packed words must end where a linear ends for vLLM's kernels.
void reportRaggedWords(const DecoderConfig& config, const std::vector<LinearPlan>& plan, PreflightReport& report) {
    for (const LinearPlan& entry : storedPlan(config, plan)) {
        if (!entry.quantized() || !weightOnly(entry.actual) || 32 % entry.actual.weightBits != 0) continue;
        const int perWord = 32 / entry.actual.weightBits;
        const auto [rows, cols] = storedShape(config, entry);
        if (cols % perWord == 0 && (entry.actual.symmetric || rows % perWord == 0)) continue;
        report.items.push_back({Level::Warning, entry.name + " has " + std::to_string(rows) + " x " + std::to_string(cols) +
                                                    " weights, which fill no whole words of " + std::to_string(perWord) +
                                                    " codes, as vLLM needs; for vLLM leave such linears at 16 bits."});
        return;
    }
}

/// Who loads the other formats, and what their kernels ask for.
void reportLoaders(const DecoderConfig& config, const std::vector<LinearPlan>& plan, ExportFormat format, PreflightReport& report) {
    const auto first = std::find_if(plan.begin(), plan.end(), [](const LinearPlan& entry) { return entry.quantized(); });
    if (format == ExportFormat::Gguf) {
        report.items.push_back({Level::Ok, "Loads in llama.cpp; every linear gets the smallest block type that holds its grid exactly."});
        if (first != plan.end() && std::any_of(plan.begin(), plan.end(), [](const LinearPlan& p) { return p.quantized() && !weightOnly(p.actual); }))
            report.items.push_back({Level::Warning, "GGUF stores no activation scheme: llama.cpp rounds activations to 8 bits in its own way."});
        if (slidingWindow(config) > 0 && familyOf(config).ggufArchitecture == "llama")
            report.items.push_back({Level::Warning, "In llama.cpp there is no sliding window for this family: texts longer than " +
                                                        std::to_string(slidingWindow(config)) + " tokens are computed differently there."});
        return;
    }
    const bool awq = format == ExportFormat::Awq;
    report.items.push_back({Level::Ok, std::string("Loads in vLLM, and in transformers with gptqmodel (") + (awq ? "AutoAWQ's GEMM" : "AutoGPTQ's") +
                                           " layout); both need a GPU."});
    if (first == plan.end()) return;
    const QuantizationScheme& scheme = first->actual;
    if (scheme.groupSize > 0 && std::find(kKernelGroups.begin(), kKernelGroups.end(), scheme.groupSize) == kKernelGroups.end())
        report.items.push_back({Level::Warning, "For vLLM's Marlin kernels choose groups of 32, 64 or 128, or one scale a row; groups of " +
                                                    std::to_string(scheme.groupSize) + " run on slower kernels or not at all."});
    if (!awq && !scheme.symmetric)
        report.items.push_back({Level::Warning, "For vLLM's Marlin kernels choose symmetric weights, or export as AWQ."});
    if (!awq && scheme.weightBits == 2)
        report.items.push_back({Level::Warning, "GPTQ weights of 2 bits run on vLLM's slow kernel only."});
    reportFusedParts(plan, report);
}

/// What a plain folder keeps of the quantization, and what it does not.
void reportDense(const std::vector<LinearPlan>& plan, PreflightReport& report) {
    const auto quantized = std::count_if(plan.begin(), plan.end(), [](const LinearPlan& p) { return p.quantized(); });
    const auto activations = std::count_if(plan.begin(), plan.end(), [](const LinearPlan& p) { return p.quantized() && !weightOnly(p.actual); });
    const auto changed = std::count_if(plan.begin(), plan.end(), [](const LinearPlan& p) { return !p.reason.empty(); });
    report.items.push_back({Level::Ok, "A plain Hugging Face model, which every runtime loads: values of " + linears(static_cast<std::size_t>(quantized)) +
                                           " and all other tensors rounded to bfloat16. It is as large as a model that is not quantized."});
    if (activations > 0)
        report.items.push_back({Level::Warning, "A plain model has no activation scheme: what it computes is that of quantized weights alone (" +
                                                    linears(static_cast<std::size_t>(activations)) + ")."});
    if (changed > 0)
        report.items.push_back({Level::Ok, linears(static_cast<std::size_t>(changed)) + " got another scheme than was asked for; the plan gives the reasons."});
}

std::uint64_t linearBytes(const DecoderConfig& config, const LinearPlan& entry) {
    const auto [rows, cols] = linearShape(config, entry.role);
    if (!entry.quantized()) return 4 * static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols);
    std::uint64_t bytes = 0;
    for (const TensorToWrite& tensor : quantizedTensors(entry, rows, cols, "F32")) bytes += tensor.bytes();
    return bytes;
}

std::uint64_t exportBytes(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const Checkpoint* checkpoint, bool dense) {
    const auto vocabulary = static_cast<std::uint64_t>(config.vocabulary);
    const auto hidden = static_cast<std::uint64_t>(config.hiddenSize);
    std::uint64_t bytes = kSmallFiles + vocabulary * kTextBytesPerToken;
    if (checkpoint != nullptr) {
        for (const ExportedTensor& tensor : exportedTensors(*checkpoint, plan, dense ? ExportFormat::Bf16 : ExportFormat::CompressedTensors)) {
            for (const TensorToWrite& written : tensor.written) bytes += written.bytes();
        }
        return bytes;
    }
    const std::uint64_t valueBytes = dense ? 2 : 4;
    for (const LinearPlan& entry : plan) {
        const auto [rows, cols] = linearShape(config, entry.role);
        bytes += dense ? valueBytes * static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols) : linearBytes(config, entry);
    }
    const std::uint64_t norms = (2 * static_cast<std::uint64_t>(config.blocks) + 1) * hidden;
    return bytes + valueBytes * (vocabulary * hidden * (config.tiedEmbeddings ? 1 : 2) + norms);
}

}  // namespace

std::uint64_t exportSize(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const Checkpoint* checkpoint, const ExportOptions& options) {
    return options.format == ExportFormat::Gguf ? ggufBytes(config, plan, checkpoint, {options.plainType})
                                                : exportBytes(config, plan, checkpoint, options.format == ExportFormat::Bf16);
}

bool PreflightReport::possible() const {
    return std::none_of(items.begin(), items.end(), [](const PreflightItem& item) { return item.level == Level::Error; });
}

PreflightReport preflightExport(const DecoderConfig& config, const std::vector<LinearPlan>& plan, const std::string& folder,
                                const Checkpoint* checkpoint, const ExportOptions& options) {
    PreflightReport report;
    const bool compressed = options.format == ExportFormat::CompressedTensors;
    report.format = compressed ? exportFormat(plan) : std::string(exportFormatName(options.format));
    report.bytes = exportSize(config, plan, checkpoint, options);
    if (const std::string problem = formatProblem(options.format, config, plan); !problem.empty())
        report.items.push_back({Level::Error, problem});
    if (compressed) {
        reportSchemes(plan, report);
        reportAsymmetricPacked(plan, report);
        reportFusedParts(plan, report);
        reportRaggedWords(config, plan, report);
    } else if (options.format == ExportFormat::Bf16) {
        reportDense(plan, report);
    } else {
        reportLoaders(config, plan, options.format, report);
    }
    if (const auto checked = checkTargetFolder(folder, report.bytes); checked) {
        report.items.push_back({Level::Ok, "About " + std::to_string((report.bytes + 999'999) / 1'000'000) +
                                               " MB; the folder can be written and the disk has room."});
    } else {
        report.items.push_back({Level::Error, checked.error().describe()});
    }
    return report;
}

}  // namespace safequant
