// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/checkpoint/checkpoint.h"
#include "core/text/decoder.h"
#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/sentencepiece_model.h"
#include "core/text/text_model.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// One of tokenizer.json's added_tokens: found in a text before anything else is done to it.
struct AddedToken {
    std::int32_t id = -1;
    std::string content;
    bool singleWord = false;  ///< Only where no word character stands beside it.
    bool leftStrip = false;   ///< Takes the white space before it.
    bool rightStrip = false;  ///< Takes the white space behind it.
    bool normalized = false;  ///< Looked for after those that are not.
    bool special = false;
};

/// What every kind of tokenizer file comes down to.
struct TokenizerParts {
    std::shared_ptr<const TextModel> model;
    std::vector<AddedToken> addedTokens;
    Normalizer normalizer;
    PreTokenizer preTokenizer;
    TextDecoder decoder;
    TokenAffixes affixes;
    std::int32_t shownUnknown = -1;  ///< A special token that is text all the same when special ones are left out.
    nlohmann::json frame;            ///< A tokenizer.json without model.vocab, model.merges and added_tokens.
    std::vector<AddedToken> writtenTokens;  ///< Further added tokens that only a tokenizer.json made of this needs.
};

/// Reads the content of a tokenizer.json. Errors: bad_input, unsupported.
Expected<TokenizerParts> readTokenizerJson(std::string_view content);

/// Reads the content of a tokenizer.model (SentencePiece); `config` is tokenizer_config.json or null. Errors:
/// bad_input, unsupported.
Expected<TokenizerParts> readTokenizerModel(std::string_view content, const nlohmann::json& config);

/// Reads the content of Mistral's tekken.json. Errors: bad_input.
Expected<TokenizerParts> readTekken(std::string_view content);

/// Reads a GGUF vocabulary. Errors: bad_input, unsupported (model or pre-tokenizer, by name).
Expected<TokenizerParts> readGgufVocabulary(const GgufVocabulary& vocabulary);

/// The parts of a checked SentencePiece model. `everySegment`: text behind an added token gets the dummy prefix too.
/// `tokens`: those that others than the model declare. Errors: bad_input (the character map, tokens that do not fit).
Expected<TokenizerParts> sentencePieceParts(SentencePieceModel model, std::vector<AddedToken> tokens,
                                            bool everySegment);

/// A post_processor that puts tokens around a text, null when there are none; and what one puts around it. Errors:
/// bad_input, unsupported (the component's name).
nlohmann::json templateProcessing(const std::vector<std::pair<std::int32_t, std::string>>& before,
                                  const std::vector<std::pair<std::int32_t, std::string>>& behind);
Expected<TokenAffixes> readPostProcessor(const nlohmann::json& description);

/// The tokenizer.json of the parts.
nlohmann::json writeTokenizerJson(const nlohmann::json& frame, const TextModel& model,
                                  const std::vector<AddedToken>& addedTokens);

/// The frame of a tokenizer.json for byte-level BPE.
nlohmann::json byteLevelFrame(nlohmann::json normalizer, nlohmann::json preTokenizer, nlohmann::json postProcessor,
                              bool ignoreMerges);
/// Pre-tokenizers of byte-level BPE: Split at the matches of a regular expression, then ByteLevel.
nlohmann::json splitThenBytes(std::string_view regex);

/// Finds the two entries a merge names. Errors: bad_input, with its rank.
Expected<std::pair<std::int32_t, std::int32_t>> resolveMerge(
    const std::unordered_map<std::string_view, std::int32_t>& ids, std::string_view left, std::string_view right,
    std::size_t rank);

/// Splits a merge written "left right" at its one space. Errors: bad_input, with its rank.
Expected<std::pair<std::string_view, std::string_view>> splitMerge(std::string_view merge, std::size_t rank);

}  // namespace safequant
