// SPDX-License-Identifier: GPL-3.0-or-later
#include <random>

#include "core/model/packed_sequences.h"
#include "core/quantize/awq.h"
#include "core/quantize/block_calibration.h"
#include "core/quantize/calibrator.h"
#include "core/quantize/gptq.h"
#include "core/quantize/smooth_quant.h"
#include "tests/core/model/model_fixtures.h"

using namespace safequant;
using namespace safequant::testing;
using nlohmann::json;

namespace {

Matrix matrixOf(const json& values, std::size_t rows, std::size_t cols) {
    Matrix matrix(rows, cols);
    for (std::size_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = values[i].get<float>();
    return matrix;
}

InputStatistics statisticsOf(const Matrix& inputs) {
    InputStatistics statistics(inputs.cols());
    // In two calls, as chunks come.
    const std::size_t first = inputs.rows() / 3;
    statistics.add(inputs.data(), inputs.cols(), first);
    statistics.add(inputs.row(first), inputs.cols(), inputs.rows() - first);
    return statistics;
}

double outputError(const Matrix& weight, const QuantizedLinear& coded, const InputStatistics& inputs) {
    Matrix difference = coded.dequantize();
    for (std::size_t i = 0; i < difference.size(); ++i) difference.data()[i] -= weight.data()[i];
    return std::sqrt(inputs.outputEnergy(difference) / inputs.outputEnergy(weight));
}

bool sameCodes(const CodedBlock& a, const CodedBlock& b) {
    for (std::size_t i = 0; i < kLinearsPerBlock; ++i)
        if (a.linears[i].codes != b.linears[i].codes || a.linears[i].scales != b.linears[i].scales) return false;
    return a.weights.inputNorm == b.weights.inputNorm && a.weights.preFeedForwardNorm == b.weights.preFeedForwardNorm;
}

}  // namespace

/// Quantizers that look at activations.
class TestCalibration : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    std::shared_ptr<const Checkpoint> family(const std::string& name) const {
        const auto data = readJson(familyData(name + ".json"));
        return openFamily(m_folder.path().toStdString(), data["weights"], data["config"]);
    }
    static CalibrationSetup setup(std::shared_ptr<const Checkpoint> checkpoint, const char* method, const QuantizationScheme& scheme,
                                  const CalibrationOptions& options = {}) {
        CalibrationSetup setup;
        setup.plan = *planSchemes(checkpoint->config(), scheme, {});
        std::mt19937 random(5);
        std::uniform_int_distribution<std::int32_t> token(0, checkpoint->config().vocabulary - 1);
        for (int i = 0; i < 24; ++i) {
            LearningSample sample{std::to_string(i), i % 3 == 0 ? SampleKind::Text : SampleKind::Benign, {7, 8, 9}};
            for (int k = 0; k < 8; ++k) sample.tokens.push_back(token(random));
            setup.samples.push_back(std::move(sample));
        }
        setup.checkpoint = std::move(checkpoint);
        setup.method = *findQuantizationMethod(method);
        setup.options = options;
        return setup;
    }
    static std::unique_ptr<Calibrator> create(CalibrationSetup setup) {
        auto created = Calibrator::create(std::move(setup));
        if (!created) throw std::runtime_error(created.error().describe());
        return std::move(*created);
    }

private slots:
    /// Numbers computed in float64: factor, compensated weight, codes and errors of two columns.
    void gptqOfTwoColumns() {
        Matrix inputs(2, 2);
        inputs(0, 0) = 2.0F;
        inputs(0, 1) = 1.8F;
        inputs(1, 0) = 0.0F;
        inputs(1, 1) = 0.8717798F;  // The mean of x x^T is [[2, 1.8], [1.8, 2]].
        const InputStatistics statistics = statisticsOf(inputs);
        const std::vector<int> order = {0, 1};
        const auto factor = statistics.inverseFactor(order, 0.01);
        QVERIFY(factor != nullptr);
        QVERIFY(std::fabs((*factor)(0, 0) - 1.550360F) < 2e-6F);
        QVERIFY(std::fabs((*factor)(0, 1) + 1.381509F) < 2e-6F);
        QVERIFY(std::fabs((*factor)(1, 1) - 0.703598F) < 2e-6F);
        QCOMPARE((*factor)(1, 0), 0.0F);
        // Kept for the same settings, by copies together, until the sums change.
        InputStatistics copy = statistics;
        QVERIFY(copy.inverseFactor(order, 0.01) == factor);
        const std::vector<float> halves = {2.0F, 2.0F};
        copy.divide(halves);
        QVERIFY(std::fabs((*copy.inverseFactor(order, 0.01))(0, 0) - 2.0F * 1.550360F) < 4e-6F);
        QVERIFY(statistics.inverseFactor(order, 0.01) == factor);
        QVERIFY((*statistics.inverseFactor(order, 0.1))(0, 0) < (*factor)(0, 0));

        Matrix weight(1, 2);
        weight(0, 0) = weight(0, 1) = 0.7F;
        QuantizedLinear coded{{4, -1, true, 16}, 1, 2, {0, 0}, {0.5F}, {}};
        const auto meanSquare = [&] {
            const double relative = outputError(weight, coded, statistics);
            return relative * relative * statistics.outputEnergy(weight) / 2.0;
        };
        chooseCodes(weight, *factor, order, 128, false, false, coded);
        QCOMPARE(coded.codes, (std::vector<std::int8_t>{1, 2}));
        QVERIFY(std::fabs(meanSquare() - 0.0440) < 1e-5);
        coded.codes = {1, 1};
        QVERIFY(std::fabs(meanSquare() - 0.3040) < 1e-5);
        // A fine grid on the second column shows the weight it was given: 0.878218 = 112.4 / 128.
        coded = {{8, 1, true, 16}, 1, 2, {0, 0}, {0.5F, 0.0078125F}, {}};
        chooseCodes(weight, *factor, order, 1, false, false, coded);
        QCOMPARE(coded.codes, (std::vector<std::int8_t>{1, 112}));
    }

    void gptqAsReference_data() {
        QTest::addColumn<int>("index");
        const auto data = readJson(SAFEQUANT_TEST_DATA "/quantize/gptq.json");
        for (int i = 0; i < static_cast<int>(data["cases"].size()); ++i) QTest::addRow("case %d", i) << i;
    }
    /// Codes and scales of tests/references/make_gptq.py (float64, no blocks), whatever the block of columns.
    void gptqAsReference() {
        QFETCH(int, index);
        const auto data = readJson(SAFEQUANT_TEST_DATA "/quantize/gptq.json");
        const auto& expected = data["cases"][static_cast<std::size_t>(index)];
        const Matrix weight = matrixOf(data["weights"], data["rows"], data["columns"]);
        const InputStatistics inputs = statisticsOf(matrixOf(data["inputs"], data["samples"], data["columns"]));
        QCOMPARE(inputs.deadColumns(), 1);
        QuantizationScheme scheme{expected["bits"], expected["group"], expected["symmetric"], 16};
        scheme.orderedGroups = expected["order"] == "group";
        const bool isStatic = expected["order"] == "static", search = expected["search"];
        const auto order = visitingOrder(inputs, expected["order"] == "none" ? ColumnOrder::None : ColumnOrder::Static);
        const auto factor = inputs.inverseFactor(order, 0.01);
        QVERIFY(factor != nullptr);
        for (const int blockColumns : {128, 20, 1}) {
            QuantizedLinear coded = gridsOf(weight, scheme, search);
            if (scheme.orderedGroups) {
                coded.groupOf = groupsInOrder(order, scheme.groupSize);
                for (std::size_t i = 0; i < order.size(); ++i) QCOMPARE(coded.groupOf[i], expected["groups"][i].get<int>());
            }
            chooseCodes(weight, *factor, order, blockColumns, !isStatic, search, coded);
            for (std::size_t i = 0; i < coded.codes.size(); ++i) QCOMPARE(int(coded.codes[i]), expected["codes"][i].get<int>());
            for (std::size_t i = 0; i < coded.scales.size(); ++i) QCOMPARE(coded.scales[i], expected["scales"][i].get<float>());
            QVERIFY(std::fabs(outputError(weight, coded, inputs) / expected["output_error"].get<double>() - 1.0) < 1e-4);
        }
        QVERIFY(expected["output_error"].get<double>() < 0.8 * outputError(weight, roundToNearest(weight, scheme), inputs));
    }

    void smoothingScalesOfThreeChannels() {
        const std::vector<float> activations = {16.0F, 4.0F, 1.0F, 0.0F}, weights = {1.0F, 0.25F, 4.0F, 3.0F};
        QCOMPARE(smoothingScales(activations, weights, 0.5), (std::vector<float>{4.0F, 4.0F, 0.5F, 1.0F}));
        QVERIFY_EXCEPTION_THROWN(smoothingScales(activations, {}, 0.5), std::invalid_argument);
    }

    void awqAsReference_data() {
        QTest::addColumn<int>("index");
        const auto data = readJson(SAFEQUANT_TEST_DATA "/quantize/awq.json");
        for (int i = 0; i < static_cast<int>(data["cases"].size()); ++i) QTest::addRow("case %d", i) << i;
    }
    /// Scales, clipping, codes and error of tests/references/make_awq.py for a down projection; up makes good for the scales.
    void awqAsReference() {
        QFETCH(int, index);
        const auto layer = readJson(SAFEQUANT_TEST_DATA "/quantize/gptq.json");
        const auto data = readJson(SAFEQUANT_TEST_DATA "/quantize/awq.json");
        const auto& expected = data["cases"][static_cast<std::size_t>(index)];
        DecoderConfig config;
        config.hiddenSize = config.headDim = layer["rows"];
        config.intermediateSize = layer["columns"];
        config.blocks = config.heads = config.kvHeads = 1;
        const auto plan = planSchemes(config, {expected["bits"], expected["group"], expected["symmetric"], 16}, {{"up_proj", {16, -1, true, 16}}});
        BlockWeights weights;
        for (int i = 0; i < kLinearsPerBlock; ++i) {
            const auto [out, in] = linearShape(config, static_cast<LinearRole>(i));
            Matrix& weight = weights.linears[static_cast<std::size_t>(i)].weight;
            weight = Matrix(static_cast<std::size_t>(out), static_cast<std::size_t>(in));
            std::fill_n(weight.data(), weight.size(), 1.0F);
        }
        weights[LinearRole::Down].weight = matrixOf(layer["weights"], layer["rows"], layer["columns"]);
        BlockCalibration block(config, std::move(weights), *plan);
        InputStatistics inputs = statisticsOf(matrixOf(layer["inputs"], layer["samples"], layer["columns"]));
        CalibrationOptions options;
        options.awq.weightScales = expected["weight_scales"];
        options.awq.clipping = expected["clipping"];
        calibrateAwq(block, InputGroup::Down, inputs, options);
        const CodedBlock done = std::move(block).finish();
        const auto down = static_cast<std::size_t>(LinearRole::Down);
        const Matrix& up = done.weights[LinearRole::Up].weight;
        for (std::size_t c = 0; c < up.rows(); ++c) QVERIFY(std::fabs(up(c, 0) * expected["scales"][c].get<float>() - 1.0F) < 1e-5F);
        for (std::size_t i = 0; i < done.linears[down].codes.size(); ++i)
            QCOMPARE(int(done.linears[down].codes[i]), expected["codes"][i].get<int>());
        QVERIFY(std::fabs(done.reports[down].outputError / expected["output_error"].get<double>() - 1.0) < 1e-4);
    }

    /// Less error than rounding in every kind of group, with blocks of every family on the way; what is folded is still an ordinary block.
    void awqBeatsRounding_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"llama", "gemma2", "gemma3", "qwen2"}) QTest::newRow(name) << name;
    }
    void awqBeatsRounding() {
        QFETCH(QString, name);
        const auto checkpoint = family(name.toStdString());
        const DecoderConfig& config = checkpoint->config();
        const QuantizationScheme scheme{3, 16, false, 16};
        CalibrationSetup given = setup(checkpoint, "awq", scheme);
        const auto plan = given.plan;
        const CalibrationSet set(config, given.samples);
        auto original = set.embed(*checkpoint), scaled = set.embed(*checkpoint), nearest = set.embed(*checkpoint);
        const auto awq = create(std::move(given));
        const auto weights = loadBlock(*checkpoint, 0);
        const auto block = awq->calibrate();
        QVERIFY(block.has_value());
        // With post-norms and norms of queries and keys (Gemma 3) these get no scales.
        QCOMPARE(block->weights.inputNorm == weights->inputNorm, config.qkNorm && config.postNorms);
        QVERIFY(block->weights.preFeedForwardNorm != weights->preFeedForwardNorm);
        QVERIFY(set.advance(config, *weights, *original) && set.advance(config, block->weights, *scaled));
        QVERIFY(set.advance(config, quantizeBlock(*loadBlock(*checkpoint, 0), planOfBlock(plan, 0)).weights, *nearest));
        const double error = relativeError((*scaled)[0].span(), (*original)[0].span());
        const double rounded = relativeError((*nearest)[0].span(), (*original)[0].span());
        QVERIFY2(error > 0.0 && error < 0.95 * rounded, qPrintable(QString("%1 against %2").arg(error).arg(rounded)));
    }

    void foldingChangesNoLogits_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"llama", "gemma", "gemma2", "gemma3", "qwen2", "qwen3", "phi3"}) QTest::newRow(name) << name;
    }
    /// Every group's scales moved by factors from 1/4 to 4: biases, norms that add 1, shared key and value heads.
    void foldingChangesNoLogits() {
        QFETCH(QString, name);
        const auto checkpoint = family(name.toStdString());
        const DecoderConfig& config = checkpoint->config();
        const auto plan = planSchemes(config, {16, -1, true, 16}, {});
        std::mt19937 random(3);
        std::uniform_real_distribution<float> exponent(-2.0F, 2.0F);
        const auto sequences = packSequences({{1, 5, 9, 13, 2}, {1, 5, 30, 11}});
        auto original = embedTokens(*checkpoint, sequences.tokens), folded = embedTokens(*checkpoint, sequences.tokens);
        for (int index = 0; index < config.blocks; ++index) {
            auto weights = loadBlock(*checkpoint, index);
            QVERIFY(forwardBlock(config, *weights, sequences, *original));
            BlockCalibration block(config, std::move(*weights), planOfBlock(*plan, index));
            for (const InputGroup group : kInputGroups) {
                std::vector<float> scales(block.weight(linearsOf(group).front()).cols());
                for (float& scale : scales) scale = std::exp2(exponent(random));
                const auto head = static_cast<std::size_t>(config.headDim), shared = static_cast<std::size_t>(config.heads / config.kvHeads);
                if (group == InputGroup::Output)
                    for (std::size_t c = 0; c < scales.size(); ++c) scales[c] = scales[c / head / shared * shared * head + c % head];
                InputStatistics inputs(scales.size());
                block.fold(group, scales, inputs);
            }
            const CodedBlock done = std::move(block).finish();
            QVERIFY(done.weights.inputNorm != loadBlock(*checkpoint, index)->inputNorm);
            QVERIFY(forwardBlock(config, done.weights, sequences, *folded));
        }
        const auto head = loadOutputHead(*checkpoint);
        std::vector<std::int32_t> rows(sequences.rows());
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int32_t>(i);
        const double error = relativeError(computeLogits(config, *head, *folded, rows).span(), computeLogits(config, *head, *original, rows).span());
        QVERIFY2(error > 0.0 && error < 1e-4, qPrintable(QString::number(error)));
    }

    void unequalScalesOfSharedHeadsAreRefused() {
        const auto checkpoint = family("llama");
        QVERIFY(checkpoint->config().heads > checkpoint->config().kvHeads);
        BlockCalibration block(checkpoint->config(), *loadBlock(*checkpoint, 0), planOfBlock(*planSchemes(checkpoint->config(), {}, {}), 0));
        std::vector<float> scales(static_cast<std::size_t>(checkpoint->config().queryWidth()), 1.0F);
        scales.back() = 2.0F;
        InputStatistics inputs(scales.size());
        QVERIFY_EXCEPTION_THROWN(block.fold(InputGroup::Output, scales, inputs), std::invalid_argument);
    }

    /// Fewer bits of output error than rounding, on the inputs that each linear really gets.
    void gptqBeatsRounding() {
        const auto checkpoint = family("llama");
        const QuantizationScheme scheme{3, -1, true, 16};
        const auto gptq = create(setup(checkpoint, "gptq", scheme));
        const auto smoothed = create(setup(checkpoint, "smoothquant", scheme));
        double gptqError = 0.0, roundingError = 0.0;
        for (int index = 0; index < checkpoint->config().blocks; ++index) {
            const auto block = gptq->calibrate();
            const auto rounded = smoothed->calibrate();
            QVERIFY(block && rounded);
            for (std::size_t i = 0; i < kLinearsPerBlock; ++i) {
                QVERIFY(block->reports[i].outputError > 0.0 && block->reports[i].weightError > block->reports[i].outputError);
                QVERIFY(block->reports[i].seconds > 0.0 && !block->reports[i].roundedToNearest);
                gptqError += block->reports[i].outputError;
                roundingError += rounded->reports[i].outputError;
            }
        }
        QVERIFY2(gptqError < 0.8 * roundingError, qPrintable(QString("%1 against %2").arg(gptqError).arg(roundingError)));
    }

    /// A block depends on what the blocks before it became, and passing a coded block leaves the stream where coding it did.
    void passingIsCalibrating() {
        const auto checkpoint = family("gemma2");
        CalibrationOptions options;
        options.smoothing.on = true;
        const auto make = [&] { return create(setup(checkpoint, "gptq", {2, 16, false, 8}, options)); };
        const auto calibrating = make(), passing = make(), unquantized = make();
        const auto first = calibrating->calibrate(), second = calibrating->calibrate();
        QVERIFY(first && second);
        QVERIFY(passing->pass(first->weights).has_value());
        QCOMPARE(passing->next(), 1);
        const auto again = passing->calibrate();
        QVERIFY(again && sameCodes(*again, *second));
        QVERIFY(unquantized->pass(*loadBlock(*checkpoint, 0)).has_value());
        const auto other = unquantized->calibrate();
        QVERIFY(other && !sameCodes(*other, *second));
    }

    void stoppedBlocksCanBeAskedAgain() {
        const auto make = [&] { return create(setup(family("qwen2"), "gptq", {4, 16, false, 16})); };
        const auto stopped = make();
        std::stop_source stop;
        stop.request_stop();
        const auto cancelled = stopped->calibrate(stop.get_token());
        QVERIFY(!cancelled && cancelled.error().kind == ErrorKind::Cancelled);
        QCOMPARE(stopped->next(), 0);
        const auto again = stopped->calibrate();
        QVERIFY(again && sameCodes(*again, *make()->calibrate()));
    }

    void linearsLeftAloneStay() {
        const auto checkpoint = family("llama");
        CalibrationSetup given = setup(checkpoint, "gptq", {4, -1, true, 8});
        given.plan = *planSchemes(checkpoint->config(), {4, -1, true, 8}, {{"(up|down)_proj", {16, -1, true, 16}}});
        const auto block = create(std::move(given))->calibrate();
        QVERIFY(block.has_value());
        const auto original = loadBlock(*checkpoint, 0);
        for (const LinearRole role : {LinearRole::Up, LinearRole::Down}) {
            QVERIFY(block->linears[static_cast<std::size_t>(role)].codes.empty());
            QCOMPARE(relativeError(block->weights[role].weight.span(), (*original)[role].weight.span()), 0.0);
            QCOMPARE(block->weights[role].input.bits, 16);
        }
        QCOMPARE(block->weights[LinearRole::Gate].input.bits, 8);
        QVERIFY(!block->linears[static_cast<std::size_t>(LinearRole::Gate)].codes.empty());
    }

    /// Inputs that are all alike make a Hessian of rank 1; damping that vanishes in double precision does not help.
    void hessiansThatCannotBeFactoredAreSaid() {
        const auto checkpoint = family("llama");
        const auto plan = planSchemes(checkpoint->config(), {4, 16, false, 16}, {});
        const auto width = static_cast<std::size_t>(checkpoint->config().hiddenSize);
        Matrix ones(4, width);
        std::fill_n(ones.data(), ones.size(), 1.0F);
        CalibrationOptions options;
        for (const double damping : {1e-30, 0.01}) {
            BlockCalibration block(checkpoint->config(), *loadBlock(*checkpoint, 0), planOfBlock(*plan, 0));
            InputStatistics inputs = statisticsOf(ones);
            options.gptq.damping = damping;
            calibrateGptq(block, InputGroup::GateUp, inputs, options);
            const Matrix original = block.weight(LinearRole::Up).clone();
            const CodedBlock done = std::move(block).finish();
            const auto up = static_cast<std::size_t>(LinearRole::Up);
            const bool nearest = done.linears[up].codes == roundToNearest(original, (*plan)[up].actual).codes;
            QCOMPARE(done.reports[up].roundedToNearest, damping < 0.01);
            QCOMPARE(nearest, damping < 0.01);
        }
    }

    void refusesNoSamples() {
        CalibrationSetup empty = setup(family("llama"), "gptq", {});
        empty.samples.clear();
        const auto created = Calibrator::create(std::move(empty));
        QVERIFY(!created && created.error().kind == ErrorKind::BadInput);
    }
};

QTEST_GUILESS_MAIN(TestCalibration)
#include "test_calibration.moc"
