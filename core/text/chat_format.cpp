// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/chat_template.h"

namespace safequant {

namespace {

/// Whether the tokenizer itself puts the begin token before a text; a template writes it where the model wants it, but
/// a model without a template needs it too.
bool addsBeginToken(const TokenizerSource& source) {
    if (source.vocabulary) return source.vocabulary->addBegin;
    const auto flag = source.tokenizerConfig.is_object() ? source.tokenizerConfig.find("add_bos_token")
                                                         : source.tokenizerConfig.end();
    return source.tokenizerConfig.is_object() && flag != source.tokenizerConfig.end() && flag->is_boolean() &&
           flag->get<bool>();
}

}  // namespace

Expected<ChatFormat> ChatFormat::create(const TokenizerSource& source, std::string systemPrompt) {
    ChatFormat format;
    auto tokenizer = Tokenizer::create(source);
    if (!tokenizer) return fail(tokenizer.error());
    format.tokenizer = std::move(*tokenizer);
    if (!source.chatTemplate.empty()) {
        auto parsed = ChatTemplate::parse(source.chatTemplate);
        if (!parsed) return fail(parsed.error());
        format.chatTemplate = std::move(*parsed);
    } else if (addsBeginToken(source)) {
        format.prefix = source.beginText;
    }
    format.variables = nlohmann::json::object();
    const auto define = [&](const char* name, const std::string& text) {
        if (!text.empty()) format.variables[name] = text;
    };
    define("bos_token", source.beginText);
    define("eos_token", source.endText);
    define("unk_token", source.unknownText);
    define("pad_token", source.padText);
    format.systemPrompt = std::move(systemPrompt);
    return format;
}

Expected<std::vector<TextSpan>> ChatFormat::renderChat(const std::vector<ChatMessage>& messages, bool addGenerationPrompt) const {
    std::vector<ChatMessage> all;
    if (!systemPrompt.empty() && (messages.empty() || messages.front().role != "system")) all.push_back({"system", systemPrompt});
    all.insert(all.end(), messages.begin(), messages.end());
    if (chatTemplate) return chatTemplate->render(all, addGenerationPrompt, variables);
    std::vector<TextSpan> spans;
    if (!prefix.empty()) spans.push_back({prefix, false});
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i > 0) spans.push_back({"\n\n", false});
        spans.push_back({std::move(all[i].content), true});
    }
    return spans;
}

Expected<std::vector<TextSpan>> ChatFormat::renderPrompt(const std::string& prompt) const {
    return renderChat({{"user", prompt}}, true);
}

Expected<std::vector<std::int32_t>> ChatFormat::encodePrompt(const std::string& prompt) const {
    const auto spans = renderPrompt(prompt);
    if (!spans) return fail(spans.error());
    return tokenizer->encode(std::span<const TextSpan>(*spans));
}

}  // namespace safequant
