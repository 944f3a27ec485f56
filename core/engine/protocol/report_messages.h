// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace safequant::protocol {

/// `report/preview` {folders, template: "reviewer" | "researcher" | "model-card", show_text} -> ReportPreview: on paper, the report of a run,
/// or of several compared with the first.
struct ReportPreview {
    std::string pdf;  ///< A PDF document as base64.
};

/// `report/write` {folders, template, show_text, target} -> ReportFiles: the report in all its forms, written into a folder on the engine's side.
struct ReportFiles {
    std::vector<std::string> files;  ///< Paths, the page first.
};

nlohmann::json toJson(const ReportPreview&);
void fromJson(const nlohmann::json&, ReportPreview&);
nlohmann::json toJson(const ReportFiles&);
void fromJson(const nlohmann::json&, ReportFiles&);

}  // namespace safequant::protocol
