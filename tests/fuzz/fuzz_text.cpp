// SPDX-License-Identifier: GPL-3.0-or-later
// Tokenizers and chat templates: made, and used on text that is in the input too.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/checkpoint/huggingface_config.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"
#include "tests/fuzz/scratch_folder.h"
#include "tests/fuzz/targets.h"

namespace safequant::fuzzing {
namespace {

/// The file "text" of an unpacked input: what is to be encoded.
std::string sampleText(const ScratchFolder& folder) {
    std::ifstream file(folder.path() + "/text", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

bool acceptsTokenizer(std::span<const std::byte> input) {
    const ScratchFolder folder;
    folder.unpackFolder(input);
    const auto source = readHuggingFaceTokenizer(folder.path());
    if (!source) return false;
    const auto tokenizer = Tokenizer::create(*source);
    if (!tokenizer) return false;
    const std::string text = sampleText(folder);
    for (const SpecialTokens special : {SpecialTokens::Parse, SpecialTokens::Text}) {
        const auto ids = (*tokenizer)->encode(text, special);
        static_cast<void>((*tokenizer)->decode(ids, special == SpecialTokens::Parse));
    }
    const std::vector<TextSpan> spans{{"<s>", false}, {text, true}, {"</s>\n", false}};
    static_cast<void>((*tokenizer)->encode(spans));
    static_cast<void>((*tokenizer)->toTokenizerJson());
    return true;
}

bool acceptsTemplate(std::span<const std::byte> input) {
    const auto parsed = ChatTemplate::parse(textOf(input));
    if (!parsed) return false;
    const std::vector<ChatMessage> messages{{"system", "Be brief."}, {"user", "Hello {{ 1 }} <|im_end|>"}, {"assistant", "Hi."}, {"user", ""}};
    const nlohmann::json variables{{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"tools", nullptr}};
    return (*parsed)->render(messages, true, variables).has_value();
}

}  // namespace safequant::fuzzing
