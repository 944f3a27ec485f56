// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <algorithm>

#include "core/quantize/method.h"
#include "core/quantize/scheme.h"

using namespace safequant;

namespace {

DecoderConfig smallConfig() {
    DecoderConfig config;
    config.modelType = "llama";
    config.hiddenSize = 576;
    config.intermediateSize = 1536;
    config.blocks = 12;
    config.heads = 9;
    config.kvHeads = 3;
    config.headDim = 64;
    config.vocabulary = 100;
    return config;
}

const LinearPlan& named(const std::vector<LinearPlan>& plan, const std::string& name) {
    const auto it = std::find_if(plan.begin(), plan.end(), [&](const LinearPlan& entry) { return entry.name == name; });
    return plan.at(static_cast<std::size_t>(it - plan.begin()));
}

}  // namespace

class TestScheme : public QObject {
    Q_OBJECT

private slots:
    void describes() {
        QCOMPARE((QuantizationScheme{4, 64, false, 16}).describe(), std::string("W4A16 g64 asymmetric"));
        QCOMPARE((QuantizationScheme{8, -1, true, 8}).describe(), std::string("W8A8 per channel symmetric"));
        QCOMPARE((QuantizationScheme{16, 64, true, 16}).describe(), std::string("W16A16"));
        QCOMPARE((QuantizationScheme{8, -1, true, 8, false, false}).describe(), std::string("W8A8 per channel symmetric, asymmetric activations"));
        QCOMPARE((QuantizationScheme{8, -1, true, 16, false, false}).describe(), std::string("W8A16 per channel symmetric"));
    }

    void formatsOfTheirOwn() {
        QCOMPARE(schemeOfFormat(WeightFormat::Codebooks, 3).describe(), std::string("AQLM 3x8"));
        QCOMPARE(schemeOfFormat(WeightFormat::Codebooks, 8).weightBits, 4);
        QCOMPARE(schemeOfFormat(WeightFormat::Nf4, 2).weightBits, 4);
        QCOMPARE(schemeOfFormat(WeightFormat::Int8Rows, 4).activationBits, 8);
        for (const WeightFormat format : {WeightFormat::Nf4, WeightFormat::Nf4Double, WeightFormat::Fp4, WeightFormat::Int8Rows, WeightFormat::Codebooks}) {
            // What the format is itself is planned as it is asked for; anything else with a reason, and with what was asked for beside it.
            const QuantizationScheme own = schemeOfFormat(format, 4);
            const auto asked = planSchemes(smallConfig(), own, {}, format), changed = planSchemes(smallConfig(), {6, 32, false, 16}, {{"o_proj", {16, -1, true, 8}}}, format);
            for (const LinearPlan& entry : *asked) {
                QVERIFY(entry.actual == own && entry.requested == own);
                QVERIFY2(entry.reason.empty(), entry.reason.c_str());
            }
            for (const LinearPlan& entry : *changed) {
                if (entry.role == LinearRole::Output) {
                    QVERIFY(!entry.quantized() && entry.actual.activationBits == 16);
                    continue;
                }
                QCOMPARE(entry.requested.describe(), std::string("W6A16 g32 asymmetric"));
                QVERIFY(entry.actual.format == format);
                QVERIFY2(entry.reason.starts_with(formatTitle(format) + " has a format of its own"), entry.reason.c_str());
            }
        }
        QVERIFY(schemeBitsPerWeight({4, 64, false, 16}, 96, 64) == 4.0 + 20.0 / 64.0);
        QVERIFY(schemeBitsPerWeight(schemeOfFormat(WeightFormat::Codebooks, 2), 1024, 1024) == 2.0 + (65536.0 + 16.0 * 1024) / (1024.0 * 1024.0));
    }

    void readsAndWritesJson() {
        const QuantizationScheme scheme{3, 128, true, 8};
        const auto back = schemeFromJson(schemeToJson(scheme), {}, "here");
        QVERIFY(back.has_value());
        QVERIFY(*back == scheme);
        QVERIFY(!schemeToJson(scheme).contains("activation_symmetric"));
        const QuantizationScheme zeroPoints{8, -1, true, 8, false, false};
        QVERIFY(*schemeFromJson(schemeToJson(zeroPoints), {}, "here") == zeroPoints);
        const auto partial = schemeFromJson(nlohmann::json::parse(R"({"weight_bits": 8})"), scheme, "here");
        QVERIFY(partial.has_value());
        QVERIFY((*partial == QuantizationScheme{8, 128, true, 8}));
        const auto alone = schemeFromJson(nlohmann::json::parse(R"({"weight_bits": 16})"), scheme, "here");
        QCOMPARE(alone->activationBits, 16);

        const auto rule = schemeRuleFromJson(nlohmann::json::parse(R"({"pattern": "down_proj$", "weight_bits": 8})"), scheme, "here");
        QVERIFY(rule.has_value());
        const auto again = schemeRuleFromJson(schemeRuleToJson(*rule), {}, "here");
        QCOMPARE(again->pattern, std::string("down_proj$"));
        QVERIFY(again->scheme == rule->scheme);
    }

    void brokenJson_data() {
        QTest::addColumn<QString>("json");
        QTest::addColumn<QString>("message");
        QTest::newRow("misspelt") << R"({"weight_bit": 4})" << "\"weight_bits\"";
        QTest::newRow("swapped letters") << R"({"symmertic": true})" << "\"symmetric\"";
        QTest::newRow("no object") << "[4]" << "object";
        QTest::newRow("text") << R"({"weight_bits": "4"})" << "whole number";
        QTest::newRow("fraction") << R"({"group_size": 64.5})" << "whole number";
        QTest::newRow("one bit") << R"({"weight_bits": 1})" << "2 to 8";
        QTest::newRow("nine bits") << R"({"weight_bits": 9})" << "2 to 8";
        QTest::newRow("no group") << R"({"group_size": 0})" << "group_size";
        QTest::newRow("minus two") << R"({"group_size": -2})" << "group_size";
        QTest::newRow("huge") << R"({"group_size": 18446744073709551615})" << "out of range";
        QTest::newRow("very negative") << R"({"group_size": -9223372036854775808})" << "out of range";
        QTest::newRow("activations") << R"({"activation_bits": 5})" << "4, 6, 8";
        QTest::newRow("symmetric") << R"({"symmetric": 1})" << "true or false";
        QTest::newRow("symmetric activations") << R"({"activation_symmetric": "no"})" << "\"activation_symmetric\" must be true or false";
    }
    void brokenJson() {
        QFETCH(QString, json);
        QFETCH(QString, message);
        const auto scheme = schemeFromJson(nlohmann::json::parse(json.toStdString()), {}, "spec.json: quantization.default");
        QVERIFY(!scheme.has_value());
        QCOMPARE(scheme.error().kind, ErrorKind::BadInput);
        QCOMPARE(scheme.error().context, std::string("spec.json: quantization.default"));
        QVERIFY2(scheme.error().message.find(message.toStdString()) != std::string::npos, scheme.error().message.c_str());
    }

    void brokenRules() {
        for (const char* text : {"{\"weight_bits\": 8}", "{\"pattern\": \"\"}", "{\"pattern\": 3}",
                                 "{\"pattern\": \"(\", \"weight_bits\": 8}", "{\"pattern\": \"x\", \"weigth_bits\": 8}"}) {
            const auto rule = schemeRuleFromJson(nlohmann::json::parse(text), {}, "rule 1");
            QVERIFY2(!rule.has_value(), text);
            QCOMPARE(rule.error().kind, ErrorKind::BadInput);
        }
    }

    void plansEveryLinearInOrder() {
        const auto plan = planSchemes(smallConfig(), {4, 64, false, 16}, {});
        QVERIFY(plan.has_value());
        QCOMPARE(plan->size(), std::size_t{84});
        QCOMPARE(plan->at(0).name, std::string("model.layers.0.self_attn.q_proj"));
        QCOMPARE(plan->at(83).name, std::string("model.layers.11.mlp.down_proj"));
        for (const LinearPlan& entry : *plan) QVERIFY(entry.reason.empty() && entry.actual == entry.requested);
    }

    void firstMatchWins() {
        const auto plan = planSchemes(smallConfig(), {4, 64, false, 16},
                                      {{"down_proj$", {8, -1, true, 16}},
                                       {"layers\\.(0|11)\\.", {6, 64, true, 16}},
                                       {"^model.*mlp", {3, 32, true, 16}}});
        QVERIFY(plan.has_value());
        QCOMPARE(named(*plan, "model.layers.0.mlp.down_proj").actual.weightBits, 8);
        QCOMPARE(named(*plan, "model.layers.0.mlp.up_proj").actual.weightBits, 6);
        QCOMPARE(named(*plan, "model.layers.11.self_attn.k_proj").actual.weightBits, 6);
        QCOMPARE(named(*plan, "model.layers.1.self_attn.k_proj").actual.weightBits, 4);
        QCOMPARE(named(*plan, "model.layers.10.mlp.gate_proj").actual.weightBits, 3);
    }

    void groupsThatDoNotFit_data() {
        QTest::addColumn<int>("asked");
        QTest::addColumn<int>("attention");  // 576 columns
        QTest::addColumn<int>("down");       // 1536 columns
        QTest::newRow("fits") << 64 << 64 << 64;
        QTest::newRow("power of two") << 128 << 64 << 128;
        QTest::newRow("larger power") << 512 << 64 << 512;
        QTest::newRow("no power") << 100 << 96 << 96;
        QTest::newRow("odd") << 7 << -1 << -1;
        QTest::newRow("whole row") << 576 << -1 << 512;
        QTest::newRow("more than a row") << 2048 << -1 << -1;
        QTest::newRow("per channel") << -1 << -1 << -1;
    }
    void groupsThatDoNotFit() {
        QFETCH(int, asked);
        QFETCH(int, attention);
        QFETCH(int, down);
        const auto plan = planSchemes(smallConfig(), {4, asked, false, 16}, {});
        QVERIFY(plan.has_value());
        for (const auto& [name, group] : {std::pair{"model.layers.3.self_attn.q_proj", attention},
                                          std::pair{"model.layers.3.mlp.down_proj", down}}) {
            const LinearPlan& entry = named(*plan, name);
            QCOMPARE(entry.requested.groupSize, asked);
            QCOMPARE(entry.actual.groupSize, group);
            QCOMPARE(entry.reason.empty(), asked == group);
        }
        if (asked == 128)
            QCOMPARE(named(*plan, "model.layers.3.self_attn.q_proj").reason,
                     std::string("576 columns are not a multiple of 128: group 64 used."));
    }

    void weightsLeftAloneLeaveActivationsAlone() {
        const auto plan = planSchemes(smallConfig(), {8, -1, true, 8}, {{"q_proj", {16, 64, true, 8}}});
        const LinearPlan& entry = named(*plan, "model.layers.3.self_attn.q_proj");
        QCOMPARE(entry.requested.activationBits, 8);
        QCOMPARE(entry.actual.activationBits, 16);
        QVERIFY(!entry.reason.empty());
    }

    void brokenPlans_data() {
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<int>("bits");
        QTest::addColumn<QString>("message");
        QTest::newRow("matches nothing") << "lm_head" << 8 << "in no linear";
        QTest::newRow("case") << "Q_PROJ" << 8 << "in no linear";
        QTest::newRow("block beyond the last") << "layers\\.12\\." << 8 << "in no linear";
        QTest::newRow("does not compile") << "layers\\.(1" << 8 << "no regular expression";
        QTest::newRow("never ends") << "^(([a-z_0-9.])+)+[A-Z]$" << 8 << "simplify";
        QTest::newRow("bits") << "q_proj" << 12 << "weight_bits";
    }
    void brokenPlans() {
        QFETCH(QString, pattern);
        QFETCH(int, bits);
        QFETCH(QString, message);
        const auto plan = planSchemes(smallConfig(), {}, {{"mlp", {}}, {pattern.toStdString(), {bits, 64, false, 16}}});
        QVERIFY(!plan.has_value());
        QCOMPARE(plan.error().kind, ErrorKind::BadInput);
        QVERIFY2(plan.error().context.find("rule 2") != std::string::npos &&
                     plan.error().context.find(pattern.toStdString()) != std::string::npos,
                 plan.error().context.c_str());
        QVERIFY2(plan.error().message.find(message.toStdString()) != std::string::npos, plan.error().message.c_str());
    }

    void methodsByName() {
        QVERIFY(!quantizationMethods().empty());
        for (const QuantizationMethod& method : quantizationMethods()) {
            const auto found = findQuantizationMethod(method.id);
            QVERIFY(found.has_value() && (*found)->id == method.id);
            QCOMPARE((*found)->keepsBlocks(), (*found)->calibrated);
            QCOMPARE((*found)->learned(), (*found)->keepsBlocks() && (*found)->calibrate == nullptr && !(*found)->tunes);
        }
        const auto unknown = findQuantizationMethod("rtm");
        QVERIFY(!unknown.has_value());
        QCOMPARE(unknown.error().kind, ErrorKind::BadInput);
        QVERIFY(unknown.error().message.find("rtn") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestScheme)
#include "test_scheme.moc"
