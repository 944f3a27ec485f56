// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <fstream>
#include <functional>
#include <limits>

#include "core/base/base64.h"
#include "core/base/byte_alphabet.h"
#include "core/base/files.h"
#include "core/checkpoint/huggingface_config.h"
#include "core/checkpoint/vocabulary_files.h"
#include "core/text/tokenizer.h"

using namespace safequant;
using nlohmann::json;

namespace {

json qwen2Json() {
    return json::parse(*readTextFile(SAFEQUANT_TEST_DATA "/text/tokenizer_qwen2.json"));
}

/// Texts for every branch of the splitting, composed and decomposed letters, and special tokens.
std::vector<std::string> strings() {
    return {"Hello world, it's 12345 o'clock; we'LL see 3.14159!", "  two  spaces   and\ttabs\n\n\nlines \r\n end  ",
            "caf\u00e9 cafe\u0301 \u4f60\u597d\u4e16\u754c \ud55c\uad6d\uc5b4", "<|im_start|>user\nhi<|im_end|>", "", " ", "aaaaaaaaaaaaaaa",
            "def f(x):\n    return {'a': [1, 22, 333]}  # done", "\U0001F600\U0001F469\u200D\U0001F4BB \ufb01 \u00bd", "the end of the world"};
}

std::string vocabularyText(const json& tokenizer) { return tokenizer["model"]["vocab"].dump(); }

std::string mergesText(const json& tokenizer) {
    std::string text = "#version: 0.2\n";
    for (const json& merge : tokenizer["model"]["merges"])
        text += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
    return text;
}

const json kQwen2Config = {{"tokenizer_class", "Qwen2Tokenizer"}, {"eos_token", "<|im_end|>"},
                           {"added_tokens_decoder", {{"500", {{"content", "<|im_end|>"}, {"special", true}}},
                                                     {"501", {{"content", "<|im_start|>"}, {"special", true}}}}}};

/// What tokenizers of the same vocabulary and merges must give: NFC, and the added tokens of kQwen2Config.
json expectedJson() {
    json tokenizer = qwen2Json();
    tokenizer["normalizer"] = {{"type", "NFC"}};
    tokenizer["added_tokens"] = json::array();
    for (const auto& [id, content] : {std::pair{500, "<|im_end|>"}, {501, "<|im_start|>"}})
        tokenizer["added_tokens"].push_back({{"id", id}, {"content", content}, {"single_word", false}, {"lstrip", false},
                                             {"rstrip", false}, {"normalized", false}, {"special", true}});
    return tokenizer;
}

/// The vocabulary as a tiktoken file: one line a token, the single bytes first.
std::string ranksText(const json& tokenizer) {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    for (const json& merge : tokenizer["model"]["merges"])
        tokens.push_back(alphabetToBytes(merge[0].get<std::string>() + merge[1].get<std::string>()));
    std::string text;
    for (std::size_t rank = 0; rank < tokens.size(); ++rank) text += toBase64(tokens[rank]) + " " + std::to_string(rank) + "\n";
    return text;
}

std::shared_ptr<const Tokenizer> tokenizerOf(GgufVocabulary vocabulary) {
    TokenizerSource source;
    source.vocabulary = std::move(vocabulary);
    auto made = Tokenizer::create(source);
    return made ? *made : nullptr;
}

}  // namespace

/// Vocabularies that are not a tokenizer.json or a tokenizer.model, sound and broken.
class TestVocabularyFiles : public QObject {
    Q_OBJECT

private slots:
    void vocabularyAndMergesEqualTokenizerJson();
    void tiktokenEqualsTokenizerJson();
    void foldersAreRead_data();
    void foldersAreRead();
    void brokenVocabulariesAreRefused_data();
    void brokenVocabulariesAreRefused();
    void brokenTiktokenFilesAreRefused_data();
    void brokenTiktokenFilesAreRefused();
    void brokenTekkenFilesAreRefused_data();
    void brokenTekkenFilesAreRefused();
    void brokenGgufPiecesAreRefused_data();
    void brokenGgufPiecesAreRefused();

private:
    QTemporaryDir m_folder;
};

void TestVocabularyFiles::vocabularyAndMergesEqualTokenizerJson() {
    const json tokenizer = qwen2Json();
    auto read = readVocabularyAndMerges(vocabularyText(tokenizer), mergesText(tokenizer), kQwen2Config);
    QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
    QCOMPARE(read->endToken, 500);
    const auto ours = tokenizerOf(*read);
    TokenizerSource source;
    source.tokenizerJson = expectedJson().dump();
    const auto expected = Tokenizer::create(source);
    QVERIFY(ours && expected);
    for (const std::string& text : strings())
        for (const SpecialTokens special : {SpecialTokens::Parse, SpecialTokens::Text}) {
            const auto ids = ours->encode(text, special);
            QVERIFY2(ids == (*expected)->encode(text, special), text.c_str());
            QCOMPARE(ours->decode(ids, true), (*expected)->decode(ids, true));
        }
    QVERIFY(ours->isSpecial(501));
}

void TestVocabularyFiles::tiktokenEqualsTokenizerJson() {
    const json tokenizer = qwen2Json();
    auto read = readQwenTiktoken(ranksText(tokenizer));
    QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
    QCOMPARE(read->tokens.size(), std::size_t{500 + 3 + 205});
    const auto ours = tokenizerOf(*read);
    QVERIFY(ours);
    // Bytes have other ids here: the same tokens by their text.
    json byBytes = expectedJson();
    for (int byte = 0; byte < 256; ++byte)
        byBytes["model"]["vocab"][bytesToAlphabet(std::string(1, static_cast<char>(byte)))] = byte;
    byBytes["added_tokens"][0]["id"] = 502;
    TokenizerSource source;
    source.tokenizerJson = byBytes.dump();
    const auto expected = Tokenizer::create(source);
    QVERIFY2(expected.has_value(), expected ? "" : expected.error().describe().c_str());
    for (const std::string& text : strings())
        for (const SpecialTokens special : {SpecialTokens::Parse, SpecialTokens::Text})
            QVERIFY2(ours->encode(text, special) == (*expected)->encode(text, special), text.c_str());
    QCOMPARE(ours->idOf("<|endoftext|>"), 500);
    QCOMPARE(ours->idOf("<|extra_204|>"), 707);
}

void TestVocabularyFiles::foldersAreRead_data() {
    QTest::addColumn<bool>("tiktoken");
    QTest::newRow("vocab.json and merges.txt") << false;
    QTest::newRow("qwen.tiktoken") << true;
}

void TestVocabularyFiles::foldersAreRead() {
    QFETCH(const bool, tiktoken);
    const QTemporaryDir folder;
    const auto write = [&](const char* name, const std::string& content) {
        std::ofstream(folder.filePath(name).toStdString(), std::ios::binary) << content;
    };
    write("tokenizer_config.json", kQwen2Config.dump());
    if (tiktoken) {
        write("qwen.tiktoken", ranksText(qwen2Json()));
    } else {
        write("vocab.json", vocabularyText(qwen2Json()));
        write("merges.txt", mergesText(qwen2Json()));
    }
    const auto source = readHuggingFaceTokenizer(folder.path().toStdString());
    QVERIFY2(source.has_value(), source ? "" : source.error().describe().c_str());
    QVERIFY(source->hasTokenizer());
    QVERIFY(Tokenizer::create(*source).has_value());
    write(tiktoken ? "qwen.tiktoken" : "merges.txt", "no such line\n");
    const auto broken = readHuggingFaceTokenizer(folder.path().toStdString());
    QVERIFY(!broken.has_value());
    QCOMPARE(broken.error().context, folder.filePath(tiktoken ? "qwen.tiktoken:1" : "merges.txt:1").toStdString());
}

namespace {

struct BadText {
    std::string content, merges;
    json config;
    ErrorKind kind = ErrorKind::BadInput;
    std::string message, context;
};

template <typename Result>
void verifyRefused(const BadText& bad, const Result& result) {
    QVERIFY(!result.has_value());
    QVERIFY2(result.error().message.find(bad.message) != std::string::npos, result.error().describe().c_str());
    QVERIFY2(result.error().context.find(bad.context) != std::string::npos, result.error().describe().c_str());
    QVERIFY2(result.error().kind == bad.kind, result.error().describe().c_str());
}

}  // namespace

Q_DECLARE_METATYPE(BadText)

void TestVocabularyFiles::brokenVocabulariesAreRefused_data() {
    QTest::addColumn<BadText>("bad");
    const std::string vocabulary = R"({"a": 0, "b": 1, "ab": 2})";
    const std::string merges = "#version: 0.2\na b\n";
    const json config = {{"tokenizer_class", "GPT2Tokenizer"}};
    const auto row = [](const char* name, const BadText& bad) { QTest::newRow(name) << bad; };
    const auto withTokens = [&](const json& tokens) {
        json changed = config;
        changed["added_tokens_decoder"] = tokens;
        return changed;
    };
    row("no configuration", {vocabulary, merges, nullptr, ErrorKind::NotFound, "must name the tokenizer_class", "tokenizer_config.json"});
    row("no class", {vocabulary, merges, json::object(), ErrorKind::Unsupported, "tokenizer_class is \"\"", "tokenizer_config.json"});
    row("another class", {vocabulary, merges, {{"tokenizer_class", "BartTokenizer"}}, ErrorKind::Unsupported, "\"BartTokenizer\"",
                          "tokenizer_config.json"});
    row("class of another type", {vocabulary, merges, {{"tokenizer_class", 3}}, ErrorKind::BadInput, "tokenizer_class", "tokenizer_config.json"});
    row("prefix space", {vocabulary, merges, {{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", true}}, ErrorKind::Unsupported,
                         "add_prefix_space", "tokenizer_config.json"});
    row("no JSON", {"{\"a\": 0,", merges, config, ErrorKind::BadInput, "", "vocab.json"});
    row("a list", {"[\"a\"]", merges, config, ErrorKind::BadInput, "maps entries to ids", "vocab.json"});
    row("empty", {"{}", merges, config, ErrorKind::BadInput, "maps entries to ids", "vocab.json"});
    row("an entry twice", {R"({"a": 0, "a": 1})", merges, config, ErrorKind::BadInput, "\"a\"", "vocab.json"});
    row("an id twice", {R"({"a": 0, "b": 0})", merges, config, ErrorKind::BadInput, "The id 0 is both \"a\" and \"b\"", "vocab.json"});
    row("negative id", {R"({"a": -1})", merges, config, ErrorKind::BadInput, "has no id", "vocab.json"});
    row("id as text", {R"({"a": "0"})", merges, config, ErrorKind::BadInput, "has no id", "vocab.json"});
    row("fractional id", {R"({"a": 0.5})", merges, config, ErrorKind::BadInput, "has no id", "vocab.json"});
    row("empty entry", {R"({"": 0})", merges, config, ErrorKind::BadInput, "is empty", "vocab.json"});
    row("huge id", {R"({"a": 18446744073709551615})", merges, config, ErrorKind::BadInput, "far beyond", "vocab.json"});
    row("merge of one", {vocabulary, "#version: 0.2\nab\n", config, ErrorKind::BadInput, "two entries with one space", "merges.txt:2"});
    row("merge of three", {vocabulary, "a b\na b c\n", config, ErrorKind::BadInput, "two entries with one space", "merges.txt:2"});
    row("space before a merge", {vocabulary, " ab\n", config, ErrorKind::BadInput, "two entries with one space", "merges.txt:1"});
    row("declared tokens as a list", {vocabulary, merges, withTokens(json::array({1})), ErrorKind::BadInput, "object of ids",
                                      "tokenizer_config.json"});
    row("declared token without an id", {vocabulary, merges, withTokens({{"x", {{"content", "c"}}}}), ErrorKind::BadInput, "is no id",
                                         "tokenizer_config.json"});
    row("declared token without a content", {vocabulary, merges, withTokens({{"3", {{"special", true}}}}), ErrorKind::BadInput, "content",
                                             "tokenizer_config.json"});
    row("declared token of another model", {vocabulary, merges, withTokens({{"1", {{"content", "c"}}}}), ErrorKind::BadInput,
                                            "The id 1 is both \"b\" and \"c\"", "tokenizer_config.json"});
    row("declared token of two ids", {vocabulary, merges, withTokens({{"7", {{"content", "a"}}}}), ErrorKind::BadInput, "the ids 0 and 7",
                                      "tokenizer_config.json"});
    row("declared token far away", {vocabulary, merges, withTokens({{"99999999", {{"content", "z"}}}}), ErrorKind::BadInput, "far beyond",
                                    "tokenizer_config.json"});
    row("declared token that strips", {vocabulary, merges, withTokens({{"3", {{"content", "z"}, {"lstrip", true}}}}), ErrorKind::Unsupported,
                                       "takes the space beside it", "tokenizer_config.json"});
}

void TestVocabularyFiles::brokenVocabulariesAreRefused() {
    QFETCH(const BadText, bad);
    verifyRefused(bad, readVocabularyAndMerges(bad.content, bad.merges, bad.config));
}

void TestVocabularyFiles::brokenTiktokenFilesAreRefused_data() {
    QTest::addColumn<BadText>("bad");
    const std::string good = ranksText(qwen2Json());
    const auto row = [](const char* name, const std::string& content, const char* message, const char* context) {
        QTest::newRow(name) << BadText{content, {}, {}, ErrorKind::BadInput, message, context};
    };
    row("empty", "", "has 0 tokens", "qwen.tiktoken");
    row("too few", good.substr(0, good.find(" 254")) + " 254\n", "has 255 tokens", "qwen.tiktoken");
    row("no rank", "AA==\n", "its rank, here 0", "qwen.tiktoken:1");
    row("no base 64", "!!!! 0\n", "base 64", "qwen.tiktoken:1");
    row("rank left out", "AA== 1\n", "its rank, here 0", "qwen.tiktoken:1");
    row("rank with text behind", "AA== 0 x\n", "its rank, here 0", "qwen.tiktoken:1");
    row("token twice", good + "AA== 500\n", "Token 500 of the vocabulary stands there twice", "qwen.tiktoken");
    row("long byte", "YWI= 0\n" + good.substr(good.find('\n') + 1), "not a single byte", "qwen.tiktoken");
    row("empty token", good + " 500\n", "has 0 bytes", "qwen.tiktoken");
    row("long token", good + toBase64(std::string(5000, 'x')) + " 500\n", "has 5000 bytes", "qwen.tiktoken");
}

void TestVocabularyFiles::brokenTiktokenFilesAreRefused() {
    QFETCH(const BadText, bad);
    verifyRefused(bad, readQwenTiktoken(bad.content));
}

namespace {

/// A small tekken.json: 256 bytes, "ab", and 3 special tokens.
json tekken() {
    json file = {{"config", {{"pattern", "\\S+|\\s+"}, {"default_vocab_size", 260}, {"default_num_special_tokens", 3}}},
                 {"vocab", json::array()}};
    for (int byte = 0; byte < 256; ++byte)
        file["vocab"].push_back({{"rank", byte}, {"token_bytes", toBase64(std::string(1, static_cast<char>(byte)))}});
    file["vocab"].push_back({{"rank", 256}, {"token_bytes", toBase64("ab")}});
    return file;
}

using JsonChange = std::function<void(json& file)>;

}  // namespace

void TestVocabularyFiles::brokenTekkenFilesAreRefused_data() {
    QTest::addColumn<std::string>("content");
    QTest::addColumn<QString>("message");
    QTest::newRow("sound") << tekken().dump() << QString();
    QTest::newRow("no JSON") << std::string("{\"config\": ") << "Is not valid JSON";
    QTest::newRow("a list") << std::string("[]") << "no 'config' object";
    QTest::newRow("a key twice") << std::string(R"({"config": {}, "config": {}})") << "config";
    const auto row = [](const char* name, const char* message, const JsonChange& change) {
        json file = tekken();
        change(file);
        QTest::newRow(name) << file.dump() << QString(message);
    };
    row("no configuration", "no 'config' object", [](json& f) { f.erase("config"); });
    row("no pattern", "pattern", [](json& f) { f["config"].erase("pattern"); });
    row("pattern of another type", "pattern", [](json& f) { f["config"]["pattern"] = 1; });
    row("broken pattern", "regular expression", [](json& f) { f["config"]["pattern"] = "(["; });
    row("slow pattern", "takes too long", [](json& f) { f["config"]["pattern"] = "(a*)*b|((a|aa)+)+$"; });
    row("no size", "default_vocab_size", [](json& f) { f["config"].erase("default_vocab_size"); });
    row("size as text", "default_vocab_size", [](json& f) { f["config"]["default_vocab_size"] = "260"; });
    row("negative size", "must be 256 more", [](json& f) { f["config"]["default_vocab_size"] = -1; });
    row("huge size", "must be 256 more", [](json& f) { f["config"]["default_vocab_size"] = 2000000000; });
    row("no special tokens", "must be 256 more", [](json& f) { f["config"]["default_num_special_tokens"] = 0; });
    row("more tokens than there are", "asks for 297", [](json& f) { f["config"]["default_vocab_size"] = 300; });
    row("no vocabulary", "no list 'vocab'", [](json& f) { f.erase("vocab"); });
    row("vocabulary as an object", "no list 'vocab'", [](json& f) { f["vocab"] = json::object(); });
    row("ranks out of order", "does not have the rank 7", [](json& f) { std::swap(f["vocab"][7], f["vocab"][8]); });
    row("no rank", "does not have the rank 7", [](json& f) { f["vocab"][7].erase("rank"); });
    row("token that is a text", "does not have the rank 7", [](json& f) { f["vocab"][7] = "x"; });
    row("no bytes", "no token_bytes", [](json& f) { f["vocab"][256].erase("token_bytes"); });
    row("bytes in no base 64", "no token_bytes", [](json& f) { f["vocab"][256]["token_bytes"] = "a b"; });
    row("empty token", "has 0 bytes", [](json& f) { f["vocab"][256]["token_bytes"] = ""; });
    row("long token", "has 5000 bytes", [](json& f) { f["vocab"][256]["token_bytes"] = toBase64(std::string(5000, 'x')); });
    row("long byte", "not a single byte", [](json& f) { f["vocab"][9]["token_bytes"] = toBase64("ab"); });
    row("token twice", "stands there twice", [](json& f) { f["vocab"][256]["token_bytes"] = f["vocab"][9]["token_bytes"]; });
    row("special tokens as an object", "must be a list", [](json& f) { f["special_tokens"] = json::object(); });
    row("special token beyond their number", "'rank' below 3",
        [](json& f) { f["special_tokens"] = json::array({{{"rank", 3}, {"token_str", "<x>"}}}); });
    row("special token without a text", "'token_str'", [](json& f) { f["special_tokens"] = json::array({{{"rank", 1}}}); });
    row("empty special token", "'token_str'", [](json& f) { f["special_tokens"] = json::array({{{"rank", 1}, {"token_str", ""}}}); });
}

void TestVocabularyFiles::brokenTekkenFilesAreRefused() {
    QFETCH(const std::string, content);
    QFETCH(const QString, message);
    TokenizerSource source;
    source.path = "/models/tekken";
    source.tekkenJson = content;
    const auto tokenizer = Tokenizer::create(source);
    if (message.isEmpty()) {
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : tokenizer.error().describe().c_str());
        QCOMPARE((*tokenizer)->encode("ab", SpecialTokens::Text), std::vector<std::int32_t>{259});
        return;
    }
    QVERIFY(!tokenizer.has_value());
    const std::string said = tokenizer.error().describe();
    QVERIFY2(said.find(message.toStdString()) != std::string::npos, said.c_str());
    QVERIFY2(said.starts_with("/models/tekken: "), said.c_str());
}

namespace {

/// A vocabulary of model "llama": the unknown piece, begin and end, 256 bytes, and a few pieces.
GgufVocabulary pieces() {
    GgufVocabulary vocabulary;
    vocabulary.model = "llama";
    const auto add = [&](const std::string& text, std::int32_t type, float score) {
        vocabulary.tokens.push_back(text);
        vocabulary.tokenTypes.push_back(type);
        vocabulary.scores.push_back(score);
    };
    add("<unk>", 2, 0.0F);
    add("<s>", 3, 0.0F);
    add("</s>", 3, 0.0F);
    for (int byte = 0; byte < 256; ++byte) {
        char name[8];
        std::snprintf(name, sizeof name, "<0x%02X>", byte);
        add(name, 6, 0.0F);
    }
    add("a", 1, -1.0F);
    add("b", 1, -2.0F);
    add("ab", 1, -0.5F);
    vocabulary.unknownToken = 0;
    return vocabulary;
}

using PiecesChange = std::function<void(GgufVocabulary& vocabulary)>;

}  // namespace

Q_DECLARE_METATYPE(PiecesChange)

void TestVocabularyFiles::brokenGgufPiecesAreRefused_data() {
    QTest::addColumn<PiecesChange>("change");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("context");
    const auto row = [](const char* name, const char* message, const char* context, const PiecesChange& change) {
        QTest::newRow(name) << change << QString(message) << QString(context);
    };
    row("sound", "", "", [](GgufVocabulary&) {});
    row("empty", "vocabulary is empty", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokens.clear(); });
    row("no scores", "0 scores for 262 tokens", "tokenizer.ggml.scores", [](GgufVocabulary& v) { v.scores.clear(); });
    row("a score too many", "263 scores for 262 tokens", "tokenizer.ggml.scores", [](GgufVocabulary& v) { v.scores.push_back(0.0F); });
    row("a type too few", "261 token types for 262", "tokenizer.ggml.token_type", [](GgufVocabulary& v) { v.tokenTypes.pop_back(); });
    row("type 0", "Token 260 has the unknown type 0", "tokenizer.ggml.token_type", [](GgufVocabulary& v) { v.tokenTypes[260] = 0; });
    row("type 7", "Token 260 has the unknown type 7", "tokenizer.ggml.token_type", [](GgufVocabulary& v) { v.tokenTypes[260] = 7; });
    row("negative type", "unknown type -1", "tokenizer.ggml.token_type", [](GgufVocabulary& v) { v.tokenTypes[260] = -1; });
    row("score not a number", "no number", "tokenizer.ggml.tokens",
        [](GgufVocabulary& v) { v.scores[260] = std::numeric_limits<float>::quiet_NaN(); });
    row("infinite score", "no number", "tokenizer.ggml.tokens",
        [](GgufVocabulary& v) { v.scores[260] = -std::numeric_limits<float>::infinity(); });
    row("empty piece", "is empty", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokens[260].clear(); });
    row("piece twice", "stands twice", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokens[260] = "a"; });
    row("huge piece", "longer than 64 KiB", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokens[260].assign(100000, 'x'); });
    row("byte piece of another name", "not named <0xHH>", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokens[10] = "<7>"; });
    row("a byte missing", "256 byte pieces", "tokenizer.ggml.tokens", [](GgufVocabulary& v) { v.tokenTypes[10] = 1; });
    row("no unknown piece", "No piece is of type unknown", "tokenizer.ggml.tokens", [](GgufVocabulary& v) {
        v.unknownToken = -1;
        v.tokenTypes[0] = 1;
    });
    row("another model", "'wordpiece' is not supported", "tokenizer.ggml.model", [](GgufVocabulary& v) { v.model = "wordpiece"; });
}

void TestVocabularyFiles::brokenGgufPiecesAreRefused() {
    QFETCH(const PiecesChange, change);
    QFETCH(const QString, message);
    QFETCH(const QString, context);
    TokenizerSource source;
    source.path = "/models/pieces.gguf";
    source.vocabulary = pieces();
    change(*source.vocabulary);
    const auto tokenizer = Tokenizer::create(source);
    if (message.isEmpty()) {
        QVERIFY2(tokenizer.has_value(), tokenizer ? "" : tokenizer.error().describe().c_str());
        return;
    }
    QVERIFY(!tokenizer.has_value());
    const std::string said = tokenizer.error().describe();
    QVERIFY2(said.find(message.toStdString()) != std::string::npos, said.c_str());
    QVERIFY2(said.starts_with("/models/pieces.gguf: " + context.toStdString()), said.c_str());
}

QTEST_GUILESS_MAIN(TestVocabularyFiles)
#include "test_vocabulary_files.moc"
