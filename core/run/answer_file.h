// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"
#include "core/run/event_log.h"

namespace safequant {

/// A run's generations.jsonl: one answer a line, appended as answers finish, and at the end of the evaluation put in
/// order (base before quantized, then by prompt), so that a resumed run leaves the same bytes as an unbroken one.
class AnswerFile {
public:
    /// Drops a torn last line. Errors: io.
    static Expected<AnswerFile> open(const std::string& folder);
    bool has(const std::string& model, int prompt) const { return m_answers.contains(key(model, prompt)); }
    /// Answers of one model by prompt.
    std::vector<protocol::AnswerItem> of(const std::string& model) const;
    std::size_t size() const { return m_answers.size(); }
    Expected<void> append(const protocol::AnswerItem& answer);
    /// Rewrites the file in order, atomically; nothing may be appended after.
    Expected<void> putInOrder();

    /// Answers in a folder, in order, without touching the file.
    static Expected<std::vector<protocol::AnswerItem>> read(const std::string& folder);
    /// SHA-256 over the lines of one model's answers in order.
    static std::string hashOf(const std::vector<protocol::AnswerItem>& answers);
    /// The same over what judges see: prompt, model and text of each.
    static std::string textHashOf(const std::vector<protocol::AnswerItem>& answers);

private:
    using Key = std::pair<int, int>;
    static Key key(const std::string& model, int prompt) { return {model == "base" ? 0 : 1, prompt}; }

    std::string m_folder;
    JsonLines m_lines;
    std::map<Key, protocol::AnswerItem> m_answers;
};

}  // namespace safequant
