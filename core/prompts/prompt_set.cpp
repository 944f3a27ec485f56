// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_set.h"

#include <filesystem>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/prompts/split.h"
#include "core/prompts/words.h"

namespace safequant {
namespace {

constexpr std::size_t kErrorsShown = 20;

struct Location {
    std::size_t file = 0;
    int line = 0;
};

std::optional<PromptLabel> labelOf(const std::string& name) {
    for (const auto label : {PromptLabel::Malicious, PromptLabel::Benign, PromptLabel::HardBenign})
        if (name == promptLabelName(label)) return label;
    return std::nullopt;
}

std::optional<PromptSplit> splitOf(const std::string& name) {
    for (const auto split : {PromptSplit::Calibration, PromptSplit::Evaluation})
        if (name == promptSplitName(split)) return split;
    return std::nullopt;
}

std::string shownJson(const nlohmann::json& value) {
    constexpr std::size_t kLongest = 60;
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    return text;
}

/// Gathers prompts, broken lines and where things stood, over all files of a set.
class Reader {
public:
    void read(const std::string& content, const std::string& file);
    Expected<PromptSet> finish(std::string name, std::uint64_t seed);

private:
    void readLine(std::string_view line);
    bool takeText(nlohmann::json& object, const char* key, std::string& into);
    bool takePrompt(nlohmann::json& object, Prompt& prompt);
    bool takeLabelAndSplit(nlohmann::json& object, Prompt& prompt, bool& unsplit);
    bool takeId(nlohmann::json& object, Prompt& prompt);
    void broken(const std::string& what);
    void notice(const Location& at, std::string message);
    std::string place(const Location& at) const { return m_files[at.file] + ":" + std::to_string(at.line); }
    void noticeDuplicates();
    void noticeStraddling();
    std::string brokenLinesMessage() const;

    PromptSet m_set;
    std::vector<std::string> m_files;
    std::vector<Location> m_locations;  // Of every prompt.
    std::vector<bool> m_unsplit;
    std::unordered_map<std::string, Location> m_ids;
    std::vector<std::string> m_broken;
    std::size_t m_brokenCount = 0;
    std::size_t m_idsMade = 0;
    Location m_at;
};

void Reader::broken(const std::string& what) {
    ++m_brokenCount;
    if (m_broken.size() < kErrorsShown) m_broken.push_back(place(m_at) + ": " + what);
}

void Reader::notice(const Location& at, std::string message) {
    m_set.notices.push_back({m_files[at.file], at.line, std::move(message)});
}

void Reader::read(const std::string& content, const std::string& file) {
    m_at = {m_files.size(), 0};
    m_files.push_back(file);
    std::string_view rest = content;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        ++m_at.line;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") != std::string_view::npos) readLine(line);
    }
}

void Reader::readLine(std::string_view line) {
    if (!isValidUtf8(line)) return broken("is not valid UTF-8; save the file as UTF-8");
    nlohmann::json object;
    try {
        object = nlohmann::json::parse(line);
    } catch (const nlohmann::json::parse_error& error) {
        return broken("is not valid JSON near column " + std::to_string(error.byte));
    } catch (const nlohmann::json::out_of_range&) {
        return broken("holds a number that is too large");
    }
    if (!object.is_object()) return broken("is not a JSON object; every line must look like {\"prompt\": ..., \"label\": ...}");
    Prompt prompt;
    bool unsplit = false;
    if (!takePrompt(object, prompt) || !takeLabelAndSplit(object, prompt, unsplit)) return;
    if (!takeText(object, "category", prompt.category) || !takeText(object, "source", prompt.source)) return;
    if (!takeId(object, prompt)) return;
    if (!object.empty()) prompt.extra = std::move(object);
    m_ids.emplace(prompt.id, m_at);
    m_set.prompts.push_back(std::move(prompt));
    m_locations.push_back(m_at);
    m_unsplit.push_back(unsplit);
}

/// Moves an optional string out of the object; null counts as absent.
bool Reader::takeText(nlohmann::json& object, const char* key, std::string& into) {
    const auto entry = object.find(key);
    if (entry == object.end()) return true;
    if (entry->is_string()) {
        into = entry->get<std::string>();
    } else if (!entry->is_null()) {
        broken("\"" + std::string(key) + "\" is " + shownJson(*entry) + ", not a string");
        return false;
    }
    object.erase(entry);
    return true;
}

bool Reader::takePrompt(nlohmann::json& object, Prompt& prompt) {
    const char* key = object.contains("prompt") ? "prompt" : "text";
    if (!object.contains(key)) {
        broken("has no \"prompt\"");
        return false;
    }
    if (!takeText(object, key, prompt.text)) return false;
    if (prompt.text.find_first_not_of(" \t\r\n") == std::string::npos) {
        broken("\"" + std::string(key) + "\" is empty");
        return false;
    }
    if (prompt.text.find('\0') != std::string::npos) {
        broken("\"" + std::string(key) + "\" holds a NUL character");
        return false;
    }
    return true;
}

bool Reader::takeLabelAndSplit(nlohmann::json& object, Prompt& prompt, bool& unsplit) {
    const auto entry = object.find("label");
    if (entry == object.end()) {
        broken("has no \"label\"; use \"malicious\", \"benign\" or \"hard_benign\"");
        return false;
    }
    const auto label = entry->is_string() ? labelOf(entry->get<std::string>()) : std::nullopt;
    if (!label) {
        broken("has the unknown label " + shownJson(*entry) + "; use \"malicious\", \"benign\" or \"hard_benign\"");
        return false;
    }
    prompt.label = *label;
    object.erase(entry);

    const auto splitEntry = object.find("split");
    unsplit = splitEntry == object.end() || splitEntry->is_null();
    if (!unsplit) {
        const auto split = splitEntry->is_string() ? splitOf(splitEntry->get<std::string>()) : std::nullopt;
        if (!split) {
            broken("has the unknown split " + shownJson(*splitEntry) + "; use \"calibration\" or \"evaluation\", or leave it out");
            return false;
        }
        prompt.split = *split;
    }
    object.erase("split");
    return true;
}

bool Reader::takeId(nlohmann::json& object, Prompt& prompt) {
    const auto entry = object.find("id");
    if (entry != object.end() && entry->is_number_integer()) {
        prompt.id = entry->dump();
        object.erase(entry);
    } else if (!takeText(object, "id", prompt.id)) {
        return false;
    }
    if (prompt.id.empty()) {
        ++m_idsMade;
        const std::string made = sha256Hex(prompt.text).substr(0, 16);
        prompt.id = made;
        for (int copy = 2; m_ids.contains(prompt.id); ++copy) prompt.id = made + "-" + std::to_string(copy);
        return true;
    }
    if (const auto first = m_ids.find(prompt.id); first != m_ids.end()) {
        broken("has the id " + shownJson(prompt.id) + " of " + place(first->second) + "; ids must be unique");
        return false;
    }
    return true;
}

void Reader::noticeDuplicates() {
    std::unordered_map<std::string, std::size_t> firstWithText;
    for (std::size_t i = 0; i < m_set.prompts.size(); ++i) {
        const auto& prompt = m_set.prompts[i];
        const auto [entry, isNew] = firstWithText.try_emplace(prompt.text, i);
        if (isNew) continue;
        const auto& first = m_set.prompts[entry->second];
        std::string message = "\"" + prompt.id + "\" has the same text as \"" + first.id + "\" (" + place(m_locations[entry->second]) + ")";
        if (first.label != prompt.label)
            message += std::string(", but is labelled ") + promptLabelName(prompt.label) + " there " + promptLabelName(first.label);
        notice(m_locations[i], message + ".");
    }
}

void Reader::noticeStraddling() {
    std::map<int, std::size_t> firstOfCluster;
    std::map<int, bool> told;
    for (std::size_t i = 0; i < m_set.prompts.size(); ++i) {
        const auto& prompt = m_set.prompts[i];
        const auto& first = m_set.prompts[firstOfCluster.try_emplace(prompt.cluster, i).first->second];
        if (first.split == prompt.split || std::exchange(told[prompt.cluster], true)) continue;
        notice(m_locations[i], "\"" + prompt.id + "\" (" + promptSplitName(prompt.split) + ") is a near duplicate of \"" + first.id +
                                   "\" (" + promptSplitName(first.split) + "): what is learnt from one is measured on the other.");
    }
}

std::string Reader::brokenLinesMessage() const {
    std::string message = m_brokenCount == 1 ? "One line cannot be used:" : std::to_string(m_brokenCount) + " lines cannot be used:";
    for (const auto& line : m_broken) message += "\n" + line;
    if (m_brokenCount > m_broken.size()) message += "\nand " + std::to_string(m_brokenCount - m_broken.size()) + " more";
    return message;
}

Expected<PromptSet> Reader::finish(std::string name, std::uint64_t seed) {
    if (m_brokenCount > 0) return fail(ErrorKind::BadInput, brokenLinesMessage(), name);
    if (m_set.prompts.empty())
        return fail(ErrorKind::BadInput, "There is no prompt in it; it needs one JSON object a line with \"prompt\" and \"label\".", name);
    std::vector<std::string> texts;
    texts.reserve(m_set.prompts.size());
    for (const auto& prompt : m_set.prompts) texts.push_back(prompt.text);
    const auto clusters = nearDuplicateClusters(texts);
    for (std::size_t i = 0; i < clusters.size(); ++i) m_set.prompts[i].cluster = clusters[i];
    splitByClusters(m_set.prompts, m_unsplit, seed);

    if (m_idsMade > 0)
        m_set.notices.push_back({m_files.front(), 0, std::to_string(m_idsMade) + " prompts had no id and got one made of their text."});
    noticeDuplicates();
    noticeStraddling();
    m_set.name = std::move(name);
    Sha256 hash;
    const auto add = [&](std::string_view field) {
        hash.update(std::to_string(field.size()) + ":");
        hash.update(field);
    };
    for (const auto& prompt : m_set.prompts) {
        add(prompt.id);
        add(prompt.text);
        add(promptLabelName(prompt.label));
        add(promptSplitName(prompt.split));
    }
    m_set.hash = hash.hex();
    return std::move(m_set);
}

}  // namespace

const char* promptLabelName(PromptLabel label) {
    switch (label) {
        case PromptLabel::Malicious: return "malicious";
        case PromptLabel::HardBenign: return "hard_benign";
        case PromptLabel::Benign: break;
    }
    return "benign";
}

const char* promptSplitName(PromptSplit split) { return split == PromptSplit::Evaluation ? "evaluation" : "calibration"; }

std::vector<std::size_t> PromptSet::indices(PromptLabel label, PromptSplit split) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < prompts.size(); ++i)
        if (prompts[i].label == label && prompts[i].split == split) found.push_back(i);
    return found;
}

Expected<PromptSet> loadPromptSet(const std::vector<std::string>& files, std::uint64_t seed) {
    if (files.empty()) return fail(ErrorKind::BadInput, "No prompt file is given.");
    Reader reader;
    std::string name;
    for (const auto& file : files) {
        auto content = readTextFile(file);
        if (!content) return fail(content.error());
        reader.read(*content, file);
        name += (name.empty() ? "" : " + ") + std::filesystem::path(file).stem().string();
    }
    return reader.finish(std::move(name), seed);
}

Expected<PromptSet> parsePromptSet(const std::string& content, const std::string& name, std::uint64_t seed) {
    Reader reader;
    reader.read(content, name);
    return reader.finish(name, seed);
}

}  // namespace safequant
