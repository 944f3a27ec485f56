// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/promptexport.h"

#include <QDir>
#include <QRegularExpression>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/csv.h"
#include "core/base/files.h"
#include "widgets/prompttablemodel.h"

namespace safequant::workbench {

using Columns = widgets::PromptTableModel;

namespace {

/// Whose probe scores the quantized model: the base model's, or its own.
constexpr const char* kTransferred = "transferred";
constexpr const char* kRefitted = "refitted";

struct Row {
    const protocol::PromptItem* prompt;
    bool hidden;
    std::string outcomes[2];             ///< Base and quantized; empty: none.
    std::optional<std::string> scores[2];  ///< The shortest decimals of the stored number.
};

std::optional<std::string> scoreOf(const QModelIndex& index) {
    const QVariant value = index.data(Columns::ScoreRole);
    if (!value.isValid()) return std::nullopt;
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value.toFloat()).ptr;
    return std::string(text, end);
}

Row rowOf(const widgets::PromptTableModel& model, int prompt) {
    Row row;
    row.prompt = &(*model.prompts())[static_cast<std::size_t>(prompt)];
    row.hidden = model.index(prompt, Columns::PromptColumn).data(Columns::HiddenRole).toBool();
    row.outcomes[0] = model.outcome(QStringLiteral("base"), prompt).toStdString();
    row.outcomes[1] = model.outcome(QStringLiteral("quantized"), prompt).toStdString();
    row.scores[0] = scoreOf(model.index(prompt, Columns::BaseScoreColumn));
    row.scores[1] = scoreOf(model.index(prompt, Columns::QuantizedScoreColumn));
    return row;
}

}  // namespace

std::string promptsAsJsonLines(const widgets::PromptTableModel& model, const QList<int>& prompts, int block) {
    std::string lines;
    for (const int prompt : prompts) {
        const Row row = rowOf(model, prompt);
        nlohmann::ordered_json json{{"id", row.prompt->id}, {"label", row.prompt->label}, {"split", row.prompt->split}};
        json["text"] = row.hidden ? nlohmann::ordered_json() : nlohmann::ordered_json(row.prompt->text);
        json["block"] = block < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(block);
        json["probe"] = model.transferred() ? kTransferred : kRefitted;
        const char* const models[] = {"base", "quantized"};
        for (int at = 0; at < 2; ++at) {
            const std::string name = models[at];
            json["score_" + name] = row.scores[at] ? nlohmann::ordered_json::parse(*row.scores[at]) : nlohmann::ordered_json();
            json["outcome_" + name] = row.outcomes[at].empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(row.outcomes[at]);
        }
        lines += json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
    return lines;
}

std::string promptsAsCsv(const widgets::PromptTableModel& model, const QList<int>& prompts, int block) {
    std::string lines = "id,label,split,text,block,probe,score_base,outcome_base,score_quantized,outcome_quantized\n";
    for (const int prompt : prompts) {
        const Row row = rowOf(model, prompt);
        lines += csvField(row.prompt->id) + ',' + csvField(row.prompt->label) + ',' + csvField(row.prompt->split) + ',' +
                 (row.hidden ? std::string() : csvField(row.prompt->text)) + ',' + (block < 0 ? std::string() : std::to_string(block)) + ',' +
                 (model.transferred() ? kTransferred : kRefitted);
        for (int at = 0; at < 2; ++at) lines += ',' + row.scores[at].value_or("") + ',' + row.outcomes[at];
        lines += '\n';
    }
    return lines;
}

Expected<void> exportPrompts(const QString& path, const widgets::PromptTableModel& model, const QList<int>& prompts, int block) {
    const bool csv = path.endsWith(QLatin1String(".csv"), Qt::CaseInsensitive);
    return writeFileAtomically(path.toStdString(), csv ? promptsAsCsv(model, prompts, block) : promptsAsJsonLines(model, prompts, block));
}

QString exportNameOf(const QString& folder, const QString& name) {
    static const QRegularExpression unusable(QStringLiteral("[^\\w.-]+"), QRegularExpression::UseUnicodePropertiesOption);
    QString file = name;
    file.replace(unusable, QStringLiteral("-"));
    return QDir(folder.isEmpty() ? QDir::homePath() : folder).filePath(file + QStringLiteral(".jsonl"));
}

}  // namespace safequant::workbench
