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

/// `report/files` {folders, template, show_text} -> ReportBundle: the same files as bytes.
struct ReportBundle {
    struct File {
        std::string name;  ///< Relative, "tables/metrics.csv"; the page first.
        std::string title;  ///< Of the table or the figure in it.
        std::string data;  ///< Its bytes as base64.
    };
    std::vector<File> files;
};

nlohmann::json toJson(const ReportPreview&);
void fromJson(const nlohmann::json&, ReportPreview&);
nlohmann::json toJson(const ReportFiles&);
void fromJson(const nlohmann::json&, ReportFiles&);
nlohmann::json toJson(const ReportBundle::File&);
void fromJson(const nlohmann::json&, ReportBundle::File&);
nlohmann::json toJson(const ReportBundle&);
void fromJson(const nlohmann::json&, ReportBundle&);

}  // namespace safequant::protocol
