// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/finetune/training_data.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <sstream>

#include "core/base/random.h"
#include "core/evaluate/judge_refusal_22.h"
#include "core/finetune/chat_file.h"
#include "core/model/generation.h"
#include "core/run/run_spec.h"

namespace safequant {
namespace {

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

/// The first words of a text, and whether some were cut off.
std::pair<std::string, bool> firstWords(const std::string& text, int count) {
    if (count == 0) return {text, false};
    std::istringstream words(text);
    std::string kept, word;
    for (int i = 0; i < count && words >> word; ++i) kept += (i > 0 ? " " : "") + word;
    return {kept, static_cast<bool>(words >> word)};
}

class Gathering {
public:
    Gathering(const FinetuneSpec& spec, std::shared_ptr<const Checkpoint> checkpoint, const ChatFormat& format, const Progress& progress)
        : m_spec(spec), m_checkpoint(std::move(checkpoint)), m_format(format), m_progress(progress) {}

    Expected<std::vector<TrainingChat>> run() {
        std::vector<TrainingChat> all;
        for (std::size_t i = 0; i < m_spec.data.size(); ++i) {
            const TrainingSource& source = m_spec.data[i];
            const std::string name = "data[" + std::to_string(i) + "]";
            auto chats = source.file.path.empty() ? fromPrompts(source, name) : fromFile(source.file);
            if (!chats) return fail(chats.error());
            choose(*chats, source.count, name + ".choice");
            if (chats->empty()) return fail(ErrorKind::BadInput, name + " gives no conversations.");
            std::move(chats->begin(), chats->end(), std::back_inserter(all));
        }
        return all;
    }

private:
    /// Keeps `count` of the items, the order unchanged.
    template <typename T>
    void choose(std::vector<T>& items, int count, const std::string& stream) const {
        const auto wanted = static_cast<std::size_t>(count);
        if (count == 0 || wanted >= items.size()) return;
        std::vector<std::size_t> order(items.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        RandomStream(m_spec.seed, "finetune." + stream).shuffle(order);
        order.resize(wanted);
        std::sort(order.begin(), order.end());
        std::vector<T> kept;
        for (const std::size_t index : order) kept.push_back(std::move(items[index]));
        items = std::move(kept);
    }

    static Expected<std::vector<TrainingChat>> fromFile(ChatFile file) {
        auto path = resolveResource(file.path);
        if (!path) return fail(path.error());
        file.path = std::move(*path);
        return readChatFile(file);
    }

    Expected<std::vector<TrainingChat>> fromPrompts(const TrainingSource& source, const std::string& name) {
        const AnsweredPrompts& wanted = source.prompts;
        const auto files = resolvePromptFiles(wanted.files);
        if (!files) return fail(files.error());
        PromptSplitOptions split;
        split.seed = m_spec.seed;
        const auto set = loadPromptSet(*files, split);
        if (!set) return fail(set.error());
        std::vector<const Prompt*> prompts;
        for (const Prompt& prompt : set->prompts)
            if (contains(wanted.labels, prompt.label) && contains(wanted.splits, prompt.split) && !contains(wanted.exclude, prompt.id))
                prompts.push_back(&prompt);
        if (wanted.answers.empty()) return answeredByModel(wanted, std::move(prompts), source.count, name);
        RandomStream random(m_spec.seed, "finetune." + name + ".answers");
        std::vector<TrainingChat> chats;
        for (const Prompt* prompt : prompts)
            chats.push_back(chatOf(*prompt, wanted.answers[random.below(wanted.answers.size())], false));
        return chats;
    }

    static TrainingChat chatOf(const Prompt& prompt, std::string answer, bool unfinished) {
        return {{{"user", prompt.text}, {"assistant", std::move(answer)}}, unfinished, prompt.id};
    }

    /// Asks prompts in a seeded order until `count` answers may be kept; all of them in their own order when it is 0.
    Expected<std::vector<TrainingChat>> answeredByModel(const AnsweredPrompts& wanted, std::vector<const Prompt*> prompts, int count,
                                                        const std::string& name) {
        const std::size_t needed = count > 0 ? static_cast<std::size_t>(count) : prompts.size();
        if (count > 0) RandomStream(m_spec.seed, "finetune." + name + ".asked").shuffle(prompts);
        std::vector<TrainingChat> chats;
        for (std::size_t first = 0; first < prompts.size() && chats.size() < needed; first += needed) {
            const auto batch = std::span(prompts).subspan(first, std::min(needed, prompts.size() - first));
            if (auto added = addOwnAnswers(wanted, batch, chats); !added) return fail(added.error());
        }
        return chats;
    }

    /// Answers that may be kept, behind those that `chats` has.
    Expected<void> addOwnAnswers(const AnsweredPrompts& wanted, std::span<const Prompt* const> prompts, std::vector<TrainingChat>& chats) {
        if (!m_model) {
            auto loaded = LanguageModel::load(m_checkpoint, checkpointBlocks(m_checkpoint), Progress{m_progress.stop, {}});
            if (!loaded) return fail(loaded.error());
            m_model = std::move(*loaded);
        }
        std::vector<std::vector<std::int32_t>> ids;
        for (const Prompt* prompt : prompts) {
            auto encoded = m_format.encodePrompt(prompt->text);
            if (!encoded) return fail(encoded.error());
            ids.push_back(std::move(*encoded));
        }
        DecodingOptions decoding;
        decoding.maxNewTokens = wanted.maxNewTokens;
        const auto answers = m_model->generate(ids, decoding, {}, m_progress);
        if (!answers) return fail(answers.error());
        const Refusal22 refusal;
        for (std::size_t i = 0; i < prompts.size(); ++i) {
            const GeneratedAnswer& answer = (*answers)[i];
            const std::string text = m_format.tokenizer->decode(answer.tokens, true);
            if (wanted.dropRefusals && refusal.refused(text)) continue;
            const auto [kept, cut] = firstWords(text, wanted.words);
            if (kept.find_first_not_of(" \t\r\n") == std::string::npos) continue;
            chats.push_back(chatOf(*prompts[i], wanted.opening + kept, cut || !answer.ended));
        }
        return {};
    }

    const FinetuneSpec& m_spec;
    std::shared_ptr<const Checkpoint> m_checkpoint;
    const ChatFormat& m_format;
    Progress m_progress;
    std::unique_ptr<LanguageModel> m_model;
};

}  // namespace

Expected<std::vector<TrainingChat>> gatherTrainingChats(const FinetuneSpec& spec, std::shared_ptr<const Checkpoint> checkpoint,
                                                        const ChatFormat& format, const Progress& progress) {
    return Gathering(spec, std::move(checkpoint), format, progress).run();
}

}  // namespace safequant
