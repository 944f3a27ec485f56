// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/answer_file.h"

#include "core/base/files.h"
#include "core/base/hash.h"

namespace safequant {
namespace {

std::string answerPath(const std::string& folder) {
    return folder + "/generations.jsonl";
}

}  // namespace

Expected<AnswerFile> AnswerFile::open(const std::string& folder) {
    AnswerFile file;
    file.m_folder = folder;
    std::vector<nlohmann::json> lines;
    auto opened = JsonLines::open(answerPath(folder), lines);
    if (!opened) return fail(opened.error());
    file.m_lines = std::move(*opened);
    for (const auto& line : lines) {
        auto answer = protocol::parseMessage<protocol::AnswerItem>(line);
        if (answer) file.m_answers.insert_or_assign(key(answer->model, answer->prompt), std::move(*answer));
    }
    return file;
}

std::vector<protocol::AnswerItem> AnswerFile::of(const std::string& model) const {
    std::vector<protocol::AnswerItem> answers;
    for (const auto& [key, answer] : m_answers)
        if (answer.model == model) answers.push_back(answer);
    return answers;
}

Expected<void> AnswerFile::append(const protocol::AnswerItem& answer) {
    if (auto written = m_lines.append(protocol::toJson(answer)); !written) return written;
    m_answers.insert_or_assign(key(answer.model, answer.prompt), answer);
    return {};
}

Expected<void> AnswerFile::putInOrder() {
    std::string text;
    for (const auto& [key, answer] : m_answers) text += JsonLines::lineOf(protocol::toJson(answer));
    return writeFileAtomically(answerPath(m_folder), text);
}

Expected<std::vector<protocol::AnswerItem>> AnswerFile::read(const std::string& folder) {
    const auto lines = readJsonLines(answerPath(folder));
    if (!lines) return fail(lines.error());
    std::map<Key, protocol::AnswerItem> ordered;
    for (const auto& line : *lines) {
        auto answer = protocol::parseMessage<protocol::AnswerItem>(line);
        if (!answer) return fail(ErrorKind::BadInput, answer.error().message, answerPath(folder));
        ordered.insert_or_assign(key(answer->model, answer->prompt), std::move(*answer));
    }
    std::vector<protocol::AnswerItem> answers;
    for (auto& [key, answer] : ordered) answers.push_back(std::move(answer));
    return answers;
}

std::string AnswerFile::hashOf(const std::vector<protocol::AnswerItem>& answers) {
    Sha256 hash;
    for (const auto& answer : answers) hash.update(JsonLines::lineOf(protocol::toJson(answer)));
    return hash.hex();
}

std::string AnswerFile::textHashOf(const std::vector<protocol::AnswerItem>& answers) {
    Sha256 hash;
    for (const auto& answer : answers) hash.update(JsonLines::lineOf(nlohmann::json{answer.id, answer.model, answer.text}));
    return hash.hex();
}

}  // namespace safequant
