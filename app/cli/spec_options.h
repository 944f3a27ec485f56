// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/run/run_spec.h"

namespace safequant::cli {

/// Command-line options that change a run spec. Each applies only when given.
struct SpecOptions {
    std::string checkpoint;
    std::vector<std::string> adapters;
    std::vector<std::string> prompts;
    std::optional<std::string> systemPrompt;
    std::optional<std::uint64_t> seed;
    std::optional<std::string> device;
    std::optional<double> maliciousFraction;
    std::optional<int> weightBits, groupSize, activationBits;
    bool symmetric = false;
    bool asymmetric = false;
    bool asymmetricActivations = false;
    bool rotate = false;
    std::string method, patch;
    std::vector<std::string> layerBits;  ///< "REGEX=BITS".

    void addAdapterOption(CLI::App& command);
    void addPromptOptions(CLI::App& command);
    void addSchemeOptions(CLI::App& command);
    void addMethodOption(CLI::App& command);
    void addPatchOption(CLI::App& command);
    void addSeedOption(CLI::App& command);
    void addDeviceOption(CLI::App& command);

    /// Applies them to a spec. Error: bad_input for a malformed rule.
    Expected<void> apply(RunSpec& spec) const;
};

/// "--format" and "--type" of an export, as exportOptionsNamed takes them.
void addExportOptions(CLI::App& command, std::string& format, std::string& type);

/// A bundled run ("default-run", "repair-run": resources/runs) on a checkpoint.
Expected<RunSpec> bundledRunSpec(const std::string& name, const std::string& checkpoint);

}  // namespace safequant::cli
