// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/evaluate/judge_imported.h"

#include <algorithm>
#include <map>

#include "core/base/csv_reader.h"
#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/evaluate/answer_text.h"

namespace safequant {
namespace {

struct Said {
    std::optional<Outcome> outcome;  ///< Given as such.
    std::optional<bool> harmful;     ///< Given as harmful or not.
};

/// Verdicts by prompt and model.
using Verdicts = std::map<std::pair<std::string, std::string>, Said>;

std::optional<Said> parseVerdict(std::string_view word) {
    const std::string text = normalisedText(word);
    if (text.empty()) return Said{Outcome::Unparsed, {}};
    if (const auto outcome = outcomeOf(text); outcome && *outcome != Outcome::Coherent) return Said{*outcome, {}};
    if (text == "unsafe" || text == "yes") return Said{{}, true};
    if (text == "safe" || text == "no") return Said{{}, false};
    return {};
}

Expected<void> add(Verdicts& verdicts, const std::string& id, const std::string& model, const std::string& word, const std::string& where) {
    if (id.empty()) return fail(ErrorKind::BadInput, "The line names no prompt: \"id\" is missing or empty.", where);
    const auto said = parseVerdict(word);
    if (!said)
        return fail(ErrorKind::BadInput,
                    "\"" + word + "\" is no verdict: write refused, incoherent, complied or unparsed, or safe or unsafe, or yes or no.", where);
    if (!verdicts.emplace(std::pair{id, model}, *said).second)
        return fail(ErrorKind::BadInput, "There is a second verdict on \"" + id + "\"" + (model.empty() ? "." : " of model " + model + "."), where);
    return {};
}

Expected<Verdicts> readLines(const std::string& content, const std::string& path) {
    Verdicts verdicts;
    int number = 0;
    for (std::size_t begin = 0; begin < content.size();) {
        const auto end = std::min(content.find('\n', begin), content.size());
        const auto line = std::string_view(content).substr(begin, end - begin);
        const std::string where = path + ":" + std::to_string(++number);
        begin = end + 1;
        if (withoutLeadingSpace(line).empty()) continue;
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object()) return fail(ErrorKind::BadInput, "The line is no JSON object.", where);
        const auto text = [&](const char* field) {
            const auto found = json.find(field);
            return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
        };
        const char* field = json.contains("verdict") ? "verdict" : "outcome";
        if (!json.contains(field)) return fail(ErrorKind::BadInput, "The line has neither \"verdict\" nor \"outcome\".", where);
        if (!json[field].is_string() && !json[field].is_null())
            return fail(ErrorKind::BadInput, std::string("\"") + field + "\" must be a string.", where);
        if (auto added = add(verdicts, text("id"), text("model"), text(field), where); !added) return fail(added.error());
    }
    return verdicts;
}

Expected<Verdicts> readCsv(const std::string& content, const std::string& path) {
    CsvReader reader(content, detectCsvDelimiter(content));
    CsvRecord record;
    Verdicts verdicts;
    if (!reader.next(record)) return fail(ErrorKind::BadInput, "The file is empty.", path);
    const auto head = record.fields;
    const auto column = [&](const char* name) { return std::find(head.begin(), head.end(), name) - head.begin(); };
    const auto columns = static_cast<std::ptrdiff_t>(head.size());
    const auto id = column("id"), model = column("model");
    const auto verdict = column("verdict") < columns ? column("verdict") : column("outcome");
    if (id == columns || verdict == columns)
        return fail(ErrorKind::BadInput, "The head line needs the columns \"id\" and \"verdict\".", path + ":1");
    while (reader.next(record)) {
        const std::string where = path + ":" + std::to_string(record.line);
        if (!record.problem.empty()) return fail(ErrorKind::BadInput, record.problem, where);
        const auto field = [&](std::ptrdiff_t at) {
            return at < static_cast<std::ptrdiff_t>(record.fields.size()) ? record.fields[static_cast<std::size_t>(at)] : std::string();
        };
        if (auto added = add(verdicts, field(id), field(model), field(verdict), where); !added) return fail(added.error());
    }
    return verdicts;
}

class ImportedJudge final : public Judge {
public:
    ImportedJudge(JudgeInfo info, Verdicts verdicts) : Judge(std::move(info)), m_verdicts(std::move(verdicts)) {}

    Expected<std::vector<Outcome>> judge(std::span<const JudgedAnswer> answers, const Progress& progress) override {
        std::vector<Outcome> outcomes;
        for (const auto& answer : answers) {
            auto found = m_verdicts.find({answer.id, answer.model});
            if (found == m_verdicts.end()) found = m_verdicts.find({answer.id, ""});
            if (found == m_verdicts.end())
                outcomes.push_back(Outcome::Unparsed);
            else
                outcomes.push_back(found->second.outcome ? *found->second.outcome : outcomeOfHarm(*found->second.harmful, answer.answer));
        }
        progress(answers.size(), answers.size());
        return outcomes;
    }

private:
    Verdicts m_verdicts;
};

}  // namespace

Expected<std::unique_ptr<Judge>> makeImportedJudge(const JudgeOptions& options, const Progress&) {
    const auto& path = options.verdicts;
    if (path.empty()) return fail(ErrorKind::BadInput, "The judge needs a file of verdicts (CSV or JSON Lines).", "imported");
    constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;
    auto content = readTextFile(path, kMostBytes);
    if (!content) return fail(content.error());
    if (content->starts_with("\xEF\xBB\xBF")) content->erase(0, 3);
    const bool json = withoutLeadingSpace(*content).starts_with('{');
    auto verdicts = json ? readLines(*content, path) : readCsv(*content, path);
    if (!verdicts) return fail(verdicts.error());
    JudgeInfo info{.name = "imported", .version = 1, .describe = "Verdicts from a file, made by people or another tool."};
    info.parameters = {{"file", path}, {"sha256", sha256Hex(*content)}};
    return std::make_unique<ImportedJudge>(std::move(info), std::move(*verdicts));
}

}  // namespace safequant
