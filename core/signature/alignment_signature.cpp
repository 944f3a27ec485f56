// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/signature/alignment_signature.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <utility>

#include "core/base/hash.h"
#include "core/separability/probe.h"
#include "core/signature/tail_rows.h"
#include "core/text/tokenizer_hash.h"

namespace safequant {
namespace {

constexpr double kSignatureProbeC = 0.1;
constexpr std::size_t kFewestClusters = 2;

std::string hashOfPrompts(const PromptSet& set, std::span<const std::size_t> indices) {
    Sha256 hash;
    for (const std::size_t index : indices) {
        const Prompt& prompt = set.prompts[index];
        hash.update(prompt.id + "\n" + promptLabelName(prompt.label) + "\n" + prompt.text + "\n");
    }
    return hash.hex();
}

/// Of the ids of prompts with the template around them.
Expected<std::string> hashOfTokens(const ChatFormat& format, const PromptSet& set, std::span<const std::size_t> indices) {
    Sha256 hash;
    for (const std::size_t index : indices) {
        const auto ids = format.encodePrompt(set.prompts[index].text);
        if (!ids) return fail(ids.error().kind, ids.error().message, "prompt " + set.prompts[index].id);
        std::string text;
        for (const std::int32_t id : *ids) text += std::to_string(id) + " ";
        hash.update(text + "\n");
    }
    return hash.hex();
}

/// Adds one block's means, variances and probe.
void addBlock(AlignmentSignature& signature, const Matrix& rows, const std::vector<bool>& malicious, std::span<const int> clusters) {
    const std::size_t width = rows.cols(), hidden = static_cast<std::size_t>(signature.hidden);
    std::vector<double> sums[2], squares(width, 0.0);
    double counts[2] = {0.0, 0.0};
    for (auto& sum : sums) sum.assign(width, 0.0);
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        ++counts[malicious[r]];
        for (std::size_t d = 0; d < width; ++d) sums[malicious[r]][d] += static_cast<double>(rows(r, d));
    }
    for (int of : {0, 1})
        for (double& sum : sums[of]) sum /= counts[of];
    for (std::size_t r = 0; r < rows.rows(); ++r)
        for (std::size_t d = 0; d < width; ++d) {
            const double difference = static_cast<double>(rows(r, d)) - sums[malicious[r]][d];
            squares[d] += difference * difference;
        }
    for (std::size_t d = 0; d < width; ++d) {
        signature.benignMeans.push_back(roundedToHalf(static_cast<float>(sums[0][d])));
        signature.maliciousMeans.push_back(roundedToHalf(static_cast<float>(sums[1][d])));
        signature.variances.push_back(roundedToHalf(static_cast<float>(squares[d] / (counts[0] + counts[1] - 2.0))));
    }
    Matrix last(rows.rows(), hidden);
    for (std::size_t r = 0; r < rows.rows(); ++r) std::copy_n(rows.row(r) + width - hidden, hidden, last.row(r));
    ProbeOptions options;
    options.fixedC = kSignatureProbeC;
    const Probe probe = fitProbe(last, malicious, clusters, options);
    signature.probeWeights.insert(signature.probeWeights.end(), probe.weights.begin(), probe.weights.end());
    signature.probeIntercepts.push_back(static_cast<float>(probe.intercept));
}

void compare(std::vector<std::string>& differences, const std::string& what, const std::string& here, const std::string& there) {
    if (here != there) differences.push_back(what + " " + here + ", the signature's is " + there);
}

std::string shortHash(const std::string& hash) {
    constexpr std::size_t kShown = 12;
    return hash.empty() ? "none" : hash.substr(0, kShown);
}

}  // namespace

float roundedToHalf(float value) {
    constexpr std::uint32_t kDropped = 13, kMask = (1U << kDropped) - 1U;
    auto bits = std::bit_cast<std::uint32_t>(value);
    bits += (kMask >> 1U) + ((bits >> kDropped) & 1U);
    return std::bit_cast<float>(bits & ~kMask);
}

Expected<SignaturePrompts> signaturePrompts(const PromptSet& set) {
    SignaturePrompts prompts;
    prompts.indices = set.indices(PromptLabel::Malicious, PromptSplit::Calibration);
    prompts.malicious = static_cast<int>(prompts.indices.size());
    const auto benign = set.indices(PromptLabel::Benign, PromptSplit::Calibration);
    const auto clusters = [&](const std::vector<std::size_t>& indices) {
        std::set<int> found;
        for (const std::size_t index : indices) found.insert(set.prompts[index].cluster);
        return found.size();
    };
    for (const auto& [indices, name] : {std::pair<const std::vector<std::size_t>*, const char*>{&prompts.indices, "malicious"}, {&benign, "benign"}})
        if (clusters(*indices) < kFewestClusters)
            return fail(ErrorKind::BadInput, std::string("The calibration split has ") + std::to_string(indices->size()) + " " + name +
                                                 " prompts of their own wording; a signature needs two at least of both classes.", set.name);
    prompts.indices.insert(prompts.indices.end(), benign.begin(), benign.end());
    return prompts;
}

Expected<SignaturePrompts> promptsOf(const AlignmentSignature& signature, const PromptSet& set) {
    std::map<std::string, std::size_t> byId;
    for (std::size_t i = 0; i < set.prompts.size(); ++i) byId.emplace(set.prompts[i].id, i);
    SignaturePrompts prompts;
    prompts.malicious = signature.malicious;
    std::string missing;
    std::size_t count = 0;
    for (const std::string& id : signature.promptIds) {
        const auto found = byId.find(id);
        if (found != byId.end()) {
            prompts.indices.push_back(found->second);
            continue;
        }
        constexpr std::size_t kNamed = 3;
        if (count++ < kNamed) missing += (missing.empty() ? "" : ", ") + id;
    }
    if (count > 0)
        return fail(ErrorKind::Mismatch, "The prompt set lacks " + std::to_string(count) + " of the " + std::to_string(signature.promptIds.size()) +
                                             " prompts that the signature was made of (" + missing + (count > 3 ? ", ...)" : ")") + "; give the set it was made with.", set.name);
    if (hashOfPrompts(set, prompts.indices) != signature.promptsHash)
        return fail(ErrorKind::Mismatch, "Prompts of the set have other texts or labels than those that the signature was made of; give the set it was made with.", set.name);
    return prompts;
}

Expected<AlignmentSignature> makeSignature(const std::shared_ptr<const Checkpoint>& checkpoint, const ChatFormat& format, const PromptSet& set,
                                           const Progress& progress) {
    const auto chosen = signaturePrompts(set);
    if (!chosen) return fail(chosen.error());
    const auto tail = templateTail(format);
    if (!tail) return fail(tail.error());
    const DecoderConfig& config = checkpoint->config();
    AlignmentSignature signature;
    signature.modelType = config.modelType;
    signature.blocks = config.blocks;
    signature.hidden = config.hiddenSize;
    signature.vocabulary = config.vocabulary;
    signature.tokenizerHash = tokenizerHash(checkpoint->tokenizerSource());
    signature.templateHash = sha256Hex(checkpoint->tokenizerSource().chatTemplate);
    signature.systemPrompt = format.systemPrompt;
    signature.modelName = config.name;
    signature.tail = *tail;
    signature.malicious = chosen->malicious;
    signature.promptsHash = hashOfPrompts(set, chosen->indices);
    auto tokens = hashOfTokens(format, set, chosen->indices);
    if (!tokens) return fail(tokens.error());
    signature.tokensHash = std::move(*tokens);
    std::vector<TailPrompt> prompts;
    std::vector<bool> malicious;
    std::vector<int> clusters;
    for (const std::size_t index : chosen->indices) {
        const Prompt& prompt = set.prompts[index];
        signature.promptIds.push_back(prompt.id);
        prompts.push_back({prompt.id, prompt.text});
        malicious.push_back(prompt.label == PromptLabel::Malicious);
        clusters.push_back(prompt.cluster);
    }
    const auto visited = visitTails(checkpoint, format, prompts, *tail, [&](int, const Matrix& rows) { addBlock(signature, rows, malicious, clusters); }, progress);
    if (!visited) return fail(visited.error());
    return signature;
}

Expected<SignaturePrompts> fittingPrompts(const AlignmentSignature& signature, const Checkpoint& checkpoint, const ChatFormat& format, const PromptSet& set,
                                          const std::string& where) {
    auto prompts = promptsOf(signature, set);
    if (!prompts) return prompts;
    const DecoderConfig& config = checkpoint.config();
    std::vector<std::string> differences;
    compare(differences, "model family", config.modelType, signature.modelType);
    compare(differences, "number of blocks", std::to_string(config.blocks), std::to_string(signature.blocks));
    compare(differences, "hidden size", std::to_string(config.hiddenSize), std::to_string(signature.hidden));
    compare(differences, "vocabulary", std::to_string(config.vocabulary), std::to_string(signature.vocabulary));
    const auto tokens = hashOfTokens(format, set, prompts->indices);
    if (!tokens) return fail(tokens.error());
    if (*tokens != signature.tokensHash) {
        const TokenizerSource& source = checkpoint.tokenizerSource();
        const std::size_t before = differences.size();
        compare(differences, "chat template", shortHash(sha256Hex(source.chatTemplate)), shortHash(signature.templateHash));
        compare(differences, "system prompt", "\"" + format.systemPrompt + "\"", "\"" + signature.systemPrompt + "\"");
        compare(differences, "tokenizer", shortHash(tokenizerHash(source)), shortHash(signature.tokenizerHash));
        if (differences.size() == before) differences.emplace_back("tokens of the prompts");
    }
    if (differences.empty()) return prompts;
    std::string list;
    for (const std::string& difference : differences) list += (list.empty() ? "" : "; ") + difference;
    return fail(ErrorKind::Mismatch, "The signature is of another kind of model: " + list + ". Take the signature of the model that this one descends from.", where);
}

}  // namespace safequant
