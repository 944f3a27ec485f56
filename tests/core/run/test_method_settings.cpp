// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>
#include <algorithm>
#include <set>

#include "core/quantize/method.h"
#include "core/run/method_settings.h"
#include "core/run/run_spec.h"

using namespace safequant;
using nlohmann::json;
using protocol::MethodSetting;

/// The table of settings against the reader of run specs.
class TestMethodSettings : public QObject {
    Q_OBJECT

    static json specOf(const std::string& method) {
        return {{"checkpoint", "/model.gguf"}, {"aligned", {{"adapters", {"/aligned"}}}}, {"quantization", {{"method", method}}}};
    }
    static json::json_pointer pointerTo(std::string path) {
        std::replace(path.begin(), path.end(), '.', '/');
        return json::json_pointer("/" + path);
    }
    static std::vector<MethodSetting> settingsOf(const json& spec) {
        auto settings = methodSettings(spec);
        if (!settings) throw std::runtime_error(settings.error().describe());
        return std::move(*settings);
    }
    static MethodSetting settingAt(const json& spec, const std::string& path) {
        for (MethodSetting& setting : settingsOf(spec))
            if (setting.path == path) return setting;
        throw std::runtime_error("no setting " + path);
    }
    /// What an editor may enter.
    static std::vector<json> valuesOf(const MethodSetting& setting) {
        if (setting.kind == "truth") return {true, false};
        if (setting.kind == "whole") return {static_cast<int>(setting.low), static_cast<int>(setting.high)};
        if (setting.kind == "number") return {setting.low, setting.high};
        std::vector<json> values;
        json all = json::array();
        for (const auto& choice : setting.choices) {
            values.push_back(choice.value);
            all.push_back(choice.value);
        }
        if (setting.kind == "choice") return values;
        return {json::array(), all};
    }

private slots:
    void everySettingIsAField_data() {
        QTest::addColumn<QString>("method");
        for (const QuantizationMethod& method : quantizationMethods()) QTest::newRow(method.id.data()) << QString::fromLatin1(method.id.data());
    }
    void everySettingIsAField() {
        QFETCH(QString, method);
        const json spec = specOf(method.toStdString());
        const auto settings = settingsOf(spec);
        QVERIFY(!settings.empty());
        std::set<std::string> paths;
        for (const MethodSetting& setting : settings) {
            QVERIFY2(paths.insert(setting.path).second, setting.path.c_str());
            QVERIFY(!setting.group.empty() && !setting.title.empty() && !setting.help.empty());
            QCOMPARE(QString::fromStdString(setting.value.dump()), QString::fromStdString(setting.standard.dump()));
            for (const json& value : valuesOf(setting)) {
                json edited = spec;
                if (!value.is_null()) edited[pointerTo(setting.path)] = value;
                const MethodSetting again = settingAt(edited, setting.path);
                QCOMPARE(QString::fromStdString(again.value.dump()), QString::fromStdString(value.dump()));
                QCOMPARE(QString::fromStdString(again.standard.dump()), QString::fromStdString(setting.standard.dump()));
            }
        }
        // Nothing the method reads is forgotten: it stands in the table, or is named here.
        const std::set<std::string> forFilesAlone = {"rule", "clipping_in_range", "normalise", "swap_labels", "random_probe", "shift_control", "device",
                                                     "benign_last_token_weight", "text", "text_from", "task_prompts"};
        const std::set<std::string> ofObjectives = {"objective", "benign_weight", "malicious_weight", "last_token_weight", "probe_malicious_weight",
                                                    "probe_benign_weight", "margin", "gain", "tail", "guardrail", "first_block", "last_block",
                                                    "error_metric"};
        const std::set<std::string> notOfTuning = {"texts", "text_tokens"};
        const json whole = runSpecToJson(*runSpecFromJson(spec, "test"));
        for (const char* section : {"calibration", "quantization.learning", "quantization.options", "quantization.tuning"}) {
            if (!whole.contains(pointerTo(section))) continue;
            for (const auto& [name, value] : whole.at(pointerTo(section)).items()) {
                const bool tuned = whole.contains(pointerTo("quantization.tuning")) && std::string(section) == "calibration";
                const bool known = forFilesAlone.contains(name) || (method != "q-realign" && ofObjectives.contains(name)) ||
                                   (tuned && (name == "answer_tokens" || notOfTuning.contains(name)));
                QVERIFY2(known || paths.contains(std::string(section) + "." + name), (std::string(section) + "." + name).c_str());
            }
        }
    }

    void everySettingOfAPatchIsAField() {
        for (const char* method : {"q-resafe", "dpo", "sft", "q-resafe-16bit", "critical-weights", "aaq", "distillation"}) {
            json spec = specOf("gptq");
            spec["quantization"]["patch"] = {{"method", method}};
            const auto settings = patchSettings(spec);
            QVERIFY2(settings.has_value(), settings ? "" : settings.error().describe().c_str());
            std::set<std::string> paths;
            for (const MethodSetting& setting : *settings) {
                QVERIFY2(paths.insert(setting.path).second, setting.path.c_str());
                QVERIFY(!setting.group.empty() && !setting.title.empty() && setting.help.ends_with("."));
                QCOMPARE(QString::fromStdString(setting.value.dump()), QString::fromStdString(setting.standard.dump()));
                for (const json& value : setting.kind == "file" ? std::vector<json>{"/pairs.jsonl"} : valuesOf(setting)) {
                    json edited = spec;
                    edited[pointerTo(setting.path)] = value;
                    const auto again = patchSettings(edited);
                    // Without either of its losses a patch learns nothing.
                    const bool nothing = value == json(0.0) && ((method == std::string("dpo") && setting.path.ends_with("preference_weight")) ||
                                                               (method == std::string("sft") && setting.path.ends_with("chosen_weight")));
                    QVERIFY2(again.has_value() != nothing, (setting.path + " = " + value.dump()).c_str());
                    if (nothing) continue;
                    const auto same = std::find_if(again->begin(), again->end(), [&](const MethodSetting& each) { return each.path == setting.path; });
                    QCOMPARE(QString::fromStdString(same->value.dump()), QString::fromStdString(value.dump()));
                    QCOMPARE(QString::fromStdString(same->standard.dump()), QString::fromStdString(setting.standard.dump()));
                }
            }
            // AAQ's loss needs a pretrained model, as a spec file names it, or adapters.
            spec["adapters"] = {"adapter"};
            const json whole = runSpecToJson(*runSpecFromJson(spec, "test"))["quantization"]["patch"];
            for (const auto& [name, value] : whole.items())
                QVERIFY2(name == "method" || name == "text" || paths.contains("quantization.patch." + name), name.c_str());
            QCOMPARE(paths.size() + 1 + (whole.contains("text") ? 1 : 0), whole.size());
        }
        const auto none = patchSettings(specOf("gptq"));
        QVERIFY(!none && none.error().message.find("choose a patch") != std::string::npos);
    }

    /// An objective sets its weights: what the others are without being said follows it.
    void standardsFollowTheObjective() {
        json spec = specOf("q-realign");
        QCOMPARE(settingAt(spec, "quantization.learning.probe_malicious_weight").standard, json(0.0));
        spec["quantization"]["learning"]["objective"] = "published";
        QCOMPARE(settingAt(spec, "quantization.learning.probe_malicious_weight").standard, json(1.0));
        spec["quantization"]["learning"]["probe_malicious_weight"] = 3.0;
        const MethodSetting weight = settingAt(spec, "quantization.learning.probe_malicious_weight");
        QCOMPARE(weight.value, json(3.0));
        QCOMPARE(weight.standard, json(1.0));
    }

    void whatIsStillToBeChosenDoesNotMatter() {
        QVERIFY(methodSettings({{"quantization", {{"method", "q-realign"}}}}).has_value());
        const auto wrong = methodSettings({{"quantization", {{"method", "q-realing"}}}});
        QVERIFY(!wrong && wrong.error().message.find("q-realing") != std::string::npos);
    }

    void messagesSurviveTheWire() {
        for (const MethodSetting& setting : settingsOf(specOf("q-realign"))) {
            MethodSetting again;
            protocol::fromJson(protocol::toJson(setting), again);
            QCOMPARE(QString::fromStdString(protocol::toJson(again).dump()), QString::fromStdString(protocol::toJson(setting).dump()));
        }
    }
};

QTEST_GUILESS_MAIN(TestMethodSettings)
#include "test_method_settings.moc"
