// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/assess/assessment_spec.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "core/base/model_path.h"
#include "core/quantize/method.h"
#include "core/run/spec_reader.h"

namespace safequant {
namespace {

constexpr const char* kAssessmentFormat = "safequant-assessment";
constexpr int kAssessmentVersion = 1;
constexpr int kMostBits = 8, kFewestBits = 2;

using nlohmann::json;

/// What runtimes load most: 8 bits with activations, fewer in groups of weights alone.
json standardSchemes() {
    const json grouped{{"group_size", 64}, {"symmetric", true}, {"activation_bits", 16}};
    json schemes = json::object();
    for (int bits = kFewestBits; bits < kMostBits; ++bits) {
        schemes[std::to_string(bits)] = grouped;
        schemes[std::to_string(bits)]["weight_bits"] = bits;
    }
    schemes[std::to_string(kMostBits)] = {{"weight_bits", kMostBits}, {"group_size", -1}, {"symmetric", true}, {"activation_bits", 8}};
    return schemes;
}

/// What is safe to vary between calibration sets: prompts alone, so that no method learns an answer from them.
std::vector<CalibrationRisk> standardRisks() {
    const auto mix = [](int malicious, int benign, int shifted) {
        return json{{"malicious", malicious}, {"benign", benign}, {"identity_shift", shifted}, {"texts", 48}, {"tasks", 24}};
    };
    return {{"I", "Benign chats", mix(0, 128, 0)}, {"II", "Benign chats behind an identity shift", mix(0, 0, 128)}, {"III", "Malicious prompts among benign chats", mix(64, 64, 0)}};
}

template <typename T>
void readNumbers(SpecReader& reader, const std::string& name, std::vector<T>& target, std::uint64_t low, std::uint64_t high) {
    const json* list = reader.child(name);
    if (list == nullptr) return;
    std::vector<T> numbers;
    for (const json& item : list->is_array() ? *list : json::array({json()})) {
        const bool whole = item.is_number_unsigned() || (item.is_number_integer() && item.get<std::int64_t>() >= 0);
        if (!whole || item.get<std::uint64_t>() < low || item.get<std::uint64_t>() > high)
            return reader.reject(name, "must be a list of whole numbers from " + std::to_string(low) + " to " + std::to_string(high) + ".");
        numbers.push_back(item.get<T>());
    }
    target = std::move(numbers);
}

void readObject(SpecReader& reader, const std::string& name, json& target) {
    const json* value = reader.child(name);
    if (value == nullptr) return;
    if (!value->is_object()) return reader.reject(name, "must be an object.");
    target = *value;
}

void readSchemes(SpecReader& reader, json& target) {
    json given = json::object();
    readObject(reader, "schemes", given);
    for (const auto& [bits, scheme] : given.items()) {
        const bool known = bits.size() == 1 && bits[0] >= '0' + kFewestBits && bits[0] <= '0' + kMostBits;
        if (!known || !scheme.is_object()) return reader.reject("schemes", "has \"" + bits + "\"; its names are bit widths from 2 to 8, its values schemes.");
        target[bits] = scheme;
        target[bits]["weight_bits"] = bits[0] - '0';
    }
}

AssessedMethod readMethod(SpecReader& list, const json& item, const std::string& at) {
    AssessedMethod method;
    if (item.is_string()) {
        method.name = item.get<std::string>();
    } else {
        SpecReader reader = list.inside(item, at);
        reader.text("name", method.name);
        reader.text("title", method.title);
        readNumbers(reader, "bits", method.bits, kFewestBits, kMostBits);
        readObject(reader, "quantization", method.quantization);
        readSchemes(reader, method.schemes);
        list.finishInner(reader);
    }
    if (!method.quantization.contains("method")) method.quantization["method"] = method.name;
    const auto known = findQuantizationMethod(method.quantization["method"].is_string() ? method.quantization["method"].get<std::string>() : "");
    if (!known) {
        list.reject(at, "names an unknown method. " + known.error().message);
        return method;
    }
    if (method.name.empty()) method.name = (*known)->id;
    if (method.title.empty()) method.title = method.name == (*known)->id ? std::string((*known)->title) : method.name;
    return method;
}

void readMethods(SpecReader& reader, std::vector<AssessedMethod>& methods) {
    const json* list = reader.child("methods");
    if (list == nullptr || !list->is_array() || list->empty()) return reader.reject("methods", "must be a list of at least one method.");
    std::set<std::string> names;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string at = "methods[" + std::to_string(i) + "]";
        methods.push_back(readMethod(reader, (*list)[i], at));
        if (!names.insert(methods.back().name).second) reader.reject(at, "has the name \"" + methods.back().name + "\" of another one; give it a \"name\" of its own.");
    }
}

void readRisks(SpecReader& reader, std::vector<CalibrationRisk>& risks) {
    const json* list = reader.child("risks");
    if (list == nullptr) return;
    if (!list->is_array() || list->empty()) return reader.reject("risks", "must be a list of at least one calibration set.");
    risks.clear();
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string at = "risks[" + std::to_string(i) + "]";
        SpecReader inner = reader.inside((*list)[i], at);
        CalibrationRisk risk{{}, {}, json::object()};
        inner.text("name", risk.name);
        inner.text("text", risk.text);
        readObject(inner, "calibration", risk.calibration);
        reader.finishInner(inner);
        const bool twice = std::any_of(risks.begin(), risks.end(), [&](const CalibrationRisk& each) { return each.name == risk.name; });
        if (risk.name.empty() || twice) reader.reject(at, "needs a \"name\" of its own.");
        risks.push_back(std::move(risk));
    }
}

void readAttacked(SpecReader& reader, AssessmentSpec& spec) {
    const json* attack = reader.child("attack");
    if (attack == nullptr) return;
    if (!attack->is_object()) return reader.reject("attack", "must be an object.");
    json selection = json::object(), grid = *attack;
    for (const char* field : {"methods", "risk"})
        if (attack->contains(field)) {
            selection[field] = (*attack)[field];
            grid.erase(field);
        }
    SpecReader inner = reader.inside(selection, "attack");
    inner.texts("methods", spec.attacked);
    inner.text("risk", spec.attackedRisk);
    reader.finishInner(inner);
    for (const std::string& name : spec.attacked)
        if (std::none_of(spec.methods.begin(), spec.methods.end(), [&](const AssessedMethod& each) { return each.name == name; }))
            reader.reject("attack.methods", "has \"" + name + "\", which is none of the assessment's methods.");
    if (!spec.attackedRisk.empty() &&
        std::none_of(spec.risks.begin(), spec.risks.end(), [&](const CalibrationRisk& each) { return each.name == spec.attackedRisk; }))
        reader.reject("attack.risk", "is \"" + spec.attackedRisk + "\", which is none of the assessment's calibration sets.");
    spec.attack = std::move(grid);
}

Expected<PlannedCell> plannedCell(const AssessmentSpec& spec, const AssessedMethod& method, int bits, const CalibrationRisk* risk, std::uint64_t seed) {
    PlannedCell cell{method.name, method.title, risk != nullptr ? risk->name : "", bits, seed, false, false, {}};
    json run = spec.run;
    const std::string width = std::to_string(bits);
    run["quantization"] = method.quantization;
    run["quantization"]["default"] = method.schemes.contains(width) ? method.schemes[width] : spec.schemes[width];
    if (risk != nullptr) run["calibration"] = risk->calibration;
    run["seed"] = seed;
    // What is asked of cells are answers: no activations are captured.
    run["stages"] = {"quantize", "evaluate"};
    cell.attacked = !spec.attack.is_null() && std::find(spec.attacked.begin(), spec.attacked.end(), method.name) != spec.attacked.end() &&
                    (risk == nullptr || spec.attackedRisk.empty() || risk->name == spec.attackedRisk);
    if (cell.attacked) run["evaluation"]["attack"] = spec.attack;
    run["name"] = method.title + " " + width + " bit" + (risk != nullptr ? ", " + risk->name : "") + (spec.seeds.size() > 1 || seed != spec.seeds.front() ? ", seed " + std::to_string(seed) : "");
    auto read = runSpecFromJson(run, "cell \"" + run["name"].get<std::string>() + "\"");
    if (!read) return fail(read.error());
    cell.spec = std::move(*read);
    return cell;
}

const AssessedMethod& methodNamed(const AssessmentSpec& spec, const std::string& name) {
    return *std::find_if(spec.methods.begin(), spec.methods.end(), [&](const AssessedMethod& each) { return each.name == name; });
}

bool seesCalibration(const AssessedMethod& method) { return (*findQuantizationMethod(method.quantization["method"].get<std::string>()))->calibrated; }

}  // namespace

Expected<AssessmentSpec> assessmentSpecFromJson(const json& source, const std::string& where) {
    AssessmentSpec spec;
    spec.schemes = standardSchemes();
    spec.risks = standardRisks();
    SpecReader reader(source, {}, where, "assessment");
    reader.format(kAssessmentFormat, kAssessmentVersion);
    reader.text("name", spec.name);
    readObject(reader, "run", spec.run);
    for (const char* field : {"quantization", "calibration", "stages", "export", "seed", "name"})
        if (spec.run.contains(field)) reader.reject("run", std::string("has \"") + field + "\", which each cell gets from the matrix.");
    readNumbers(reader, "bits", spec.bits, kFewestBits, kMostBits);
    readSchemes(reader, spec.schemes);
    readMethods(reader, spec.methods);
    readRisks(reader, spec.risks);
    readNumbers(reader, "seeds", spec.seeds, 0, UINT64_MAX);
    if (spec.seeds.empty()) reader.reject("seeds", "must have at least one number.");
    if (const json* repeat = reader.child("repeat"); repeat != nullptr) {
        SpecReader inner = reader.inside(*repeat, "repeat");
        inner.whole("findings", spec.repeatedFindings, 0, 1000);
        readNumbers(inner, "seeds", spec.repeatSeeds, 0, UINT64_MAX);
        reader.finishInner(inner);
    }
    readAttacked(reader, spec);
    if (auto read = reader.finish(); !read) return fail(read.error());
    if (auto cells = planCells(spec); !cells) return fail(cells.error());
    return spec;
}

Expected<AssessmentSpec> readAssessmentSpec(const std::string& path, const std::string& checkpoint) {
    auto source = readSpecFile(path, "assessment");
    if (!source) return fail(source.error());
    if (!checkpoint.empty() && source->is_object() && (!source->contains("run") || (*source)["run"].is_object()))
        (*source)["run"]["checkpoint"] = absoluteModelPath(checkpoint, {});
    auto spec = assessmentSpecFromJson(*source, path);
    if (!spec) return spec;
    // The cells' common part is a run spec of its own, whose paths stand beside the file.
    auto run = runSpecFromJson(spec->run, path);
    if (!run) return fail(run.error());
    anchorRunSpec(*run, std::filesystem::absolute(path).parent_path());
    const json anchored = runSpecToJson(*run);
    for (const char* field : {"checkpoint", "adapters", "aligned", "prompts"})
        if (anchored.contains(field)) spec->run[field] = anchored[field];
    for (const char* field : {"perplexity_text", "tasks"})
        if (anchored["evaluation"].contains(field)) spec->run["evaluation"][field] = anchored["evaluation"][field];
    return spec;
}

json assessmentSpecToJson(const AssessmentSpec& spec) {
    json methods = json::array(), risks = json::array();
    for (const AssessedMethod& method : spec.methods) {
        json entry{{"name", method.name}, {"title", method.title}, {"quantization", method.quantization}};
        if (!method.bits.empty()) entry["bits"] = method.bits;
        if (!method.schemes.empty()) entry["schemes"] = method.schemes;
        methods.push_back(std::move(entry));
    }
    for (const CalibrationRisk& risk : spec.risks) risks.push_back({{"name", risk.name}, {"text", risk.text}, {"calibration", risk.calibration}});
    json result{{"format", kAssessmentFormat},
                {"format_version", kAssessmentVersion},
                {"name", spec.name},
                {"run", spec.run},
                {"methods", std::move(methods)},
                {"bits", spec.bits},
                {"schemes", spec.schemes},
                {"risks", std::move(risks)},
                {"seeds", spec.seeds},
                {"repeat", {{"findings", spec.repeatedFindings}, {"seeds", spec.repeatSeeds}}}};
    if (!spec.attack.is_null()) {
        result["attack"] = spec.attack;
        result["attack"]["methods"] = spec.attacked;
        result["attack"]["risk"] = spec.attackedRisk;
    }
    return result;
}

Expected<std::vector<PlannedCell>> planCells(const AssessmentSpec& spec) {
    std::vector<PlannedCell> cells;
    for (const std::uint64_t seed : spec.seeds)
        for (const AssessedMethod& method : spec.methods)
            for (const int bits : method.bits.empty() ? spec.bits : method.bits) {
                std::vector<const CalibrationRisk*> risks{nullptr};
                if (seesCalibration(method)) {
                    risks.clear();
                    for (const CalibrationRisk& risk : spec.risks) risks.push_back(&risk);
                }
                for (const CalibrationRisk* risk : risks) {
                    auto cell = plannedCell(spec, method, bits, risk, seed);
                    if (!cell) return fail(cell.error());
                    cells.push_back(std::move(*cell));
                }
            }
    return cells;
}

Expected<PlannedCell> repeatedCell(const AssessmentSpec& spec, const PlannedCell& cell, std::uint64_t seed) {
    const auto risk = std::find_if(spec.risks.begin(), spec.risks.end(), [&](const CalibrationRisk& each) { return each.name == cell.risk; });
    auto repeated = plannedCell(spec, methodNamed(spec, cell.method), cell.bits, cell.risk.empty() ? nullptr : &*risk, seed);
    if (repeated) repeated->repeat = true;
    return repeated;
}

}  // namespace safequant
