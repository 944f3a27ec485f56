// SPDX-License-Identifier: GPL-3.0-or-later
// make_logits CHECKPOINT REQUEST.json LOGITS.f32: continues texts greedily with our own decoder and prints what it said as JSON, for
// tests/references/check_gguf_client.py. REQUEST.json: {"texts": [...], "new_tokens": 64, "every": 16}. Printed: {"prompts": [[ids]],
// "answers": [[ids]], "positions": [[text, answer tokens before]]}; LOGITS.f32 holds the logits of the next token at each
// position, float32 `[positions, vocabulary]`.
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "core/base/files.h"
#include "core/checkpoint/checkpoint.h"
#include "core/model/generation.h"
#include "core/text/tokenizer.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using testing::orThrow;

namespace {

void makeLogits(const std::string& path, const std::string& requestPath, const std::string& logitsPath) {
    const auto request = nlohmann::json::parse(orThrow(readTextFile(requestPath)));
    const auto checkpoint = orThrow(openCheckpoint(path));
    const auto tokenizer = orThrow(Tokenizer::create(checkpoint->tokenizerSource()));
    const auto model = orThrow(LanguageModel::load(checkpoint, [&](int block) { return loadBlock(*checkpoint, block); }));

    std::vector<std::vector<std::int32_t>> prompts;
    for (const auto& text : request.at("texts")) prompts.push_back(tokenizer->encode(text.get<std::string>(), SpecialTokens::Text));
    DecodingOptions options;
    options.maxNewTokens = request.at("new_tokens");
    const auto answers = orThrow(model->generate(prompts, options));

    const std::size_t every = request.at("every");
    std::vector<std::vector<std::int32_t>> sequences, said;
    nlohmann::json positions = nlohmann::json::array();
    for (std::size_t p = 0; p < prompts.size(); ++p) {
        said.push_back(answers[p].tokens);
        for (std::size_t before = 0; before < said[p].size(); before += every) {
            sequences.push_back(prompts[p]);
            sequences.back().insert(sequences.back().end(), said[p].begin(), said[p].begin() + static_cast<std::ptrdiff_t>(before));
            positions.push_back({p, before});
        }
    }
    const Matrix logits = model->lastLogits(sequences);
    std::ofstream file(logitsPath, std::ios::binary);
    file.write(reinterpret_cast<const char*>(logits.data()), static_cast<std::streamsize>(logits.size() * sizeof(float)));
    file.close();
    if (!file) throw std::runtime_error(logitsPath + " cannot be written");
    std::cout << nlohmann::json{{"prompts", prompts}, {"answers", said}, {"positions", positions}} << "\n";
}

}  // namespace

int main(int argc, char** argv) {
    return testing::toolMain(argc, argv, "make_logits CHECKPOINT REQUEST.json LOGITS.f32 > ANSWERS.json", makeLogits);
}
