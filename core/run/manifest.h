// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/run/run_inputs.h"

namespace safequant {

/// A run's manifest.json: what ran. Written whole at every change.
class Manifest {
public:
    /// Errors: not_found, bad_input when it is no manifest.
    static Expected<Manifest> read(const std::string& folder);
    /// A manifest of a run that has not begun.
    static Manifest create(const std::string& folder, const RunSpec& spec);

    nlohmann::json& json() { return m_json; }
    const nlohmann::json& json() const { return m_json; }
    /// A text among its fields, empty when it is missing.
    std::string text(const std::string& field) const;
    Expected<void> save();

private:
    std::string m_folder;
    nlohmann::json m_json;
};

/// Hashes of everything that must be the same for a run to be resumed, by name.
nlohmann::json inputFingerprints(const RunInputs& inputs);

/// What differs between the fingerprints a run was begun with and those of now, in words; empty when nothing does.
std::vector<std::string> fingerprintDifferences(const nlohmann::json& then, const nlohmann::json& now);

/// Describes inputs, device and plan in a manifest.
void describeInputs(nlohmann::json& manifest, const RunInputs& inputs);

/// Fingerprint of what the base model's block results depend on: equal fingerprints mean equal bytes.
std::string captureFingerprint(const RunInputs& inputs);
/// The same for the base model's answers and perplexity.
std::string answersFingerprint(const RunInputs& inputs);
/// The same for answers that a patch takes as right (preference_pairs.h), whichever prompts it draws; the aligned model's count among its inputs.
std::string chosenFingerprint(const RunInputs& inputs);

/// "W4A16 g64 asymmetric", "... and 2 rules", "..., rotated".
std::string describeScheme(const RunSpec& spec);

/// The present moment as "2026-01-31T12:30:00Z".
std::string utcNow();

}  // namespace safequant
