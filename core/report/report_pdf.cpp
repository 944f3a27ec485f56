// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/report_pdf.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "core/report/figure_ink.h"
#include "core/report/figure_pdf.h"
#include "core/report/pdf_document.h"

namespace safequant {
namespace {

using ink::kLine, ink::kMuted, ink::kPaper, ink::kText;
constexpr std::array<unsigned, 4> kKindColours = {0x0f8a63, 0xc8490c, 0x667085, 0x667085};
constexpr std::array<const char*, 4> kKindTitles = {"Better", "Worse", "Same", "Not shown"};
constexpr PdfType kTitle{20.0, true, kText}, kHeading{13.0, true, kText}, kSubheading{9.5, true, kText}, kBody{9.5, false, kText}, kNote{8.0, false, kMuted},
    kCell{8.0, false, kText}, kHead{7.5, true, kMuted};
constexpr double kSignRoom = 44.0;  ///< To sign on.
constexpr double kGap = 8.0, kCellGap = 10.0, kRowRoom = 4.0;

/// Fills pages from above.
class Flow {
public:
    Flow(PdfDocument& document, const Report& report) : m_document(document), m_report(report) {}

    void all() {
        header();
        for (const ReportSection& section : m_report.sections) this->section(section);
        foot();
    }

private:
    static constexpr double kLeft = PdfDocument::kMargin, kWidth = PdfDocument::kInner;

    void foot() const {
        const double y = PdfDocument::kHeight - 32.0;
        m_document.writeLine(m_report.title + " · " + m_report.program, kNote, kLeft, y, 0.0);
        m_document.writeLine("page " + std::to_string(m_document.page()), kNote, kLeft + kWidth, y, 1.0);
    }
    void turn() {
        foot();
        m_document.nextPage();
        m_y = PdfDocument::kMargin;
    }
    /// Makes sure that so much fits on this page, if it fits on any.
    void need(double height) {
        if (m_y + height > PdfDocument::kBottom && m_y > PdfDocument::kMargin) turn();
    }
    void write(const std::string& text, const PdfType& type, double after, double indent = 0.0) {
        need(m_document.heightOf(text, type, kWidth - indent));
        m_y += m_document.write(text, type, kLeft + indent, m_y, kWidth - indent) + after;
    }

    void header() {
        write(m_report.title, kTitle, 2.0);
        write(m_report.subtitle, {9.5, false, kMuted}, 0.0);
        write(timeText(m_report.created) + " · " + m_report.program, {9.5, false, kMuted}, 14.0);
        m_document.addOutline(m_report.title);
        for (const ReportFinding& finding : m_report.verdict) this->finding(finding);
    }

    void finding(const ReportFinding& finding) {
        constexpr double kInset = 10.0, kLabel = 64.0, kBar = 3.0;
        const double width = kWidth - kLabel - 2.0 * kInset;
        const double height = m_document.heightOf(finding.text, kBody, width) + m_document.heightOf(finding.evidence, kNote, width) + 2.0 * 6.0;
        need(height + 5.0);
        m_document.box(kLeft, m_y, kWidth, height, kPaper, kLine);
        const auto kind = static_cast<std::size_t>(finding.kind);
        m_document.box(kLeft, m_y, kBar, height, kKindColours[kind], kKindColours[kind]);
        m_document.write(kKindTitles[kind], kSubheading, kLeft + kInset, m_y + 6.0, kLabel);
        const double y = m_y + 6.0 + m_document.write(finding.text, kBody, kLeft + kInset + kLabel, m_y + 6.0, width);
        m_document.write(finding.evidence, kNote, kLeft + kInset + kLabel, y, width);
        m_y += height + 5.0;
    }

    void section(const ReportSection& section) {
        constexpr double kBefore = 18.0, kKeep = 90.0;  // A heading stays with what follows.
        need(kBefore + kKeep + (section.signOff ? kSignRoom : 0.0));
        m_y += m_y > PdfDocument::kMargin ? kBefore : 0.0;
        m_document.addOutline(section.title);
        write(section.title, kHeading, 4.0);
        for (const std::string& text : section.paragraphs) write(text, kBody, 5.0);
        for (const std::string& point : section.points) {
            need(m_document.heightOf(point, kBody, kWidth - 12.0));
            m_document.write("•", kBody, kLeft, m_y, 12.0);
            write(point, kBody, 3.0, 12.0);
        }
        for (const ReportFigure& figure : section.figures) this->figure(figure);
        for (const ReportTable& table : section.tables) this->table(table);
        if (section.signOff) signOff();
    }

    void figure(const ReportFigure& figure) {
        const double title = m_document.heightOf(figure.title, kSubheading, kWidth), height = figureHeight(m_document, figure, kWidth);
        need(kGap + title + 4.0 + height + m_document.heightOf(figure.caption, kNote, kWidth) + kGap);
        m_y += kGap;
        write(figure.title, kSubheading, 4.0);
        drawOnPaper(m_document, figure, kLeft, m_y, kWidth);
        m_y += height;
        write(figure.caption, kNote, kGap);
    }

    /// What columns need, shared out: each gets its longest word at least, where the page allows it, and of the rest as its longest text asks.
    std::vector<double> columnWidths(const ReportTable& table, std::size_t rows) const {
        const std::size_t columns = table.columns.size();
        std::vector<double> least(columns), wanted(columns);
        for (std::size_t c = 0; c < columns; ++c) {
            least[c] = m_document.wordWidthOf(table.columns[c], kHead);
            wanted[c] = m_document.widthOf(table.columns[c], kHead);
            for (const auto& row : std::span(table.rows).first(rows)) {
                const std::string text = cellText(row[c]);
                least[c] = std::max(least[c], std::min(120.0, m_document.wordWidthOf(text, kCell)));
                wanted[c] = std::max(wanted[c], std::min(340.0, m_document.widthOf(text, kCell)));
            }
        }
        const double room = kWidth - kCellGap * static_cast<double>(columns - 1);
        const double sum = std::accumulate(least.begin(), least.end(), 0.0), all = std::accumulate(wanted.begin(), wanted.end(), 0.0);
        for (std::size_t c = 0; c < columns; ++c) {
            if (all <= room) least[c] = wanted[c];
            else if (sum >= room) least[c] *= room / sum;
            else least[c] += (room - sum) * (wanted[c] - least[c]) / std::max(1e-9, all - sum);
        }
        return least;
    }

    double rowHeight(const std::vector<std::string>& cells, const PdfType& type, const std::vector<double>& widths) const {
        double height = 0.0;
        for (std::size_t c = 0; c < cells.size(); ++c) height = std::max(height, m_document.heightOf(cells[c], type, widths[c]));
        return height;
    }
    void row(const std::vector<std::string>& cells, const PdfType& type, const std::vector<double>& widths) {
        const double height = rowHeight(cells, type, widths);
        double x = kLeft;
        for (std::size_t c = 0; c < cells.size(); ++c) {
            m_document.write(cells[c], type, x, m_y + kRowRoom, widths[c]);
            x += widths[c] + kCellGap;
        }
        m_y += height + 2.0 * kRowRoom;
        m_document.rule(kLeft, m_y, kLeft + kWidth, m_y, kLine);
    }

    void table(const ReportTable& table) {
        const std::size_t shown = table.shownRows == 0 ? table.rows.size() : std::min(table.shownRows, table.rows.size());
        const std::vector<double> widths = columnWidths(table, shown);
        constexpr double kKeep = 60.0;
        need(kGap + kKeep);
        m_y += kGap;
        write(table.title, kSubheading, 2.0);
        row(table.columns, kHead, widths);
        for (const auto& cells : std::span(table.rows).first(shown)) {
            std::vector<std::string> texts;
            for (const ReportCell& cell : cells) texts.push_back(cellText(cell));
            if (m_y + rowHeight(texts, kCell, widths) + 2.0 * kRowRoom > PdfDocument::kBottom) {
                turn();
                row(table.columns, kHead, widths);
            }
            row(texts, kCell, widths);
        }
        m_y += 3.0;
        if (shown < table.rows.size())
            write(std::to_string(shown) + " of " + std::to_string(table.rows.size()) + " rows; all of them are in tables/" + table.id + ".csv.", kNote, 0.0);
        if (!table.note.empty()) write(table.note, kNote, 0.0);
        m_y += kGap;
    }

    void signOff() {
        constexpr double kColumnGap = 24.0;
        m_y += kSignRoom;
        const double width = (kWidth - 2.0 * kColumnGap) / 3.0;
        double x = kLeft;
        for (const char* name : {"Name", "Decision", "Date and signature"}) {
            m_document.rule(x, m_y, x + width, m_y, kText);
            m_document.write(name, kNote, x, m_y + 4.0, width);
            x += width + kColumnGap;
        }
        m_y += 24.0;
    }

    PdfDocument& m_document;
    const Report& m_report;
    double m_y = PdfDocument::kMargin;
};

}  // namespace

Expected<std::string> reportPdf(const Report& report) {
    PdfDocument document(report.title, report.program, report.created);
    Flow(document, report).all();
    return document.finish();
}

}  // namespace safequant
