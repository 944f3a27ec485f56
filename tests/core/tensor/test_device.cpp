// SPDX-License-Identifier: GPL-3.0-or-later
// What a device computes against what the processor's own kernels do. Rows of "cuda" are skipped where there is no such card.
#include <numeric>

#include "core/base/random.h"
#include "core/model/generation.h"
#include "core/model/language_model.h"
#include "core/tensor/device.h"
#include "core/tensor/open_device.h"
#include "core/tensor/tensor_conversion.h"
#include "core/tensor/tensor_device.h"
#include "tests/core/model/model_fixtures.h"
#include "tests/support/or_throw.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

constexpr const char* kFamilies[] = {"llama", "llama_dynamic", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "phi3_longrope"};

/// Chunks that cut sequences, and blocks that take turns.
constexpr TensorLimits kTight{7, 1};

/// Relative: of float32 with another order of summation; a card's is one more.
double tolerance(const QString& device) { return device == "cuda" ? 1e-4 : 1e-5; }

struct Family {
    std::shared_ptr<const Checkpoint> model;
    std::vector<Tokens> sequences, greedy;
};

}  // namespace

class TestDevice : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    Family open(const QString& name) const {
        const auto data = readJson(familyData(name.toStdString() + ".json"));
        Family family{openFamily(m_folder.path().toStdString(), data["weights"], data["config"]), {}, {}};
        for (const auto& entry : data["cases"]) {
            family.sequences.push_back(entry["tokens"].get<Tokens>());
            family.greedy.push_back(entry["greedy"].get<Tokens>());
        }
        return family;
    }

    /// Where there is no card, one row says so.
    static void addRows() {
        QTest::addColumn<QString>("device");
        QTest::addColumn<QString>("family");
        for (const char* family : kFamilies) QTest::addRow("torch:cpu, %s", family) << "torch:cpu" << family;
        for (const char* family : kFamilies) {
            QTest::addRow("cuda, %s", family) << "cuda" << family;
            if (!parseDevice("cuda")) break;
        }
    }

private slots:
    void blocksAgree_data() { addRows(); }

    /// Every block of every family with a shared prefix and without, in one chunk and in many, at 16 and at 8 activation bits.
    void blocksAgree() {
        QFETCH(QString, device);
        QFETCH(QString, family);
        const auto opened = parseDevice(device.toStdString());
        if (!opened) QSKIP(opened.error().describe().c_str());
        const auto [model, sequences, greedy] = open(family);
        const DecoderConfig& config = model->config();
        double worst = 0.0;
        for (const bool share : {true, false})
            for (const TensorLimits& limits : {TensorLimits{}, kTight}) {
                const TensorDevice tensors(*opened, limits);
                const PackedSequences packed = packSequences(sequences, share && mayShare(config, sequences));
                for (const int bits : {16, 8}) {
                    Matrix expected = orThrow(embedTokens(*model, packed.tokens));
                    for (int index = 0; index < config.blocks; ++index) {
                        auto weights = orThrow(loadBlock(*model, index));
                        for (LinearWeights& linear : weights.linears) linear.input.bits = bits;
                        Matrix actual = expected.clone();
                        QVERIFY(tensors.forwardBlock(config, weights, packed, actual));
                        QVERIFY(forwardBlock(config, weights, packed, expected));
                        const double error = relativeError(actual.span(), expected.span());
                        // Codes may fall to either side of a tie in the last bit of their inputs.
                        QVERIFY2(error < (bits == 16 ? tolerance(device) : 3e-3), qPrintable(QString("block %1: %2").arg(index).arg(error)));
                        if (bits == 16) worst = std::max(worst, error);
                    }
                }
            }
        qInfo("largest relative error of a block: %.2g", worst);
    }

    void languageModelsAgree_data() { addRows(); }

    /// Logits, likelihoods and answers, with all blocks on the device and with one.
    void languageModelsAgree() {
        QFETCH(QString, device);
        QFETCH(QString, family);
        const auto opened = parseDevice(device.toStdString());
        if (!opened) QSKIP(opened.error().describe().c_str());
        const auto [model, sequences, greedy] = open(family);
        const auto plain = orThrow(LanguageModel::load(model, checkpointBlocks(model)));
        const Matrix logits = plain->lastLogits(sequences);
        const auto score = orThrow(plain->score(sequences));
        for (const TensorLimits& limits : {TensorLimits{}, kTight}) {
            const auto tensors = orThrow(TensorDevice(*opened, limits).load(model, checkpointBlocks(model)));
            const double error = relativeError(tensors->lastLogits(sequences).span(), logits.span());
            QVERIFY2(error < tolerance(device), qPrintable(QString("logits: %1").arg(error)));

            const auto scored = orThrow(tensors->score(sequences));
            QCOMPARE(scored.tokens, score.tokens);
            const auto perplexity = [](const auto& likelihood) {
                return std::exp(likelihood.negativeLogLikelihood / static_cast<double>(likelihood.tokens));
            };
            QVERIFY2(std::abs(perplexity(scored) / perplexity(score) - 1.0) < tolerance(device),
                     qPrintable(QString("perplexity %1, expected %2").arg(perplexity(scored)).arg(perplexity(score))));
            const std::vector<Tokens> endings = {{3, 1, 4}, {1, 5, 9, 2}, {6}};
            const auto expected = orThrow(plain->scoreContinuations(sequences[0], endings));
            const auto actual = orThrow(tensors->scoreContinuations(sequences[0], endings));
            for (std::size_t i = 0; i < endings.size(); ++i)
                QVERIFY(std::abs(actual[i].negativeLogLikelihood - expected[i].negativeLogLikelihood) <
                        10.0 * tolerance(device) * expected[i].negativeLogLikelihood);

            // Fewer at once than there are: places of answers that end are used again.
            for (const int batch : {64, 2}) {
                DecodingOptions options;
                options.maxNewTokens = 10;
                options.maxBatch = batch;
                const auto answers = orThrow(tensors->generate(sequences, options));
                for (std::size_t i = 0; i < answers.size(); ++i) QCOMPARE(answers[i].tokens, greedy[i]);
                options.sample = true;
                options.seed = 9;
                const auto sampled = orThrow(tensors->generate(sequences, options));
                const auto wanted = orThrow(plain->generate(sequences, options));
                for (std::size_t i = 0; i < sampled.size(); ++i) QCOMPARE(sampled[i].tokens, wanted[i].tokens);
            }
        }
    }

    /// Blocks give up their room on the device one by one, and are used in order with the same values wherever they are.
    void blocksGiveUpRoom() {
        const auto [model, sequences, greedy] = open("qwen2");
        DeviceBlocks blocks(model->config(), at::kCPU, 100);
        constexpr std::size_t kCopies = 3;
        std::vector<double> sums;
        for (std::size_t copy = 0; copy < kCopies; ++copy)
            for (int index = 0; index < model->config().blocks; ++index) {
                auto weights = orThrow(loadBlock(*model, index));
                for (float& value : weights[LinearRole::Query].weight.span()) value += static_cast<float>(copy);
                sums.push_back(std::accumulate(weights[LinearRole::Query].weight.span().begin(), weights[LinearRole::Query].weight.span().end(), 0.0));
                blocks.add(weights);
            }
        QCOMPARE(blocks.resident(), sums.size());
        const auto check = [&] {
            std::size_t next = 0;
            QVERIFY(blocks.visit([&](std::size_t index, const TensorBlock& block) {
                const double sum = block[LinearRole::Query].weight.to(at::kDouble).sum().item<double>();
                return index == next && std::abs(sum - sums[next++]) < 1e-6 * (1.0 + std::abs(sum));
            }));
            QCOMPARE(next, sums.size());
        };
        check();
        std::size_t before = blocks.resident();
        while (blocks.resident() > 0) {
            int failures = 1;
            const int result = blocks.withRoom([&] {
                if (failures-- > 0) throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "full");
                return 42;
            });
            QCOMPARE(result, 42);
            QVERIFY(blocks.resident() < before);
            before = blocks.resident();
            check();
        }
        QVERIFY_THROWS_EXCEPTION(std::bad_alloc,
                                 blocks.withRoom([]() -> int { throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "full"); }));
        QVERIFY(!blocks.visit([](std::size_t index, const TensorBlock&) { return index < 1; }));
    }

    void plansCoverAllRows() {
        RandomStream random(3, "plans");
        for (int round = 0; round < 50; ++round) {
            std::vector<Tokens> sequences;
            const std::size_t count = 1 + random.below(9);
            for (std::size_t i = 0; i < count; ++i) {
                sequences.emplace_back(4, 7);
                sequences.back().resize(5 + random.below(30), static_cast<std::int32_t>(i));
            }
            const PackedSequences packed = packSequences(sequences, round % 2 == 0);
            const std::size_t most = 1 + random.below(40);
            const RowPlan plan = planRows(packed, most);
            std::size_t row = 0, begun = 0;
            for (const RowChunk& chunk : plan.chunks) {
                QCOMPARE(chunk.firstRow, row);
                QVERIFY(chunk.rows > 0 && chunk.rows <= most);
                std::size_t rows = 0;
                for (const CachedRun& run : chunk.runs) {
                    rows += static_cast<std::size_t>(run.rows);
                    QVERIFY(run.slot < plan.slotCount && run.position + run.rows <= run.length);
                    QVERIFY(run.length <= plan.positions);
                }
                QCOMPARE(rows, chunk.rows);
                if (chunk.begins) begun += chunk.runs.size();
                row += rows;
            }
            QCOMPARE(row, packed.rows());
            QCOMPARE(begun, packed.sequences());
        }
    }

    void stops() {
        const auto [model, sequences, greedy] = open("llama");
        const TensorDevice device(at::kCPU, kTight);
        std::stop_source source;
        source.request_stop();
        const PackedSequences packed = packSequences(sequences, true);
        Matrix hidden = orThrow(embedTokens(*model, packed.tokens));
        QVERIFY(!device.forwardBlock(model->config(), orThrow(loadBlock(*model, 0)), packed, hidden, source.get_token()));
        const Progress stopped{source.get_token(), {}};
        QCOMPARE(device.load(model, checkpointBlocks(model), stopped).error().kind, ErrorKind::Cancelled);
        const auto language = orThrow(device.load(model, checkpointBlocks(model)));
        QCOMPARE(language->generate(sequences, {}, {}, stopped).error().kind, ErrorKind::Cancelled);
        QCOMPARE(language->score(sequences, stopped).error().kind, ErrorKind::Cancelled);
        const BlockSource broken = [&](int block) -> Expected<BlockWeights> {
            if (block == 1) return fail(ErrorKind::Io, "gone", "block 1");
            return loadBlock(*model, block);
        };
        QCOMPARE(device.load(model, broken).error().message, "gone");
    }

    void namesDevices() {
        QVERIFY(orThrow(openDevice("cpu"))->isProcessor());
        const auto tensors = orThrow(openDevice("torch:cpu"));
        QVERIFY(!tensors->isProcessor());
        QCOMPARE(tensors->name(), "torch:cpu");
        for (const char* name : {"", "gpu", "torch", "cuda:", "cuda:x", "cuda:-1", "cuda:1x"})
            QCOMPARE(openDevice(name).error().kind, ErrorKind::BadInput);
        const auto missing = openDevice("cuda:99");
        QVERIFY(!missing && missing.error().kind == ErrorKind::Unsupported);
        if (at::globalContext().hasCUDA()) return;
        const auto none = openDevice("cuda");
        QVERIFY(!none && none.error().kind == ErrorKind::Unsupported && none.error().message.find("CMAKE_PREFIX_PATH") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestDevice)
#include "test_device.moc"
