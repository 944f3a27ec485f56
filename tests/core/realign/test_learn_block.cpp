// SPDX-License-Identifier: GPL-3.0-or-later
#include <random>

#include "core/quantize/quantize_block.h"
#include "core/realign/learn_block.h"
#include "core/tensor/tensor_conversion.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

/// Six chats with a common beginning, three of them malicious, and a passage of text.
std::vector<LearningSample> someSamples(int vocabulary) {
    std::mt19937 random(3);
    std::uniform_int_distribution<std::int32_t> token(0, vocabulary - 1);
    std::vector<LearningSample> samples;
    for (int i = 0; i < 7; ++i) {
        LearningSample sample{std::to_string(i), i == 6 ? SampleKind::Text : i < 3 ? SampleKind::Malicious : SampleKind::Benign, {}};
        if (i < 6) sample.tokens = {1, 2, 3, 4, 5};
        for (int k = 0; k < 5 + i; ++k) sample.tokens.push_back(token(random));
        samples.push_back(std::move(sample));
    }
    return samples;
}

std::vector<LinearPlan> planOf(const DecoderConfig& config, const QuantizationScheme& scheme) {
    auto plan = planSchemes(config, scheme, {});
    if (!plan) throw std::runtime_error(plan.error().describe());
    return *plan;
}

}  // namespace

class TestLearnBlock : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    std::shared_ptr<const Checkpoint> openFixture(const std::string& name) const {
        const auto data = readJson(familyData(name + ".json"));
        return openFamily(m_folder.path().toStdString(), data["weights"], data["config"]);
    }
    /// One block of a family with its streams.
    struct Case {
        DecoderConfig config;
        BlockWeights weights;
        CalibrationRows rows;
        CalibrationStream input;
        BlockTargets targets;
    };
    Case makeCase(const std::string& name) const {
        const auto model = openFixture(name);
        Case result{model->config(), std::move(*loadBlock(*model, 0)), CalibrationRows(model->config(), someSamples(model->config().vocabulary)), {}, {}};
        result.input = std::move(*result.rows.embed(*model));
        result.targets.fineTuned = cloneStream(result.input);
        result.rows.advance(result.config, result.weights, result.targets.fineTuned);
        return result;
    }
    static double errorOf(const Case& testCase, const BlockWeights& weights) {
        CalibrationStream output = cloneStream(testCase.input);
        testCase.rows.advance(testCase.config, weights, output);
        double error = 0.0;
        for (std::size_t g = 0; g < output.size(); ++g)
            for (std::size_t i = 0; i < output[g].size(); ++i)
                error += std::pow(static_cast<double>(output[g].data()[i]) - static_cast<double>(testCase.targets.fineTuned[g].data()[i]), 2);
        return error;
    }

private slots:
    void families_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3"}) QTest::newRow(name) << name;
    }

    /// Scales of all four pairs leave what a block computes as it was when nothing is rounded.
    void scalesAreEquivalent_data() { families_data(); }
    void scalesAreEquivalent() {
        QFETCH(QString, name);
        const Case testCase = makeCase(name.toStdString());
        LearnableTerms terms;
        terms.clipping = false;
        terms.initialAlpha = 0.5;
        const auto maxima = inputMaxima(testCase.config, testCase.weights, testCase.rows, testCase.input, 3, at::kCPU);
        const auto plan = planOf(testCase.config, {16, -1, true, 16});
        const BlockTerms learnable(testCase.config, testCase.weights, std::span(plan).first(kLinearsPerBlock), terms, maxima, at::kCPU);
        const CodedBlock coded = learnable.finish();
        QVERIFY(relativeError(coded.weights.inputNorm, testCase.weights.inputNorm) > 0.01);
        CalibrationStream output = cloneStream(testCase.input);
        testCase.rows.advance(testCase.config, coded.weights, output);
        for (std::size_t g = 0; g < output.size(); ++g) QVERIFY(relativeError(output[g].span(), testCase.targets.fineTuned[g].span()) < 1e-5);
    }

    void whatIsStoredIsWhatWasLearned_data() { families_data(); }
    /// The block as tensors while it is learned, and as the forward pass runs it afterwards.
    void whatIsStoredIsWhatWasLearned() {
        QFETCH(QString, name);
        const Case testCase = makeCase(name.toStdString());
        LearnableTerms terms;
        terms.offsets = true;
        terms.initialAlpha = 0.5;
        const auto maxima = inputMaxima(testCase.config, testCase.weights, testCase.rows, testCase.input, 3, at::kCPU);
        const auto plan = planOf(testCase.config, {4, -1, false, 16});
        BlockTerms learnable(testCase.config, testCase.weights, std::span(plan).first(kLinearsPerBlock), terms, maxima, at::kCPU);
        const CodedBlock coded = learnable.finish();
        const std::vector<std::size_t> all = {0, 1, 2, 3, 4, 5, 6};
        const CalibrationBatch batch = testCase.rows.batch(all);
        const auto angles = layoutAngles(testCase.config, batch.layout, at::kCPU);
        const at::Tensor learned = forwardTensorBlock(testCase.config, learnable.compose(), batch.layout, angles,
                                                      CalibrationRows::gather(testCase.input, batch, at::kCPU));
        CalibrationStream output = cloneStream(testCase.input);
        testCase.rows.advance(testCase.config, coded.weights, output);
        const Matrix expected = matrixOf(CalibrationRows::gather(output, batch, at::kCPU));
        QVERIFY(relativeError(matrixOf(learned.detach()).span(), expected.span()) < 1e-5);
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
            QVERIFY(relativeError(coded.weights.linears[i].weight.span(), coded.linears[i].dequantize().span()) == 0.0);
    }

    void rules_data() {
        QTest::addColumn<bool>("signs");
        QTest::newRow("AdamW") << false;
        QTest::newRow("sign gradient") << true;
    }
    void learningReconstructs_data() { rules_data(); }
    /// Learning takes the reconstruction error well below that of rounding, the same each time, and stops when asked.
    void learningReconstructs() {
        QFETCH(bool, signs);
        const Case testCase = makeCase("llama");
        const auto plan = planOf(testCase.config, {3, -1, false, 16});
        const auto entries = std::span(plan).first(kLinearsPerBlock);
        BlockLearning learning;
        learning.objective = RealignObjective::reconstruction();
        learning.terms.offsets = true;
        learning.epochs = 40;
        learning.batchSize = 3;
        if (signs) {
            learning.rule = LearningRule::SignGradient;
            learning.terms.clippingInRange = true;
            learning.terms.equivalences.fill(false);
            learning.terms.clippingRate = learning.terms.offsetRate = 0.01;
        }
        std::vector<EpochLosses> epochs;
        const auto learn = [&] {
            epochs.clear();
            return learnBlock(testCase.config, testCase.weights, entries, testCase.rows, testCase.input, testCase.targets, learning, at::kCPU, {},
                              [&](const EpochLosses& losses) { epochs.push_back(losses); });
        };
        const auto once = learn();
        QVERIFY(once.has_value());
        QCOMPARE(epochs.size(), std::size_t{40});
        QVERIFY(epochs.back().benign < 0.5 * epochs.front().benign);
        const double rounded = errorOf(testCase, quantizeBlock(std::move(makeCase("llama").weights), entries).weights);
        const double learned = errorOf(testCase, once->weights);
        QVERIFY2(learned < 0.5 * rounded, qPrintable(QString("%1 against %2").arg(learned).arg(rounded)));
        const auto again = learn();
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) QVERIFY(again->linears[i].codes == once->linears[i].codes);
        QCOMPARE(once->reports.size(), static_cast<std::size_t>(kLinearsPerBlock));
        for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
            const double error = once->reports[i].weightError;
            const double fromStored = quantizationError(testCase.weights.linears[i].weight, once->linears[i]).relative;
            // Scales move into weights: from those in the file a scaled weight is as far as the scales moved it.
            QVERIFY2(signs ? std::abs(error - fromStored) < 1e-4 * fromStored : error > 0.0 && error < 0.5,
                     qPrintable(QString("%1, %2 from the stored weight").arg(error).arg(fromStored)));
        }

        std::stop_source stop;
        stop.request_stop();
        QVERIFY(!learnBlock(testCase.config, testCase.weights, entries, testCase.rows, testCase.input, testCase.targets, learning, at::kCPU,
                            Progress{stop.get_token(), {}}));
    }

    void lossesAreAsWritten_data() {
        QTest::addColumn<bool>("asNormsRead");
        QTest::newRow("mean square") << false;
        QTest::newRow("as norms read") << true;
    }
    /// The terms of the loss on a batch against sums written out.
    void lossesAreAsWritten() {
        QFETCH(bool, asNormsRead);
        const Case testCase = makeCase("llama");
        BlockTargets targets;
        targets.fineTuned = cloneStream(testCase.targets.fineTuned);
        targets.malicious = cloneStream(testCase.input);
        targets.probe.weights.assign(static_cast<std::size_t>(testCase.config.hiddenSize), 0.0F);
        targets.probe.weights[1] = 2.0F;
        targets.probe.bias = -0.25F;
        RealignObjective objective;
        if (asNormsRead) {
            objective.metric = ErrorMetric::AsNormsRead;
            for (int d = 0; d < testCase.config.hiddenSize; ++d) targets.channelWeights.push_back(0.25F * static_cast<float>(1 + d % 5));
        }
        objective.benign = 0.5;
        objective.benignLast = 1.5;
        objective.malicious = 2.0;
        objective.maliciousLast = 3.0;
        objective.probeMalicious = 0.75;
        objective.probeBenign = 1.25;
        objective.margin = 0.5;
        const std::vector<std::size_t> samples = {0, 4, 6};
        const CalibrationBatch batch = testCase.rows.batch(samples);
        at::manual_seed(9);
        const at::Tensor output = at::randn({batch.layout.rows, testCase.config.hiddenSize});
        const BatchLoss loss = BlockLoss(objective, testCase.rows, targets, at::kCPU)(batch, output);

        const Matrix rows = matrixOf(output);
        const Matrix tuned = matrixOf(CalibrationRows::gather(targets.fineTuned, batch, at::kCPU));
        const Matrix malicious = matrixOf(CalibrationRows::gather(targets.malicious, batch, at::kCPU));
        const auto meanError = [&](const Matrix& target, std::int32_t row) {
            double sum = 0.0, square = 0.0;
            for (std::size_t d = 0; d < rows.cols(); ++d) {
                const double aim = static_cast<double>(target(static_cast<std::size_t>(row), d));
                const double weight = asNormsRead ? static_cast<double>(targets.channelWeights[d]) : 1.0;
                sum += weight * std::pow(static_cast<double>(rows(static_cast<std::size_t>(row), d)) - aim, 2);
                square += weight * aim * aim;
            }
            return asNormsRead ? sum / square : sum / static_cast<double>(rows.cols());
        };
        const auto errorOfRows = [&](const Matrix& target, const std::vector<std::int32_t>& own) {
            double sum = 0.0;
            for (const std::int32_t row : own) sum += meanError(target, row);
            return sum / static_cast<double>(own.size());
        };
        const auto sampleError = [&](const Matrix& target, std::size_t i) { return errorOfRows(target, batch.sampleRows[i]); };
        const auto logit = [&](std::size_t i) { return 2.0 * static_cast<double>(rows(static_cast<std::size_t>(batch.lastRows[i]), 1)) - 0.25; };
        const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
        const double scale = asNormsRead ? 1.0 : meanSquare(targets.fineTuned);
        QCOMPARE(batch.prefixRows.size(), std::size_t{1});
        QCOMPARE(batch.prefixRows[0].size() + batch.sampleRows[0].size(), testCase.rows.samples()[0].tokens.size());
        const double expected = (2.0 * sampleError(malicious, 0) + 3.0 * meanError(malicious, batch.lastRows[0])) / scale +
                                0.5 * (errorOfRows(tuned, batch.prefixRows[0]) + sampleError(tuned, 1) + sampleError(tuned, 2)) / scale +
                                1.5 * meanError(tuned, batch.lastRows[1]) / scale + 0.75 * softplus(0.5 - logit(0)) +
                                1.25 * softplus(0.5 + logit(1));
        QVERIFY(std::abs(loss.total.item<double>() - expected) < 1e-4 * std::abs(expected));
        QVERIFY(std::abs(loss.benign + loss.malicious + loss.probe - expected) < 1e-4 * std::abs(expected));
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, BlockLoss(objective, testCase.rows, BlockTargets{{}, {}, {}, {}}, at::kCPU));
    }

    /// A signature moves the last positions of malicious samples by the mean difference and nothing else.
    void signatureMovesTheTail() {
        const Case testCase = makeCase("llama");
        RealignObjective objective = RealignObjective::signature(2.0);
        objective.tail = 2;
        const CalibrationStream target = maliciousTarget(objective, testCase.rows, testCase.targets.fineTuned, testCase.input);
        const auto difference = [&](std::size_t sample, std::int32_t back, std::size_t d) {
            const auto [group, row] = testCase.rows.rowFromEnd(sample, back);
            const auto r = static_cast<std::size_t>(row);
            return std::pair{target[group](r, d) - testCase.targets.fineTuned[group](r, d), testCase.input[group](r, d) - testCase.targets.fineTuned[group](r, d)};
        };
        double mean = 0.0;
        for (std::size_t sample = 0; sample < 3; ++sample) mean += static_cast<double>(difference(sample, 1, 4).second) / 3.0;
        for (std::size_t sample = 0; sample < 3; ++sample) {
            QVERIFY(std::abs(static_cast<double>(difference(sample, 1, 4).first) - 2.0 * mean) < 1e-4);
            QCOMPARE(difference(sample, 2, 4).first, 0.0F);
        }
        for (std::size_t sample = 3; sample < 7; ++sample) QCOMPARE(difference(sample, 0, 4).first, 0.0F);
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, maliciousTarget(objective, testCase.rows, testCase.targets.fineTuned, {}));

        // The shift alone serves as well as the stream it is the mean of.
        const Matrix shift = meanShift(objective, testCase.rows, testCase.targets.fineTuned, testCase.input);
        QCOMPARE(shift.rows(), std::size_t{2});
        const CalibrationStream moved = maliciousTarget(objective, testCase.rows, testCase.targets.fineTuned, {}, shift);
        for (std::size_t group = 0; group < target.size(); ++group)
            QVERIFY(std::equal(target[group].span().begin(), target[group].span().end(), moved[group].span().begin()));
    }

    /// What is asked of a sample's last token is asked of its prompt's, and answers count among its own rows.
    void answersStandBehindPrompts() {
        const auto model = openFixture("llama");
        auto samples = someSamples(model->config().vocabulary);
        const CalibrationRows bare(model->config(), samples);
        for (LearningSample& sample : samples) {
            sample.answerTokens = sample.kind == SampleKind::Text ? 0 : 3;
            for (int k = 0; k < sample.answerTokens; ++k) sample.tokens.push_back(5 + k);
        }
        const CalibrationRows answered(model->config(), samples);
        const std::vector<std::size_t> all = {0, 1, 2, 3, 4, 5, 6};
        const CalibrationBatch without = bare.batch(all), with = answered.batch(all);
        const auto [bareStream, answeredStream] = std::pair{*bare.embed(*model), *answered.embed(*model)};
        const Matrix bareRows = matrixOf(CalibrationRows::gather(bareStream, without, at::kCPU));
        const Matrix answeredRows = matrixOf(CalibrationRows::gather(answeredStream, with, at::kCPU));
        for (const std::size_t i : all) {
            QCOMPARE(with.sampleRows[i].size(), without.sampleRows[i].size() + static_cast<std::size_t>(samples[i].answerTokens));
            for (std::size_t d = 0; d < bareRows.cols(); ++d)
                QCOMPARE(answeredRows(static_cast<std::size_t>(with.lastRows[i]), d), bareRows(static_cast<std::size_t>(without.lastRows[i]), d));
            const auto [group, row] = answered.rowFromEnd(i, 0);
            const auto [bareGroup, bareRow] = bare.rowFromEnd(i, 0);
            QCOMPARE(answeredStream[group](static_cast<std::size_t>(row), 3), bareStream[bareGroup](static_cast<std::size_t>(bareRow), 3));
        }
        samples[2].answerTokens = static_cast<std::int32_t>(samples[2].tokens.size());
        QVERIFY_THROWS_EXCEPTION(std::invalid_argument, CalibrationRows(model->config(), samples));
    }

    void channelsWeighWhatNormsRead_data() { families_data(); }
    /// The mean of all norms behind a block, each relative to its own mean square.
    void channelsWeighWhatNormsRead() {
        QFETCH(QString, name);
        const auto model = openFixture(name.toStdString());
        const DecoderConfig& config = model->config();
        const auto weights = channelWeights(*model);
        QVERIFY(weights.has_value());
        QCOMPARE(weights->size(), static_cast<std::size_t>(config.blocks));
        for (int block = 0; block < config.blocks; ++block) {
            std::vector<std::vector<float>> norms = {loadOutputHead(*model)->norm};
            for (int behind = block + 1; behind < config.blocks; ++behind) {
                const BlockWeights read = *loadBlock(*model, behind);
                norms.insert(norms.end(), {read.inputNorm, read.preFeedForwardNorm});
            }
            std::vector<double> expected(static_cast<std::size_t>(config.hiddenSize), 0.0);
            for (const auto& norm : norms) {
                double mean = 0.0;
                for (const float w : norm) mean += std::pow(static_cast<double>(w) + (config.normAddsOne ? 1.0 : 0.0), 2) / config.hiddenSize;
                for (std::size_t d = 0; d < norm.size(); ++d)
                    expected[d] += std::pow(static_cast<double>(norm[d]) + (config.normAddsOne ? 1.0 : 0.0), 2) / mean / static_cast<double>(norms.size());
            }
            for (std::size_t d = 0; d < expected.size(); ++d)
                QVERIFY(std::abs(static_cast<double>((*weights)[static_cast<std::size_t>(block)][d]) - expected[d]) < 1e-5 * expected[d] + 1e-7);
        }
    }
};

QTEST_GUILESS_MAIN(TestLearnBlock)
#include "test_learn_block.moc"
