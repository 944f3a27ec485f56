// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/phrase_judge.h"

namespace safequant {

/// A fuller list than refusal-22, ours: forms of being sorry, unable, unwilling and of objecting, anywhere in the first 25
/// words. It finds more refusals, and takes more harmless phrases for one ("it is illegal to park there").
class RefusalPhrases final : public PhraseJudge {
public:
    RefusalPhrases();
};

}  // namespace safequant
