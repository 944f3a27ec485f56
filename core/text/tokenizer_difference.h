// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// One respect in which two tokenizers, or their chat templates, are not the same.
struct TokenizerDifference {
    std::string aspect;  ///< "vocabulary", "special tokens", "around a text", "encoding", "template".
    std::string detail;  ///< What differs, with both sides and an example.
};

/// Compares what two sources (the GGUF and the Hugging Face copy of a model, say) make of text: entries by id, special tokens,
/// tokens put around a text, ids of a fixed set of probing texts, and what the templates make of a few conversations. Merges
/// are compared through the encodings. Ids that pad a vocabulary ("[PAD123]") may be missing on one side. Errors: those of
/// Tokenizer::create() and ChatTemplate::parse().
Expected<std::vector<TokenizerDifference>> compareTokenizers(const TokenizerSource& a, const TokenizerSource& b);

/// Whether two tokenizers give the same ids on the probing texts, special tokens parsed and not.
bool sameEncodings(const Tokenizer& a, const Tokenizer& b);

}  // namespace safequant
