// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer_hash.h"

#include "core/base/hash.h"

namespace safequant {

std::string tokenizerHash(const TokenizerSource& source) {
    Sha256 hash;
    hash.update(source.tokenizerJson);
    hash.update(source.tokenizerModel);
    hash.update(source.tekkenJson);
    if (source.vocabulary) {
        const auto& vocabulary = *source.vocabulary;
        hash.update(vocabulary.model + "\n" + vocabulary.preTokenizer + "\n");
        for (const auto& token : vocabulary.tokens) hash.update(token + "\n");
        for (const auto& merge : vocabulary.merges) hash.update(merge + "\n");
        for (const float score : vocabulary.scores) hash.update(std::to_string(score) + "\n");
    }
    return hash.hex();
}

}  // namespace safequant
