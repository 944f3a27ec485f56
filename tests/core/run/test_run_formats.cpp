// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QtTest>
#include <cmath>

#include "core/quantize/method.h"
#include "core/quantize/quantize_block.h"
#include "core/run/coded_blocks.h"
#include "core/run/linear_analysis.h"
#include "core/run/run_folder.h"
#include "core/run/run_inputs.h"
#include "core/run/what_if.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;
using tiny::readAll;

namespace {

constexpr double kFloatRounding = 1e-6;

/// Bits of a linear of the tiny model, `rows` x `columns`, counted here.
double bitsOf(const std::string& format, double rows, double columns) {
    const double weights = rows * columns, blocks = std::ceil(weights / 64.0);
    if (format == "nf4" || format == "fp4") return 4.0 + 32.0 * blocks / weights;
    if (format == "nf4-double") return 4.0 + (8.0 * blocks + 64.0) / weights;
    if (format == "llm-int8") return 8.0 + 32.0 / columns;
    return 2.0 + (2 * 256 * 8 * 16 + 16.0 * rows) / weights;
}

}  // namespace

/// Runs with weights in formats of their methods' own.
class TestRunFormats : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;

    json specOf(const json& quantization, const char* format = "bf16") {
        json spec = tiny::learnedSpecJson(m_places.inputs());
        spec.erase("aligned");
        spec["quantization"] = quantization;
        if (quantization["method"] != "aqlm") spec.erase("calibration");
        spec["export"] = {{"folder", m_places.exportFolder().toStdString()}, {"format", format}};
        return spec;
    }
    std::string finished(const json& quantization) {
        const auto place = m_places.next();
        const auto run = tiny::makeRun(place, specOf(quantization));
        tiny::finishRun(run);
        return run;
    }

private slots:
    void initTestCase() { m_places.prepare(); }

    void runsAndExports_data() {
        QTest::addColumn<QString>("quantization");
        QTest::addColumn<QString>("bits");
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<int>("nominal");
        const auto row = [](const char* name, const json& quantization, const char* scheme, int nominal) {
            QTest::newRow(name) << QString::fromStdString(quantization.dump()) << name << scheme << nominal;
        };
        row("nf4", {{"method", "nf4"}}, "NF4 g64", 4);
        row("nf4-double", {{"method", "nf4"}, {"options", {{"double_quantization", true}}}}, "NF4 g64, double quantization", 4);
        row("fp4", {{"method", "fp4"}}, "FP4 g64", 4);
        row("llm-int8", {{"method", "llm-int8"}}, "LLM.int8 W8A8", 8);
        row("aqlm", {{"method", "aqlm"}, {"options", {{"rounds", 1}}}}, "AQLM 2x8", 2);
    }
    void runsAndExports() {
        QFETCH(QString, quantization);
        QFETCH(QString, bits);
        QFETCH(QString, scheme);
        QFETCH(int, nominal);
        const auto run = finished(json::parse(quantization.toStdString()));
        const auto state = readRunState(run);
        QVERIFY(state.has_value());
        QCOMPARE(state->summary.scheme, scheme.toStdString());
        int told = 0;
        for (const auto& block : state->blocks) {
            if (block.model != "quantized") continue;
            for (std::size_t i = 0; i < block.linears.size(); ++i) {
                const auto& linear = block.linears[i];
                const auto inputs = openInputs(*readRunSpec(run + "/spec.json"), false);
                const auto [rows, columns] = linearShape(inputs->checkpoint->config(), static_cast<LinearRole>(i));
                QCOMPARE(linear.actual, scheme.toStdString());
                QCOMPARE(linear.requested, linear.actual);
                // Rows of 32 and 48: blocks run on.
                QCOMPARE(linear.reason.empty(), bits == "aqlm" || bits == "llm-int8");
                QCOMPARE(linear.actualBits, nominal);
                QVERIFY2(std::fabs(linear.bitsPerWeight - bitsOf(bits.toStdString(), rows, columns)) < 1e-4, qPrintable(QString::number(linear.bitsPerWeight)));
                QVERIFY(linear.relativeError > 0.0 && linear.relativeError < 0.3);
                QCOMPARE(linear.outputError > 0.0, bits == "aqlm");
                ++told;
            }
        }
        QCOMPARE(told, 28);
        // The plain export holds the run's own values, rounded to bfloat16.
        const auto exported = openCheckpoint(m_places.exportFolder().toStdString());
        QVERIFY2(exported.has_value(), exported ? "" : exported.error().describe().c_str());
        const auto config = json::parse(readAll((m_places.exportFolder() + "/config.json").toStdString()));
        QVERIFY(!config.contains("quantization_config"));
        QCOMPARE(config["torch_dtype"], json("bfloat16"));
        const auto inputs = openInputs(*readRunSpec(run + "/spec.json"), false);
        const LinearPlan& plan = inputs->plan[9];
        const auto original = inputs->checkpoint->readMatrix(plan.name + ".weight");
        const auto meant = inputs->spec.keepsBlocks() ? readCodedLinear(run, inputs->checkpoint->config(), plan) : quantizeLinear(*original, plan.actual);
        QVERIFY(meant.has_value() && !meant->onGrid());
        const Matrix values = meant->dequantize();
        const auto read = (*exported)->readMatrix(plan.name + ".weight");
        for (std::size_t i = 0; i < values.size(); ++i) QVERIFY(std::fabs(read->data()[i] - values.data()[i]) <= std::fabs(values.data()[i]) / 256.0F);
        QVERIFY(quantizationError(*original, *meant).relative > 0.0);
        QVERIFY(!(read->span()[5] == original->span()[5] && read->span()[6] == original->span()[6]));

        const auto weights = measureLinearWeights(run, plan.name);
        QVERIFY2(weights.has_value(), weights ? "" : weights.error().describe().c_str());
        QVERIFY(weights->quantized && !weights->rescaled && weights->codes.empty() && weights->steps.counts.empty());
        QVERIFY(!weights->rounded.counts.empty());
        QVERIFY(std::fabs(weights->relativeError - quantizationError(*original, *meant).relative) <= kFloatRounding);
    }

    void aqlmGoesOnWhereItWasStopped() {
        const json spec = specOf({{"method", "aqlm"}, {"options", {{"rounds", 1}}}, {"default", {{"weight_bits", 3}}}});
        json plain = spec;
        plain.erase("export");
        const auto whole = tiny::makeRun(m_places.next(), plain);
        tiny::finishRun(whole);
        const auto broken = tiny::makeRun(m_places.next(), plain);
        std::stop_source stop;
        int seen = 0;
        const auto stopped = executeRun(
            broken, [&](const protocol::RunEvent& event) { if (event.type == "block" && ++seen == 6) stop.request_stop(); }, stop.get_token());
        QVERIFY(!stopped && stopped.error().kind == ErrorKind::Cancelled);
        QVERIFY(hasCodedBlock(broken, 0) && !hasCodedBlock(broken, 3));
        tiny::finishRun(broken);
        QCOMPARE(readAll(codedBlockPath(broken, 3)), readAll(codedBlockPath(whole, 3)));
        QCOMPARE(readAll(codedBlockPath(broken, 0)), readAll(codedBlockPath(whole, 0)));
        const auto state = readRunState(broken);
        for (const auto& block : state->blocks)
            for (const auto& linear : block.linears) QCOMPARE(linear.actual, std::string("AQLM 3x8"));
    }

    /// Files of blocks hold values where there are no codes, and say what is wrong with them.
    void filesOfBlocksHoldValues() {
        const auto inputs = openInputs(*runSpecFromJson(specOf({{"method", "nf4"}}), "test"), false);
        const auto& config = inputs->checkpoint->config();
        const auto plan = planOfBlock(inputs->plan, 1);
        const CodedBlock block = roundedBlock(std::move(*loadBlock(*inputs->checkpoint, 1)), plan);
        QVERIFY(!block.linears[0].onGrid());
        const auto folder = m_places.path("values").toStdString();
        QVERIFY(QDir().mkpath(QString::fromStdString(folder + "/blocks")));
        QVERIFY(writeCodedBlock(folder, config, block).has_value());
        const auto read = readCodedBlock(folder, config, plan, 1);
        QVERIFY2(read.has_value(), read ? "" : read.error().describe().c_str());
        for (std::size_t i = 0; i < block.linears.size(); ++i) {
            QCOMPARE(read->linears[i].values, block.linears[i].values);
            QCOMPARE(read->linears[i].valueBits, block.linears[i].valueBits);
            QVERIFY(read->linears[i].codes.empty());
        }
        // Codes on a grid are not what the plan says.
        const auto other = planSchemes(config, {4, 16, true, 16}, {});
        QVERIFY(writeCodedBlock(folder, config, roundedBlock(std::move(*loadBlock(*inputs->checkpoint, 1)), planOfBlock(*other, 1))).has_value());
        const auto wrong = readCodedBlock(folder, config, plan, 1);
        QVERIFY(!wrong.has_value() && wrong.error().kind == ErrorKind::BadInput);
        QVERIFY(wrong.error().message.find("delete the file") != std::string::npos);
    }

    void whatAFormatCannotHoldIsPlannedWithAReason() {
        const auto planOf = [&](const json& quantization) { return openInputs(*runSpecFromJson(specOf(quantization), "test"), false)->plan; };
        for (const LinearPlan& entry : planOf({{"method", "llm-int8"}, {"default", {{"weight_bits", 4}, {"group_size", 32}}}})) {
            QCOMPARE(entry.requested.describe(), std::string("W4A8 g32 symmetric"));
            QCOMPARE(entry.actual.describe(), std::string("LLM.int8 W8A8"));
            QVERIFY2(entry.reason.find("LLM.int8() has a format of its own: 8 bits") == 0, entry.reason.c_str());
        }
        const auto many = planOf({{"method", "aqlm"}, {"default", {{"weight_bits", 7}}}, {"rules", {{{"pattern", "k_proj"}, {"weight_bits", 16}}}}});
        for (const LinearPlan& entry : many) {
            const bool alone = entry.role == LinearRole::Key;
            QCOMPARE(entry.actual.weightBits, alone ? 16 : 4);
            QCOMPARE(entry.reason.empty(), alone);
        }
        const auto blocks = planOf({{"method", "fp4"}});
        QVERIFY2(blocks[0].reason.find("blocks run on from row to row") != std::string::npos, blocks[0].reason.c_str());
        DecoderConfig narrow = openInputs(*runSpecFromJson(specOf({{"method", "nf4"}}), "test"), false)->checkpoint->config();
        narrow.hiddenSize = 36;
        const auto odd = planSchemes(narrow, {2, -1, true, 16}, {}, WeightFormat::Codebooks);
        QVERIFY(!odd->front().quantized() && odd->front().reason.find("36 columns are not a multiple of the 8") == 0);
    }

    void otherExportsAreRefusedBeforeTheRun() {
        for (const char* format : {"compressed-tensors", "gptq", "awq", "gguf"}) {
            m_places.next();
            const auto spec = runSpecFromJson(specOf({{"method", "nf4"}}, format), "test");
            const auto plan = planRun(*spec, m_places.path({}).toStdString(), false);
            QVERIFY(!plan.has_value() && plan.error().kind == ErrorKind::Unsupported);
            QCOMPARE(plan.error().context, std::string("export.format"));
            QVERIFY2(plan.error().message.find("export as bf16") != std::string::npos, plan.error().message.c_str());
        }
        m_places.next();
        const auto possible = planRun(*runSpecFromJson(specOf({{"method", "aqlm"}}), "test"), m_places.path({}).toStdString(), true);
        QVERIFY2(possible.has_value(), possible ? "" : possible.error().describe().c_str());
        QVERIFY(possible->linears.front().bitsPerWeight > 60.0);  // Tables as large as the linear itself.
    }

    void patchesAreRefused() {
        for (const char* method : {"nf4", "fp4", "llm-int8", "aqlm"}) {
            auto spec = specOf({{"method", method}, {"patch", {{"method", "q-resafe"}}}});
            spec["aligned"] = {{"checkpoint", m_places.inputs().toStdString() + "/tiny-aligned"}};
            const auto read = runSpecFromJson(spec, "test");
            QVERIFY(!read.has_value());
            QVERIFY2(read.error().describe().find("quantization.patch moves codes on integer grids") != std::string::npos, read.error().describe().c_str());
        }
    }

    void slowMethodsAreNotTriedInAClick() {
        const auto run = finished({{"method", "fp4"}});
        const auto whatIf = WhatIf::open(run);
        QVERIFY(whatIf.has_value() && (*whatIf)->prepare(0).has_value());
        const auto slow = (*whatIf)->tryScheme(*whatIfSchemeFromJson({{"method", "aqlm"}}));
        QVERIFY(!slow.has_value() && slow.error().kind == ErrorKind::Unsupported);
        QVERIFY(slow.error().message.find("AQLM takes minutes") == 0);
        const auto quick = (*whatIf)->tryScheme(*whatIfSchemeFromJson({{"method", "llm-int8"}}));
        QVERIFY2(quick.has_value(), quick ? "" : quick.error().describe().c_str());
        QCOMPARE(quick->scheme, std::string("LLM.int8 W8A8"));
    }
};

QTEST_GUILESS_MAIN(TestRunFormats)
#include "test_run_formats.moc"
