// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_set.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "core/base/hash.h"
#include "core/prompts/prompt_reader.h"
#include "core/prompts/split.h"

namespace safequant {
namespace {

constexpr std::size_t kErrorsShown = 20;

std::string shownPlace(const PromptNotice& notice) {
    return notice.line > 0 ? notice.file + ":" + std::to_string(notice.line) : notice.file;
}

Error brokenError(const PromptsRead& read, const std::string& name) {
    const auto& problems = read.problems;
    if (read.problemCount == 1 && problems.front().line == 0)
        return {read.firstKind, problems.front().message, problems.front().file};
    std::string message = read.problemCount == 1 ? "One line cannot be used:" : std::to_string(read.problemCount) + " lines cannot be used:";
    const auto shown = std::min(problems.size(), kErrorsShown);
    for (std::size_t i = 0; i < shown; ++i) message.append("\n").append(shownPlace(problems[i])).append(": ").append(problems[i].message);
    if (read.problemCount > shown) message.append("\nand ").append(std::to_string(read.problemCount - shown)).append(" more");
    return {read.firstKind, std::move(message), name};
}

void noticeDuplicates(const PromptsRead& read, PromptSet& set) {
    std::unordered_map<std::string_view, std::size_t> firstWithText;
    for (std::size_t i = 0; i < set.prompts.size(); ++i) {
        const auto& prompt = set.prompts[i];
        const auto [entry, isNew] = firstWithText.try_emplace(prompt.text, i);
        if (isNew) continue;
        const auto& first = set.prompts[entry->second];
        set.notices.push_back({read.files[read.places[i].file].file.path, read.places[i].line,
                               "\"" + prompt.id + "\" has the same text as \"" + first.id + "\" (" + read.where(read.places[entry->second]) + ")."});
    }
}

void findOverlaps(const PromptsRead& read, PromptSet& set) {
    std::unordered_map<int, PromptOverlap> clusters;
    for (std::size_t i = 0; i < set.prompts.size(); ++i) {
        const auto& prompt = set.prompts[i];
        auto& cluster = clusters[prompt.cluster];
        const bool calibration = prompt.split == PromptSplit::Calibration;
        auto& count = calibration ? cluster.calibrationCount : cluster.evaluationCount;
        if (count++ == 0) (calibration ? cluster.calibration : cluster.evaluation) = i;
        const auto& others = calibration ? cluster.evaluationCount : cluster.calibrationCount;
        if (count != 1 || others == 0) continue;
        cluster.cluster = prompt.cluster;
        const auto& first = set.prompts[calibration ? cluster.evaluation : cluster.calibration];
        set.overlaps.push_back(cluster);
        set.notices.push_back({read.files[read.places[i].file].file.path, read.places[i].line,
                               "\"" + prompt.id + "\" (" + promptSplitName(prompt.split) + ") is a near duplicate of \"" + first.id + "\" (" +
                                   promptSplitName(first.split) + "): what is learnt from one is measured on the other."});
    }
    for (auto& overlap : set.overlaps) overlap = clusters[overlap.cluster];
}

std::string hashOfPrompts(const std::vector<Prompt>& prompts) {
    Sha256 hash;
    const auto add = [&](std::string_view field) {
        hash.update(std::to_string(field.size()) + ":");
        hash.update(field);
    };
    for (const auto& prompt : prompts) {
        add(prompt.id);
        add(prompt.text);
        add(promptLabelName(prompt.label));
        add(promptSplitName(prompt.split));
    }
    return hash.hex();
}

void noticeFiles(const PromptsRead& read, PromptSet& set) {
    for (const auto& file : read.files) {
        if (file.corrected + file.leftOut > 0)
            set.notices.push_back({file.file.path, 0, "Corrections give " + std::to_string(file.corrected) + " prompts another label than the file says and leave " + std::to_string(file.leftOut) + " out."});
        if (file.withSystem > 0)
            set.notices.push_back({file.file.path, 0, std::to_string(file.withSystem) + " conversations have a system message, which is not part of the prompt; set the system prompt of the run."});
        if (file.withEarlier > 0)
            set.notices.push_back({file.file.path, 0, std::to_string(file.withEarlier) + " conversations have earlier turns, which are not part of the prompt: the last turn of the user is asked alone."});
    }
}

Expected<PromptSet> finished(PromptsRead read, const std::string& name, const PromptSplitOptions& split) {
    if (read.problemCount > 0) return fail(brokenError(read, name));
    PromptSet set = arrangePrompts(read, split);
    set.name = name;
    return set;
}

}  // namespace

std::vector<std::size_t> PromptSet::indices(PromptLabel label, PromptSplit split) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < prompts.size(); ++i)
        if (prompts[i].label == label && prompts[i].split == split) found.push_back(i);
    return found;
}

PromptSet arrangePrompts(PromptsRead& read, const PromptSplitOptions& split) {
    PromptSet set;
    set.prompts = std::move(read.prompts);
    std::vector<std::string> texts;
    texts.reserve(set.prompts.size());
    for (const auto& prompt : set.prompts) texts.push_back(prompt.text);
    const auto clusters = nearDuplicateClusters(texts);
    for (std::size_t i = 0; i < clusters.size(); ++i) set.prompts[i].cluster = clusters[i];
    splitByClusters(set.prompts, split.again ? std::vector<bool>(set.prompts.size(), true) : read.unsplit, split);
    if (read.idsMade > 0)
        set.notices.push_back({read.files.front().file.path, 0, std::to_string(read.idsMade) + " prompts had no id and got one made of their text."});
    noticeFiles(read, set);
    noticeDuplicates(read, set);
    findOverlaps(read, set);
    for (const auto& file : read.files) set.fileHashes.push_back(file.sha256);
    set.hash = hashOfPrompts(set.prompts);
    return set;
}

Expected<PromptSet> loadPromptSet(const std::vector<PromptFile>& files, const PromptSplitOptions& split) {
    if (files.empty()) return fail(ErrorKind::BadInput, "No prompt file is given.");
    PromptReader reader;
    std::string name;
    for (const auto& file : files) {
        reader.read(file);
        name += (name.empty() ? "" : " + ") + std::filesystem::path(file.path).stem().string();
    }
    return finished(reader.finish(), name, split);
}

Expected<PromptSet> loadPromptSet(const std::vector<std::string>& files, std::uint64_t seed) {
    std::vector<PromptFile> plain(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) plain[i].path = files[i];
    PromptSplitOptions split;
    split.seed = seed;
    return loadPromptSet(plain, split);
}

Expected<PromptSet> parsePromptSet(const std::string& content, const std::string& name, std::uint64_t seed) {
    PromptReader reader;
    PromptFile file;
    file.path = name;
    file.format = PromptFormat::JsonLines;
    reader.read(file, content);
    PromptSplitOptions split;
    split.seed = seed;
    return finished(reader.finish(), name, split);
}

}  // namespace safequant
