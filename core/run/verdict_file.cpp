// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/verdict_file.h"

#include <algorithm>
#include <filesystem>

#include "core/base/files.h"
#include "core/run/answer_file.h"
#include "core/run/prompt_table.h"
#include "core/run/review.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

std::string verdictPath(const std::string& folder, const std::string& judge) { return folder + "/verdicts/" + judge + ".json"; }

Expected<VerdictSet> readSet(const std::string& path) {
    const auto text = readTextFile(path);
    if (!text) return fail(text.error());
    auto set = verdictSetFromJson(nlohmann::json::parse(*text, nullptr, false));
    if (!set) return fail(set.error().kind, set.error().message, path);
    return set;
}

Expected<VerdictSet> readSet(const std::string& path, const std::string& answersHash) {
    auto set = readSet(path);
    if (set && set->answersHash != answersHash)
        return fail(ErrorKind::Mismatch, "The verdicts are on other answers than the run has now; judge them again.", path);
    return set;
}

tl::unexpected<Error> noAnswers(const std::string& folder) { return fail(ErrorKind::BadInput, "The run has no answers to judge.", folder); }

Expected<std::vector<protocol::AnswerItem>> answersOf(const std::string& folder) {
    auto answers = AnswerFile::read(folder);
    if (answers && answers->empty()) return noAnswers(folder);
    return answers;
}

Expected<VerdictSet> judgeAnswers(const std::string& folder, const std::vector<protocol::AnswerItem>& answers, Judge& judge,
                                  const Progress& progress) {
    const auto table = readPromptTable(folder);
    if (!table) return fail(table.error());
    std::vector<JudgedAnswer> judged;
    for (const auto& answer : answers) {
        const auto index = static_cast<std::size_t>(answer.prompt);
        if (answer.prompt < 0 || index >= table->prompts.size() || table->prompts[index].id != answer.id)
            return fail(ErrorKind::BadInput, "The answer to \"" + answer.id + "\" has no prompt in prompts.json.", folder);
        judged.push_back({answer.id, answer.model, table->prompts[index].text, answer.text});
    }
    const auto outcomes = judge.judge(judged, progress);
    if (!outcomes) return fail(outcomes.error());
    VerdictSet set;
    set.judge = judge.info();
    set.answersHash = AnswerFile::textHashOf(answers);
    for (std::size_t i = 0; i < answers.size(); ++i)
        set.verdicts.push_back({answers[i].id, answers[i].label, answers[i].model, (*outcomes)[i]});
    return set;
}

}  // namespace

Expected<VerdictSet> judgeRun(const std::string& folder, Judge& judge, const Progress& progress) {
    const auto answers = answersOf(folder);
    if (!answers) return fail(answers.error());
    auto set = judgeAnswers(folder, *answers, judge, progress);
    if (!set) return set;
    std::error_code code;
    fs::create_directories(fs::path(folder) / "verdicts", code);
    if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message() + ".", folder + "/verdicts");
    if (auto written = writeFileAtomically(verdictPath(folder, set->judge.name), toJson(*set).dump(1) + "\n"); !written)
        return fail(written.error());
    return set;
}

Expected<std::vector<VerdictSet>> readVerdicts(const std::string& folder) {
    std::vector<std::string> paths;
    std::error_code code;
    for (fs::directory_iterator entry(fs::path(folder) / "verdicts", code), end; !code && entry != end; entry.increment(code))
        if (entry->path().extension() == ".json") paths.push_back(entry->path().string());
    std::sort(paths.begin(), paths.end());
    std::vector<VerdictSet> sets;
    const auto answers = AnswerFile::read(folder);
    if (!answers) return fail(answers.error());
    if (answers->empty() && !paths.empty()) return noAnswers(folder);
    const auto hash = AnswerFile::textHashOf(*answers);
    for (const auto& path : paths) {
        auto set = readSet(path, hash);
        if (!set) return fail(set.error());
        sets.push_back(std::move(*set));
    }
    auto people = peopleVerdicts(folder, *answers);
    if (!people) return fail(people.error());
    if (!people->verdicts.empty()) sets.push_back(std::move(*people));
    return sets;
}

Expected<VerdictSet> verdictsOf(const std::string& folder, const std::string& name) {
    const auto answers = answersOf(folder);
    if (!answers) return fail(answers.error());
    if (name == kPeople) {
        auto people = peopleVerdicts(folder, *answers);
        return people && people->verdicts.empty() ? fail(ErrorKind::NotFound, "Nobody has judged answers of this run yet.", folder) : people;
    }
    auto set = readSet(verdictPath(folder, name), AnswerFile::textHashOf(*answers));
    if (set || set.error().kind != ErrorKind::NotFound) return set;
    if (findTextJudge(name) == nullptr)
        return fail({ErrorKind::NotFound, "The run has no verdicts of \"" + name + "\".", folder, "`safequant judge` makes them."});
    auto judge = makeJudge(name, {});
    if (!judge) return fail(judge.error());
    return judgeAnswers(folder, *answers, **judge, {});
}

}  // namespace safequant
