// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/random.h"
#include "core/model/activation_quantization.h"
#include "core/model/last_rows.h"
#include "core/model/packed_forward.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

std::vector<Tokens> tokensOf(const nlohmann::json& cases) {
    std::vector<Tokens> sequences;
    for (const auto& entry : cases) sequences.push_back(entry["tokens"].get<Tokens>());
    return sequences;
}

bool sameBytes(const Matrix& a, const Matrix& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() && std::equal(a.span().begin(), a.span().end(), b.span().begin());
}

}  // namespace

class TestDecoder : public QObject {
    Q_OBJECT

private slots:
    void packing() {
        const PackedSequences packed = packSequences({{1, 2, 3, 4}, {1, 2, 3}, {1, 2, 9, 9, 9}});
        QCOMPARE(packed.prefixLength, 2);
        QCOMPARE(packed.tokens, (Tokens{1, 2, 3, 4, 3, 9, 9, 9}));
        QCOMPARE(packed.offsets, (Tokens{2, 4, 5, 8}));
        QCOMPARE(packed.unsharedRows(), std::size_t{12});
        // Every sequence keeps a row of its own, also when one is the beginning of all others.
        const PackedSequences nested = packSequences({{1, 2}, {1, 2, 3}});
        QCOMPARE(nested.prefixLength, 1);
        QCOMPARE(nested.offsets, (Tokens{1, 2, 4}));
        QCOMPARE(packSequences({{1, 2}, {1, 2}}, false).tokens, (Tokens{1, 2, 1, 2}));
        QCOMPARE(packSequences({{5, 6, 7}}).prefixLength, 0);
        QCOMPARE(packSequences({}).rows(), std::size_t{0});
        QVERIFY_EXCEPTION_THROWN(packSequences({{1}, {}}), std::invalid_argument);
    }

    void tinyModelsAgreeWithTransformers_data() {
        QTest::addColumn<QString>("folder");
        QTest::newRow("biases, untied") << "tiny_bias";
        QTest::newRow("head size of its own, tied") << "tiny_wide";
    }

    void tinyModelsAgreeWithTransformers() {
        QFETCH(QString, folder);
        const std::string path = modelData(folder.toStdString());
        const auto model = openModel(path);
        const auto cases = readJson(path + "/expected.json")["cases"];
        const PackedSequences packed = packSequences(tokensOf(cases));
        QCOMPARE(packed.prefixLength, 19);
        const BlockOutputs outputs = runBlocks(*model, packed);
        const auto head = loadOutputHead(*model);
        QVERIFY(head.has_value());
        Tokens lastRows;
        for (std::size_t i = 0; i < packed.sequences(); ++i) lastRows.push_back(packed.lastRow(i));
        const Matrix logits = computeLogits(model->config(), *head, outputs.hidden, lastRows);
        for (std::size_t i = 0; i < cases.size(); ++i) {
            for (std::size_t block = 0; block < outputs.last.size(); ++block) {
                const auto expected = cases[i]["blocks"][block].get<std::vector<float>>();
                QVERIFY2(relativeError(outputs.last[block].rowSpan(i), expected) < 1e-5, qPrintable(QString::number(block)));
            }
            QVERIFY(relativeError(logits.rowSpan(i), cases[i]["logits"].get<std::vector<float>>()) < 1e-5);
        }
    }

    void lastRowsOfManySequences() {
        const auto model = openModel(modelData("tiny_bias"));
        const DecoderConfig& config = model->config();
        RandomStream random(3, "last rows");
        std::vector<Tokens> sequences;
        for (int i = 0; i < 700; ++i) {
            Tokens tokens{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
            for (std::size_t more = 1 + random.below(i == 5 ? 400 : 12); more > 0; --more)
                tokens.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(config.vocabulary))));
            sequences.push_back(std::move(tokens));
        }
        const PackedSequences packed = packSequences(sequences);
        QCOMPARE(packed.prefixLength, 18);
        Matrix hidden = std::move(*embedTokens(*model, packed.tokens));
        BlockRunner runner(config);
        const PackedBlock block(config, *loadBlock(*model, 0));
        std::vector<std::size_t> chosen;
        for (std::size_t i = 0; i < sequences.size(); ++i)
            if (i % 7 != 3) chosen.push_back(i);
        const Matrix last = lastRowOutputs(runner, block, packed, hidden, chosen);
        QVERIFY(chosen.size() > BlockRunner::chunkRows());
        std::stop_source stop;
        stop.request_stop();
        QVERIFY(lastRowOutputs(runner, block, packed, hidden, chosen, {}, stop.get_token()).empty());
        const std::size_t none[] = {sequences.size()};
        QVERIFY_EXCEPTION_THROWN(lastRowOutputs(runner, block, packed, hidden, none), std::invalid_argument);
        QVERIFY(runPackedSequences(runner, block, packed, hidden));
        for (std::size_t i = 0; i < chosen.size(); ++i)
            QVERIFY(std::ranges::equal(last.rowSpan(i), hidden.rowSpan(static_cast<std::size_t>(packed.lastRow(chosen[i])))));
    }

    void smolLm2AgreesWithTransformers() {
        const auto model = openModel(smolPath());
        const auto fixture = readJson(modelData("smollm2.json"));
        const auto& cases = fixture["cases"];
        const auto stride = fixture["stride"].get<std::size_t>();
        const PackedSequences packed = packSequences(tokensOf(cases));
        QVERIFY(packed.prefixLength >= 24);
        const BlockOutputs outputs = runBlocks(*model, packed);
        QCOMPARE(outputs.last.size(), std::size_t{30});
        double worst = 0.0;
        for (std::size_t i = 0; i < cases.size(); ++i)
            for (std::size_t block = 0; block < outputs.last.size(); ++block) {
                const std::span<const float> row = outputs.last[block].rowSpan(i);
                std::vector<float> kept;
                double norm = 0.0;
                for (std::size_t d = 0; d < row.size(); ++d) {
                    norm += static_cast<double>(row[d]) * static_cast<double>(row[d]);
                    if (d % stride == 0) kept.push_back(row[d]);
                }
                worst = std::max(worst, relativeError(kept, cases[i]["blocks"][block].get<std::vector<float>>()));
                const auto expected = cases[i]["block_norms"][block].get<double>();
                QVERIFY(std::abs(std::sqrt(norm) - expected) < 1e-4 * expected);
            }
        qInfo("largest relative error of a block output: %.2g", worst);
        QVERIFY(worst < 1e-4);

        const auto head = loadOutputHead(*model);
        QVERIFY(head.has_value());
        Tokens lastRows;
        for (std::size_t i = 0; i < packed.sequences(); ++i) lastRows.push_back(packed.lastRow(i));
        const Matrix logits = computeLogits(model->config(), *head, outputs.hidden, lastRows);
        QCOMPARE(logits.cols(), std::size_t{49152});
        for (std::size_t i = 0; i < cases.size(); ++i) {
            std::vector<float> top;
            for (const auto& id : cases[i]["top_ids"]) top.push_back(logits(i, id.get<std::size_t>()));
            QVERIFY(relativeError(top, cases[i]["top_logits"].get<std::vector<float>>()) < 1e-4);
            double sum = 0.0;
            for (const float value : logits.rowSpan(i)) sum += std::exp(static_cast<double>(value));
            QVERIFY(std::abs(std::log(sum) - cases[i]["log_sum_exp"].get<double>()) < 1e-3);
        }
    }

    /// Sums over positions are cut at absolute positions and every row is computed alone: the same bits, however it is packed.
    void packingChangesNoBit_data() {
        QTest::addColumn<QString>("path");
        QTest::newRow("biases") << QString::fromStdString(modelData("tiny_bias"));
        QTest::newRow("head size of its own") << QString::fromStdString(modelData("tiny_wide"));
    }

    void packingChangesNoBit() {
        QFETCH(QString, path);
        const auto model = openModel(path.toStdString());
        std::vector<Tokens> sequences;
        // More rows than one chunk holds, so that sequences are cut by chunks in other places when packed otherwise.
        for (int i = 0; i < 40; ++i) {
            Tokens tokens;
            for (int t = 0; t < 20; ++t) tokens.push_back(3 + t);
            for (int t = 0; t < 1 + (i * 7) % 60; ++t) tokens.push_back(3 + (i * 31 + t * 17) % 90);
            sequences.push_back(tokens);
        }
        const PackedSequences shared = packSequences(sequences);
        QCOMPARE(shared.prefixLength, 20);
        QVERIFY(shared.rows() > 1000);
        const BlockOutputs expected = runBlocks(*model, shared);

        const BlockOutputs whole = runBlocks(*model, packSequences(sequences, false));
        for (std::size_t b = 0; b < expected.last.size(); ++b) QVERIFY(sameBytes(whole.last[b], expected.last[b]));

        std::vector<Tokens> reversed(sequences.rbegin(), sequences.rend());
        const BlockOutputs backwards = runBlocks(*model, packSequences(reversed));
        const std::size_t n = sequences.size();
        for (std::size_t b = 0; b < expected.last.size(); ++b)
            for (std::size_t i = 0; i < n; ++i)
                QVERIFY(std::ranges::equal(backwards.last[b].rowSpan(n - 1 - i), expected.last[b].rowSpan(i)));

        const BlockOutputs alone = runBlocks(*model, packSequences({sequences[13]}));
        QVERIFY(std::ranges::equal(alone.last.back().rowSpan(0), expected.last.back().rowSpan(13)));

        const int threads = threadCount();
        setThreadCount(1);
        const BlockOutputs single = runBlocks(*model, shared);
        setThreadCount(threads);
        QVERIFY(sameBytes(single.hidden, expected.hidden));
    }

    void longSequenceCrossesChunks() {
        // 700 positions on a model made for 128: positions are only checked where prompts come in.
        const auto model = openModel(modelData("tiny_bias"));
        Tokens tokens;
        for (int t = 0; t < 700; ++t) tokens.push_back(3 + (t * 37) % 90);
        const Tokens beginning(tokens.begin(), tokens.begin() + 401);
        const BlockOutputs both = runBlocks(*model, packSequences({beginning, tokens}));
        QCOMPARE(both.hidden.rows(), std::size_t{701});
        const BlockOutputs alone = runBlocks(*model, packSequences({tokens}));
        QVERIFY(std::ranges::equal(alone.last.back().rowSpan(0), both.last.back().rowSpan(1)));
        const BlockOutputs part = runBlocks(*model, packSequences({beginning}));
        QVERIFY(std::ranges::equal(part.last.back().rowSpan(0), both.last.back().rowSpan(0)));
    }

    /// Quantized inputs: linears that share an input get the same result whether their schemes are equal or only some are set.
    void activationSchemes() {
        const auto model = openModel(modelData("tiny_bias"));
        const auto& config = model->config();
        const PackedSequences packed = packSequences({{4, 8, 15, 16, 23, 42}, {4, 8, 77}});
        auto weights = loadBlock(*model, 0);
        QVERIFY(weights.has_value());
        const auto run = [&] {
            Matrix hidden = std::move(*embedTokens(*model, packed.tokens));
            (void)forwardBlock(config, *weights, packed, hidden);
            return hidden;
        };
        const Matrix plain = run();
        for (LinearWeights& linear : weights->linears) linear.input.bits = 8;
        const Matrix eight = run();
        QVERIFY(relativeError(eight.span(), plain.span()) > 1e-5);
        QVERIFY(relativeError(eight.span(), plain.span()) < 0.05);
        for (LinearWeights& linear : weights->linears) linear.input.bits = 4;
        const Matrix four = run();
        QVERIFY(relativeError(four.span(), plain.span()) > relativeError(eight.span(), plain.span()));
        // Only the value projection in 8 bits: queries and keys, and with them the rest, must keep their full input.
        for (LinearWeights& linear : weights->linears) linear.input.bits = 16;
        (*weights)[LinearRole::Value].input.bits = 8;
        const Matrix value = run();
        QVERIFY(relativeError(value.span(), plain.span()) > 1e-6);
        QVERIFY(relativeError(value.span(), plain.span()) < relativeError(eight.span(), plain.span()));
        (*weights)[LinearRole::Value].input.bits = 9;
        QVERIFY_EXCEPTION_THROWN(run(), std::invalid_argument);
    }

    void brokenInput() {
        const auto model = openModel(modelData("tiny_bias"));
        const auto& config = model->config();
        auto weights = loadBlock(*model, 0);
        QVERIFY(weights.has_value());
        QCOMPARE(loadBlock(*model, 3).error().kind, ErrorKind::NotFound);
        QCOMPARE(loadBlock(*model, -1).error().kind, ErrorKind::NotFound);
        const Tokens outside{3, 96};
        QCOMPARE(embedTokens(*model, outside).error().kind, ErrorKind::BadInput);
        const Tokens negative{-1};
        QCOMPARE(embedTokens(*model, negative).error().kind, ErrorKind::BadInput);

        const PackedSequences packed = packSequences({{4, 8, 15}});
        Matrix hidden = Matrix::zeros(2, 48);
        QVERIFY_EXCEPTION_THROWN(forwardBlock(config, *weights, packed, hidden), std::invalid_argument);
        hidden = Matrix::zeros(3, 48);
        PackedSequences broken = packed;
        broken.offsets = {0, 2};
        QVERIFY_EXCEPTION_THROWN(forwardBlock(config, *weights, broken, hidden), std::invalid_argument);
        (*weights)[LinearRole::Down].weight = Matrix::zeros(48, 79);
        QVERIFY_EXCEPTION_THROWN(forwardBlock(config, *weights, packed, hidden), std::invalid_argument);
    }

    void stops() {
        const auto model = openModel(modelData("tiny_bias"));
        const auto weights = loadBlock(*model, 0);
        QVERIFY(weights.has_value());
        const PackedSequences packed = packSequences({{4, 8, 15}});
        Matrix hidden = std::move(*embedTokens(*model, packed.tokens));
        std::stop_source source;
        QVERIFY(forwardBlock(model->config(), *weights, packed, hidden, source.get_token()));
        source.request_stop();
        QVERIFY(!forwardBlock(model->config(), *weights, packed, hidden, source.get_token()));
    }
};

QTEST_GUILESS_MAIN(TestDecoder)
#include "test_decoder.moc"
