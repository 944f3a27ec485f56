// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/slicefile.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/base/files.h"

namespace safequant::workbench {

namespace {

constexpr const char* kFormat = "safequant-slices";
constexpr int kVersion = 1;
constexpr qsizetype kHashLetters = 12;

tl::unexpected<Error> broken(const QString& file, const std::string& what) {
    return fail(ErrorKind::BadInput, "This file of slices cannot be used: " + what, file.toStdString());
}

}  // namespace

QString sliceFileOf(const QString& workspace, const protocol::RunSummary& run) {
    const QString name = QFileInfo(QString::fromStdString(run.folder)).fileName();
    const QByteArray key = (name + QLatin1Char('\n') + QString::fromStdString(run.created)).toUtf8();
    const QString hash = QString::fromLatin1(QCryptographicHash::hash(key, QCryptographicHash::Sha256).toHex().left(kHashLetters));
    return QDir(workspace).filePath(QStringLiteral("slices/%1-%2.json").arg(name, hash));
}

Expected<std::vector<widgets::PromptSlice>> readSlices(const QString& file, const std::vector<protocol::PromptItem>& prompts) {
    std::vector<widgets::PromptSlice> slices;
    if (!QFileInfo::exists(file)) return slices;
    const auto text = readTextFile(file.toStdString());
    if (!text) return fail(text.error());
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_discarded() || !json.is_object()) return broken(file, "it is not a JSON object.");
    if (json.value("format", nlohmann::json()) != kFormat) return broken(file, "its \"format\" is not \"safequant-slices\".");
    const auto version = json.value("format_version", nlohmann::json());
    if (!version.is_number_integer() || version < 1) return broken(file, "\"format_version\" must be a whole number from 1.");
    if (version > kVersion) {
        return fail(ErrorKind::Unsupported, "These slices are of a later version of this program: format_version is " + version.dump() +
                    ", this one reads up to " + std::to_string(kVersion) + ".", file.toStdString());
    }
    const auto list = json.value("slices", nlohmann::json());
    if (!list.is_array()) return broken(file, "\"slices\" must be a list.");
    std::unordered_map<std::string, int> indices;
    for (std::size_t i = 0; i < prompts.size(); ++i) indices.emplace(prompts[i].id, static_cast<int>(i));
    for (std::size_t at = 0; at < list.size(); ++at) {
        const auto& item = list[at];
        const std::string where = "slices[" + std::to_string(at) + "]";
        if (!item.is_object()) return broken(file, where + " must be an object.");
        const auto name = item.value("name", nlohmann::json());
        if (!name.is_string() || name == "") return broken(file, where + " needs a \"name\".");
        const auto mark = item.value("mark", nlohmann::json(0));
        if (!mark.is_number_integer() || mark < 0 || mark >= widgets::kSliceMarks) {
            return broken(file, where + ".mark must be a whole number from 0 to " + std::to_string(widgets::kSliceMarks - 1) + ".");
        }
        const auto shown = item.value("shown", nlohmann::json(true));
        const auto madeFrom = item.value("made_from", nlohmann::json(""));
        const auto ids = item.value("prompts", nlohmann::json());
        if (!shown.is_boolean()) return broken(file, where + ".shown must be true or false.");
        if (!madeFrom.is_string()) return broken(file, where + ".made_from must be a text.");
        const bool texts = ids.is_array() && std::all_of(ids.begin(), ids.end(), [](const auto& id) { return id.is_string(); });
        if (!texts) return broken(file, where + ".prompts must be a list of ids.");
        widgets::PromptSlice slice;
        slice.name = QString::fromStdString(name.get<std::string>());
        slice.mark = mark.get<int>();
        slice.shown = shown.get<bool>();
        slice.madeFrom = QString::fromStdString(madeFrom.get<std::string>());
        for (const auto& id : ids) {
            const auto found = indices.find(id.get<std::string>());
            if (found == indices.end()) {
                slice.absent << QString::fromStdString(id.get<std::string>());
            } else {
                slice.prompts << found->second;
            }
        }
        std::sort(slice.prompts.begin(), slice.prompts.end());
        slice.prompts.erase(std::unique(slice.prompts.begin(), slice.prompts.end()), slice.prompts.end());
        slices.push_back(std::move(slice));
    }
    return slices;
}

Expected<void> writeSlices(const QString& file, const std::string& run, const std::vector<widgets::PromptSlice>& slices,
                           const std::vector<protocol::PromptItem>& prompts) {
    const QString folder = QFileInfo(file).path();
    if (!QDir().mkpath(folder)) return fail(ErrorKind::Io, "This folder cannot be made.", folder.toStdString());
    nlohmann::ordered_json json{{"format", kFormat}, {"format_version", kVersion}, {"run", run}, {"slices", nlohmann::ordered_json::array()}};
    for (const widgets::PromptSlice& slice : slices) {
        auto ids = nlohmann::ordered_json::array();
        for (const int prompt : slice.prompts) ids.push_back(prompts[static_cast<std::size_t>(prompt)].id);
        for (const QString& id : slice.absent) ids.push_back(id.toStdString());
        json["slices"].push_back({{"name", slice.name.toStdString()}, {"mark", slice.mark}, {"shown", slice.shown},
                                  {"made_from", slice.madeFrom.toStdString()}, {"prompts", ids}});
    }
    return writeFileAtomically(file.toStdString(), json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace safequant::workbench
