// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/model_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/base/files.h"
#include "core/exporting/export_layout.h"

namespace safequant {
namespace {

std::string dumped(const nlohmann::json& json) {
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

nlohmann::json configJson(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan, const std::string& computeType,
                          const FolderLayout& layout) {
    nlohmann::json config = checkpoint.configJson();
    config.erase("quantization_config");
    config.erase("_name_or_path");
    config.erase("dtype");
    config["torch_dtype"] = computeType;
    if (nlohmann::json quantization = quantizationConfig(storedPlan(checkpoint.config(), plan), layout); !quantization.is_null())
        config["quantization_config"] = std::move(quantization);
    return config;
}

/// A JSON object that lies in the model folder that is exported from; an empty object when there is none.
nlohmann::json siblingJson(const Checkpoint& checkpoint, const char* name) {
    if (checkpoint.format() != "huggingface") return nlohmann::json::object();
    std::error_code code;
    const std::filesystem::path path = checkpoint.path();
    const std::filesystem::path folder = std::filesystem::is_directory(path, code) ? path : path.parent_path();
    const auto text = readTextFile((folder / name).string());
    if (!text) return nlohmann::json::object();
    nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
    return json.is_object() ? json : nlohmann::json::object();
}

nlohmann::json generationJson(const Checkpoint& checkpoint) {
    nlohmann::json json = siblingJson(checkpoint, "generation_config.json");
    if (!json.empty()) return json;
    const DecoderConfig& config = checkpoint.config();
    if (config.beginToken >= 0) json["bos_token_id"] = config.beginToken;
    if (config.endTokens.size() == 1) json["eos_token_id"] = config.endTokens.front();
    if (config.endTokens.size() > 1) json["eos_token_id"] = config.endTokens;
    if (config.padToken >= 0) json["pad_token_id"] = config.padToken;
    json["_from_model_config"] = true;
    return json;
}

std::vector<std::pair<const char*, std::string>> specialTokens(const TokenizerSource& source) {
    std::vector<std::pair<const char*, std::string>> tokens;
    const auto add = [&](const char* name, const std::string& text) {
        if (!text.empty()) tokens.emplace_back(name, text);
    };
    add("bos_token", source.beginText);
    add("eos_token", source.endText);
    add("unk_token", source.unknownText);
    add("pad_token", source.padText);
    return tokens;
}

nlohmann::json tokenizerConfigJson(const Checkpoint& checkpoint) {
    const TokenizerSource& source = checkpoint.tokenizerSource();
    nlohmann::json json = source.tokenizerConfig.is_object() ? source.tokenizerConfig : nlohmann::json::object();
    if (json.empty()) {
        json["tokenizer_class"] = "PreTrainedTokenizerFast";
        json["clean_up_tokenization_spaces"] = false;
        if (checkpoint.config().maxPositions > 0) json["model_max_length"] = checkpoint.config().maxPositions;
        for (const auto& [name, text] : specialTokens(source)) json[name] = text;
    }
    if (!source.chatTemplate.empty()) json["chat_template"] = source.chatTemplate;
    return json;
}

nlohmann::json specialTokensJson(const Checkpoint& checkpoint) {
    nlohmann::json json = siblingJson(checkpoint, "special_tokens_map.json");
    if (!json.empty()) return json;
    for (const auto& [name, text] : specialTokens(checkpoint.tokenizerSource())) json[name] = text;
    return json;
}

std::string schemeTable(const std::vector<LinearPlan>& plan) {
    std::vector<std::pair<std::string, std::size_t>> counts;
    for (const LinearPlan& entry : plan) {
        const std::string name = entry.quantized() ? entry.actual.describe() : "left alone (16 bits)";
        const auto it = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == name; });
        if (it == counts.end()) {
            counts.emplace_back(name, 1);
        } else {
            ++it->second;
        }
    }
    std::string table = "| Scheme | Linears |\n|---|---|\n";
    for (const auto& [name, count] : counts) table += "| " + name + " | " + std::to_string(count) + " |\n";
    return table;
}

std::string substitutions(const std::vector<LinearPlan>& plan) {
    std::vector<std::pair<std::string, std::size_t>> reasons;
    for (const LinearPlan& entry : plan) {
        if (entry.reason.empty()) continue;
        const std::string line = entry.requested.describe() + " asked, " + entry.actual.describe() + " used. " + entry.reason;
        const auto it = std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == line; });
        if (it == reasons.end()) {
            reasons.emplace_back(line, 1);
        } else {
            ++it->second;
        }
    }
    std::string text;
    for (const auto& [reason, count] : reasons) text += "- " + std::to_string(count) + " linears: " + reason + "\n";
    return text.empty() ? text : "\n" + text;
}

std::string loadingHelp(const std::vector<LinearPlan>& plan, ExportFormat layout) {
    const bool plain = layout == ExportFormat::Bf16 || exportFormat(plan) == "dense";
    if (layout != ExportFormat::CompressedTensors && !plain)
        return "Load it with vLLM, or with transformers and gptqmodel:\n\n```python\nfrom transformers import AutoModelForCausalLM, "
               "AutoTokenizer\n\nmodel = AutoModelForCausalLM.from_pretrained(\"PATH\", device_map=\"cuda\")\ntokenizer = "
               "AutoTokenizer.from_pretrained(\"PATH\")\n```\n\n";
    const bool zeroPoints = !plain && std::any_of(plan.begin(), plan.end(), [](const LinearPlan& entry) {
        return storageFormat(entry.actual) == std::string_view("pack-quantized") && !entry.actual.symmetric;
    });
    std::string text = "Load it with transformers";
    if (!plain) text += " and compressed-tensors";
    text += ":\n\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer";
    if (zeroPoints) text += ", CompressedTensorsConfig";
    text += "\n\nmodel = AutoModelForCausalLM.from_pretrained(\"PATH\", dtype=\"auto\"";
    if (zeroPoints) text += ", quantization_config=CompressedTensorsConfig(dequantize=True)";
    return text + ")\ntokenizer = AutoTokenizer.from_pretrained(\"PATH\")\n```\n\n";
}

std::string modelCard(const Checkpoint& checkpoint, const std::vector<LinearPlan>& plan, const std::string& computeType,
                      ExportFormat layout) {
    const bool shortened = layout == ExportFormat::Bf16;
    const bool compressed = layout == ExportFormat::CompressedTensors || exportFormat(plan) == "dense";
    const std::string format = compressed ? exportFormat(plan) : std::string(exportFormatName(layout));
    std::string name = checkpoint.config().name.empty() ? "Model" : checkpoint.config().name;
    std::replace_if(name.begin(), name.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    std::string card = "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- safequant\n";
    if (format != "dense") card += "- " + std::string(exportFormatName(layout)) + "\n";
    card += "---\n\n# " + name + "\n\nWritten by SafeQuant Workbench in the format `" + format +
            "`. provenance.json says what it was made from and how.\n\n" + schemeTable(plan) + substitutions(plan) +
            (shortened ? "\nThe quantized weights' values are written out, rounded to bfloat16 like every other tensor; inputs of linears are not quantized. Embeddings"
                       : "\nTensors that are not quantized keep the values of the source; `torch_dtype` is `" + computeType +
                             "`, in which all of them are exact. Embeddings") +
            ", norms and the language-model head are not quantized.\n\n" +
            loadingHelp(plan, layout) +
            "Quantization can weaken what a model learned about refusing harmful requests. Evaluate safety on this very "
            "checkpoint before it serves anyone. The licence of the source model applies.\n";
    return card;
}

}  // namespace

std::map<std::string, std::string> modelFiles(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                              const std::vector<LinearPlan>& plan, const std::string& computeType,
                                              const nlohmann::json& provenance, const FolderLayout& layout) {
    std::map<std::string, std::string> files;
    files["config.json"] = dumped(configJson(checkpoint, plan, computeType, layout));
    if (layout.format == ExportFormat::Gptq) files["quantize_config.json"] = dumped(quantizationConfig(storedPlan(checkpoint.config(), plan), layout));
    files["generation_config.json"] = dumped(generationJson(checkpoint));
    files["tokenizer.json"] = dumped(tokenizer.toTokenizerJson());
    files["tokenizer_config.json"] = dumped(tokenizerConfigJson(checkpoint));
    files["special_tokens_map.json"] = dumped(specialTokensJson(checkpoint));
    if (!checkpoint.tokenizerSource().chatTemplate.empty())
        files["chat_template.jinja"] = checkpoint.tokenizerSource().chatTemplate;
    files["provenance.json"] = dumped(provenance);
    files["README.md"] = modelCard(checkpoint, plan, computeType, layout.format);
    return files;
}

}  // namespace safequant
