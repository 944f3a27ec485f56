// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>

#include "core/activations/capture.h"
#include "core/activations/store.h"
#include "core/run/run_spec.h"
#include "core/signature/signature_check.h"
#include "core/signature/tail_rows.h"
#include "tiny_run.h"

using namespace safequant;

/// Signatures of a tiny model: what is in them, what they are refused for, and how far models are from them.
class TestSignature : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model, m_other;
    ChatFormat m_format;
    PromptSet m_prompts;
    AlignmentSignature m_signature;

    std::string path(const char* name) const { return m_folder.filePath(name).toStdString(); }

    SignatureCheck checked(const std::shared_ptr<const Checkpoint>& model) const {
        auto result = checkSignature(m_signature, model, m_format, m_prompts, 0, "test");
        if (!result) throw std::runtime_error(result.error().describe());
        return *result;
    }

private slots:
    void initTestCase() {
        tiny::writeInputs(m_folder.path());
        m_model = *openModel(path("tiny-llama"), {});
        m_other = *openModel(path("tiny-aligned"), {});
        m_format = *ChatFormat::create(m_model->tokenizerSource());
        m_prompts = *loadPromptSet({path("prompts.jsonl")});
        auto made = makeSignature(m_model, m_format, m_prompts);
        QVERIFY2(made.has_value(), made ? "" : made.error().describe().c_str());
        m_signature = std::move(*made);
    }

    void theTailIsTheTemplates() {
        // <|im_end|>, a line's end, <|im_start|>, "assistant" byte by byte, a line's end.
        QCOMPARE(*templateTail(m_format), 1 + 1 + 1 + 9 + 1);
        QCOMPARE(m_signature.tail, 13);
    }

    void meansAreThoseOfTheStream() {
        QCOMPARE(m_signature.malicious, 24);
        QCOMPARE(m_signature.benign(), 24);
        const auto chosen = signaturePrompts(m_prompts);
        std::vector<std::string> texts, ids;
        for (const std::size_t index : chosen->indices) {
            texts.push_back(m_prompts.prompts[index].text);
            ids.push_back(m_prompts.prompts[index].id);
        }
        auto stream = openStream(*m_model, m_format, texts, ids);
        QVERIFY(stream.has_value());
        const auto hidden = static_cast<std::size_t>(m_signature.hidden);
        for (int block = 0; block < m_signature.blocks; ++block) {
            const auto last = advance(*stream, m_model->config(), *loadBlock(*m_model, block));
            QVERIFY(last.has_value());
            const std::size_t at = (static_cast<std::size_t>(block) + 1) * m_signature.blockSize() - hidden;
            for (std::size_t d = 0; d < hidden; ++d) {
                double malicious = 0.0, benign = 0.0, squares = 0.0;
                for (std::size_t i = 0; i < 24; ++i) malicious += static_cast<double>((*last)(i, d)) / 24.0;
                for (std::size_t i = 24; i < 48; ++i) benign += static_cast<double>((*last)(i, d)) / 24.0;
                for (std::size_t i = 0; i < 48; ++i) squares += std::pow(static_cast<double>((*last)(i, d)) - (i < 24 ? malicious : benign), 2.0);
                // Stored with 11 significant bits.
                const auto near = [](double stored, double wanted) { return std::abs(stored - wanted) <= std::abs(wanted) / 2000.0 + 1e-6; };
                QVERIFY(near(static_cast<double>(m_signature.maliciousMeans[at + d]), malicious));
                QVERIFY(near(static_cast<double>(m_signature.benignMeans[at + d]), benign));
                QVERIFY(near(static_cast<double>(m_signature.variances[at + d]), squares / 46.0));
            }
        }
    }

    void roundsToElevenBits() {
        QCOMPARE(roundedToHalf(1.0F), 1.0F);
        QCOMPARE(roundedToHalf(1.0F + 1.0F / 1024.0F), 1.0F + 1.0F / 1024.0F);
        QCOMPARE(roundedToHalf(1.0F + 1.0F / 2048.0F), 1.0F);
        QCOMPARE(roundedToHalf(-1.0F - 3.0F / 2048.0F), -1.0F - 1.0F / 512.0F);
        QCOMPARE(roundedToHalf(1e-20F) > 0.0F, true);
    }

    void theSameModelHasNotMoved() {
        const auto result = checked(m_model);
        QCOMPARE(result.blocks.size(), std::size_t{4});
        // What is left is the rounding of the stored means.
        QVERIFY2(result.moved < 0.005, qPrintable(QString::number(result.moved)));
        QVERIFY(std::abs(result.separation - 1.0) < 0.01);
        for (const auto& block : result.blocks) QVERIFY(block.separationInterval.low < 1.0 && block.separationInterval.high > 1.0);
    }

    void anotherModelHas() {
        const auto result = checked(m_other);
        QVERIFY2(result.moved > 1.0, qPrintable(QString::number(result.moved)));
        for (const auto& block : result.blocks) {
            QVERIFY(block.maliciousInterval.low > 0.2);
            QVERIFY(block.maliciousInterval.low <= block.malicious * 1.1 && block.maliciousInterval.high >= block.malicious * 0.9);
        }
        const auto again = checkSignature(m_signature, m_other, m_format, m_prompts, 0, "test");
        QCOMPARE(again->movedInterval.low, result.movedInterval.low);
    }

    void filesComeBack() {
        auto with = m_signature;
        with.scores = AlignmentSignature::Scores{rateOf(3, 100), rateOf(95, 100), rateOf(1, 50), rateOf(9, 50), "refusal-22", 64};
        QVERIFY(writeSignature(path("a.h5"), with).has_value());
        const auto back = readSignature(path("a.h5"));
        QVERIFY2(back.has_value(), back ? "" : back.error().describe().c_str());
        QCOMPARE(back->maliciousMeans, with.maliciousMeans);
        QCOMPARE(back->variances, with.variances);
        QCOMPARE(back->probeWeights, with.probeWeights);
        QCOMPARE(back->promptIds, with.promptIds);
        QCOMPARE(back->tokensHash, with.tokensHash);
        QCOMPARE(back->scores->harmfulScore.count, std::uint64_t{3});
        QVERIFY(writeSignature(path("b.h5"), with).has_value());
        QCOMPARE(tiny::readAll(path("a.h5")), tiny::readAll(path("b.h5")));
    }

    void brokenFilesAreRefused() {
        QCOMPARE(readSignature(path("missing.h5")).error().kind, ErrorKind::NotFound);
        ArrayFile other;
        other.arrays["a"] = {{1}, {1.0F}};
        QVERIFY(writeArrayFile(path("other.h5"), other).has_value());
        QVERIFY(QString::fromStdString(readSignature(path("other.h5")).error().message).contains("no alignment signature"));
        for (const auto& [change, message] : {std::pair<void (*)(ArrayFile&), const char*>{[](ArrayFile& file) { file.arrays.erase("variances"); }, "\"variances\" is missing"},
                                              {[](ArrayFile& file) { file.arrays["probe/intercepts"] = {{1}, {0.0F}}; }, "another shape"},
                                              {[](ArrayFile& file) { file.texts["signature"] = "{}"; }, "damaged"},
                                              {[](ArrayFile& file) { file.texts["signature"].replace(file.texts["signature"].find("\"version\":1"), 11, "\"version\":9"); }, "update it"},
                                              {[](ArrayFile& file) { file.texts["signature"].replace(file.texts["signature"].find("\"tail\":13"), 9, "\"tail\":-1"); }, "make no sense"}}) {
            QVERIFY(writeSignature(path("whole.h5"), m_signature).has_value());
            auto file = readArrayFile(path("whole.h5"));
            change(*file);
            for (const char* own : {"format", "format_version", "writer"}) file->attributes.erase(own);
            QVERIFY(writeArrayFile(path("broken.h5"), *file).has_value());
            const auto read = readSignature(path("broken.h5"));
            QVERIFY(!read.has_value());
            QVERIFY2(QString::fromStdString(read.error().message).contains(message), read.error().message.c_str());
        }
    }

    void whatDoesNotFitIsNamed() {
        auto other = m_signature;
        other.hidden = 64;
        other.blocks = 2;
        auto refused = fittingPrompts(other, *m_model, m_format, m_prompts, "a.h5");
        QVERIFY(!refused.has_value());
        QVERIFY2(QString::fromStdString(refused.error().message).contains("number of blocks 4, the signature's is 2; hidden size 32, the signature's is 64"), refused.error().message.c_str());
        ChatFormat format = m_format;
        format.systemPrompt = "Be brief.";
        refused = fittingPrompts(m_signature, *m_model, format, m_prompts, "a.h5");
        QVERIFY2(!refused && QString::fromStdString(refused.error().message).contains("system prompt \"Be brief.\", the signature's is \"\""), "");
        PromptSet fewer = m_prompts;
        fewer.prompts.erase(fewer.prompts.begin());
        refused = fittingPrompts(m_signature, *m_model, m_format, fewer, "a.h5");
        QVERIFY2(!refused && QString::fromStdString(refused.error().message).contains("lacks 1 of the 48 prompts"), "");
        PromptSet changed = m_prompts;
        changed.prompts.front().text += " now";
        refused = fittingPrompts(m_signature, *m_model, m_format, changed, "a.h5");
        QVERIFY2(!refused && QString::fromStdString(refused.error().message).contains("other texts or labels"), "");
        PromptSet none = m_prompts;
        for (Prompt& prompt : none.prompts) prompt.split = PromptSplit::Evaluation;
        QVERIFY(!signaturePrompts(none).has_value());
    }
};

QTEST_APPLESS_MAIN(TestSignature)
#include "test_signature.moc"
