// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include "app/workbench/setup/runspec.h"

using namespace safequant;
using namespace safequant::workbench;

class TestRunSpec : public QObject {
    Q_OBJECT

private slots:
    void defaultIsTheOneOfTheReadme() {
        const auto spec = defaultRunSpec(QStringLiteral("/m/SmolLM2-135M-Instruct.Q4_1.gguf"));
        QCOMPARE(defaultSchemeOf(spec).describe(), QStringLiteral("W4A16 g64 asymmetric"));
        QCOMPARE(maliciousFractionOf(spec), 0.5);
        QCOMPARE(spec["evaluation"]["malicious"].get<int>(), 100);
        QCOMPARE(spec["evaluation"]["max_new_tokens"].get<int>(), 64);
        QCOMPARE(QString::fromStdString(spec["name"].get<std::string>()), QStringLiteral("SmolLM2-135M-Instruct W4A16 g64"));
    }

    void exampleRepairsTheErodedModel() {
        const auto spec = exampleRunSpec(QStringLiteral("/m/SmolLM2-135M-Instruct.Q4_1.gguf"));
        QCOMPARE(checkpointOf(spec), QStringLiteral("/m/SmolLM2-135M-Instruct.Q4_1.gguf"));
        QCOMPARE(methodOf(spec), QStringLiteral("q-realign"));
        QCOMPARE(adaptersOf(spec), (QStringList{QStringLiteral("builtin:smollm2-aligned"), QStringLiteral("builtin:smollm2-eroded")}));
        QCOMPARE(alignedAdaptersOf(spec), QStringList{QStringLiteral("builtin:smollm2-aligned")});
    }

    void namedSchemesAndRulesSurviveEachOther() {
        NamedSchemes named;
        LinearScheme eight;
        eight.weightBits = 8;
        LinearScheme kept;
        kept.weightBits = 16;
        named.byName.insert(QStringLiteral("model.layers.0.mlp.down_proj"), eight);
        named.byName.insert(QStringLiteral("model.layers.10.mlp.down_proj"), eight);
        named.byName.insert(QStringLiteral("model.layers.1.self_attn.q_proj"), kept);
        named.others = {{QStringLiteral("o_proj$"), eight}, {QStringLiteral("^(?:a|b)$"), kept}};
        const auto rules = joinRules(named);
        QCOMPARE(rules.size(), 4U);
        const auto again = splitRules(rules);
        QCOMPARE(again.byName.size(), 3);
        QCOMPARE(again.byName[QStringLiteral("model.layers.10.mlp.down_proj")].weightBits, 8);
        QCOMPARE(again.byName[QStringLiteral("model.layers.1.self_attn.q_proj")].weightBits, 16);
        // A rule of the user's own that looks like a list of names stands after another rule: order decides, so it stays one.
        QCOMPARE(again.others, named.others);
    }

    void rulesInheritTheDefault() {
        auto spec = defaultRunSpec(QStringLiteral("/m/x.gguf"));
        spec["quantization"]["rules"] = {{{"pattern", "down_proj$"}, {"weight_bits", 8}}};
        const auto rules = rulesOf(spec);
        QCOMPARE(rules.size(), 1U);
        QCOMPARE(rules[0].scheme.groupSize, 64);
        QCOMPARE(rules[0].scheme.weightBits, 8);
    }

    void brokenSpecsFallBackInsteadOfFailing_data() {
        QTest::addColumn<QString>("json");
        QTest::newRow("null") << "null";
        QTest::newRow("list") << "[1, 2]";
        QTest::newRow("wrong types") << R"({"checkpoint": 3, "prompts": "x", "mix": [], "quantization": {"default": 4, "rules": {}}})";
        QTest::newRow("rules of wrong types") << R"({"quantization": {"rules": [1, {"pattern": 2}]}})";
    }
    void brokenSpecsFallBackInsteadOfFailing() {
        QFETCH(QString, json);
        const auto spec = nlohmann::json::parse(json.toStdString());
        QCOMPARE(checkpointOf(spec), QString());
        QCOMPARE(defaultSchemeOf(spec), LinearScheme{});
        QVERIFY(rulesOf(spec).empty());
        QCOMPARE(maliciousFractionOf(spec), 0.5);
    }

    void specFilesTakeRelativePathsFromTheirFolder() {
        QTemporaryDir folder;
        QFile file(folder.filePath(QStringLiteral("spec.json")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(R"({"checkpoint": "models/x.gguf", "prompts": ["builtin:default", "mine.jsonl"], "adapters": ["tuned.safetensors", "/x/other", "org/adapter"]})");
        file.close();
        const auto spec = readSpecFile(file.fileName());
        QVERIFY(spec.has_value());
        QCOMPARE(checkpointOf(*spec), folder.filePath(QStringLiteral("models/x.gguf")));
        QCOMPARE(promptFilesOf(*spec), (QStringList{QStringLiteral("builtin:default"), folder.filePath(QStringLiteral("mine.jsonl"))}));
        QCOMPARE(adaptersOf(*spec), (QStringList{folder.filePath(QStringLiteral("tuned.safetensors")), QStringLiteral("/x/other"), QStringLiteral("org/adapter")}));
        QCOMPARE(readSpecFile(QStringLiteral("/nowhere.json")).error().kind, ErrorKind::NotFound);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("[1");
        file.close();
        QCOMPARE(readSpecFile(file.fileName()).error().kind, ErrorKind::BadInput);
    }

    void namesOfModels_data() {
        QTest::addColumn<QString>("path");
        QTest::addColumn<QString>("name");
        QTest::newRow("gguf with type") << "/x/SmolLM2-135M-Instruct.Q4_1.gguf" << "SmolLM2-135M-Instruct";
        QTest::newRow("gguf with dash") << "/x/Model-Q4_K_M.gguf" << "Model";
        QTest::newRow("plain gguf") << "/x/model.gguf" << "model";
        QTest::newRow("folder") << "/x/Qwen2.5-7B/" << "Qwen2.5-7B";
    }
    void namesOfModels() {
        QFETCH(QString, path);
        QTEST(modelNameOf(path), "name");
    }
};

QTEST_GUILESS_MAIN(TestRunSpec)
#include "test_runspec.moc"
