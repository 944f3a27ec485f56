// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/report.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace safequant {
namespace {

constexpr std::array<const char*, 4> kKinds = {"better", "worse", "same", "unclear"};
constexpr double kPercent = 100.0;

std::string numberText(double value, int digits, bool sign) {
    if (!std::isfinite(value)) return "–";
    char text[64];
    const double unit = std::pow(10.0, -digits);
    if (!sign && value > 0.0 && value < 0.5 * unit) {
        std::snprintf(text, sizeof text, "< %.*f", digits, unit);
        return text;
    }
    std::snprintf(text, sizeof text, sign ? "%+.*f" : "%.*f", digits, value);
    return text[0] == '-' ? "−" + std::string(text + 1) : std::string(text);
}

std::string intervalText(const Interval& interval, double factor, int digits, bool sign) {
    return " [" + numberText(factor * interval.low, digits, sign) + ", " + numberText(factor * interval.high, digits, sign) + "]";
}

nlohmann::json jsonOf(const ReportCell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* rate = std::get_if<Rate>(&cell))
        return {{"value", rate->value}, {"count", rate->count}, {"total", rate->total}, {"low", rate->wilson.low}, {"high", rate->wilson.high}};
    const auto& number = std::get<Measured>(cell);
    nlohmann::json json{{"value", std::isfinite(number.value) ? nlohmann::json(number.value) : nlohmann::json()}};
    if (number.interval) {
        json["low"] = number.interval->low;
        json["high"] = number.interval->high;
    }
    return json;
}

nlohmann::json jsonOf(const ReportTable& table) {
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& row : table.rows) {
        nlohmann::json cells = nlohmann::json::array();
        for (const ReportCell& cell : row) cells.push_back(jsonOf(cell));
        rows.push_back(std::move(cells));
    }
    return {{"id", table.id}, {"title", table.title}, {"note", table.note}, {"columns", table.columns}, {"rows", std::move(rows)}};
}

nlohmann::json jsonOf(const ReportSection& section) {
    nlohmann::json tables = nlohmann::json::array(), figures = nlohmann::json::array();
    for (const ReportTable& table : section.tables) tables.push_back(jsonOf(table));
    for (const ReportFigure& figure : section.figures) figures.push_back({{"id", figure.id}, {"title", figure.title}, {"caption", figure.caption}});
    return {{"id", section.id},         {"title", section.title},        {"paragraphs", section.paragraphs},
            {"points", section.points}, {"tables", std::move(tables)}, {"figures", std::move(figures)}};
}

}  // namespace

std::string cellText(const ReportCell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* rate = std::get_if<Rate>(&cell)) {
        if (rate->total == 0) return "none asked";
        return numberText(kPercent * rate->value, 1, false) + "%" + intervalText(rate->wilson, kPercent, 1, false) + " " +
               std::to_string(rate->count) + "/" + std::to_string(rate->total);
    }
    const auto& number = std::get<Measured>(cell);
    const double factor = number.percent ? kPercent : 1.0;
    std::string text = numberText(factor * number.value, number.digits, number.sign);
    if (number.percent && std::isfinite(number.value)) text += "%";
    if (number.interval) text += intervalText(*number.interval, factor, number.digits, number.sign);
    return text;
}

std::string timeText(const std::string& time) {
    constexpr std::size_t kLength = 20, kDate = 10, kMinutes = 16;
    if (time.size() != kLength || time[kDate] != 'T' || time.back() != 'Z') return time;
    return time.substr(0, kDate) + " " + time.substr(kDate + 1, kMinutes - kDate - 1) + " UTC";
}

nlohmann::json toJson(const Report& report) {
    nlohmann::json verdict = nlohmann::json::array(), sections = nlohmann::json::array();
    for (const ReportFinding& finding : report.verdict)
        verdict.push_back({{"kind", kKinds[static_cast<std::size_t>(finding.kind)]}, {"text", finding.text}, {"evidence", finding.evidence}});
    for (const ReportSection& section : report.sections) sections.push_back(jsonOf(section));
    return {{"format", "safequant-report"}, {"format_version", 1},    {"title", report.title},    {"subtitle", report.subtitle},
            {"created", report.created},    {"program", report.program}, {"verdict", std::move(verdict)}, {"sections", std::move(sections)},
            {"manifest", report.manifest}};
}

}  // namespace safequant
