// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/decoder.h"

#include <algorithm>
#include <utility>

#include "core/base/byte_alphabet.h"
#include "core/base/utf8.h"
#include "core/text/component_fields.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/text_model.h"

namespace safequant {

namespace {

using nlohmann::json;
using Step = TextDecoder::Step;

constexpr const char* kDecoder = "decoder";
constexpr std::int64_t kMostStripped = 1 << 16;

class ByteLevelStep : public Step {
public:
    void apply(std::vector<std::string>& tokens) const override {
        std::string bytes;
        for (const std::string& token : tokens) bytes += alphabetToBytes(token);
        tokens = {replaceInvalidUtf8(bytes)};
    }
};

class FuseStep : public Step {
public:
    void apply(std::vector<std::string>& tokens) const override {
        std::string joined;
        for (const std::string& token : tokens) joined += token;
        tokens = {std::move(joined)};
    }
};

/// A run of byte pieces is one text when it is valid UTF-8 as a whole, and otherwise one U+FFFD a byte.
class ByteFallbackStep : public Step {
public:
    void apply(std::vector<std::string>& tokens) const override {
        std::vector<std::string> out;
        std::string run;
        const auto flush = [&] {
            if (run.empty()) return;
            if (replaceInvalidUtf8(run) == run) {
                out.push_back(run);
            } else {
                out.insert(out.end(), run.size(), "\xEF\xBF\xBD");
            }
            run.clear();
        };
        for (std::string& token : tokens) {
            if (const auto byte = BytePieces::byteOf(token)) {
                run.push_back(static_cast<char>(*byte));
            } else {
                flush();
                out.push_back(std::move(token));
            }
        }
        flush();
        tokens = std::move(out);
    }
};

class ReplaceStep : public Step {
public:
    ReplaceStep(Regex pattern, std::string content) : m_pattern(std::move(pattern)), m_content(std::move(content)) {}
    void apply(std::vector<std::string>& tokens) const override {
        for (std::string& token : tokens) {
            std::string out;
            std::size_t covered = 0;
            m_pattern.forEachMatch(token, [&](std::size_t begin, std::size_t end) {
                out.append(token, covered, begin - covered);
                out += m_content;
                covered = end;
            });
            if (covered == 0 && out.empty()) continue;
            out.append(token, covered);
            token = std::move(out);
        }
    }

private:
    Regex m_pattern;
    std::string m_content;
};

class StripStep : public Step {
public:
    StripStep(std::string content, std::size_t start, std::size_t stop)
        : m_content(std::move(content)), m_start(start), m_stop(stop) {}
    void apply(std::vector<std::string>& tokens) const override {
        for (std::string& token : tokens) {
            for (std::size_t i = 0; i < m_start && token.starts_with(m_content); ++i) token.erase(0, m_content.size());
            for (std::size_t i = 0; i < m_stop && token.ends_with(m_content); ++i)
                token.resize(token.size() - m_content.size());
        }
    }

private:
    std::string m_content;
    std::size_t m_start;
    std::size_t m_stop;
};

class MetaspaceStep : public Step {
public:
    MetaspaceStep(std::string replacement, bool dropsFirst)
        : m_replacement(std::move(replacement)), m_dropsFirst(dropsFirst) {}
    void apply(std::vector<std::string>& tokens) const override {
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            std::string out;
            std::size_t at = 0;
            for (std::size_t found; (found = tokens[i].find(m_replacement, at)) != std::string::npos;) {
                out.append(tokens[i], at, found - at);
                if (i > 0 || !m_dropsFirst) out.push_back(' ');
                at = found + m_replacement.size();
            }
            out.append(tokens[i], at);
            tokens[i] = std::move(out);
        }
    }

private:
    std::string m_replacement;
    bool m_dropsFirst;
};

/// Without a decoder `tokenizers` puts a space between entries.
class SpacedStep : public Step {
public:
    void apply(std::vector<std::string>& tokens) const override {
        for (std::size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, 1, ' ');
    }
};

Expected<std::size_t> stripCount(const json& d, const char* field) {
    const auto it = d.find(field);
    if (it == d.end() || !it->is_number_integer() || it->get<std::int64_t>() < 0 ||
        it->get<std::int64_t>() > kMostStripped) {
        return badComponent(kDecoder, "Strip needs a count '" + std::string(field) + "'");
    }
    return it->get<std::size_t>();
}

Expected<std::shared_ptr<const Step>> stripStep(const json& d) {
    auto content = componentText(d, "content", kDecoder);
    if (!content) return fail(content.error());
    if (content->empty()) return badComponent(kDecoder, "Strip needs one character as 'content'");
    const auto start = stripCount(d, "start");
    if (!start) return fail(start.error());
    const auto stop = stripCount(d, "stop");
    if (!stop) return fail(stop.error());
    return std::make_shared<StripStep>(std::move(*content), *start, *stop);
}

Expected<std::shared_ptr<const Step>> replaceStep(const json& d) {
    auto pattern = componentPattern(d, kDecoder);
    if (!pattern) return fail(pattern.error());
    auto content = componentText(d, "content", kDecoder);
    if (!content) return fail(content.error());
    return std::make_shared<ReplaceStep>(std::move(*pattern), std::move(*content));
}

Expected<std::shared_ptr<const Step>> metaspaceStep(const json& d) {
    auto replacement = metaspaceReplacement(d, kDecoder);
    if (!replacement) return fail(replacement.error());
    const auto scheme = metaspaceScheme(d, kDecoder);
    if (!scheme) return fail(scheme.error());
    return std::make_shared<MetaspaceStep>(std::move(*replacement), *scheme != PrependScheme::Never);
}

Expected<void> append(const json& d, int depth, TextDecoder& out) {
    const auto type = componentType(d, depth, kDecoder);
    if (!type) return fail(type.error());
    if (*type == "Sequence") {
        const auto inner = componentList(d, "decoders", kDecoder);
        if (!inner) return fail(inner.error());
        for (const json* item : *inner) {
            if (auto ok = append(*item, depth + 1, out); !ok) return ok;
        }
        return {};
    }
    Expected<std::shared_ptr<const Step>> step;
    if (*type == "ByteLevel") {
        step = std::make_shared<ByteLevelStep>();
    } else if (*type == "Fuse") {
        step = std::make_shared<FuseStep>();
    } else if (*type == "ByteFallback") {
        step = std::make_shared<ByteFallbackStep>();
    } else if (*type == "Replace") {
        step = replaceStep(d);
    } else if (*type == "Strip") {
        step = stripStep(d);
    } else if (*type == "Metaspace") {
        step = metaspaceStep(d);
    } else {
        return unsupportedComponent(kDecoder, *type);
    }
    if (!step) return fail(step.error());
    out.add(std::move(*step));
    return {};
}

}  // namespace

Expected<TextDecoder> TextDecoder::parse(const json& description) {
    TextDecoder result;
    if (description.is_null()) {
        result.add(std::make_shared<SpacedStep>());
        return result;
    }
    if (auto ok = append(description, 0, result); !ok) return fail(ok.error());
    return result;
}

std::string TextDecoder::decode(std::vector<std::string> tokens) const {
    for (const auto& step : m_steps) step->apply(tokens);
    std::string joined;
    for (const std::string& token : tokens) joined += token;
    return replaceInvalidUtf8(joined);
}

}  // namespace safequant
