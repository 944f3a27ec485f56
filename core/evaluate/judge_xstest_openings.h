// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/evaluate/phrase_judge.h"

namespace safequant {

/// The openings of XSTest's string matching (Roettger et al., NAACL 2024; CC BY 4.0).
class XstestOpenings final : public PhraseJudge {
public:
    XstestOpenings();
};

}  // namespace safequant
