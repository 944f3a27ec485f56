// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace safequant {

/// How entries of a vocabulary become text again: steps over the list of entries, which are joined in the end.
/// Immutable and thread-safe.
class TextDecoder {
public:
    class Step {
    public:
        virtual ~Step() = default;
        virtual void apply(std::vector<std::string>& tokens) const = 0;
    };

    /// The decoder of a tokenizer.json: ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace and Sequences of them;
    /// null: entries stand with a space between. Errors: bad_input (fields), unsupported (the component's name).
    static Expected<TextDecoder> parse(const nlohmann::json& description);

    void add(std::shared_ptr<const Step> step) { m_steps.push_back(std::move(step)); }
    /// The text, valid UTF-8.
    std::string decode(std::vector<std::string> tokens) const;

private:
    std::vector<std::shared_ptr<const Step>> m_steps;
};

}  // namespace safequant
