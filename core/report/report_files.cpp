// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/report_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/base/csv.h"
#include "core/base/files.h"
#include "core/report/figure_svg.h"
#include "core/report/report_html.h"
#include "core/report/report_pdf.h"

namespace safequant {
namespace {

/// The shortest decimals that read back as the same number.
std::string exact(double value) {
    if (!std::isfinite(value)) return {};
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    return {text, end};
}

/// What a column's cells are written as: the widest of them.
enum class Width { One, Interval, Rate };

Width widthOf(const ReportTable& table, std::size_t column) {
    Width width = Width::One;
    for (const auto& row : table.rows) {
        if (std::holds_alternative<Rate>(row[column])) return Width::Rate;
        if (const auto* number = std::get_if<Measured>(&row[column]); number != nullptr && number->interval) width = Width::Interval;
    }
    return width;
}

std::vector<std::string> fieldsOf(const ReportCell& cell, Width width) {
    std::vector<std::string> fields;
    if (const auto* rate = std::get_if<Rate>(&cell)) {
        fields = {exact(rate->value), exact(rate->wilson.low), exact(rate->wilson.high), std::to_string(rate->count), std::to_string(rate->total)};
    } else if (const auto* number = std::get_if<Measured>(&cell)) {
        fields = {exact(number->value)};
        if (number->interval) fields.insert(fields.end(), {exact(number->interval->low), exact(number->interval->high)});
    } else {
        const auto& text = std::get<std::string>(cell);
        fields = {text == "–" ? std::string() : csvField(text)};
    }
    fields.resize(width == Width::Rate ? 5 : width == Width::Interval ? 3 : 1);
    return fields;
}

std::string joined(const std::vector<std::string>& fields) {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) line += (i == 0 ? "" : ",") + fields[i];
    return line + "\r\n";
}

}  // namespace

std::string tableCsv(const ReportTable& table) {
    std::vector<Width> widths;
    std::vector<std::string> header;
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
        widths.push_back(widthOf(table, column));
        const std::string& name = table.columns[column];
        header.push_back(csvField(name));
        if (widths.back() != Width::One)
            for (const char* part : {" low", " high"}) header.push_back(csvField(name + part));
        if (widths.back() == Width::Rate)
            for (const char* part : {" count", " total"}) header.push_back(csvField(name + part));
    }
    std::string csv = joined(header);
    for (const auto& row : table.rows) {
        std::vector<std::string> line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const auto fields = fieldsOf(row[column], widths[column]);
            line.insert(line.end(), fields.begin(), fields.end());
        }
        csv += joined(line);
    }
    return csv;
}

Expected<std::vector<ReportFile>> reportFiles(const Report& report) {
    auto paper = reportPdf(report);
    if (!paper) return fail(paper.error());
    std::vector<ReportFile> files{
        {"report.html", report.title, reportHtml(report)},
        {"report.pdf", report.title, std::move(*paper)},
        {"report.json", report.title, toJson(report).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"}};
    for (const ReportSection& section : report.sections) {
        for (const ReportTable& table : section.tables) files.push_back({"tables/" + table.id + ".csv", table.title, tableCsv(table)});
        for (const ReportFigure& figure : section.figures) files.push_back({"figures/" + figure.id + ".svg", figure.title, figureSvg(figure, true)});
    }
    return files;
}

Expected<std::vector<std::string>> writeReport(const Report& report, const std::string& folder) {
    const auto files = reportFiles(report);
    if (!files) return fail(files.error());
    std::error_code code;
    for (const char* part : {"/tables", "/figures"}) {
        std::filesystem::remove_all(folder + part, code);
        std::filesystem::create_directories(folder + part, code);
        if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message(), folder + part);
    }
    std::vector<std::string> written;
    for (const ReportFile& file : *files) {
        written.push_back(folder + "/" + file.name);
        if (auto done = writeFileAtomically(written.back(), file.bytes); !done) return fail(done.error());
    }
    return written;
}

}  // namespace safequant
