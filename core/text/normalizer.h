// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/text/marked_text.h"

namespace safequant {

/// What is done to a text before it is cut into pieces: steps in order. Immutable and thread-safe.
class Normalizer {
public:
    class Step {
    public:
        virtual ~Step() = default;
        /// `first`: the text begins where the whole text begins, not behind an added token.
        virtual MarkedText apply(const MarkedText& text, bool first) const = 0;
    };

    /// The normalizer of a tokenizer.json: NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip, StripAccents,
    /// Precompiled and Sequences of them; null: nothing. Errors: bad_input (fields), unsupported (the component's
    /// name).
    static Expected<Normalizer> parse(const nlohmann::json& description);

    void add(std::shared_ptr<const Step> step) { m_steps.push_back(std::move(step)); }
    MarkedText apply(MarkedText text, bool first) const;

private:
    std::vector<std::shared_ptr<const Step>> m_steps;
};

}  // namespace safequant
