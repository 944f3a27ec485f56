// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/runspec.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>
#include <algorithm>
#include <array>

#include "core/base/files.h"
#include "core/base/json_path.h"
#include "core/base/model_path.h"
#include "default_run.h"

namespace safequant::workbench {

namespace {

template <typename T>
T valueOr(const nlohmann::json& json, T fallback) {
    if constexpr (std::is_same_v<T, bool>) {
        return json.is_boolean() ? json.get<bool>() : fallback;
    } else {
        return json.is_number() ? json.get<T>() : fallback;
    }
}

/// The strings of a list; none when it is no list.
QStringList textsOf(const nlohmann::json& list) {
    QStringList texts;
    if (!list.is_array()) return texts;
    for (const auto& item : list) {
        if (item.is_string()) texts.append(QString::fromStdString(item.get<std::string>()));
    }
    return texts;
}

}  // namespace

LinearScheme schemeFromJson(const nlohmann::json& json, const LinearScheme& defaults) {
    return {valueOr(jsonAt(json, {"weight_bits"}), defaults.weightBits), valueOr(jsonAt(json, {"group_size"}), defaults.groupSize),
            valueOr(jsonAt(json, {"symmetric"}), defaults.symmetric),
            valueOr(jsonAt(json, {"activation_bits"}), defaults.activationBits),
            valueOr(jsonAt(json, {"activation_symmetric"}), defaults.activationSymmetric)};
}

nlohmann::json schemeToJson(const LinearScheme& scheme) {
    nlohmann::json json{{"weight_bits", scheme.weightBits},
                        {"group_size", scheme.groupSize},
                        {"symmetric", scheme.symmetric},
                        {"activation_bits", scheme.activationBits}};
    if (!scheme.activationSymmetric) json["activation_symmetric"] = false;
    return json;
}

nlohmann::json defaultRunSpec(const QString& modelPath, const QStringList& adapters) {
    auto spec = nlohmann::json::parse(kDefaultRunJson);
    spec["checkpoint"] = modelPath.toStdString();
    writeAdapters(spec, adapters);
    spec["name"] = runNameFor(spec).toStdString();
    return spec;
}

nlohmann::json exampleRunSpec(const QString& modelPath) {
    auto spec = nlohmann::json::parse(kExampleRunJson);
    spec["checkpoint"] = modelPath.toStdString();
    return spec;
}

Expected<nlohmann::json> parseSpecFile(const QString& path) {
    const std::string name = path.toStdString();
    auto content = readTextFile(name);
    if (!content) return fail(content.error());
    nlohmann::json spec = nlohmann::json::parse(*content, nullptr, false);
    if (spec.is_discarded() || !spec.is_object()) {
        return fail(ErrorKind::BadInput, "This is not a run spec: a JSON object is expected.", name);
    }
    return spec;
}

void changePaths(nlohmann::json& spec, const std::function<std::string(const std::string&)>& model,
                 const std::function<std::string(const std::string&)>& file) {
    const auto changeModel = [&](nlohmann::json& named) {
        if (named.is_string()) named = model(named.get<std::string>());
    };
    const auto changeModels = [&](nlohmann::json& models) {
        if (models.contains("checkpoint")) changeModel(models["checkpoint"]);
        if (jsonAt(models, {"adapters"}).is_array())
            for (auto& adapter : models["adapters"]) changeModel(adapter);
    };
    changeModels(spec);
    if (jsonAt(spec, {"aligned"}).is_object()) changeModels(spec["aligned"]);
    if (jsonAt(spec, {"prompts"}).is_array()) {
        for (auto& source : spec["prompts"]) {
            auto& entry = source.is_object() && source.contains("file") ? source["file"] : source;
            if (entry.is_string() && !entry.get<std::string>().starts_with("builtin:")) entry = file(entry);
        }
    }
    if (!signatureOf(spec).isEmpty()) spec["aligned"]["signature"] = file(signatureOf(spec).toStdString());
    if (!patchPairsOf(spec).isEmpty()) spec["quantization"]["patch"]["pairs"] = file(patchPairsOf(spec).toStdString());
}

Expected<nlohmann::json> readSpecFile(const QString& path) {
    auto spec = parseSpecFile(path);
    if (!spec) return spec;
    const QDir folder = QFileInfo(path).absoluteDir();
    changePaths(
        *spec, [&](const std::string& model) { return absoluteModelPath(model, folder.path().toStdString()); },
        [&](const std::string& file) { return QDir::cleanPath(folder.absoluteFilePath(QString::fromStdString(file))).toStdString(); });
    return spec;
}

void setField(nlohmann::json& spec, const std::string& path, const nlohmann::json& value) {
    const nlohmann::json::json_pointer pointer = jsonPointerTo(path);
    if (!value.is_null()) {
        spec[pointer] = value;
        return;
    }
    if (!spec.contains(pointer)) return;
    spec.at(pointer.parent_pointer()).erase(pointer.back());
    if (const auto section = pointer.parent_pointer(); !section.empty() && spec.at(section).empty()) spec.at(section.parent_pointer()).erase(section.back());
}

QString checkpointOf(const nlohmann::json& spec) {
    const auto& value = jsonAt(spec, {"checkpoint"});
    return value.is_string() ? QString::fromStdString(value.get<std::string>()) : QString();
}

std::string systemPromptOf(const nlohmann::json& spec) {
    const auto& value = jsonAt(spec, {"system_prompt"});
    return value.is_string() ? value.get<std::string>() : std::string();
}

QStringList adaptersOf(const nlohmann::json& spec) { return textsOf(jsonAt(spec, {"adapters"})); }

void writeAdapters(nlohmann::json& spec, const QStringList& adapters) {
    spec.erase("adapters");
    for (const QString& adapter : adapters) spec["adapters"].push_back(adapter.toStdString());
}

nlohmann::json checkpointQuestion(const QString& checkpoint, const QStringList& adapters) {
    nlohmann::json question{{"path", checkpoint.toStdString()}};
    writeAdapters(question, adapters);
    return question;
}

QStringList promptFilesOf(const nlohmann::json& spec) {
    const auto& value = jsonAt(spec, {"prompts"});
    if (!value.is_array()) return {QStringLiteral("builtin:default")};
    QStringList files;
    for (const auto& file : value) {
        const auto& name = file.is_object() ? jsonAt(file, {"file"}) : file;
        if (name.is_string()) files.append(QString::fromStdString(name.get<std::string>()));
    }
    return files;
}

nlohmann::json splitOf(const nlohmann::json& spec) {
    nlohmann::json split = nlohmann::json::parse(kDefaultRunJson)["split"];
    if (const auto& given = jsonAt(spec, {"split"}); given.is_object()) split.update(given);
    return split;
}

QString patchOf(const nlohmann::json& spec) {
    const auto& patch = jsonAt(spec, {"quantization", "patch"});
    if (!patch.is_object()) return {};
    const auto& method = jsonAt(patch, {"method"});
    return method.is_string() ? QString::fromStdString(method.get<std::string>()) : QStringLiteral("q-resafe");
}

QString patchPairsOf(const nlohmann::json& spec) {
    const auto& pairs = jsonAt(spec, {"quantization", "patch", "pairs"});
    return pairs.is_string() ? QString::fromStdString(pairs.get<std::string>()) : QString();
}

QString methodOf(const nlohmann::json& spec) {
    const auto& value = jsonAt(spec, {"quantization", "method"});
    return value.is_string() ? QString::fromStdString(value.get<std::string>()) : QStringLiteral("rtn");
}

QStringList alignedAdaptersOf(const nlohmann::json& spec) { return textsOf(jsonAt(spec, {"aligned", "adapters"})); }

QString signatureOf(const nlohmann::json& spec) {
    const auto& path = jsonAt(spec, {"aligned", "signature"});
    return path.is_string() ? QString::fromStdString(path.get<std::string>()) : QString();
}

CalibrationCounts calibrationOf(const nlohmann::json& spec) {
    CalibrationCounts counts;
    counts.malicious = valueOr(jsonAt(spec, {"calibration", "malicious"}), counts.malicious);
    counts.benign = valueOr(jsonAt(spec, {"calibration", "benign"}), counts.benign);
    counts.texts = valueOr(jsonAt(spec, {"calibration", "texts"}), counts.texts);
    counts.tasks = valueOr(jsonAt(spec, {"calibration", "tasks"}), counts.tasks);
    return counts;
}

double maliciousFractionOf(const nlohmann::json& spec) { return valueOr(jsonAt(spec, {"mix", "malicious_fraction"}), 0.5); }

std::uint64_t seedOf(const nlohmann::json& spec) { return valueOr<std::uint64_t>(jsonAt(spec, {"seed"}), 0); }

LinearScheme defaultSchemeOf(const nlohmann::json& spec) { return schemeFromJson(jsonAt(spec, {"quantization", "default"}), {}); }

std::vector<SchemeRule> rulesOf(const nlohmann::json& spec) {
    std::vector<SchemeRule> rules;
    const LinearScheme defaults = defaultSchemeOf(spec);
    const auto& list = jsonAt(spec, {"quantization", "rules"});
    if (!list.is_array()) return rules;
    for (const auto& rule : list) {
        const auto& pattern = jsonAt(rule, {"pattern"});
        if (pattern.is_string()) rules.push_back({QString::fromStdString(pattern.get<std::string>()), schemeFromJson(rule, defaults)});
    }
    return rules;
}

void setRules(nlohmann::json& spec, const std::vector<SchemeRule>& rules) {
    nlohmann::json list = nlohmann::json::array();
    for (const SchemeRule& rule : rules) {
        nlohmann::json item = schemeToJson(rule.scheme);
        item["pattern"] = rule.pattern.toStdString();
        list.push_back(std::move(item));
    }
    spec["quantization"]["rules"] = std::move(list);
}

NamedSchemes splitRules(const std::vector<SchemeRule>& rules) {
    static const QRegularExpression literal(QStringLiteral("^\\^\\(\\?:((?:[A-Za-z0-9_|]|\\\\\\.)+)\\)\\$$"));
    NamedSchemes named;
    bool leading = true;
    for (const SchemeRule& rule : rules) {
        const auto match = literal.match(rule.pattern);
        leading = leading && match.hasMatch();
        if (!leading) {
            named.others.push_back(rule);
            continue;
        }
        const QStringList names = match.captured(1).replace(QLatin1String("\\."), QLatin1String(".")).split(QLatin1Char('|'));
        for (const QString& name : names) {
            if (!named.byName.contains(name)) named.byName.insert(name, rule.scheme);
        }
    }
    return named;
}

std::vector<SchemeRule> joinRules(const NamedSchemes& named) {
    QStringList names = named.byName.keys();
    names.sort();
    std::vector<SchemeRule> rules;
    std::vector<QStringList> members;
    for (const QString& name : names) {
        const LinearScheme scheme = named.byName.value(name);
        const auto same = std::find_if(rules.begin(), rules.end(), [&](const SchemeRule& rule) { return rule.scheme == scheme; });
        const auto index = static_cast<std::size_t>(same - rules.begin());
        if (same == rules.end()) {
            rules.push_back({{}, scheme});
            members.emplace_back();
        }
        members[index].append(QString(name).replace(QLatin1Char('.'), QLatin1String("\\.")));
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        rules[i].pattern = QStringLiteral("^(?:%1)$").arg(members[i].join(QLatin1Char('|')));
    }
    rules.insert(rules.end(), named.others.begin(), named.others.end());
    return rules;
}

void putRule(nlohmann::json& spec, const SchemeRule& rule) {
    NamedSchemes named = splitRules(rulesOf(spec));
    const QRegularExpression pattern(rule.pattern);
    named.byName.removeIf([&](QHash<QString, LinearScheme>::iterator item) { return pattern.match(item.key()).hasMatch(); });
    std::erase_if(named.others, [&](const SchemeRule& other) { return other.pattern == rule.pattern; });
    named.others.insert(named.others.begin(), rule);
    setRules(spec, joinRules(named));
}

void setBlockScheme(nlohmann::json& spec, int block, const LinearScheme& scheme) {
    putRule(spec, {QStringLiteral("^model\\.layers\\.%1\\.").arg(block), scheme});
}

std::vector<LinearScheme> schemesOf(const nlohmann::json& spec, const QStringList& linears) {
    std::vector<std::pair<QRegularExpression, LinearScheme>> rules;
    for (const SchemeRule& rule : rulesOf(spec)) {
        QRegularExpression pattern(rule.pattern);
        if (pattern.isValid()) rules.emplace_back(std::move(pattern), rule.scheme);
    }
    const LinearScheme standard = defaultSchemeOf(spec);
    std::vector<LinearScheme> schemes;
    for (const QString& linear : linears) {
        const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& each) { return each.first.match(linear).hasMatch(); });
        schemes.push_back(rule == rules.end() ? standard : rule->second);
    }
    return schemes;
}

int fusedItem(const QString& linear) {
    static const QHash<QString, int> items{{QStringLiteral("q_proj"), 0}, {QStringLiteral("k_proj"), 0}, {QStringLiteral("v_proj"), 0},
                                           {QStringLiteral("o_proj"), 1}, {QStringLiteral("gate_proj"), 2}, {QStringLiteral("up_proj"), 2}};
    return items.value(linear.section(QLatin1Char('.'), -1), 3);
}

QStringList fusedWith(const QString& linear) {
    static const std::array<QStringList, 4> members{{{QStringLiteral("q_proj"), QStringLiteral("k_proj"), QStringLiteral("v_proj")},
                                                     {QStringLiteral("o_proj")},
                                                     {QStringLiteral("gate_proj"), QStringLiteral("up_proj")},
                                                     {QStringLiteral("down_proj")}}};
    const QString parent = linear.section(QLatin1Char('.'), 0, -2);
    QStringList names;
    for (const QString& member : members[static_cast<std::size_t>(fusedItem(linear))]) names << parent + QLatin1Char('.') + member;
    return names;
}

bool sameQuantization(const nlohmann::json& first, const nlohmann::json& second) {
    return checkpointOf(first) == checkpointOf(second) && defaultSchemeOf(first) == defaultSchemeOf(second) &&
           rulesOf(first) == rulesOf(second);
}

QString modelNameOf(const QString& checkpoint) {
    QString name = QFileInfo(QDir::cleanPath(checkpoint)).fileName();
    static const QRegularExpression ending(QStringLiteral("([.-](Q\\d\\w*|F16|F32|BF16))?\\.gguf$"),
                                           QRegularExpression::CaseInsensitiveOption);
    return name.remove(ending);
}

QString runNameFor(const nlohmann::json& spec) {
    const LinearScheme scheme = defaultSchemeOf(spec);
    QString name = QStringLiteral("%1 W%2A%3").arg(modelNameOf(checkpointOf(spec))).arg(scheme.weightBits).arg(scheme.activationBits);
    if (const QString method = methodOf(spec); method != QLatin1String("rtn")) name += QStringLiteral(" ") + method;
    if (scheme.weightBits < 16 && scheme.groupSize > 0) name += QStringLiteral(" g%1").arg(scheme.groupSize);
    if (const QString patch = patchOf(spec); !patch.isEmpty()) name += QStringLiteral(" ") + patch;
    return name;
}

}  // namespace safequant::workbench
