// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/activations/store.h"
#include "core/signature/alignment_signature.h"

namespace safequant {
namespace {

constexpr const char* kSignatureKind = "alignment-signature";
constexpr int kSignatureVersion = 1;
constexpr int kMostPositions = 4096;

nlohmann::json rateJson(const Rate& rate) { return {{"count", rate.count}, {"total", rate.total}}; }
Rate rateFrom(const nlohmann::json& json) { return rateOf(json.at("count"), json.at("total")); }

nlohmann::json describe(const AlignmentSignature& signature) {
    nlohmann::json json{{"version", kSignatureVersion},
                        {"model_type", signature.modelType},
                        {"blocks", signature.blocks},
                        {"hidden", signature.hidden},
                        {"vocabulary", signature.vocabulary},
                        {"tail", signature.tail},
                        {"tokens_sha256", signature.tokensHash},
                        {"tokenizer_sha256", signature.tokenizerHash},
                        {"template_sha256", signature.templateHash},
                        {"system_prompt", signature.systemPrompt},
                        {"prompts", signature.promptIds},
                        {"malicious", signature.malicious},
                        {"prompts_sha256", signature.promptsHash},
                        {"model", signature.modelName},
                        {"checkpoint_sha256", signature.checkpointHash}};
    if (signature.scores)
        json["scores"] = {{"harmful_score", rateJson(signature.scores->harmfulScore)},
                          {"refused_malicious", rateJson(signature.scores->refusedMalicious)},
                          {"refused_benign", rateJson(signature.scores->refusedBenign)},
                          {"refused_hard_benign", rateJson(signature.scores->refusedHardBenign)},
                          {"judge", signature.scores->judge},
                          {"max_new_tokens", signature.scores->newTokens}};
    return json;
}

AlignmentSignature parsed(const nlohmann::json& json) {
    AlignmentSignature signature;
    json.at("model_type").get_to(signature.modelType);
    json.at("blocks").get_to(signature.blocks);
    json.at("hidden").get_to(signature.hidden);
    json.at("vocabulary").get_to(signature.vocabulary);
    json.at("tail").get_to(signature.tail);
    json.at("tokens_sha256").get_to(signature.tokensHash);
    json.at("tokenizer_sha256").get_to(signature.tokenizerHash);
    json.at("template_sha256").get_to(signature.templateHash);
    json.at("system_prompt").get_to(signature.systemPrompt);
    json.at("prompts").get_to(signature.promptIds);
    json.at("malicious").get_to(signature.malicious);
    json.at("prompts_sha256").get_to(signature.promptsHash);
    json.at("model").get_to(signature.modelName);
    json.at("checkpoint_sha256").get_to(signature.checkpointHash);
    if (json.contains("scores")) {
        const auto& scores = json.at("scores");
        signature.scores = AlignmentSignature::Scores{rateFrom(scores.at("harmful_score")), rateFrom(scores.at("refused_malicious")),
                                                      rateFrom(scores.at("refused_benign")), rateFrom(scores.at("refused_hard_benign")),
                                                      scores.at("judge"), scores.at("max_new_tokens")};
    }
    return signature;
}

bool sensible(const AlignmentSignature& signature) {
    return signature.blocks > 0 && signature.hidden > 0 && signature.tail > 0 && signature.tail <= kMostPositions && signature.malicious > 0 && signature.benign() > 0;
}

}  // namespace

Expected<void> writeSignature(const std::string& path, const AlignmentSignature& signature) {
    const auto blocks = static_cast<std::size_t>(signature.blocks), tail = static_cast<std::size_t>(signature.tail),
               hidden = static_cast<std::size_t>(signature.hidden);
    ArrayFile file;
    file.attributes["kind"] = kSignatureKind;
    file.texts["signature"] = describe(signature).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    file.arrays["means/malicious"] = {{blocks, tail, hidden}, signature.maliciousMeans};
    file.arrays["means/benign"] = {{blocks, tail, hidden}, signature.benignMeans};
    file.arrays["variances"] = {{blocks, tail, hidden}, signature.variances};
    file.arrays["probe/weights"] = {{blocks, hidden}, signature.probeWeights};
    file.arrays["probe/intercepts"] = {{blocks}, signature.probeIntercepts};
    return writeArrayFile(path, file);
}

Expected<AlignmentSignature> readSignature(const std::string& path) {
    auto file = readArrayFile(path);
    if (!file) return fail(file.error());
    const auto kind = file->attributes.find("kind");
    const auto text = file->texts.find("signature");
    if (kind == file->attributes.end() || kind->second != kSignatureKind || text == file->texts.end())
        return fail(ErrorKind::BadInput, "This is no alignment signature; `safequant signature` makes one.", path);
    AlignmentSignature signature;
    try {
        const auto json = nlohmann::json::parse(text->second);
        const int version = json.at("version");
        if (version > kSignatureVersion)
            return fail(ErrorKind::Unsupported, "The signature has version " + std::to_string(version) + ", this program reads " + std::to_string(kSignatureVersion) + "; update it.", path);
        signature = parsed(json);
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::BadInput, std::string("The signature is damaged: ") + error.what(), path);
    }
    if (!sensible(signature)) return fail(ErrorKind::BadInput, "The signature is damaged: its numbers make no sense.", path);
    const auto blocks = static_cast<std::size_t>(signature.blocks), tail = static_cast<std::size_t>(signature.tail),
               hidden = static_cast<std::size_t>(signature.hidden);
    const std::vector<std::size_t> whole{blocks, tail, hidden}, probes{blocks, hidden}, intercepts{blocks};
    for (const auto& [name, shape, target] : {std::tuple{"means/malicious", &whole, &signature.maliciousMeans},
                                              {"means/benign", &whole, &signature.benignMeans},
                                              {"variances", &whole, &signature.variances},
                                              {"probe/weights", &probes, &signature.probeWeights},
                                              {"probe/intercepts", &intercepts, &signature.probeIntercepts}}) {
        const auto array = file->arrays.find(name);
        if (array == file->arrays.end() || array->second.shape != *shape)
            return fail(ErrorKind::BadInput, std::string("The signature is damaged: \"") + name + "\" is missing or has another shape.", path);
        *target = std::move(array->second.values);
    }
    return signature;
}

}  // namespace safequant
