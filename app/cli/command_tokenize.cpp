// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/cli/command.h"
#include "core/base/files.h"
#include "core/checkpoint/huggingface_config.h"
#include "core/text/tokenizer.h"

namespace safequant::cli {
namespace {

using nlohmann::json;

struct TokenizeOptions {
    std::string path;
    bool lines = false;
    bool jsonLines = false;
    bool noSpecial = false;
    bool affixes = false;
};

/// The tokenizer of a checkpoint, or of a folder that holds a tokenizer and no weights.
Expected<std::shared_ptr<const Tokenizer>> openTokenizer(const std::string& path) {
    if (auto alone = readHuggingFaceTokenizer(path); alone && alone->hasTokenizer()) return Tokenizer::create(*alone);
    const auto checkpoint = openCheckpoint(path);
    if (!checkpoint) return fail(checkpoint.error());
    return Tokenizer::create((*checkpoint)->tokenizerSource());
}

json encoded(const Tokenizer& tokenizer, const TokenizeOptions& chosen, std::string_view text) {
    auto ids = tokenizer.encode(text, chosen.noSpecial ? SpecialTokens::Text : SpecialTokens::Parse);
    if (chosen.affixes) {
        const TokenAffixes& affixes = tokenizer.affixes();
        ids.insert(ids.begin(), affixes.before.begin(), affixes.before.end());
        ids.insert(ids.end(), affixes.behind.begin(), affixes.behind.end());
    }
    json pieces = json::array();
    for (const std::int32_t id : ids) pieces.push_back(tokenizer.tokenText(id));
    return {{"ids", ids}, {"pieces", std::move(pieces)}, {"decoded", tokenizer.decode(ids, true)}};
}

void print(const CommonOptions& options, const json& result) {
    if (options.json) {
        std::printf("%s\n", result.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
        return;
    }
    for (std::size_t i = 0; i < result["ids"].size(); ++i) {
        const std::string piece = result["pieces"][i].dump(-1, ' ', false, json::error_handler_t::replace);
        std::printf("%8d  %s\n", result["ids"][i].get<int>(), piece.c_str());
    }
    std::printf("%zu tokens\n", result["ids"].size());
}

int tokenize(const CommonOptions& options, const TokenizeOptions& chosen) {
    const auto tokenizer = openTokenizer(chosen.path);
    if (!tokenizer) return reportError(options, tokenizer.error());
    if (!chosen.lines && !chosen.jsonLines) {
        const std::string text(std::istreambuf_iterator<char>(std::cin), {});
        print(options, encoded(**tokenizer, chosen, text));
        return 0;
    }
    std::string line;
    for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
        if (chosen.jsonLines) {
            const json value = json::parse(line, nullptr, false);
            if (!value.is_string()) {
                return reportError(options, {ErrorKind::BadInput, "The line is no JSON string.",
                                             "standard input:" + std::to_string(number)});
            }
            line = value.get<std::string>();
        }
        print(options, encoded(**tokenizer, chosen, line));
    }
    return 0;
}

}  // namespace

void addTokenizeCommand(CLI::App& app, const CommonOptions& options, Action& action) {
    auto chosen = std::make_shared<TokenizeOptions>();
    auto* command = app.add_subcommand("tokenize", "Show the tokens of text from standard input");
    command->add_option("tokenizer", chosen->path, "GGUF file, or Hugging Face folder (weights are not needed)")->required();
    auto* lines = command->add_flag("--lines", chosen->lines, "Take every line as a text of its own");
    command->add_flag("--json-lines", chosen->jsonLines, "Take every line as a text of its own, written as a JSON string")->excludes(lines);
    command->add_flag("--no-special", chosen->noSpecial, "Leave special tokens in the text as the characters they are made of");
    command->add_flag("--affixes", chosen->affixes, "Add the tokens that the file asks for around a text, such as the begin token");
    command->footer("Examples:\n  echo -n 'Hello world' | safequant tokenize model.gguf\n"
                    "  safequant tokenize model-folder --lines --json < prompts.txt");
    command->callback([chosen, &options, &action] { action = [chosen, &options] { return tokenize(options, *chosen); }; });
}

}  // namespace safequant::cli
