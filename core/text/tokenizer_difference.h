// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"

namespace safequant {

/// One respect in which two tokenizers, or their chat templates, are not the same.
struct TokenizerDifference {
    std::string aspect;  ///< "vocabulary", "special tokens", "merges", "around a text", "encoding", "template", "template text".
    std::string detail;  ///< What differs, with both sides and an example.
};

/// Compares what two sources (the GGUF and the Hugging Face copy of a model, say) make of text: entries by id, special tokens,
/// merges of byte-level BPE, tokens put around a text, ids of a fixed set of probing texts, and the templates: what they make of
/// a few conversations and, where that is the same, their sources. Merges of SentencePiece, which a GGUF file has none of, are
/// compared through the encodings. Ids that pad a vocabulary ("[PAD123]") may be missing on one side. Errors: those of
/// Tokenizer::create() and ChatTemplate::parse().
Expected<std::vector<TokenizerDifference>> compareTokenizers(const TokenizerSource& a, const TokenizerSource& b);

/// Another copy of a model's tokenizer and chat template.
struct TokenizerCopy {
    std::string path;                              ///< Its GGUF file, or its Hugging Face folder.
    std::vector<TokenizerDifference> differences;  ///< Empty: the same. The checkpoint compared is the first, the copy the second.
};

/// Compares a checkpoint with the copies that lie in its folder: a GGUF file with the folder's Hugging Face files, Hugging Face
/// files with every GGUF file beside them. A copy that cannot be read counts as one difference, "unreadable".
std::vector<TokenizerCopy> compareWithCopies(const Checkpoint& checkpoint);

/// Whether two tokenizers give the same ids on the probing texts, special tokens parsed and not.
bool sameEncodings(const Tokenizer& a, const Tokenizer& b);

}  // namespace safequant
