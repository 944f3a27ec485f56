// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "core/engine/protocol/review_messages.h"
#include "core/report/build_report.h"
#include "core/run/run_comparison.h"

namespace safequant {

/// What a report is made of: a run's files, read once.
struct RunMaterial {
    std::string folder;
    ReportOptions options;
    protocol::RunState state;
    nlohmann::json manifest;
    std::optional<RunComparison> comparison;  ///< Quantized against base, in the report of one run that evaluated both.
    std::vector<protocol::AnswerItem> answers;
    protocol::Review review;                  ///< People's verdicts on the answers.

    const protocol::ModelMetrics* metricsOf(const std::string& model) const;
    const protocol::BlockSeparability* blockOf(const std::string& model, int block) const;
    std::vector<int> blocks() const;
    /// The comparison's row of a measure; null when there is none or nobody was asked.
    const PairedComparison* rowOf(const std::string& measure) const;
};

Expected<RunMaterial> readRunMaterial(const std::string& folder, const ReportOptions& options);

/// Sections, each from the material alone.
std::vector<ReportFinding> verdictOf(const RunMaterial& run);
ReportSection summarySection(const RunMaterial& run);
ReportSection scopeSection(const RunMaterial& run);
ReportSection separationSection(const RunMaterial& run);
ReportSection changedAnswersSection(const RunMaterial& run);
ReportSection judgeSection(const RunMaterial& run);
ReportSection dataSection(const RunMaterial& run);
ReportSection quantizationSection(const RunMaterial& run);
ReportSection limitationsSection(const RunMaterial& run);
ReportSection reproductionSection(const RunMaterial& run);
ReportSection signOffSection(const RunMaterial& run);

}  // namespace safequant
