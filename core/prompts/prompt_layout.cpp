// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/prompts/prompt_layout.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "core/base/csv_reader.h"
#include "core/base/nearest_name.h"
#include "core/prompts/prompt_benchmark.h"
#include "core/prompts/prompt_json.h"
#include "core/prompts/words.h"

namespace safequant {
namespace {

constexpr std::size_t kRecordsLookedAt = 50;

struct Signature {
    std::string_view bytes;
    const char* what;
    const char* remedy;
};
constexpr std::array kSignatures = std::to_array<Signature>({
    {"PK\x03\x04", "a ZIP archive (or a spreadsheet)", "Unpack it, or save the sheet as CSV"},
    {"\x1F\x8B", "compressed with gzip", "Unpack it with gunzip"},
    {"BZh", "compressed with bzip2", "Unpack it with bunzip2"},
    {"\xFD" "7zXZ", "compressed with xz", "Unpack it with unxz"},
    {"\x28\xB5\x2F\xFD", "compressed with zstd", "Unpack it with unzstd"},
    {"PAR1", "a Parquet file", "Save it as JSON Lines, e.g. pandas.read_parquet(FILE).to_json(OUT, orient=\"records\", lines=True)"},
    {"ARROW1", "an Arrow file", "Save it as JSON Lines, e.g. datasets.Dataset.from_file(FILE).to_json(OUT)"},
    {"\x89HDF", "an HDF5 file", "Give the file of prompts that it was made from"},
    {"GGUF", "a GGUF checkpoint", "Give a file of prompts; the checkpoint is chosen elsewhere"},
    {"SQLite format 3", "an SQLite database", "Export the table as CSV"},
    {"%PDF", "a PDF", "Give the prompts as text, CSV or JSON"},
    {"\xFF\xFE", "UTF-16 text", "Save it as UTF-8"},
    {"\xFE\xFF", "UTF-16 text", "Save it as UTF-8"},
});

Expected<void> refuseForeignFiles(std::string_view content, const std::string& path) {
    for (const auto& signature : kSignatures)
        if (content.starts_with(signature.bytes))
            return fail(ErrorKind::BadInput, std::string("This is ") + signature.what + ", not a text file of prompts. " + signature.remedy + ".", path);
    if (content.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return fail(ErrorKind::BadInput, "There is no prompt in it; the file is empty.", path);
    return {};
}

std::string_view firstLine(std::string_view content) {
    const auto begin = content.find_first_not_of(" \t\r\n");
    content.remove_prefix(begin == std::string_view::npos ? content.size() : begin);
    return content.substr(0, content.find_first_of("\r\n"));
}

PromptFormat findFormat(const std::string& path, std::string_view content) {
    const std::string ending = asciiLower(std::filesystem::path(path).extension().string());
    const auto line = firstLine(content);
    if (ending == ".csv" || ending == ".tsv") return PromptFormat::Csv;
    if (ending == ".txt") return PromptFormat::Text;
    if (line.starts_with('[')) return PromptFormat::Json;
    if (ending == ".jsonl" || ending == ".ndjson") return PromptFormat::JsonLines;
    if (line.starts_with('{')) return readJsonFields(line, {}).problem.empty() ? PromptFormat::JsonLines : PromptFormat::Json;
    if (ending == ".json") return PromptFormat::Json;
    return line.find(detectCsvDelimiter(line)) != std::string_view::npos ? PromptFormat::Csv : PromptFormat::Text;
}

/// Names and label values of the first records.
struct Sample {
    std::vector<std::string> columns;
    std::vector<nlohmann::json> labels;
};

void lookAt(std::string_view object, Sample& sample, std::set<std::string>& seen) {
    static const std::set<std::string> kLabel{"label"};
    auto read = readJsonFields(object, kLabel);
    if (!read.problem.empty()) return;
    for (auto& name : read.names)
        if (seen.insert(name).second) sample.columns.push_back(std::move(name));
    if (read.fields.contains("label")) sample.labels.push_back(std::move(read.fields["label"]));
}

Sample lookAtJson(std::string_view content, PromptFormat format) {
    Sample sample;
    std::set<std::string> seen;
    if (format == PromptFormat::Json) {
        JsonListReader list(content);
        JsonListReader::Item item;
        for (std::size_t i = 0; i < kRecordsLookedAt && list.next(item); ++i)
            if (item.problem.empty() && item.text.size() <= kMaxPromptRecordBytes) lookAt(item.text, sample, seen);
        return sample;
    }
    for (std::size_t i = 0; i < kRecordsLookedAt && !content.empty(); ++i) {
        const auto end = content.find('\n');
        if (const auto line = content.substr(0, end); line.size() <= kMaxPromptRecordBytes) lookAt(line, sample, seen);
        content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    }
    return sample;
}

Expected<Sample> lookAtCsv(std::string_view content, char delimiter, const std::string& path) {
    CsvReader reader(content, delimiter);
    CsvRecord head;
    Sample sample;
    if (!reader.next(head)) return sample;
    if (!head.problem.empty()) return fail(ErrorKind::BadInput, "The head line " + head.problem + ".", path + ":" + std::to_string(head.line));
    std::set<std::string> seen;
    for (std::size_t i = 0; i < head.fields.size(); ++i) {
        auto& name = head.fields[i];
        // Tables that were saved with their row numbers have a first column without a name.
        if (name.empty()) name = "column " + std::to_string(i + 1);
        if (!seen.insert(name).second)
            return fail(ErrorKind::BadInput, "The head line has the column " + nlohmann::json(name).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + " twice; rename one.",
                        path + ":" + std::to_string(head.line));
        sample.columns.push_back(name);
    }
    return sample;
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 12;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "\"" : ", \"") + names[i] + "\"";
    if (names.size() > kShown) text += ", ...";
    return text;
}

}  // namespace

std::string_view withoutByteOrderMark(std::string_view content) {
    if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
    return content;
}

bool isCompletionColumn(std::string_view name) {
    static const std::set<std::string> kNames{"target",   "targets",  "output",     "outputs",   "response", "responses",
                                              "completion", "completions", "answer", "answers",  "chosen",   "rejected",
                                              "generation", "generations", "assistant", "solution"};
    return kNames.contains(asciiLower(std::string(name)));
}

Expected<PromptLayout> findPromptLayout(const PromptFile& file, std::string_view content) {
    if (auto ours = refuseForeignFiles(content, file.path); !ours) return fail(ours.error());
    content = withoutByteOrderMark(content);
    PromptLayout layout;
    layout.format = file.format == PromptFormat::Auto ? findFormat(file.path, content) : file.format;
    layout.map = file.map;
    if (layout.format == PromptFormat::Text) {
        suggestLabel(layout, file.path);
        return layout;
    }
    Sample sample;
    if (layout.format == PromptFormat::Csv) {
        layout.delimiter = file.delimiter != 0 ? file.delimiter : detectCsvDelimiter(content);
        auto head = lookAtCsv(content, layout.delimiter, file.path);
        if (!head) return fail(head.error());
        sample = std::move(*head);
    } else {
        sample = lookAtJson(content, layout.format);
    }
    layout.columns = std::move(sample.columns);
    std::copy_if(layout.columns.begin(), layout.columns.end(), std::back_inserter(layout.skipped), isCompletionColumn);
    if (layout.columns.empty()) {
        // No record can be read: the reader says of each why.
        layout.map.prompt = "prompt";
        layout.map.label = "label";
        return layout;
    }
    recognizeBenchmark(layout, sample.labels, file.path);
    return layout;
}

Expected<void> checkPromptMapping(const PromptLayout& layout, const std::string& path) {
    // Plain text has no columns; without columns no record can be read, and the reader says of each why.
    if (layout.columns.empty()) return {};
    if (layout.map.prompt.empty())
        return fail(ErrorKind::BadInput,
                    "None of the columns " + listed(layout.columns) +
                        " is known to hold prompts. Say which one does: \"map\": {\"prompt\": COLUMN} in a spec, --map prompt=COLUMN.",
                    path);
    std::vector<std::string_view> known(layout.columns.begin(), layout.columns.end());
    for (const auto& role : kPromptRoles) {
        const auto& column = layout.map.*(role.column);
        if (column.empty()) continue;
        if (isCompletionColumn(column))
            return fail(ErrorKind::BadInput, "The column \"" + column + "\" holds completions, which are never read; choose another for \"" + role.name + "\".", path);
        if (std::find(known.begin(), known.end(), column) == known.end())
            return fail(ErrorKind::BadInput, "There is no column \"" + column + "\" for \"" + role.name + "\"; the file has " + listed(layout.columns) + ".", path);
    }
    return {};
}

std::string promptLayoutTitle(const PromptLayout& layout) {
    switch (layout.format) {
        case PromptFormat::Json: return "JSON list";
        case PromptFormat::Text: return "plain text, a prompt a line";
        case PromptFormat::Csv:
            switch (layout.delimiter) {
                case ';': return "CSV with semicolons";
                case '\t': return "CSV with tabs";
                case '|': return "CSV with bars";
                default: return "CSV with commas";
            }
        case PromptFormat::JsonLines:
        case PromptFormat::Auto: break;
    }
    return "JSON Lines";
}

}  // namespace safequant
