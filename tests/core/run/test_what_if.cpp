// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QtTest>
#include <cmath>

#include "core/activations/capture.h"
#include "core/activations/store.h"
#include "core/base/files.h"
#include "core/quantize/calibrator.h"
#include "core/quantize/quantize_block.h"
#include "core/run/block_results.h"
#include "core/run/block_stage.h"
#include "core/run/what_if.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

namespace {

json schemeJson(int bits, int group, bool symmetric, int activationBits) {
    return {{"weight_bits", bits}, {"group_size", group}, {"symmetric", symmetric}, {"activation_bits", activationBits}};
}

WhatIfScheme asked(const json& quantization) {
    auto scheme = whatIfSchemeFromJson(quantization);
    if (!scheme) throw std::runtime_error(scheme.error().describe());
    return *scheme;
}

std::unique_ptr<WhatIf> opened(const std::string& folder) {
    auto whatIf = WhatIf::open(folder);
    if (!whatIf) throw std::runtime_error(whatIf.error().describe());
    return std::move(*whatIf);
}

std::vector<float> arrayOf(const ArrayFile& file, const std::string& name) { return file.arrays.at(name).values; }

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)); }

/// ||(W - Q) x||^2 of a linear behind the first norm over the last tokens of evaluation prompts as they are embedded, in float64.
double normedDistance(const ActivationStream& stream, const std::vector<bool>& evaluated, const BlockWeights& original, LinearRole role, const BlockWeights& other) {
    double sum = 0.0;
    for (std::size_t i = 0; i < evaluated.size(); ++i) {
        if (!evaluated[i]) continue;
        const float* row = stream.hidden.row(static_cast<std::size_t>(stream.sequences.offsets[i + 1]) - 1);
        double square = 0.0;
        for (std::size_t c = 0; c < stream.hidden.cols(); ++c) square += double(row[c]) * double(row[c]);
        const double scale = 1.0 / std::sqrt(square / double(stream.hidden.cols()) + 1e-5);
        const Matrix &before = original[role].weight, &now = other[role].weight;
        for (std::size_t r = 0; r < before.rows(); ++r) {
            double difference = 0.0;
            for (std::size_t c = 0; c < before.cols(); ++c)
                difference += (double(before(r, c)) * double(original.inputNorm[c]) - double(now(r, c)) * double(other.inputNorm[c])) * double(row[c]) * scale;
            sum += difference * difference;
        }
    }
    return sum;
}

}  // namespace

class TestWhatIf : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    std::string m_run;  ///< Quantized as the tiny run is.

    /// A run without evaluation.
    std::string finished(const json& quantization) {
        json spec = m_places.spec();
        spec["stages"] = {"capture", "quantize"};
        spec.erase("export");
        spec["quantization"] = quantization;
        const auto folder = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(folder);
        return folder;
    }

    /// Whether what a what-if says of a block is what a run's files say.
    static void compare(const protocol::WhatIfResult& result, const std::string& folder, int block) {
        const auto file = readArrayFile(blockPath(folder, "quantized", block));
        const auto summary = readBlockSummary(folder, "quantized", block);
        QVERIFY(file && summary && result.refined);
        QCOMPARE(result.logits, arrayOf(*file, "transferred/logits"));
        QCOMPARE(result.probe.values, arrayOf(*file, "coordinates/probe"));
        QCOMPARE(result.lda.values, arrayOf(*file, "coordinates/lda"));
        QCOMPARE(result.pca.values, arrayOf(*file, "coordinates/pca"));
        QCOMPARE(protocol::toJson(result.transferred).dump(), protocol::toJson(*summary->transferred).dump());
        QCOMPARE(protocol::toJson(result.refined->refitted).dump(), protocol::toJson(summary->refitted).dump());
        QCOMPARE(protocol::toJson(result.refined->refittedWithHard).dump(), protocol::toJson(summary->refittedWithHard).dump());
        QCOMPARE(protocol::toJson(*result.refined->transferredWithHard).dump(), protocol::toJson(*summary->transferredWithHard).dump());
        QCOMPARE(result.refined->streamRelativeError, summary->streamRelativeError);
        QCOMPARE(result.linears.size(), summary->linears.size());
        for (std::size_t i = 0; i < result.linears.size(); ++i) {
            QCOMPARE(result.linears[i].actual, summary->linears[i].actual);
            QCOMPARE(result.linears[i].bitsPerWeight, summary->linears[i].bitsPerWeight);
            QCOMPARE(result.linears[i].relativeError, summary->linears[i].relativeError);
        }
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        m_run = finished({{"default", schemeJson(4, 16, false, 16)}});
    }

    /// The inputs of the first block are the same in both streams: a run with the scheme measures what the what-if says.
    void theFirstBlockIsWhatARunMeasures_data() {
        QTest::addColumn<QString>("quantization");
        const auto row = [](const char* name, const json& quantization) { QTest::newRow(name) << QString::fromStdString(quantization.dump()); };
        row("the run's own", {{"default", schemeJson(4, 16, false, 16)}});
        row("W3 symmetric per channel", {{"default", schemeJson(3, -1, true, 16)}});
        row("W8A8", {{"default", schemeJson(8, -1, true, 8)}});
        row("NF4", {{"method", "nf4"}, {"options", {{"double_quantization", true}}}});
        row("LLM.int8", {{"method", "llm-int8"}, {"rules", {{{"pattern", "down_proj"}, {"weight_bits", 16}}}}});
        row("rules", {{"default", schemeJson(2, 16, false, 16)},
                      {"rules", {{{"pattern", "layers\\.0\\.self_attn\\.k_proj"}, {"weight_bits", 8}, {"activation_bits", 6}},
                                 {{"pattern", "mlp"}, {"weight_bits", 16}}}}});
    }

    void theFirstBlockIsWhatARunMeasures() {
        QFETCH(QString, quantization);
        const json scheme = json::parse(quantization.toStdString());
        const auto whatIf = opened(m_run);
        const auto ready = whatIf->prepare(0);
        QVERIFY2(ready.has_value(), ready ? "" : ready.error().describe().c_str());
        const auto quick = whatIf->tryScheme(asked(scheme));
        QVERIFY2(quick.has_value(), quick ? "" : quick.error().describe().c_str());
        QVERIFY(!quick->refined && quick->prompts == 56);
        const auto refined = whatIf->refine();
        QVERIFY2(refined.has_value(), refined ? "" : refined.error().describe().c_str());
        compare(*refined, finished(scheme), 0);
        QVERIFY(near(refined->relativeError, quick->relativeError, 0.0));
    }

    void aRotatedRun() {
        json spec{{"default", schemeJson(4, 16, false, 16)}, {"rotation", {{"residual", true}, {"heads", true}, {"seed", 1}}}};
        const auto folder = finished(spec);
        const auto whatIf = opened(folder);
        QVERIFY(whatIf->prepare(0).has_value());
        QVERIFY(whatIf->tryScheme(asked(spec)).has_value());
        compare(*whatIf->refine(), folder, 0);
        // Later blocks get the unquantized stream, which the rotated model computes up to rounding.
        QVERIFY(whatIf->prepare(3).has_value());
        QVERIFY(whatIf->tryScheme(asked({{"default", schemeJson(16, -1, true, 16)}}))->relativeError < 1e-4);
    }

    /// A block further in, against the whole block run over the base model's stream.
    void aLaterBlockAgainstTheWholeForwardPass() {
        constexpr int kBlock = 2;
        const json scheme{{"default", schemeJson(3, 16, false, 8)}, {"rules", {{{"pattern", "down_proj$"}, {"weight_bits", 6}}}}};
        const auto whatIf = opened(m_run);
        std::vector<std::uint64_t> steps;
        Progress progress;
        progress.report = [&](std::uint64_t done, std::uint64_t total) {
            QCOMPARE(total, std::uint64_t{2});
            steps.push_back(done);
        };
        QVERIFY(whatIf->prepare(kBlock, progress).has_value());
        QCOMPARE(steps, (std::vector<std::uint64_t>{0, 1}));
        const auto result = whatIf->tryScheme(asked(scheme));
        QVERIFY(result.has_value());

        const auto spec = readRunSpec(m_run + "/spec.json");
        const auto inputs = openInputs(*spec, false);
        auto stream = openCapturedStream(*inputs, *inputs->base);
        for (int block = 0; block < kBlock; ++block) QVERIFY(advance(*stream, inputs->base->config(), *loadBlock(*inputs->base, block)).has_value());
        const Matrix input = stream->hidden.clone();
        const auto original = loadBlock(*inputs->base, kBlock);
        const auto plan = planSchemes(inputs->base->config(), asked(scheme).scheme, asked(scheme).rules);
        const QuantizedBlock quantized = quantizeBlock(std::move(*loadBlock(*inputs->base, kBlock)), planOfBlock(*plan, kBlock));
        const auto activations = advance(*stream, inputs->base->config(), quantized.weights);
        const auto base = readArray(blockPath(m_run, "base", kBlock), "activations");
        double difference = 0.0, norm = 0.0;
        for (const std::size_t row : inputs->layout.evaluationRows)
            for (std::size_t c = 0; c < activations->cols(); ++c) {
                const auto b = static_cast<double>(base->values[row * activations->cols() + c]);
                difference += std::pow(static_cast<double>((*activations)(row, c)) - b, 2);
                norm += b * b;
            }
        QVERIFY(near(result->relativeError, std::sqrt(difference / norm), 1e-12));
        QVERIFY(result->relativeError > 0.01);

        // The output error of the first linear, whose input is the normed stream.
        double error = 0.0, whole = 0.0;
        for (const std::size_t row : inputs->layout.evaluationRows) {
            const float* x = input.row(static_cast<std::size_t>(stream->sequences.lastRow(row)));
            double square = 0.0;
            for (std::size_t c = 0; c < input.cols(); ++c) square += std::pow(static_cast<double>(x[c]), 2);
            const double scale = 1.0 / std::sqrt(square / static_cast<double>(input.cols()) + static_cast<double>(inputs->base->config().normEpsilon));
            const Matrix& w = original->linears[0].weight;
            const Matrix& q = quantized.weights.linears[0].weight;
            for (std::size_t r = 0; r < w.rows(); ++r) {
                double exact = 0.0, rounded = 0.0;
                for (std::size_t c = 0; c < w.cols(); ++c) {
                    const double value = static_cast<double>(x[c]) * scale * static_cast<double>(original->inputNorm[c]);
                    exact += static_cast<double>(w(r, c)) * value;
                    rounded += static_cast<double>(q(r, c)) * value;
                }
                error += (exact - rounded) * (exact - rounded);
                whole += exact * exact;
            }
        }
        QVERIFY2(near(result->linears[0].outputError, std::sqrt(error / whole), 1e-5), qPrintable(QString::number(result->linears[0].outputError)));
        QCOMPARE(result->linears[6].actualBits, 6);
        QVERIFY(result->linears[6].outputError > 0.0 && result->linears[6].outputError < result->linears[5].outputError);
    }

    void differencesArePaired() {
        const auto whatIf = opened(m_run);
        QVERIFY(whatIf->prepare(1).has_value());
        const auto result = whatIf->tryScheme(asked({{"default", schemeJson(2, -1, true, 4)}}));
        QVERIFY(result && result->own);
        const auto base = readBlockSummary(m_run, "base", 1);
        const double change = result->transferred.accuracy.value - base->refitted.accuracy.value;
        QVERIFY(near(result->fromBase.value, change, 1e-12));
        const auto count = static_cast<double>(result->transferred.accuracy.total);
        QVERIFY(near(result->fromBase.value, (static_cast<double>(result->fromBase.onlyThere) - static_cast<double>(result->fromBase.onlyHere)) / count, 1e-12));
        QVERIFY(result->fromBase.interval.low <= change && change <= result->fromBase.interval.high);
        QVERIFY(near(result->own->difference.value, result->transferred.accuracy.value - result->own->accuracy.value, 1e-12));
        QCOMPARE(result->own->scheme, std::string("W4A16 g16 asymmetric"));
        // The run's own scheme against itself.
        const auto same = whatIf->tryScheme(asked({{"default", schemeJson(4, 16, false, 16)}}));
        QCOMPARE(same->own->difference.value, 0.0);
        QCOMPARE(same->own->relativeError, same->relativeError);
        QCOMPARE(same->own->bitsPerWeight, same->bitsPerWeight);
        QVERIFY(same->relativeError < result->relativeError);
        const auto exact = whatIf->tryScheme(asked({{"default", schemeJson(16, -1, true, 16)}}));
        QCOMPARE(exact->relativeError, 0.0);
        QCOMPARE(exact->bitsPerWeight, 16.0);
        QCOMPARE(exact->fromBase.value, 0.0);
        // Blocks in any order give the same.
        QVERIFY(whatIf->prepare(3).has_value() && whatIf->prepare(0).has_value() && whatIf->prepare(1).has_value());
        QCOMPARE(whatIf->tryScheme(asked({{"default", schemeJson(2, -1, true, 4)}}))->logits, result->logits);
    }

    /// Blocks of a method that keeps them are tried as the run left them.
    void aCalibratedRunsOwnBlock() {
        json spec = m_places.spec();
        spec["stages"] = {"capture", "quantize"};
        spec["calibration"] = {{"malicious", 8}, {"benign", 8}, {"texts", 0}, {"tasks", 0}};
        spec["quantization"] = {{"method", "smoothquant"}, {"default", schemeJson(4, 16, false, 8)}};
        const auto folder = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(folder);
        const auto whatIf = opened(folder);
        QVERIFY(whatIf->prepare(0).has_value());
        const auto result = whatIf->tryScheme(asked({{"default", schemeJson(8, 16, false, 16)}}));
        const auto summary = readBlockSummary(folder, "quantized", 0);
        QVERIFY(result && result->own);
        QCOMPARE(result->own->accuracy.count, summary->transferred->accuracy.count);
        QCOMPARE(result->own->accuracy.total, summary->transferred->accuracy.total);
        const auto refused = whatIf->tryScheme(asked({{"method", "awq"}}));
        QVERIFY(!refused);
        QCOMPARE(refused.error().kind, ErrorKind::Unsupported);
        QVERIFY(refused.error().message.find("needs a run") != std::string::npos);
    }

    /// What enters the first linears is the same for a what-if and for a calibrator on the same prompts: so are their codes.
    void quickMethodsCalibrateOnTheCalibrationPrompts() {
        const auto spec = readRunSpec(m_run + "/spec.json");
        const auto inputs = openInputs(*spec, false);
        const auto stream = openCapturedStream(*inputs, *inputs->base);
        std::vector<bool> evaluated(inputs->layout.prompts.size(), false);
        for (const std::size_t row : inputs->layout.evaluationRows) evaluated[row] = true;
        CalibrationSetup setup;
        setup.checkpoint = inputs->base;
        const auto& sequences = stream->sequences;
        for (std::size_t i = 0; i < evaluated.size(); ++i) {
            if (evaluated[i]) continue;
            LearningSample sample;
            sample.id = std::to_string(i);
            sample.tokens.assign(sequences.tokens.begin(), sequences.tokens.begin() + sequences.prefixLength);
            sample.tokens.insert(sample.tokens.end(), sequences.tokens.begin() + sequences.offsets[i], sequences.tokens.begin() + sequences.offsets[i + 1]);
            setup.samples.push_back(std::move(sample));
        }
        const auto original = loadBlock(*inputs->base, 0);
        auto zeros = loadBlock(*inputs->base, 0).value();
        for (LinearWeights& linear : zeros.linears) linear.weight = Matrix::zeros(linear.weight.rows(), linear.weight.cols());
        const auto whatIf = opened(m_run);
        QVERIFY(whatIf->prepare(0).has_value());
        const json scheme = schemeJson(3, -1, true, 16);
        const auto rounded = whatIf->tryScheme(asked({{"default", scheme}}));
        for (const char* method : {"gptq", "smoothquant"}) {
            const auto tried = whatIf->tryScheme(asked({{"method", method}, {"default", scheme}}));
            QVERIFY2(tried.has_value(), tried ? "" : tried.error().describe().c_str());
            QVERIFY(tried->relativeError > 0.0 && tried->relativeError != rounded->relativeError);
            setup.method = *findQuantizationMethod(method);
            setup.plan = *planSchemes(inputs->base->config(), asked({{"default", scheme}}).scheme, {});
            const auto calibrator = Calibrator::create(setup);
            QVERIFY2(calibrator.has_value(), calibrator ? "" : calibrator.error().describe().c_str());
            const auto coded = (*calibrator)->calibrate();
            QVERIFY(coded.has_value());
            for (std::size_t k = 0; k < 3; ++k) {
                QVERIFY2(near(tried->linears[k].relativeError, coded->reports[k].weightError, 1e-4), method);
                const auto role = static_cast<LinearRole>(k);
                const double expected = std::sqrt(normedDistance(*stream, evaluated, *original, role, coded->weights) / normedDistance(*stream, evaluated, *original, role, zeros));
                QVERIFY2(near(tried->linears[k].outputError, expected, 1e-4), method);
            }
            // Asked again, with what is kept, it says the same.
            QCOMPARE(whatIf->tryScheme(asked({{"method", method}, {"default", scheme}}))->logits, tried->logits);
        }
        const auto undamped = whatIf->tryScheme(asked({{"method", "gptq"}, {"default", scheme}, {"options", {{"damping", 1.0}}}}));
        QVERIFY(undamped && undamped->logits != whatIf->tryScheme(asked({{"method", "gptq"}, {"default", scheme}}))->logits);
        QVERIFY(!whatIfSchemeFromJson({{"method", "gptq"}, {"options", {{"dampening", 1.0}}}}));
        std::stop_source stop;
        stop.request_stop();
        QCOMPARE(whatIf->tryScheme(asked({{"method", "gptq"}, {"default", scheme}}), stop.get_token()).error().kind, ErrorKind::Cancelled);
    }

    void refusals() {
        const auto whatIf = opened(m_run);
        QVERIFY(!whatIf->tryScheme({}) && !whatIf->refine());
        QCOMPARE(whatIf->prepare(4).error().kind, ErrorKind::NotFound);
        QCOMPARE(whatIf->prepare(-1).error().kind, ErrorKind::NotFound);
        QVERIFY(whatIf->prepare(0).has_value());
        const auto unmatched = whatIf->tryScheme(asked({{"rules", {{{"pattern", "nothing"}, {"weight_bits", 8}}}}}));
        QVERIFY(!unmatched && unmatched.error().message.find("found in no linear") != std::string::npos);
        QCOMPARE(whatIf->tryScheme(asked({{"method", "guess"}})).error().kind, ErrorKind::BadInput);
        QCOMPARE(WhatIf::open("/nowhere").error().kind, ErrorKind::NotFound);
        for (const json& broken : {json::array(), json{{"default", {{"weight_bits", 9}}}}, json{{"rules", 3}}, json{{"method", 1}},
                                   json{{"rules", {{{"pattern", "("}}}}}})
            QVERIFY2(!whatIfSchemeFromJson(broken), broken.dump().c_str());

        std::stop_source stop;
        stop.request_stop();
        Progress stopped;
        stopped.stop = stop.get_token();
        QCOMPARE(whatIf->prepare(3, stopped).error().kind, ErrorKind::Cancelled);
        QVERIFY(whatIf->prepare(0).has_value());
        QCOMPARE(whatIf->tryScheme({}, stop.get_token()).error().kind, ErrorKind::Cancelled);
        QVERIFY(whatIf->tryScheme({}).has_value());
        QCOMPARE(whatIf->refine(stop.get_token()).error().kind, ErrorKind::Cancelled);
        QVERIFY(whatIf->refine().has_value());
    }

    /// Runs whose prompts or model have changed since.
    void changedInputs() {
        const auto folder = finished({{"default", schemeJson(4, 16, false, 16)}});
        const std::string prompts = m_places.inputs().toStdString() + "/prompts.jsonl";
        const std::string text = tiny::readAll(prompts);
        QVERIFY(writeFileAtomically(prompts, text + R"({"id":"more","prompt":"One more","label":"benign","split":"evaluation"})" + "\n").has_value());
        QCOMPARE(WhatIf::open(folder).error().kind, ErrorKind::Mismatch);
        QVERIFY(writeFileAtomically(prompts, text).has_value());
        const std::string weights = m_places.inputs().toStdString() + "/tiny-llama/model.safetensors";
        const std::string kept = tiny::readAll(weights);
        QVERIFY(writeFileAtomically(weights, tiny::readAll(m_places.inputs().toStdString() + "/tiny-aligned/model.safetensors")).has_value());
        QCOMPARE(opened(folder)->prepare(1).error().kind, ErrorKind::Mismatch);
        QVERIFY(writeFileAtomically(weights, kept).has_value());
    }
};

QTEST_GUILESS_MAIN(TestWhatIf)
#include "test_what_if.moc"
