// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/phrase_judge.h"

namespace safequant {

/// 22 refusal phrases, anywhere in the first 25 words.
class Refusal22 final : public PhraseJudge {
public:
    Refusal22();
};

}  // namespace safequant
