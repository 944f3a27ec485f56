// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <fstream>
#include <functional>

#include "core/checkpoint/checkpoint.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_difference.h"

using namespace safequant;
using nlohmann::json;

/// A folder with a GGUF file and Hugging Face files of one model: what the two do differently with text is found.
class TestTokenizerCopies : public QObject {
    Q_OBJECT

private slots:
    void init();
    void differencesAreFound_data();
    void differencesAreFound();
    void huggingFaceFilesLookForGgufFiles();
    void splitGgufFilesAreOneCopy();
    void unreadableCopiesAreSaid();
    void aloneThereIsNothingToCompare();

private:
    std::string inFolder(const char* name) const { return m_folder->filePath(name).toStdString(); }
    void write(const char* name, const std::string& content) const {
        std::ofstream(inFolder(name), std::ios::binary) << content;
    }
    /// Copies the GGUF file of the fuzz target's seed "valid-byte-level".
    void copyGguf(const char* name) const {
        QVERIFY(QFile::copy(SAFEQUANT_SOURCE_DIR "/tests/fuzz/seeds/gguf/valid-byte-level.gguf", m_folder->filePath(name)));
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    json m_tokenizer;  ///< The tokenizer.json that says the same as the GGUF file.
    json m_config;
};

using Change = std::function<void(json& tokenizer, json& config)>;
Q_DECLARE_METATYPE(Change)

void TestTokenizerCopies::init() {
    m_folder = std::make_unique<QTemporaryDir>();
    copyGguf("model.gguf");
    const auto checkpoint = openCheckpoint(inFolder("model.gguf"));
    QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
    const auto& source = (*checkpoint)->tokenizerSource();
    m_tokenizer = (*Tokenizer::create(source))->toTokenizerJson();
    m_config = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"chat_template", source.chatTemplate}};
}

void TestTokenizerCopies::differencesAreFound_data() {
    QTest::addColumn<Change>("change");
    QTest::addColumn<QString>("aspects");
    QTest::addColumn<QString>("detail");
    const auto row = [](const char* name, const char* aspects, const char* detail, const Change& change) {
        QTest::newRow(name) << change << QString(aspects) << QString(detail);
    };
    row("none", "", "", [](json&, json&) {});
    row("an entry", "vocabulary", "1 entry differs: id 259 is \"ll\" and \"lo\"", [](json& tokenizer, json&) {
        auto& vocabulary = tokenizer["model"]["vocab"];
        vocabulary.erase("ll");
        vocabulary["lo"] = 259;
        tokenizer["model"]["merges"][1] = json::array({"l", "o"});
    });
    row("a special token", "special tokens", "\"</s>\" (id 1) is special in the first only", [](json& tokenizer, json&) {
        for (auto& token : tokenizer["added_tokens"])
            if (token["content"] == "</s>") token["special"] = false;
    });
    row("merges in another order", "merges", "2 merges differ: rank 0 is [\"h\",\"e\"] and [\"l\",\"l\"]", [](json& tokenizer, json&) {
        std::swap(tokenizer["model"]["merges"][0], tokenizer["model"]["merges"][1]);
    });
    row("a merge less", "merges encoding", "1 merge differs: rank 1 is [\"l\",\"l\"] and missing", [](json& tokenizer, json&) {
        tokenizer["model"]["merges"].erase(1);
    });
    row("a normalizer", "encoding", "probing texts differ", [](json& tokenizer, json&) {
        tokenizer["normalizer"] = {{"type", "Lowercase"}};
    });
    row("another template", "template", "a conversation (user) gives \"Hello\" and \"Hello!\"", [](json&, json& config) {
        config["chat_template"] = "{% for m in messages %}{{ m.content }}!{% endfor %}";
    });
    row("the same template, written otherwise", "template text", "the sources differ from line 1 on", [](json&, json& config) {
        config["chat_template"] = "{% for m in messages -%}{{ m['content'] }}{% endfor %}";
    });
    row("no template", "template", "only the first has a chat template", [](json&, json& config) { config.erase("chat_template"); });
}

void TestTokenizerCopies::differencesAreFound() {
    QFETCH(const Change, change);
    QFETCH(const QString, aspects);
    QFETCH(const QString, detail);
    change(m_tokenizer, m_config);
    write("tokenizer.json", m_tokenizer.dump());
    write("tokenizer_config.json", m_config.dump());
    const auto checkpoint = openCheckpoint(inFolder("model.gguf"));
    QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
    const auto copies = compareWithCopies(**checkpoint);
    QCOMPARE(copies.size(), std::size_t{1});
    QCOMPARE(copies[0].path, m_folder->path().toStdString());
    QStringList found;
    QString details;
    for (const auto& difference : copies[0].differences) {
        found.append(QString::fromStdString(difference.aspect));
        details += QString::fromStdString(difference.detail) + '\n';
    }
    QVERIFY2(found.join(QLatin1Char(' ')).left(aspects.size()) == aspects, qPrintable(found.join(", ") + '\n' + details));
    QCOMPARE(found.isEmpty(), aspects.isEmpty());
    QVERIFY2(details.contains(detail), qPrintable(details));
}

void TestTokenizerCopies::huggingFaceFilesLookForGgufFiles() {
    for (const char* name : {"config.json", "model.safetensors"})
        QVERIFY(QFile::copy(QStringLiteral(SAFEQUANT_TEST_DATA "/adapters/llama/") + name, m_folder->filePath(name)));
    write("tokenizer.json", m_tokenizer.dump());
    m_config["chat_template"] = "other";
    write("tokenizer_config.json", m_config.dump());
    const auto checkpoint = openCheckpoint(m_folder->path().toStdString());
    QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
    const auto copies = compareWithCopies(**checkpoint);
    QCOMPARE(copies.size(), std::size_t{1});
    QCOMPARE(copies[0].path, inFolder("model.gguf"));
    QCOMPARE(copies[0].differences.size(), std::size_t{1});
    QCOMPARE(copies[0].differences[0].aspect, std::string("template"));
}

void TestTokenizerCopies::splitGgufFilesAreOneCopy() {
    for (const char* name : {"config.json", "model.safetensors"})
        QVERIFY(QFile::copy(QStringLiteral(SAFEQUANT_TEST_DATA "/adapters/llama/") + name, m_folder->filePath(name)));
    write("tokenizer.json", m_tokenizer.dump());
    copyGguf("part-00002-of-00002.gguf");
    const auto checkpoint = openCheckpoint(m_folder->path().toStdString());
    QVERIFY(checkpoint.has_value());
    QCOMPARE(compareWithCopies(**checkpoint).size(), std::size_t{1});
}

void TestTokenizerCopies::unreadableCopiesAreSaid() {
    write("tokenizer.json", "{\"model\": ");
    const auto checkpoint = openCheckpoint(inFolder("model.gguf"));
    QVERIFY(checkpoint.has_value());
    const auto copies = compareWithCopies(**checkpoint);
    QCOMPARE(copies.size(), std::size_t{1});
    QCOMPARE(copies[0].differences.size(), std::size_t{1});
    QCOMPARE(copies[0].differences[0].aspect, std::string("unreadable"));
    QVERIFY2(QString::fromStdString(copies[0].differences[0].detail).contains("tokenizer.json"),
             copies[0].differences[0].detail.c_str());
}

void TestTokenizerCopies::aloneThereIsNothingToCompare() {
    const auto checkpoint = openCheckpoint(inFolder("model.gguf"));
    QVERIFY(checkpoint.has_value());
    QVERIFY(compareWithCopies(**checkpoint).empty());
}

QTEST_GUILESS_MAIN(TestTokenizerCopies)
#include "test_tokenizer_copies.moc"
