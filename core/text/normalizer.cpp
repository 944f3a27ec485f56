// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/normalizer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/base64.h"
#include "core/base/utf8.h"
#include "core/text/charsmap.h"
#include "core/text/component_fields.h"
#include "core/text/regex.h"
#include "core/text/unicode.h"
#include "core/text/unicode_forms.h"

namespace safequant {

namespace {

using nlohmann::json;
using Step = Normalizer::Step;

constexpr const char* kNormalizer = "normalizer";

/// A step that maps stretches of text which do not depend on what stands around them.
class FormStep : public Step {
public:
    explicit FormStep(UnicodeForm form) : m_form(form) {}
    MarkedText apply(const MarkedText& in, bool) const override {
        if (!in.isMarked()) return {normalizeUnicode(in.text, m_form), {}};
        MarkedText out;
        for (std::size_t begin = 0; begin < in.text.size();) {
            // No code point below U+0300 joins with what stands before it, in any form.
            std::size_t end = begin + sequenceLength(in.text[begin]);
            while (end < in.text.size() && static_cast<unsigned char>(in.text[end]) >= 0xCC)
                end += sequenceLength(in.text[end]);
            out.append(normalizeUnicode(std::string_view(in.text).substr(begin, end - begin), m_form), in, begin, end);
            begin = end;
        }
        return out;
    }

private:
    UnicodeForm m_form;
};

class LowercaseStep : public Step {
public:
    MarkedText apply(const MarkedText& in, bool) const override {
        MarkedText out;
        for (std::size_t i = 0; i < in.text.size();) {
            const std::size_t begin = i;
            i += sequenceLength(in.text[i]);
            out.append(lowerUnicode(std::string_view(in.text).substr(begin, i - begin)), in, begin, i);
        }
        return out;
    }
};

class StripAccentsStep : public Step {
public:
    MarkedText apply(const MarkedText& in, bool) const override {
        MarkedText out;
        for (std::size_t i = 0; i < in.text.size();) {
            const std::size_t begin = i;
            if (!isMark(nextCodePoint(in.text, i))) out.copy(in, begin, i);
        }
        return out;
    }
};

class StripStep : public Step {
public:
    StripStep(bool left, bool right) : m_left(left), m_right(right) {}
    MarkedText apply(const MarkedText& in, bool) const override {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool open = false;
        for (std::size_t i = 0; i < in.text.size();) {
            const std::size_t at = i;
            if (isWhiteSpace(nextCodePoint(in.text, i))) continue;
            if (!std::exchange(open, true)) begin = at;
            end = i;
        }
        if (!open && (m_left || m_right)) return {};
        return in.part(m_left ? begin : 0, m_right ? end : in.text.size());
    }

private:
    bool m_left;
    bool m_right;
};

class PrependStep : public Step {
public:
    explicit PrependStep(std::string prefix) : m_prefix(std::move(prefix)) {}
    MarkedText apply(const MarkedText& in, bool) const override {
        MarkedText out;
        if (in.text.empty()) return out;
        out.append(m_prefix, in, 0, 0);
        out.copy(in, 0, in.text.size());
        return out;
    }

private:
    std::string m_prefix;
};

class ReplaceStep : public Step {
public:
    ReplaceStep(Regex pattern, std::string content) : m_pattern(std::move(pattern)), m_content(std::move(content)) {}
    MarkedText apply(const MarkedText& in, bool) const override {
        MarkedText out;
        std::size_t covered = 0;
        m_pattern.forEachMatch(in.text, [&](std::size_t begin, std::size_t end) {
            out.copy(in, covered, begin);
            out.append(m_content, in, begin, end);
            covered = end;
        });
        out.copy(in, covered, in.text.size());
        return out;
    }

private:
    Regex m_pattern;
    std::string m_content;
};

/// As `spm_precompiled` applies a character map: grapheme clusters of less than 6 bytes first, code points otherwise.
class PrecompiledStep : public Step {
public:
    explicit PrecompiledStep(Charsmap map) : m_map(std::move(map)) {}
    MarkedText apply(const MarkedText& in, bool) const override {
        MarkedText out;
        std::size_t begin = 0;
        for (const std::size_t end : graphemeEnds(in.text)) {
            if (end - begin >= 6 || !put(in, begin, end, out)) {
                while (begin < end) {
                    const std::size_t next = begin + sequenceLength(in.text[begin]);
                    if (!put(in, begin, next, out)) out.copy(in, begin, next);
                    begin = next;
                }
            }
            begin = end;
        }
        return out;
    }

private:
    bool put(const MarkedText& in, std::size_t begin, std::size_t end, MarkedText& out) const {
        const auto match = m_map.shortest(std::string_view(in.text).substr(begin, end - begin));
        if (match.length == 0) return false;
        out.append(match.replacement, in, begin, end);
        return true;
    }

    Charsmap m_map;
};

Expected<void> append(const json& description, int depth, Normalizer& out);

Expected<void> appendSequence(const json& description, int depth, Normalizer& out) {
    auto inner = componentList(description, "normalizers", kNormalizer);
    if (!inner) return fail(inner.error());
    for (const json* item : *inner) {
        if (auto ok = append(*item, depth + 1, out); !ok) return ok;
    }
    return {};
}

Expected<void> append(const json& d, int depth, Normalizer& out) {
    const auto type = componentType(d, depth, kNormalizer);
    if (!type) return fail(type.error());
    if (*type == "Sequence") return appendSequence(d, depth, out);
    static constexpr std::array<std::pair<std::string_view, UnicodeForm>, 4> kForms = {{{"NFC", UnicodeForm::Nfc},
                                                                                        {"NFD", UnicodeForm::Nfd},
                                                                                        {"NFKC", UnicodeForm::Nfkc},
                                                                                        {"NFKD", UnicodeForm::Nfkd}}};
    const auto* form = std::find_if(kForms.begin(), kForms.end(), [&](const auto& f) { return f.first == *type; });
    if (form != kForms.end()) {
        out.add(std::make_shared<FormStep>(form->second));
    } else if (*type == "Lowercase") {
        out.add(std::make_shared<LowercaseStep>());
    } else if (*type == "StripAccents") {
        out.add(std::make_shared<StripAccentsStep>());
    } else if (*type == "Strip") {
        const auto left = componentFlag(d, "strip_left", true, kNormalizer);
        const auto right = componentFlag(d, "strip_right", true, kNormalizer);
        if (!left) return fail(left.error());
        if (!right) return fail(right.error());
        out.add(std::make_shared<StripStep>(*left, *right));
    } else if (*type == "Prepend") {
        auto prefix = componentText(d, "prepend", kNormalizer);
        if (!prefix) return fail(prefix.error());
        out.add(std::make_shared<PrependStep>(std::move(*prefix)));
    } else if (*type == "Replace") {
        auto pattern = componentPattern(d, kNormalizer);
        if (!pattern) return fail(pattern.error());
        auto content = componentText(d, "content", kNormalizer);
        if (!content) return fail(content.error());
        out.add(std::make_shared<ReplaceStep>(std::move(*pattern), std::move(*content)));
    } else if (*type == "Precompiled") {
        const auto text = componentText(d, "precompiled_charsmap", kNormalizer);
        if (!text) return fail(text.error());
        const auto blob = fromBase64(*text);
        if (!blob) return badComponent(kNormalizer, "field 'precompiled_charsmap' must be base 64");
        auto map = Charsmap::parse(*blob);
        if (!map) return fail(map.error());
        out.add(std::make_shared<PrecompiledStep>(std::move(*map)));
    } else {
        return unsupportedComponent(kNormalizer, *type);
    }
    return {};
}

}  // namespace

Expected<Normalizer> Normalizer::parse(const json& description) {
    Normalizer result;
    if (description.is_null()) return result;
    if (auto ok = append(description, 0, result); !ok) return fail(ok.error());
    return result;
}

MarkedText Normalizer::apply(MarkedText text, bool first) const {
    for (const auto& step : m_steps) text = step->apply(text, first);
    return text;
}

}  // namespace safequant
