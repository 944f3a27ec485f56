// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QString>
#include <QStringList>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/error.h"
#include "widgets/linearscheme.h"

namespace safequant::workbench {

using widgets::LinearScheme;

/// A scheme of a run spec; missing fields keep `defaults`.
LinearScheme schemeFromJson(const nlohmann::json& json, const LinearScheme& defaults);
nlohmann::json schemeToJson(const LinearScheme& scheme);

/// Linears whose full name matches the pattern get this scheme; the first match wins.
struct SchemeRule {
    QString pattern;
    LinearScheme scheme;

    bool operator==(const SchemeRule&) const = default;
};

/// The run that one click starts: resources/runs/default.json on this checkpoint, named after checkpoint and grid.
nlohmann::json defaultRunSpec(const QString& modelPath, const QStringList& adapters = {});

/// The example: resources/runs/repair.json on this checkpoint, SmolLM2 with the adapters that come with the program.
nlohmann::json exampleRunSpec(const QString& modelPath);

/// A run spec file for the setup panel; fields that the panel does not show are kept. Relative paths are taken from the file's
/// folder; names of models on the hub stay names. Errors: not_found, bad_input.
Expected<nlohmann::json> readSpecFile(const QString& path);
/// The same, with its paths as they stand.
Expected<nlohmann::json> parseSpecFile(const QString& path);
/// Puts other paths in the place of those that a spec names: `model` of models and adapters, `file` of prompt files.
void changePaths(nlohmann::json& spec, const std::function<std::string(const std::string&)>& model,
                 const std::function<std::string(const std::string&)>& file);

/// Sets the field of a dotted path, or removes it when the value is null; a section that becomes empty goes, too.
void setField(nlohmann::json& spec, const std::string& path, const nlohmann::json& value);

QString checkpointOf(const nlohmann::json& spec);
/// Empty: the template's own.
std::string systemPromptOf(const nlohmann::json& spec);
QStringList adaptersOf(const nlohmann::json& spec);
/// No adapters leave the field out.
void writeAdapters(nlohmann::json& spec, const QStringList& adapters);
/// Parameters of `checkpoint/open`.
nlohmann::json checkpointQuestion(const QString& checkpoint, const QStringList& adapters);
/// Paths of the prompt files, however they are read.
QStringList promptFilesOf(const nlohmann::json& spec);
/// {"calibration", "stratified", "again", "allow_overlap"}, with what a spec that says nothing means.
nlohmann::json splitOf(const nlohmann::json& spec);
/// Id of the quantization method.
QString methodOf(const nlohmann::json& spec);
/// Id of the way the outcome is patched; empty: it is not.
QString patchOf(const nlohmann::json& spec);
/// File of ready pairs that the patch learns from; empty: the models make them.
QString patchPairsOf(const nlohmann::json& spec);
/// Adapters that make the aligned model of a method that realigns.
QStringList alignedAdaptersOf(const nlohmann::json& spec);
/// File with its signature, in their place; empty: none.
QString signatureOf(const nlohmann::json& spec);
/// Samples of each part that a calibrated method learns from.
struct CalibrationCounts {
    int malicious = 100, benign = 100, texts = 60, tasks = 30;
};
CalibrationCounts calibrationOf(const nlohmann::json& spec);
double maliciousFractionOf(const nlohmann::json& spec);
std::uint64_t seedOf(const nlohmann::json& spec);
LinearScheme defaultSchemeOf(const nlohmann::json& spec);
std::vector<SchemeRule> rulesOf(const nlohmann::json& spec);
void setRules(nlohmann::json& spec, const std::vector<SchemeRule>& rules);

/// Whether two specs give every linear of the same checkpoint the same scheme. Other fields, and ones left at their default, do
/// not matter.
bool sameQuantization(const nlohmann::json& first, const nlohmann::json& second);

/// Rules that name linears one by one, as the table of linears makes them: "^(?:name|name)$". They stand before all others.
struct NamedSchemes {
    QHash<QString, LinearScheme> byName;
    std::vector<SchemeRule> others;  ///< The remaining rules, in order.
};
NamedSchemes splitRules(const std::vector<SchemeRule>& rules);
std::vector<SchemeRule> joinRules(const NamedSchemes& named);

/// Puts a rule before all others, in place of one with the same pattern; linears that were named one by one and match lose their own.
void putRule(nlohmann::json& spec, const SchemeRule& rule);
/// Gives all linears of a block one scheme, by a rule "^model\\.layers\\.12\\.".
void setBlockScheme(nlohmann::json& spec, int block, const LinearScheme& scheme);
/// The schemes that a spec asks for linears by name. A pattern that Qt cannot read matches nothing.
std::vector<LinearScheme> schemesOf(const nlohmann::json& spec, const QStringList& linears);

/// Which linears of a block runtimes run as one product, by a number: 0 query, key and value, 1 output, 2 gate and up, 3 down.
int fusedItem(const QString& linear);
/// The linear itself and those fused with it, by full name.
QStringList fusedWith(const QString& linear);

/// "SmolLM2-135M-Instruct W4A16 g64": the name a run gets when its spec has none.
QString runNameFor(const nlohmann::json& spec);
/// File or folder name of a checkpoint without the ending and a stored type, for titles.
QString modelNameOf(const QString& checkpoint);

}  // namespace safequant::workbench
