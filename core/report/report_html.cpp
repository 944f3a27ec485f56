// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/report_html.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/report/figure_svg.h"

namespace safequant {
namespace {

constexpr const char* kPageStyle =
    "*{box-sizing:border-box}body{margin:0;background:var(--window);color:var(--text);font:14px/1.55 Inter,system-ui,sans-serif;font-feature-settings:'tnum'}"
    "main{max-width:860px;margin:0 auto;padding:40px 32px 64px}h1{font-size:26px;line-height:1.25;margin:0 0 4px}h2{font-size:18px;margin:40px 0 10px;padding-top:16px;"
    "border-top:1px solid var(--line)}h3{font-size:14px;margin:24px 0 6px}p{margin:0 0 10px;max-width:70ch}.muted{color:var(--muted)}"
    ".verdict{list-style:none;margin:24px 0 0;padding:0}.verdict li{background:var(--panel);border:1px solid var(--line);border-left-width:4px;border-radius:6px;"
    "padding:10px 14px;margin:0 0 8px;display:grid;grid-template-columns:84px 1fr}.verdict span{font-size:13px}.better{border-left-color:var(--hard)!important}"
    ".worse{border-left-color:var(--malicious)!important}.same,.unclear{border-left-color:var(--muted)!important}"
    "figure{margin:14px 0 20px;padding:14px;background:var(--panel);border:1px solid var(--line);border-radius:6px}figure svg{display:block;width:100%;height:auto}"
    "figcaption{color:var(--muted);font-size:12px;margin-top:8px}.table{overflow-x:auto;margin:0 0 6px}table{border-collapse:collapse;width:100%;font-size:13px}"
    "th,td{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid var(--line)}th{font-size:11px;font-weight:600;color:var(--muted)}"
    "td.number{white-space:nowrap}td{overflow-wrap:anywhere}td:first-child{white-space:nowrap}.note{color:var(--muted);font-size:12px}nav{margin:22px 0 0;font-size:13px}"
    "nav a{margin-right:14px;white-space:nowrap}a{color:var(--accent)}.sign{display:flex;gap:32px;margin-top:40px}.sign div{flex:1;border-top:1px solid var(--text);"
    "padding-top:6px;font-size:12px;color:var(--muted)}footer{margin-top:48px;color:var(--muted);font-size:12px}"
    "@page{size:A4;margin:18mm 16mm}@media print{table{font-size:10.5px}th{font-size:9.5px}main{max-width:none;padding:0}nav{display:none}h2{break-after:avoid;border-top:0}h3{break-after:avoid}"
    "figure,.verdict li,tr,.sign{break-inside:avoid}thead{display:table-header-group}.table{overflow:visible}}";

constexpr std::array<const char*, 4> kKindClasses = {"better", "worse", "same", "unclear"};
constexpr std::array<const char*, 4> kKindWords = {"Better", "Worse", "Same", "Not shown"};

std::string paragraph(const std::string& text) { return "<p>" + escapedMarkup(text) + "</p>\n"; }

std::string figureMarkup(const ReportFigure& figure) {
    return "<h3>" + escapedMarkup(figure.title) + "</h3>\n<figure id=\"figure-" + escapedMarkup(figure.id) + "\">\n" + figureSvg(figure, false) + "<figcaption>" +
           escapedMarkup(figure.caption) + "</figcaption>\n</figure>\n";
}

std::string tableMarkup(const ReportTable& table) {
    std::string html = "<h3 id=\"table-" + escapedMarkup(table.id) + "\">" + escapedMarkup(table.title) + "</h3>\n<div class=\"table\"><table>\n<thead><tr>";
    for (const std::string& column : table.columns) html += "<th scope=\"col\">" + escapedMarkup(column) + "</th>";
    html += "</tr></thead>\n<tbody>\n";
    const std::size_t shown = table.shownRows == 0 ? table.rows.size() : std::min(table.shownRows, table.rows.size());
    for (const auto& row : std::span(table.rows).first(shown)) {
        html += "<tr>";
        for (const ReportCell& cell : row)
            html += std::string("<td") + (!std::holds_alternative<std::string>(cell) ? " class=\"number\"" : "") + ">" + escapedMarkup(cellText(cell)) + "</td>";
        html += "</tr>\n";
    }
    html += "</tbody>\n</table></div>\n";
    if (shown < table.rows.size())
        html += "<p class=\"note\">" + std::to_string(shown) + " of " + std::to_string(table.rows.size()) + " rows; all of them are in tables/" + escapedMarkup(table.id) +
                ".csv.</p>\n";
    if (!table.note.empty()) html += "<p class=\"note\">" + escapedMarkup(table.note) + "</p>\n";
    return html;
}

std::string sectionMarkup(const ReportSection& section) {
    std::string html = "<section id=\"" + escapedMarkup(section.id) + "\">\n<h2>" + escapedMarkup(section.title) + "</h2>\n";
    for (const std::string& text : section.paragraphs) html += paragraph(text);
    if (!section.points.empty()) {
        html += "<ul>\n";
        for (const std::string& point : section.points) html += "<li>" + escapedMarkup(point) + "</li>\n";
        html += "</ul>\n";
    }
    for (const ReportFigure& figure : section.figures) html += figureMarkup(figure);
    for (const ReportTable& table : section.tables) html += tableMarkup(table);
    if (section.signOff) html += "<div class=\"sign\"><div>Name</div><div>Decision</div><div>Date and signature</div></div>\n";
    return html + "</section>\n";
}

}  // namespace

std::string reportHtml(const Report& report) {
    std::string html = "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
                       escapedMarkup(report.title) + "</title>\n<style>" + std::string(reportColours()) + std::string(figureStyle()) + kPageStyle +
                       "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + escapedMarkup(report.title) + "</h1>\n<p class=\"muted\">" + escapedMarkup(report.subtitle) +
                       "<br/>" + escapedMarkup(timeText(report.created) + " · " + report.program) + "</p>\n<ul class=\"verdict\">\n";
    for (const ReportFinding& finding : report.verdict) {
        const auto kind = static_cast<std::size_t>(finding.kind);
        html += std::string("<li class=\"") + kKindClasses[kind] + "\"><b>" + kKindWords[kind] + "</b><div>" + escapedMarkup(finding.text) + "<br/><span class=\"muted\">" +
                escapedMarkup(finding.evidence) + "</span></div></li>\n";
    }
    html += "</ul>\n<nav>";
    for (const ReportSection& section : report.sections)
        html += "<a href=\"#" + escapedMarkup(section.id) + "\">" + escapedMarkup(section.title) + "</a> ";
    html += "</nav>\n</header>\n";
    for (const ReportSection& section : report.sections) html += sectionMarkup(section);
    return html + "<footer>" + escapedMarkup(report.program) + ". The numbers are those of the run's files; report.json and the tables beside this page hold the same.</footer>\n" +
           "</main>\n</body>\n</html>\n";
}

}  // namespace safequant
