// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/utf8.h"
#include "core/text/component_fields.h"
#include "core/text/unicode.h"

namespace safequant {

namespace {

constexpr const char* kPreTokenizer = "pre_tokenizer";
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Rust's char::is_numeric, which knows Unicode 17.
constexpr std::string_view kDigitPattern = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}])";
constexpr std::string_view kPunctuationPattern = R"([\p{P}$+<=>^`|~])";

std::string withReplacedSpaces(std::string_view text, const std::string& replacement) {
    std::string out;
    for (const char c : text) {
        if (c == ' ') {
            out += replacement;
        } else {
            out.push_back(c);
        }
    }
    return out;
}

}  // namespace

Expected<PrependScheme> metaspaceScheme(const nlohmann::json& d, std::string_view component) {
    const auto prefix = componentFlag(d, "add_prefix_space", true, component);
    if (!prefix) return fail(prefix.error());
    const auto named = d.find("prepend_scheme");
    if (named == d.end() || named->is_null()) return *prefix ? PrependScheme::Always : PrependScheme::Never;
    const std::string scheme = named->is_string() ? named->get<std::string>() : std::string();
    if (scheme == "first") return PrependScheme::First;
    if (scheme == "always") return PrependScheme::Always;
    if (scheme == "never") return PrependScheme::Never;
    return badComponent(component, "field 'prepend_scheme' must be first, always or never");
}

Expected<std::string> metaspaceReplacement(const nlohmann::json& d, std::string_view component) {
    auto replacement = componentText(d, "replacement", component);
    if (!replacement) return fail(replacement.error());
    if (replacement->empty() || replacement->size() != sequenceLength((*replacement)[0]))
        return badComponent(component, "field 'replacement' must be one character");
    return replacement;
}

Expected<PreTokenizer> PreTokenizer::parse(const nlohmann::json& description) {
    PreTokenizer result;
    if (description.is_null()) return result;
    if (auto ok = result.append(description, 0); !ok) return fail(ok.error());
    return result;
}

Expected<PreTokenizer::Behavior> PreTokenizer::behaviorOf(const nlohmann::json& d, const char* fallback) {
    static constexpr std::array<std::pair<std::string_view, Behavior>, 5> kBehaviors = {
        {{"Isolated", Behavior::Isolated},
         {"Removed", Behavior::Removed},
         {"MergedWithPrevious", Behavior::MergedWithPrevious},
         {"MergedWithNext", Behavior::MergedWithNext},
         {"Contiguous", Behavior::Contiguous}}};
    const auto named = d.find("behavior");
    const std::string name = named != d.end() && named->is_string() ? named->get<std::string>() : fallback;
    const auto* behavior =
        std::find_if(kBehaviors.begin(), kBehaviors.end(), [&](const auto& b) { return b.first == name; });
    if (behavior == kBehaviors.end()) return badComponent(kPreTokenizer, "has an unknown behavior '" + name + "'");
    return behavior->second;
}

Expected<PreTokenizer::Step> PreTokenizer::patternStep(std::string_view pattern, Behavior behavior, bool invert) {
    auto regex = Regex::compile(pattern);
    if (!regex) return fail(regex.error());
    Step step;
    step.pattern = std::move(*regex);
    step.behavior = behavior;
    step.invert = invert;
    return step;
}

Expected<PreTokenizer::Step> PreTokenizer::byteLevelStep(const nlohmann::json& d) {
    const auto prefix = componentFlag(d, "add_prefix_space", true, kPreTokenizer);
    const auto useRegex = componentFlag(d, "use_regex", true, kPreTokenizer);
    if (!prefix) return fail(prefix.error());
    if (!useRegex) return fail(useRegex.error());
    Expected<Step> step;
    if (*useRegex) step = patternStep(kByteLevelPattern, Behavior::Isolated);
    if (step) step->addPrefixSpace = *prefix;
    return step;
}

Expected<PreTokenizer::Step> PreTokenizer::splitStep(const nlohmann::json& d) {
    Step step;
    auto pattern = componentPattern(d, kPreTokenizer);
    if (!pattern) return fail(pattern.error());
    step.pattern = std::move(*pattern);
    const auto behavior = behaviorOf(d, "");
    if (!behavior) return fail(behavior.error());
    step.behavior = *behavior;
    const auto invert = componentFlag(d, "invert", false, kPreTokenizer);
    if (!invert) return fail(invert.error());
    step.invert = *invert;
    return step;
}

Expected<PreTokenizer::Step> PreTokenizer::metaspaceStep(const nlohmann::json& d) {
    auto replacement = metaspaceReplacement(d, kPreTokenizer);
    if (!replacement) return fail(replacement.error());
    const auto scheme = metaspaceScheme(d, kPreTokenizer);
    if (!scheme) return fail(scheme.error());
    const auto splits = componentFlag(d, "split", true, kPreTokenizer);
    if (!splits) return fail(splits.error());
    Expected<Step> step;
    if (*splits) step = patternStep(Regex::escape(*replacement), Behavior::MergedWithNext);
    if (!step) return step;
    step->replacement = std::move(*replacement);
    step->scheme = *scheme;
    return step;
}

Expected<PreTokenizer::Step> PreTokenizer::punctuationStep(const nlohmann::json& d) {
    const auto behavior = behaviorOf(d, "Isolated");
    if (!behavior) return fail(behavior.error());
    return patternStep(kPunctuationPattern, *behavior);
}

Expected<void> PreTokenizer::append(const nlohmann::json& d, int depth) {
    const auto type = componentType(d, depth, kPreTokenizer);
    if (!type) return fail(type.error());
    if (*type == "Sequence") {
        const auto inner = componentList(d, "pretokenizers", kPreTokenizer);
        if (!inner) return fail(inner.error());
        for (const nlohmann::json* item : *inner) {
            if (auto ok = append(*item, depth + 1); !ok) return ok;
        }
        return {};
    }
    if (m_byteLevel) {
        return fail(ErrorKind::Unsupported,
                    "The pre_tokenizer has a step '" + *type + "' after ByteLevel, which is not supported.",
                    "tokenizer.json");
    }
    Expected<Step> step;
    if (*type == "ByteLevel") {
        m_byteLevel = true;
        step = byteLevelStep(d);
    } else if (*type == "Digits") {
        const auto individual = componentFlag(d, "individual_digits", false, kPreTokenizer);
        if (!individual) return fail(individual.error());
        step = patternStep(kDigitPattern, *individual ? Behavior::Isolated : Behavior::Contiguous);
    } else if (*type == "Split") {
        step = splitStep(d);
    } else if (*type == "Metaspace") {
        step = metaspaceStep(d);
    } else if (*type == "Whitespace") {
        // Rust's \w, which is not Oniguruma's.
        const std::string word(kWordCharacters);
        step = patternStep("[" + word + "]+|[^" + word + "\\s]+", Behavior::Removed, true);
    } else if (*type == "WhitespaceSplit") {
        step = patternStep(R"(\s)", Behavior::Removed);
    } else if (*type == "Punctuation") {
        step = punctuationStep(d);
    } else {
        return unsupportedComponent(kPreTokenizer, *type);
    }
    if (!step) return fail(step.error());
    m_steps.push_back(std::move(*step));
    return {};
}

void PreTokenizer::splitPiece(const Step& step, const TextPiece& whole, std::vector<TextPiece>& out) {
    const std::string_view piece = whole.text;
    struct Part {
        std::size_t begin;
        std::size_t end;
        bool match;
    };
    std::vector<Part> parts;
    std::size_t previousEnd = 0;
    step.pattern->forEachMatch(piece, [&](std::size_t begin, std::size_t end) {
        if (previousEnd != begin) parts.push_back({previousEnd, begin, step.invert});
        parts.push_back({begin, end, !step.invert});
        previousEnd = end;
    });
    if (previousEnd != piece.size()) parts.push_back({previousEnd, piece.size(), step.invert});

    std::vector<Part> joined;
    bool previousMatch = false;
    switch (step.behavior) {
        case Behavior::Isolated:
            joined = std::move(parts);
            break;
        case Behavior::Removed:
            std::copy_if(parts.begin(), parts.end(), std::back_inserter(joined),
                         [](const Part& p) { return !p.match; });
            break;
        case Behavior::Contiguous:
            for (const Part& part : parts) {
                if (!joined.empty() && part.match == previousMatch) {
                    joined.back().end = part.end;
                } else {
                    joined.push_back(part);
                }
                previousMatch = part.match;
            }
            break;
        case Behavior::MergedWithPrevious:
            for (const Part& part : parts) {
                if (part.match && !previousMatch && !joined.empty()) {
                    joined.back().end = part.end;
                } else {
                    joined.push_back(part);
                }
                previousMatch = part.match;
            }
            break;
        case Behavior::MergedWithNext:
            for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
                if (part->match && !previousMatch && !joined.empty()) {
                    joined.back().begin = part->begin;
                } else {
                    joined.push_back(*part);
                }
                previousMatch = part->match;
            }
            std::reverse(joined.begin(), joined.end());
            break;
    }
    for (const Part& part : joined) {
        if (part.begin < part.end)
            out.push_back({piece.substr(part.begin, part.end - part.begin), whole.first && part.begin == 0});
    }
}

TextPieces PreTokenizer::split(std::string_view text, bool first) const {
    TextPieces result;
    if (!text.empty()) result.pieces.push_back({text, first});
    for (const Step& step : m_steps) {
        for (TextPiece& piece : result.pieces) {
            if (step.addPrefixSpace && !piece.text.starts_with(' ')) {
                piece.text = result.storage.emplace_back(std::string(1, ' ').append(piece.text));
            }
            if (step.replacement.empty()) continue;
            std::string& replaced = result.storage.emplace_back(withReplacedSpaces(piece.text, step.replacement));
            const bool wanted =
                step.scheme == PrependScheme::Always || (step.scheme == PrependScheme::First && piece.first);
            if (wanted && !replaced.starts_with(step.replacement)) replaced.insert(0, step.replacement);
            piece.text = replaced;
        }
        if (!step.pattern) continue;
        std::vector<TextPiece> next;
        for (const TextPiece& piece : result.pieces) splitPiece(step, piece, next);
        result.pieces = std::move(next);
    }
    return result;
}

}  // namespace safequant
