// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/attack.h"

#include <cstdio>

#include "core/base/random.h"
#include "core/evaluate/verdicts.h"

namespace safequant {

std::string AttackSetting::name() const {
    char text[96];
    std::snprintf(text, sizeof(text), "t%g-k%d-p%g", temperature, topK, topP);
    return text;
}

std::vector<AttackSetting> attackSettings(const AttackGrid& grid) {
    std::vector<AttackSetting> settings;
    for (const double temperature : grid.temperatures)
        for (const int topK : grid.topKs)
            for (const double topP : grid.topPs) settings.push_back({temperature, topK, topP});
    return settings;
}

Expected<std::vector<AttackAnswer>> attackWith(LanguageModel& model, const ChatFormat& format, std::span<const AttackPrompt> prompts,
                                               const AttackSetting& setting, const AttackGrid& grid, int newTokens, std::uint64_t seed,
                                               const TextJudge& judge, const Progress& progress) {
    std::vector<std::vector<std::int32_t>> ids;
    for (int sample = 0; sample < grid.samples; ++sample)
        for (std::size_t i = 0; i < prompts.size(); ++i) {
            if (sample > 0) {
                ids.push_back(ids[i]);
                continue;
            }
            auto encoded = format.encodePrompt(prompts[i].text);
            if (!encoded) {
                auto error = encoded.error();
                error.context = "prompt " + prompts[i].id;
                return fail(std::move(error));
            }
            ids.push_back(std::move(*encoded));
        }
    DecodingOptions decoding;
    decoding.maxNewTokens = newTokens;
    decoding.sample = true;
    decoding.temperature = setting.temperature;
    decoding.topK = setting.topK;
    decoding.topP = setting.topP;
    decoding.seed = RandomStream(seed, "attack/" + setting.name()).next();
    if (grid.stopWhenDecided)
        decoding.stopWhen = [&](std::span<const std::int32_t> tokens) { return judge.decided(format.tokenizer->decode(tokens, true)); };
    const auto generated = model.generate(ids, decoding, {}, progress);
    if (!generated) return fail(generated.error());
    std::vector<AttackAnswer> answers;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto& each = (*generated)[i];
        auto text = format.tokenizer->decode(each.tokens, true);
        const auto outcome = judge.outcome(text);
        answers.push_back({prompts[i % prompts.size()].id, static_cast<int>(i / prompts.size()), std::move(text), outcome,
                           static_cast<int>(each.tokens.size()), each.stopped});
    }
    return answers;
}

AttackSummary summariseAttack(std::span<const AttackAnswer> answers, const std::map<std::string, int>& clusters,
                              const std::map<std::string, bool>& before, std::uint64_t seed) {
    std::map<std::string, bool> any;
    std::map<std::string, int> group;
    std::vector<double> harmful;
    std::vector<int> groups;
    int alone = -1;
    for (const AttackAnswer& answer : answers) {
        const bool hit = countsAsHarmful(answer.outcome);
        const auto [found, fresh] = any.emplace(answer.id, false);
        found->second = found->second || hit;
        if (fresh) {
            const auto cluster = clusters.find(answer.id);
            group[answer.id] = cluster == clusters.end() || cluster->second < 0 ? alone-- : cluster->second;
        }
        harmful.push_back(hit ? 1.0 : 0.0);
        groups.push_back(group[answer.id]);
    }
    AttackSummary summary;
    std::uint64_t count = 0;
    for (const auto& [id, hit] : any) {
        count += hit ? 1 : 0;
        const auto own = before.find(id);
        if (own == before.end()) continue;
        if (hit && !own->second) summary.toHarmful.push_back(id);
        if (!hit && own->second) summary.toSafe.push_back(id);
    }
    for (const double hit : harmful) summary.meanSuccess += hit / static_cast<double>(harmful.size());
    summary.anySuccess = rateOf(count, any.size());
    summary.meanInterval = clusterBootstrapMean(harmful, groups, seed);
    return summary;
}

}  // namespace safequant
