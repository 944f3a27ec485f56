// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// Kinds of pieces, numbered as in sentencepiece_model.proto and in `tokenizer.ggml.token_type`.
enum class PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

struct SentencePiece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::Normal;
};

/// A SentencePiece model: what a tokenizer.model holds, or a GGUF vocabulary of model "llama".
struct SentencePieceModel {
    enum class Algorithm { Unigram, Bpe };

    Algorithm algorithm = Algorithm::Unigram;
    std::vector<SentencePiece> pieces;
    std::int32_t unknown = -1;  ///< The piece of type unknown.
    bool byteFallback = false;
    bool whitespaceAsSuffix = false;
    bool addDummyPrefix = true;
    bool removeExtraWhitespaces = true;
    bool escapeWhitespaces = true;
    std::string charsmap;                           ///< Precompiled; empty: the identity.
    std::string unknownSurface = " \xE2\x81\x87 ";  ///< What an unknown piece decodes to.
};

/// Parses a serialized sentencepiece ModelProto. Errors: bad_input (with the byte), unsupported (word and character
/// models).
Expected<SentencePieceModel> parseSentencePieceModel(std::string_view bytes);

/// Checks what both kinds of files can have wrong: no pieces, empty or repeated ones, scores that are no numbers, not
/// exactly one unknown piece, byte fallback without all 256 byte pieces. Sets `unknown`. Errors: bad_input.
Expected<void> checkSentencePieceModel(SentencePieceModel& model, const std::string& where);

}  // namespace safequant
