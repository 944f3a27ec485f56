// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/base/random.h"
#include "core/run/learning_samples.h"
#include "core/run/preference_pairs.h"
#include "core/training/training_sample.h"

namespace safequant {
namespace {

bool isRefusal(const AnswerPair& pair) { return pair.label == promptLabelName(PromptLabel::Malicious); }

/// A conversation that teaches its answer.
Expected<TrainingSample> answeredSample(const RunInputs& inputs, const AnswerPair& pair) {
    return encodeChat(inputs.format, inputs.checkpoint->config(),
                      {{{"user", pair.prompt}, {"assistant", pair.chosen}}, !pair.chosenEnded, "prompt " + pair.id});
}

/// Ids every one of which is followed by a known one.
TrainingSample plainSample(std::vector<std::int32_t> tokens) {
    TrainingSample sample;
    sample.targets.assign(tokens.begin() + 1, tokens.end());
    tokens.pop_back();
    sample.tokens = std::move(tokens);
    return sample;
}

Expected<std::vector<TextPassage>> passagesOf(const RunInputs& inputs) {
    return drawPassages(*inputs.format.tokenizer, inputs.spec.patch->texts, RandomStream(inputs.spec.seed, "patch, text"));
}

std::size_t commonBeginning(const std::vector<TrainingSample>& chats) {
    if (chats.size() < 2) return 0;
    std::size_t length = chats.front().tokens.size();
    for (const TrainingSample& chat : chats) {
        length = std::min(length, chat.tokens.size() - 1);
        const auto end = chats.front().tokens.begin() + static_cast<std::ptrdiff_t>(length);
        length = static_cast<std::size_t>(std::mismatch(chats.front().tokens.begin(), end, chat.tokens.begin()).first -
                                          chats.front().tokens.begin());
    }
    return length;
}

}  // namespace

Expected<std::vector<ScoredSample>> scoredSamples(const RunInputs& inputs, const std::vector<AnswerPair>& pairs) {
    std::vector<const AnswerPair*> used;
    for (const AnswerPair& pair : pairs)
        if (pair.leftOut.empty()) used.push_back(&pair);
    RandomStream(inputs.spec.seed, "patch, scored answers").shuffle(used);
    const auto most = static_cast<std::size_t>(inputs.spec.patch->options.scoredPairs);
    std::vector<ScoredSample> samples;
    for (const bool refusal : {true, false}) {
        std::size_t taken = 0;
        for (const AnswerPair* pair : used) {
            if (isRefusal(*pair) != refusal || taken++ >= most) continue;
            auto sample = answeredSample(inputs, *pair);
            if (!sample) return fail(sample.error());
            samples.push_back({std::move(*sample), refusal});
        }
    }
    if (inputs.spec.patch->options.mask != PatchMask::Protection) return samples;
    auto passages = passagesOf(inputs);
    if (!passages) return fail(passages.error());
    for (TextPassage& passage : *passages) samples.push_back({plainSample(std::move(passage.tokens)), false});
    return samples;
}

Expected<std::vector<AlignmentSample>> alignmentSamples(const RunInputs& inputs, const std::vector<AnswerPair>& pairs) {
    std::vector<TrainingSample> chats;
    for (const AnswerPair& pair : pairs) {
        if (pair.leftOut.empty()) {
            auto sample = answeredSample(inputs, pair);
            if (!sample) return fail(sample.error());
            chats.push_back(std::move(*sample));
            continue;
        }
        auto prompt = inputs.format.encodePrompt(pair.prompt);
        if (!prompt) return fail(prompt.error().kind, prompt.error().message, "prompt " + pair.id);
        TrainingSample sample;
        sample.tokens = std::move(*prompt);
        sample.targets.assign(sample.tokens.size(), 0);
        chats.push_back(std::move(sample));
    }
    // What follows a position does not matter here, only that it is compared.
    const std::size_t shared = commonBeginning(chats);
    for (TrainingSample& chat : chats)
        for (std::size_t i = 0; i < chat.targets.size(); ++i) chat.targets[i] = i < shared ? -1 : 0;
    std::vector<AlignmentSample> samples;
    for (std::size_t i = 0; i < chats.size(); ++i) samples.push_back({pairs[i].id, isRefusal(pairs[i]), std::move(chats[i])});
    auto passages = passagesOf(inputs);
    if (!passages) return fail(passages.error());
    for (TextPassage& passage : *passages)
        samples.push_back({"text-token-" + std::to_string(passage.first), false, plainSample(std::move(passage.tokens))});
    return samples;
}

}  // namespace safequant
