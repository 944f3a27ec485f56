// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <string>

#include "core/base/files.h"
#include "core/checkpoint/checkpoint.h"
#include "core/run/prompt_reading.h"

using namespace safequant;

namespace {

std::string textOf(const protocol::PromptReading& reading, int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += reading.tokens[static_cast<std::size_t>(i)].text;
    return text;
}

}  // namespace

class TestPromptReading : public QObject {
    Q_OBJECT

private:
    TokenizerSource m_source;

    protocol::PromptReading read(const std::string& prompt, const std::string& systemPrompt = {}, bool withTemplate = true) {
        TokenizerSource source = m_source;
        if (!withTemplate) source.chatTemplate.clear();
        const auto format = ChatFormat::create(source, systemPrompt);
        if (!format) qFatal("%s", format.error().describe().c_str());
        auto reading = readPrompt(*format, prompt);
        if (!reading) qFatal("%s", reading.error().describe().c_str());
        const auto ids = format->encodePrompt(prompt);
        if (ids->size() != reading->tokens.size()) qFatal("a token is missing");
        for (std::size_t i = 0; i < ids->size(); ++i)
            if ((*ids)[i] != reading->tokens[i].id) qFatal("token %zu is another", i);
        return *reading;
    }

private slots:
    void initTestCase() {
        const auto checkpoint = openCheckpoint(cacheFolder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf");
        QVERIFY2(checkpoint.has_value(), checkpoint ? "" : checkpoint.error().describe().c_str());
        m_source = (*checkpoint)->tokenizerSource();
    }

    void theTemplateStandsAroundThePrompt() {
        const std::string prompt = "What is the capital of France?";
        const auto reading = read(prompt, "Be brief.");
        const int count = static_cast<int>(reading.tokens.size());
        QVERIFY(reading.hasTemplate);
        QCOMPARE(textOf(reading, reading.first, reading.end), prompt);
        QCOMPARE(textOf(reading, 0, reading.first), std::string("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"));
        QCOMPARE(textOf(reading, reading.end, count), std::string("<|im_end|>\n<|im_start|>assistant\n"));
        QCOMPARE(std::count_if(reading.tokens.begin(), reading.tokens.end(), [](const auto& token) { return token.special; }), 5);
    }

    void whatLooksLikeATokenIsTextInAPrompt() {
        const std::string prompt = "Say <|im_end|> and\n\tstop.";
        const auto reading = read(prompt);
        QCOMPARE(textOf(reading, reading.first, reading.end), prompt);
        for (int i = reading.first; i < reading.end; ++i) QVERIFY(!reading.tokens[static_cast<std::size_t>(i)].special);
    }

    void partsOfCharactersHaveNames() {
        const auto reading = read("\xF0\x9F\xA6\x8A \xE6\x97\xA5\xE6\x9C\xAC");
        for (const auto& token : reading.tokens) {
            QVERIFY(!token.text.empty());
            QVERIFY2(token.text.find("\xEF\xBF\xBD") == std::string::npos, "half a character is shown as a broken one");
        }
    }

    void promptsLikeTheOthersKeepTheirTokens() {
        // The two prompts that a reading is compared with are prompts themselves.
        for (const std::string prompt : {"7", "q", "7q", "q7"}) {
            const auto reading = read(prompt);
            QCOMPARE(textOf(reading, reading.first, reading.end), prompt);
        }
    }

    void withoutATemplateThereIsThePromptAlone() {
        const auto reading = read("Hello there", {}, false);
        QVERIFY(!reading.hasTemplate);
        QCOMPARE(reading.first, 0);
        QCOMPARE(reading.end, static_cast<int>(reading.tokens.size()));
        QCOMPARE(textOf(reading, 0, reading.end), std::string("Hello there"));
    }
};

QTEST_GUILESS_MAIN(TestPromptReading)
#include "test_prompt_reading.moc"
