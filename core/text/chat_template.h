// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// One turn of a conversation.
struct ChatMessage {
    std::string role;  ///< "system", "user", "assistant".
    std::string content;
};

/// A model's own chat template, run by a sandboxed interpreter of the Jinja subset that chat templates use: no files, no
/// attributes of host objects, bounded steps, output and recursion. Immutable and thread-safe.
class ChatTemplate {
public:
    /// Parses a template. Errors: bad_input with line number.
    static Expected<std::shared_ptr<const ChatTemplate>> parse(std::string_view source);
    virtual ~ChatTemplate() = default;

    /// Renders messages; the spans joined are the prompt. Characters that came from a message's content are marked, through
    /// every filter and method that keeps them. `variables` are further globals (bos_token, eos_token, tools, ...).
    /// Errors: bad_input when the template raises (its own words), failed on limits.
    virtual Expected<std::vector<TextSpan>> render(const std::vector<ChatMessage>& messages, bool addGenerationPrompt,
                                                   const nlohmann::json& variables) const = 0;
};

/// A tokenizer and a template together: from messages to ids. Without a template the contents are joined by blank lines.
struct ChatFormat {
    std::shared_ptr<const Tokenizer> tokenizer;
    std::shared_ptr<const ChatTemplate> chatTemplate;  ///< May be null.
    nlohmann::json variables;                          ///< bos_token and the like.
    std::string systemPrompt;                          ///< Empty: no system message is given and the template's default stands.
    std::string prefix;                                ///< Without a template: the begin token, where the tokenizer adds one.

    static Expected<ChatFormat> create(const TokenizerSource& source, std::string systemPrompt = {});
    /// Spans of a conversation, behind the system prompt when it does not bring its own.
    Expected<std::vector<TextSpan>> renderChat(const std::vector<ChatMessage>& messages, bool addGenerationPrompt) const;
    /// Spans of one user prompt with the generation prompt added.
    Expected<std::vector<TextSpan>> renderPrompt(const std::string& prompt) const;
    /// Ids of the same.
    Expected<std::vector<std::int32_t>> encodePrompt(const std::string& prompt) const;
};

}  // namespace safequant
