// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_validation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <unordered_map>

#include "core/prompts/prompt_reader.h"
#include "core/prompts/style.h"
#include "core/prompts/words.h"

namespace safequant {
namespace {

constexpr std::size_t kFindingsOfAKind = 50;
constexpr double kTellingAccuracy = 0.8;   ///< Of words alone, from which a reader is warned.
constexpr double kTellingMargin = 0.1;     ///< Above the larger class.
constexpr double kTellingProperty = 0.15;  ///< |AUC - 0.5| of one property.
constexpr double kUnbalanced = 3.0;        ///< Larger class over smaller class.

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, "%.0f%%", 100.0 * share);
    return text;
}

std::string decimal(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

protocol::LengthSummary summarize(std::vector<std::uint64_t> values);

/// The report while it grows.
class Checker {
public:
    Checker(PromptsRead read, const PromptChecks& checks) : m_read(std::move(read)), m_checks(checks) {}
    CheckedPrompts run();

private:
    void add(const char* level, const char* kind, std::string message, std::string file = {}, int line = 0);
    void addAt(const char* level, const char* kind, std::size_t prompt, std::string message);
    void tellFiles();
    void tellLines();
    void tellDuplicates();
    void tellOverlaps();
    void tellBalance();
    void tellLengths();
    void tellStyle();
    void tellSources(const std::vector<double>& heldOut);
    std::string placeOf(std::size_t prompt) const { return m_read.where(m_read.places[prompt]); }
    const std::vector<Prompt>& prompts() const { return m_out.set.prompts; }

    PromptsRead m_read;
    const PromptChecks& m_checks;
    CheckedPrompts m_out;
    std::map<std::string, std::size_t> m_told;  ///< Findings of every kind so far.
};

void Checker::add(const char* level, const char* kind, std::string message, std::string file, int line) {
    auto& report = m_out.report;
    const std::string_view severity(level);
    if (severity == "error") ++report.errors;
    if (severity == "warning") ++report.warnings;
    const bool isLine = std::string_view(kind) == "line";
    if (!isLine && ++m_told[std::string(level) + kind] > kFindingsOfAKind) return;
    report.findings.push_back({level, kind, std::move(file), line, std::move(message)});
}

void Checker::addAt(const char* level, const char* kind, std::size_t prompt, std::string message) {
    const auto& place = m_read.places[prompt];
    add(level, kind, std::move(message), m_read.files[place.file].file.path, place.line);
}

void Checker::tellFiles() {
    for (const auto& file : m_read.files) {
        auto info = promptFileInfo(file);
        if (info.corrected > 0) add("fact", "line", counted(info.corrected, "prompt has", "prompts have") + " a corrected label, another than the file says.", info.path);
        if (info.leftOut > 0) add("fact", "line", counted(info.leftOut, "prompt is", "prompts are") + " left out by a correction.", info.path);
        if (info.withSystem > 0)
            add("warning", "line", counted(info.withSystem, "conversation has", "conversations have") + " a system message, which is not part of the prompt; set the system prompt of the run.", info.path);
        if (info.withEarlier > 0)
            add("warning", "line", counted(info.withEarlier, "conversation has", "conversations have") + " earlier turns, which are not part of the prompt: the last turn of the user is asked alone.", info.path);
        m_out.report.files.push_back(std::move(info));
    }
}

void Checker::tellLines() {
    for (const auto& problem : m_read.problems) add("error", "line", problem.message, problem.file, problem.line);
    m_out.report.errors += m_read.problemCount - m_read.problems.size();
    if (m_read.idsMade > 0) add("fact", "line", counted(m_read.idsMade, "prompt", "prompts") + " had no id and got one made of the text.");
}

void Checker::tellDuplicates() {
    auto& report = m_out.report;
    std::unordered_map<std::string_view, std::size_t> firstWithText;
    std::unordered_map<int, std::uint64_t> clusterSizes;
    std::unordered_map<int, std::size_t> firstOfCluster;
    for (std::size_t i = 0; i < prompts().size(); ++i) {
        const auto& prompt = prompts()[i];
        ++clusterSizes[prompt.cluster];
        const bool newCluster = firstOfCluster.try_emplace(prompt.cluster, i).second;
        const auto [entry, isNew] = firstWithText.try_emplace(prompt.text, i);
        if (!isNew) {
            ++report.duplicates;
            addAt("warning", "duplicate", i, "has the same text as " + placeOf(entry->second));
        } else if (!newCluster) {
            ++report.nearDuplicates;
        }
    }
    report.clusters = clusterSizes.size();
    int largest = -1;
    for (const auto& [cluster, size] : clusterSizes)
        if (size > report.largestCluster || (size == report.largestCluster && cluster < largest)) report.largestCluster = size, largest = cluster;
    if (report.nearDuplicates > 0)
        add("fact", "near_duplicate",
            counted(report.nearDuplicates, "prompt is a near duplicate of an earlier one", "prompts are near duplicates of earlier ones") + ": " +
                std::to_string(report.prompts) + " prompts form " + std::to_string(report.clusters) + " clusters, the largest of " +
                std::to_string(report.largestCluster) + " (first: " + placeOf(firstOfCluster[largest]) + "). Intervals must resample clusters, not prompts.");
}

void Checker::tellOverlaps() {
    auto& report = m_out.report;
    for (const auto& overlap : m_out.set.overlaps) {
        ++report.overlapClusters;
        report.overlapPrompts += overlap.calibrationCount + overlap.evaluationCount;
        addAt(m_checks.allowOverlap ? "warning" : "error", "overlap", overlap.evaluation,
              "is an evaluation prompt and a near duplicate of the calibration prompt at " + placeOf(overlap.calibration) + "; their cluster has " +
                  std::to_string(overlap.calibrationCount) + " calibration and " + counted(overlap.evaluationCount, "evaluation prompt", "evaluation prompts"));
    }
    if (report.overlapClusters > 0)
        add("fact", "overlap", "What is learnt from calibration prompts would be measured on near duplicates of them. Deal the prompts out again by clusters (\"split\": {\"again\": true} in a spec, --split 0.5), or allow the overlap (\"allow_overlap\": true).");
}

void Checker::tellBalance() {
    auto& report = m_out.report;
    std::uint64_t malicious = 0, benign = 0;
    for (const auto label : kPromptLabels) {
        const auto calibration = m_out.set.indices(label, PromptSplit::Calibration).size();
        const auto evaluation = m_out.set.indices(label, PromptSplit::Evaluation).size();
        report.classes.push_back({promptLabelName(label), calibration, evaluation});
        if (label == PromptLabel::Malicious) malicious = calibration + evaluation;
        if (label == PromptLabel::Benign) benign = calibration + evaluation;
        const bool absent = calibration + evaluation == 0;
        if (label == PromptLabel::HardBenign) {
            if (absent) add("fact", "balance", "There are no hard benign prompts: whether a probe sees harm or only style cannot be told apart.");
        } else if (absent) {
            add("warning", "balance", std::string("There is no ") + promptLabelName(label) + " prompt: probes need both kinds. Add a file of them.");
        } else if (calibration == 0 || evaluation == 0) {
            add("warning", "balance", std::string("All ") + promptLabelName(label) + " prompts are in one split; a run needs some in both.");
        }
    }
    if (malicious > 0 && benign > 0) {
        const double ratio = static_cast<double>(std::max(malicious, benign)) / static_cast<double>(std::min(malicious, benign));
        if (ratio > kUnbalanced)
            add("warning", "balance", std::to_string(malicious) + " malicious and " + std::to_string(benign) + " benign prompts: one class is " +
                                          decimal(ratio) + " times the other, so that accuracy flatters whoever always says the larger one.");
    }
}

protocol::LengthSummary summarize(std::vector<std::uint64_t> values) {
    protocol::LengthSummary summary;
    summary.count = values.size();
    if (values.empty()) return summary;
    std::sort(values.begin(), values.end());
    double sum = 0.0;
    for (const auto value : values) sum += static_cast<double>(value);
    const auto quantile = [&](double q) {
        const double at = q * static_cast<double>(values.size() - 1);
        const auto low = static_cast<std::size_t>(at);
        const auto high = std::min(low + 1, values.size() - 1);
        const double part = at - static_cast<double>(low);
        return (1.0 - part) * static_cast<double>(values[low]) + part * static_cast<double>(values[high]);
    };
    summary.mean = sum / static_cast<double>(values.size());
    summary.median = quantile(0.5);
    summary.p95 = quantile(0.95);
    summary.shortest = values.front();
    summary.longest = values.back();
    return summary;
}

void Checker::tellLengths() {
    auto& report = m_out.report;
    report.context = static_cast<std::uint64_t>(std::max(0, m_checks.context));
    std::map<PromptLabel, std::vector<std::uint64_t>> words, tokens;
    bool counting = m_checks.countTokens != nullptr;
    for (std::size_t i = 0; i < prompts().size(); ++i) {
        const auto& prompt = prompts()[i];
        words[prompt.label].push_back(splitWords(prompt.text).size());
        if (!counting) continue;
        const auto count = m_checks.countTokens(prompt.text);
        if (!count) {
            addAt("error", "length", i, "cannot be put into the model's template: " + count.error().describe());
            counting = false;
            continue;
        }
        tokens[prompt.label].push_back(static_cast<std::uint64_t>(*count));
        if (m_checks.context <= 0 || *count + m_checks.answerTokens <= m_checks.context) continue;
        ++report.truncated;
        addAt("warning", "truncation", i, "has " + std::to_string(*count) + " tokens in the model's template; with an answer of " +
                                              std::to_string(m_checks.answerTokens) + " it does not fit the model's " + std::to_string(m_checks.context));
    }
    for (const auto label : kPromptLabels)
        if (words.contains(label)) report.lengths.push_back({promptLabelName(label), summarize(words[label]), summarize(tokens[label])});
    for (const auto& length : report.lengths) {
        std::string text = (length.label == "hard_benign" ? "hard benign" : length.label) + ": " + decimal(length.words.mean) + " words a prompt (median " + decimal(length.words.median) + ", 95% up to " +
                           decimal(length.words.p95) + ", longest " + std::to_string(length.words.longest) + ")";
        if (length.tokens.count > 0) text += ", " + decimal(length.tokens.mean) + " tokens in the model's template (longest " + std::to_string(length.tokens.longest) + ")";
        add("fact", "length", text + ".");
    }
}

void Checker::tellStyle() {
    auto style = measureStyle(prompts());
    auto& report = style.report;
    if (report.folds > 0) {
        const bool telling = report.accuracy.value >= kTellingAccuracy && report.accuracy.value >= report.majority + kTellingMargin;
        std::string text = "Words alone tell malicious from benign in " + percent(report.accuracy.value) + " of held-out prompts (95% " +
                           percent(report.accuracy.wilson.low) + " to " + percent(report.accuracy.wilson.high) + "; always saying the larger class: " +
                           percent(report.majority) + ")";
        if (report.hardBenign.total > 0) text += ", and call " + percent(1.0 - report.hardBenign.value) + " of the hard benign ones malicious";
        add(telling ? "warning" : "fact", "style", text + (telling ? ". A probe accuracy near this proves little by itself." : "."));
    }
    for (const auto& feature : report.features) {
        if (std::abs(feature.auc - 0.5) < kTellingProperty) continue;
        const bool count = feature.name == "words";
        add("warning", "style",
            count ? "Length gives the label away: " + decimal(feature.malicious) + " words a malicious prompt, " + decimal(feature.benign) + " a benign one."
                  : "Form gives the label away: \"" + feature.name + "\" holds for " + percent(feature.malicious) + " of malicious and " +
                        percent(feature.benign) + " of benign prompts.");
    }
    tellSources(style.heldOut);
    m_out.report.style = std::move(report);
}

void Checker::tellSources(const std::vector<double>& heldOut) {
    struct Source {
        protocol::PromptSourceInfo info;
        std::uint64_t count = 0, questions = 0, judged = 0, right = 0;
        double words = 0.0;
    };
    std::map<std::string, Source> sources;
    for (std::size_t i = 0; i < prompts().size(); ++i) {
        const auto& prompt = prompts()[i];
        auto& source = sources[prompt.source];
        ++source.count;
        source.words += static_cast<double>(splitWords(prompt.text).size());
        if (endsWithQuestionMark(prompt.text)) ++source.questions;
        auto& info = source.info;
        ++(prompt.label == PromptLabel::Malicious ? info.malicious : prompt.label == PromptLabel::Benign ? info.benign : info.hardBenign);
        if (heldOut.empty() || prompt.label == PromptLabel::HardBenign) continue;
        ++source.judged;
        if ((heldOut[i] > 0.0) == (prompt.label == PromptLabel::Malicious)) ++source.right;
    }
    bool mixed = false;
    std::size_t telling = 0;
    for (auto& [name, source] : sources) {
        auto& info = source.info;
        info.source = name;
        info.meanWords = source.words / static_cast<double>(source.count);
        info.questions = static_cast<double>(source.questions) / static_cast<double>(source.count);
        info.wordsRight = rateOf(source.right, source.judged);
        mixed = mixed || (info.malicious > 0 && info.benign + info.hardBenign > 0);
        telling += info.malicious + info.benign > 0 ? 1 : 0;
        m_out.report.sources.push_back(info);
    }
    if (telling > 1 && !mixed)
        add("warning", "source", "No source has both malicious and benign prompts: whatever tells the sources apart tells the labels apart.");
}

CheckedPrompts Checker::run() {
    m_out.set = arrangePrompts(m_read, m_checks.split);
    auto& report = m_out.report;
    report.prompts = prompts().size();
    report.hash = m_out.set.hash;
    tellFiles();
    tellLines();
    if (!prompts().empty()) {
        tellDuplicates();
        tellOverlaps();
        tellBalance();
        tellLengths();
        tellStyle();
    }
    report.usable = report.errors == 0;
    const auto rank = [](const protocol::PromptFinding& finding) { return finding.level == "error" ? 0 : finding.level == "warning" ? 1 : 2; };
    std::stable_sort(report.findings.begin(), report.findings.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return std::move(m_out);
}

}  // namespace

CheckedPrompts checkPrompts(const std::vector<PromptFile>& files, const PromptChecks& checks) {
    PromptReader reader;
    for (const auto& file : files) reader.read(file);
    return Checker(reader.finish(), checks).run();
}

}  // namespace safequant
