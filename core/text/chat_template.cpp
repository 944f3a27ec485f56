// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/chat_template.h"

#include "core/base/utf8.h"
#include "core/text/jinja_interpreter.h"
#include "core/text/jinja_parser.h"

namespace safequant {

namespace {

// Real templates take some thousand steps a message; these are seconds and some hundred megabytes at worst.
constexpr std::uint64_t kSteps = 5'000'000;
constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20;

/// A template can raise with a text of megabytes; its beginning says enough.
constexpr std::size_t kMaxMessageBytes = 1000;

Error errorOf(const jinja::Fault& fault, int line) {
    std::string message = fault.message;
    if (message.size() > kMaxMessageBytes) {
        std::size_t end = kMaxMessageBytes;
        while (end > 0 && isContinuationByte(message[end])) --end;
        message = message.substr(0, end) + "...";
    }
    return Error{fault.kind, std::move(message), "chat template:" + std::to_string(fault.line > 0 ? fault.line : line)};
}

std::vector<TextSpan> spansOf(const jinja::Text& text) {
    std::vector<TextSpan> spans;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t begin = i;
        const bool fromContent = text.fromContent(begin);
        jinja::charge(1);
        while (i < text.size() && text.fromContent(i) == fromContent) ++i;
        spans.push_back({text.bytes().substr(begin, i - begin), fromContent});
    }
    return spans;
}

class ParsedTemplate : public ChatTemplate {
public:
    explicit ParsedTemplate(jinja::Block block) : m_block(std::move(block)) {}

    Expected<std::vector<TextSpan>> render(const std::vector<ChatMessage>& messages, bool addGenerationPrompt,
                                           const nlohmann::json& variables) const override {
        jinja::startBudget(kSteps);
        int line = 0;
        try {
            jinja::DictObject globals;
            if (variables.is_object()) {
                for (const auto& [key, value] : variables.items()) {
                    globals.items.emplace_back(jinja::Value(jinja::Text(key)), jinja::Value::fromJson(value));
                }
            }
            std::vector<jinja::Value> turns;
            for (const ChatMessage& message : messages) {
                jinja::DictObject turn;
                turn.items.emplace_back(jinja::Value("role"),
                                        jinja::Value(jinja::Text(replaceInvalidUtf8(message.role))));
                turn.items.emplace_back(jinja::Value("content"),
                                        jinja::Value(jinja::Text(replaceInvalidUtf8(message.content), true)));
                turns.push_back(jinja::Value::dict(std::move(turn)));
            }
            globals.set(jinja::Value("messages"), jinja::Value::list(std::move(turns)));
            globals.set(jinja::Value("add_generation_prompt"), jinja::Value(addGenerationPrompt));
            jinja::Interpreter interpreter(std::move(globals));
            try {
                return spansOf(interpreter.run(m_block));
            } catch (const jinja::Fault&) {
                line = interpreter.line();
                throw;
            }
        } catch (const jinja::Fault& fault) {
            return fail(errorOf(fault, line));
        }
    }

private:
    jinja::Block m_block;
};

}  // namespace

Expected<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source) {
    if (source.size() > kMaxSourceBytes)
        return fail(ErrorKind::BadInput, "The chat template is larger than 1 MiB.", "chat template");
    jinja::startBudget(kSteps);
    try {
        return std::make_shared<const ParsedTemplate>(jinja::parseTemplate(source));
    } catch (const jinja::Fault& fault) {
        return fail(errorOf(fault, 1));
    }
}

}  // namespace safequant
