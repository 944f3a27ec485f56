// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/run/run_spec.h"

namespace safequant {

/// A way of quantizing that is assessed at several bit widths.
struct AssessedMethod {
    std::string name;        ///< Unique in the assessment; that of the method unless given.
    std::string title;       ///< For people; the method's own unless given.
    std::vector<int> bits;   ///< Empty: the assessment's.
    nlohmann::json quantization = nlohmann::json::object();  ///< "quantization" of its run specs: method, options, learning, rotation, patch.
    nlohmann::json schemes = nlohmann::json::object();       ///< By bit width, instead of the assessment's.
};

/// What calibrated methods see: the risk of a calibration set (arXiv 2506.20251, section 3).
struct CalibrationRisk {
    std::string name, text;  ///< "I", "Benign chats".
    nlohmann::json calibration;  ///< "calibration" of run specs.
};

/// What quantizing does to a model's safety, over methods, bit widths and calibration sets. JSON form (docs/file-formats.md):
/// {
///   "format": "safequant-assessment", "format_version": 1, "name": "SmolLM2",
///   "run": {...},                      a run spec without quantization, calibration, stages and export
///   "methods": ["rtn", {"name": "rotation", "title": "Rotation", "quantization": {"method": "rtn", "rotation": {}}, "bits": [4],
///               "schemes": {"4": {...}}}],
///   "bits": [8, 4], "schemes": {"8": {...}, "4": {...}},
///   "risks": [{"name": "I", "text": "Benign chats", "calibration": {...}}],
///   "seeds": [0], "repeat": {"findings": 5, "seeds": [1, 2]},
///   "attack": {"methods": ["rtn"], "risk": "I", "temperatures": [0.7, 1], ...}      as a run spec's attack, of these methods and the base
/// }
/// Methods that see no calibration data have one cell for all risks.
struct AssessmentSpec {
    std::string name;
    nlohmann::json run = nlohmann::json::object();
    std::vector<AssessedMethod> methods;
    std::vector<int> bits{8, 4};
    nlohmann::json schemes;
    std::vector<CalibrationRisk> risks;
    std::vector<std::uint64_t> seeds{0};
    int repeatedFindings = 0;  ///< So many of the worst findings are computed again
    std::vector<std::uint64_t> repeatSeeds;  ///< with these seeds.
    std::vector<std::string> attacked;  ///< Methods whose decoding is attacked,
    std::string attackedRisk;           ///< calibrated on this one; empty: on all.
    nlohmann::json attack;              ///< The grid; null: none.
};

/// A cell of the matrix before anything has run.
struct PlannedCell {
    std::string method, title, risk;
    int bits = 16;
    std::uint64_t seed = 0;
    bool repeat = false, attacked = false;
    RunSpec spec;
};

/// Errors: bad_input, also where a cell's run spec is no good, naming the cell.
Expected<AssessmentSpec> assessmentSpecFromJson(const nlohmann::json& json, const std::string& where);
/// Paths in it stand beside the file where they are relative. `checkpoint`: instead of the file's own, relative to the current folder; empty: that.
/// Errors: the same, and those of reading.
Expected<AssessmentSpec> readAssessmentSpec(const std::string& path, const std::string& checkpoint = {});
nlohmann::json assessmentSpecToJson(const AssessmentSpec& spec);

/// Every cell of the matrix, by method, bits, risk and seed, without repeats. Errors: bad_input, as above.
Expected<std::vector<PlannedCell>> planCells(const AssessmentSpec& spec);
/// The same cell with another seed. Errors: those of its run spec.
Expected<PlannedCell> repeatedCell(const AssessmentSpec& spec, const PlannedCell& cell, std::uint64_t seed);

}  // namespace safequant
