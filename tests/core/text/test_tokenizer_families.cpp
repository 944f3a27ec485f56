// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include "core/base/files.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"
#include "core/text/sentencepiece_model.h"
#include "core/text/token_stream.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_difference.h"

using namespace safequant;
using nlohmann::json;

namespace {

std::string contentOf(const std::string& name) {
    const auto text = readTextFile(std::string(SAFEQUANT_TEST_DATA) + "/text/" + name);
    return text ? *text : std::string();
}

/// The small tokenizer of that name: a tokenizer.model or a tokenizer.json.
TokenizerSource sourceOf(const std::string& name) {
    TokenizerSource source;
    if (name.starts_with("spm_")) {
        source.tokenizerModel = contentOf("small_" + name + ".model");
    } else {
        source.tokenizerJson = contentOf("small_" + name + ".json");
    }
    return source;
}

std::shared_ptr<const Tokenizer> tokenizerOf(const TokenizerSource& source) {
    auto tokenizer = Tokenizer::create(source);
    if (!tokenizer) qWarning("%s", tokenizer.error().describe().c_str());
    return tokenizer ? *tokenizer : nullptr;
}

std::string joined(const std::vector<std::int32_t>& ids) {
    std::string out;
    for (const std::int32_t id : ids) out += (out.empty() ? "" : ",") + std::to_string(id);
    return out;
}

/// What a GGUF conversion of a SentencePiece model holds.
GgufVocabulary vocabularyOf(const SentencePieceModel& model) {
    GgufVocabulary vocabulary;
    vocabulary.model = "llama";
    for (const SentencePiece& piece : model.pieces) {
        vocabulary.tokens.push_back(piece.text);
        vocabulary.scores.push_back(piece.score);
        vocabulary.tokenTypes.push_back(static_cast<std::int32_t>(piece.type));
    }
    vocabulary.unknownToken = 0;
    vocabulary.beginToken = 1;
    vocabulary.endToken = 2;
    vocabulary.addBegin = true;
    vocabulary.addSpacePrefix = model.addDummyPrefix;
    return vocabulary;
}

// Pieces of protocol buffers messages.
std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
    return out;
}
std::string field(unsigned number, const std::string& bytes) {
    return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string field(unsigned number, std::uint64_t value) {
    return varint(number << 3) + varint(value);
}
std::string piece(const std::string& text, std::uint64_t type, float score = 0) {
    std::string bytes(sizeof score, '\0');
    std::memcpy(bytes.data(), &score, sizeof score);
    return field(1, field(1, text) + varint(2 << 3 | 5) + bytes + field(3, type));
}

}  // namespace

class TestTokenizerFamilies : public QObject {
    Q_OBJECT

private:
    std::vector<std::string> m_strings;
    json m_digests;

    /// How many strings a tokenizer reads or decodes in another way than its reference library.
    int differing(const Tokenizer& tokenizer, const std::string& name) {
        const auto expected = m_digests[name].get<std::string>();
        if (expected.size() != 8 * m_strings.size()) return -1;
        int wrong = 0;
        for (std::size_t i = 0; i < m_strings.size(); ++i) {
            const auto ids = tokenizer.encode(m_strings[i], SpecialTokens::Text);
            const auto parsed = name.starts_with("spm_") ? ids : tokenizer.encode(m_strings[i], SpecialTokens::Parse);
            const std::string all = joined(parsed) + "|" + joined(ids) + "|" + tokenizer.decode(ids, true);
            if (sha256Hex(all).substr(0, 8) == expected.substr(8 * i, 8)) continue;
            if (++wrong < 4)
                qWarning("%s %zu: %s\n  %s", name.c_str(), i, json(m_strings[i]).dump().c_str(), all.c_str());
        }
        return wrong;
    }

    void families() {
        QTest::addColumn<QString>("name");
        for (const auto& [name, digests] : m_digests.items())
            QTest::newRow(name.c_str()) << QString::fromStdString(name);
    }

private slots:
    void initTestCase() {
        const json fixture = json::parse(contentOf("small_tokenizers.json"), nullptr, false);
        QVERIFY(fixture.is_object());
        m_strings = fixture["strings"].get<std::vector<std::string>>();
        m_digests = fixture["digests"];
        QVERIFY(m_strings.size() >= 2000);
        QCOMPARE(m_digests.size(), std::size_t{11});
    }

    void idsAndTextsEqualTheReferences_data() { families(); }
    void idsAndTextsEqualTheReferences() {
        QFETCH(QString, name);
        const auto tokenizer = tokenizerOf(sourceOf(name.toStdString()));
        QVERIFY(tokenizer);
        QCOMPARE(differing(*tokenizer, name.toStdString()), 0);
    }

    void ggufVocabulariesEqualTheModelTheyWereMadeFrom_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"spm_bpe", "spm_user"}) QTest::newRow(name) << name;
    }
    void ggufVocabulariesEqualTheModelTheyWereMadeFrom() {
        QFETCH(QString, name);
        const TokenizerSource original = sourceOf(name.toStdString());
        const auto model = parseSentencePieceModel(original.tokenizerModel);
        QVERIFY(model.has_value());
        TokenizerSource source;
        source.vocabulary = vocabularyOf(*model);
        const auto tokenizer = tokenizerOf(source);
        QVERIFY(tokenizer);
        QCOMPARE(differing(*tokenizer, name.toStdString()), 0);
        QCOMPARE(tokenizer->affixes().before, std::vector<std::int32_t>{1});
        const auto differences = compareTokenizers(original, source);
        QVERIFY(differences.has_value());
        QVERIFY2(differences->empty(), differences->empty() ? "" : differences->front().detail.c_str());
    }

    void writtenJsonGivesTheSameIds_data() { families(); }
    void writtenJsonGivesTheSameIds() {
        QFETCH(QString, name);
        const auto tokenizer = tokenizerOf(sourceOf(name.toStdString()));
        TokenizerSource source;
        source.tokenizerJson = tokenizer->toTokenizerJson().dump();
        const auto again = tokenizerOf(source);
        QVERIFY(again);
        int differ = 0;
        for (const std::string& text : m_strings) {
            if (again->encode(text, SpecialTokens::Parse) != tokenizer->encode(text, SpecialTokens::Parse)) ++differ;
        }
        // merges cannot say that the leftmost of two splits of one entry wins, nor that unused entries are taken apart,
        // and `tokenizers` applies character maps to grapheme clusters.
        const bool sameAlgorithm = !name.startsWith("spm_");
        QVERIFY2(sameAlgorithm ? differ == 0 : differ * 100 <= 12 * static_cast<int>(m_strings.size()),
                 std::to_string(differ).c_str());
    }

    void streamsGiveTheWholeText_data() { families(); }
    void streamsGiveTheWholeText() {
        QFETCH(QString, name);
        const auto tokenizer = tokenizerOf(sourceOf(name.toStdString()));
        QVERIFY(tokenizer);
        for (std::size_t i = 0; i < m_strings.size(); i += 2) {
            if (m_strings[i].size() > 400) continue;
            const auto ids = tokenizer->encode(m_strings[i], SpecialTokens::Parse);
            TokenStream stream(tokenizer, true);
            std::string text;
            for (const std::int32_t id : ids) {
                const std::string fresh = stream.push(id);
                QVERIFY(replaceInvalidUtf8(fresh) == fresh);
                text += fresh;
            }
            text += stream.finish();
            QCOMPARE(text, tokenizer->decode(ids, true));
        }
    }

    void contentNeverBecomesSpecial_data() { families(); }
    void contentNeverBecomesSpecial() {
        QFETCH(QString, name);
        const auto tokenizer = tokenizerOf(sourceOf(name.toStdString()));
        QVERIFY(tokenizer);
        const std::int32_t begin = tokenizer->idOf("<s>");
        const std::int32_t unknown = tokenizer->idOf("<unk>");
        QVERIFY(begin >= 0);
        for (const std::string& text : m_strings) {
            const std::vector<TextSpan> spans = {{"<s>", false}, {text, true}, {" <s>", false}};
            const auto ids = tokenizer->encode(std::span<const TextSpan>(spans));
            // What is outside the vocabulary becomes the unknown token; no other special one may come of it.
            const auto specials = std::count_if(
                ids.begin(), ids.end(), [&](std::int32_t id) { return id != unknown && tokenizer->isSpecial(id); });
            // A mark that content begins with may join the template's last character and take its token away.
            QVERIFY(name == "mixed" ? specials <= 2 : specials == 2);
        }
    }

    void longTextsTakeLittleTime_data() { families(); }
    void longTextsTakeLittleTime() {
        QFETCH(QString, name);
        const auto tokenizer = tokenizerOf(sourceOf(name.toStdString()));
        QVERIFY(tokenizer);
        std::string text;
        while (text.size() < 1000000) text += m_strings[text.size() % m_strings.size()] + std::string(300, 'a');
        QElapsedTimer timer;
        timer.start();
        QVERIFY(!tokenizer->encode(text, SpecialTokens::Text).empty());
        // Quadratic merging would take hours.
        QVERIFY(timer.elapsed() < 20000);
    }

    void brokenModelsAreRefused_data() {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const std::string& content, const char* message) {
            QTest::newRow(name) << QByteArray::fromStdString(content) << message;
        };
        const std::string good = piece("<unk>", 2) + piece("a", 1, -1) + piece("b", 1, -2);
        const std::string unigram = field(2, field(3, std::uint64_t{1}));
        row("text", "this is no model", "broken at byte");
        row("varint without end", std::string(12, '\xFF'), "broken at byte 0");
        row("length beyond the file", good + varint(1 << 3 | 2) + varint(std::uint64_t{1} << 60) + "x",
            "broken at byte");
        row("no pieces", unigram, "vocabulary is empty");
        row("empty piece", good + piece("", 1) + unigram, "Piece 3 ('') is empty");
        row("piece twice", good + piece("a", 1) + unigram, "Piece 3 ('a') stands twice");
        row("score NaN", good + piece("c", 1, std::numeric_limits<float>::quiet_NaN()) + unigram, "no number");
        row("score infinite", good + piece("c", 1, std::numeric_limits<float>::infinity()) + unigram, "no number");
        row("unknown type", good + piece("c", 9) + unigram, "Piece 3 has the unknown type 9");
        row("no unknown piece", piece("a", 1) + unigram, "No piece is of type unknown");
        row("two unknown pieces", good + piece("<u>", 2) + unigram, "second unknown piece");
        row("byte piece of another name", good + piece("<1>", 6) + unigram, "not named <0xHH>");
        row("byte fallback without bytes", good + field(2, field(3, std::uint64_t{2}) + field(35, std::uint64_t{1})),
            "256 byte pieces");
        row("huge piece", good + piece(std::string(100000, 'x'), 1) + unigram, "longer than 64 KiB");
        row("word model", good + field(2, field(3, std::uint64_t{3})), "type 3 is not supported");
        row("text as score", good + field(1, field(2, std::string("x"))), "broken at byte");
        row("number as piece", field(1, std::uint64_t{7}), "broken at byte 0");
        row("number as character map", good + field(3, field(2, std::uint64_t{7})), "broken at byte");
        row("character map of two bytes", good + unigram + field(3, field(2, std::string("ab"))), "cut off");
        row("character map beyond itself", good + unigram + field(3, field(2, std::string("\xFF\xFF\xFF\x7Fxyz", 7))),
            "says its trie has");
        row("character map without end", good + unigram + field(3, field(2, std::string("\4\0\0\0abcdxy", 10))),
            "without an end");
    }
    void brokenModelsAreRefused() {
        QFETCH(QByteArray, content);
        QFETCH(QString, message);
        TokenizerSource source;
        source.path = "/models/broken";
        source.tokenizerModel = content.toStdString();
        const auto tokenizer = Tokenizer::create(source);
        QVERIFY(!tokenizer.has_value());
        const std::string said = tokenizer.error().describe();
        QVERIFY2(said.find(message.toStdString()) != std::string::npos, said.c_str());
        QVERIFY2(said.find("/models/broken") != std::string::npos, said.c_str());
    }

    void characterMapsOutOfRangeDoNoHarm() {
        // Units that point beyond the trie, and values beyond the replacements, match nothing.
        for (unsigned seed = 0; seed < 2000; ++seed) {
            std::string map("\x40\0\0\0", 4);
            for (unsigned i = 0; i < 64; ++i)
                map.push_back(static_cast<char>(sha256Hex(std::to_string(seed * 64 + i))[0] * 37));
            map += std::string("ab\0", 3);
            TokenizerSource source;
            source.tokenizerModel = piece("<unk>", 2) + piece("a", 1, -1) + field(3, field(2, map));
            const auto tokenizer = Tokenizer::create(source);
            QVERIFY(tokenizer.has_value());
            (*tokenizer)->encode(m_strings[seed % m_strings.size()], SpecialTokens::Text);
        }
    }

    void cutModelsNeverCrash() {
        const std::string whole = contentOf("small_spm_user.model");
        for (std::size_t length = 0; length < whole.size(); length += 41) {
            TokenizerSource source;
            source.tokenizerModel = whole.substr(0, length);
            const auto tokenizer = Tokenizer::create(source);
            if (tokenizer) (*tokenizer)->encode("some text", SpecialTokens::Parse);
        }
        TokenizerSource source;
        source.tokenizerModel = whole.substr(0, whole.size() - 1);
        QVERIFY(!Tokenizer::create(source).has_value());
    }

    void differencesAreNamed() {
        const auto model = parseSentencePieceModel(contentOf("small_spm_bpe.model"));
        QVERIFY(model.has_value());
        const auto aspects = [&](auto change) {
            TokenizerSource a;
            a.vocabulary = vocabularyOf(*model);
            a.chatTemplate = "{% for m in messages %}{{ m.content }}{% endfor %}";
            TokenizerSource b = a;
            change(b);
            const auto differences = compareTokenizers(a, b);
            std::string names;
            for (const auto& difference : *differences) names += difference.aspect + ";";
            return names;
        };
        QCOMPARE(aspects([](TokenizerSource&) {}), std::string());
        QVERIFY(aspects([](TokenizerSource& s) { s.vocabulary->tokens[690] = "zzzz"; }).starts_with("vocabulary;"));
        QCOMPARE(aspects([](TokenizerSource& s) {
                     s.vocabulary->tokens.push_back("[PAD]");
                     s.vocabulary->scores.push_back(-900);
                     s.vocabulary->tokenTypes.push_back(5);
                 }),
                 std::string());
        QCOMPARE(aspects([](TokenizerSource& s) { s.vocabulary->addBegin = false; }), std::string("around a text;"));
        QCOMPARE(aspects([](TokenizerSource& s) { s.vocabulary->addSpacePrefix = false; }), std::string("encoding;"));
        QCOMPARE(aspects([](TokenizerSource& s) { s.chatTemplate = "{{ messages[0].content|trim }}"; }),
                 std::string("template;"));
        QCOMPARE(aspects([](TokenizerSource& s) { s.chatTemplate.clear(); }), std::string("template;"));
        QVERIFY(aspects([](TokenizerSource& s) { s.vocabulary->tokenTypes[1] = 1; }).starts_with("special tokens;"));
    }
};

QTEST_GUILESS_MAIN(TestTokenizerFamilies)
#include "test_tokenizer_families.moc"
