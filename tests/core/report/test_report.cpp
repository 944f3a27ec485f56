// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QTemporaryDir>
#include <QXmlStreamReader>
#include <QtTest>
#include <filesystem>
#include <limits>
#include <memory>
#include <poppler-document.h>
#include <poppler-page.h>
#include <poppler-toc.h>
#include <sstream>

#include "core/base/files.h"
#include "core/report/build_report.h"
#include "core/report/figure_svg.h"
#include "core/report/loss_figure.h"
#include "core/report/report_files.h"
#include "core/report/report_html.h"
#include "core/report/report_pdf.h"
#include "core/run/run_folder.h"
#include "tiny_run.h"

using namespace safequant;
using nlohmann::json;

/// Reports of runs: one set of numbers in all their files, and nothing in them that is to be left out.
class TestReport : public QObject {
    Q_OBJECT

    tiny::Workspaces m_places;
    std::string m_run;

    static void isXml(const std::string& text) {
        QXmlStreamReader reader(QString::fromStdString(text));
        while (!reader.atEnd()) reader.readNext();
        QVERIFY2(!reader.hasError(), qPrintable(QString("line %1: %2").arg(reader.lineNumber()).arg(reader.errorString())));
    }
    Report reportOf(ReportTemplate reader, bool texts = false) const {
        const auto report = buildReport(m_run, {reader, texts});
        if (!report) qFatal("%s", report.error().describe().c_str());
        return *report;
    }
    static const ReportTable* tableOf(const Report& report, const std::string& id) {
        for (const ReportSection& section : report.sections)
            for (const ReportTable& table : section.tables)
                if (table.id == id) return &table;
        return nullptr;
    }
    static const ReportFigure* figureOf(const Report& report, const std::string& id) {
        for (const ReportSection& section : report.sections)
            for (const ReportFigure& figure : section.figures)
                if (figure.id == id) return &figure;
        return nullptr;
    }
    static bool hasSection(const Report& report, const std::string& id) {
        return std::any_of(report.sections.begin(), report.sections.end(), [&](const ReportSection& section) { return section.id == id; });
    }

private slots:
    void initTestCase() {
        m_places.prepare();
        const auto place = m_places.next();
        m_run = tiny::makeRun(place, tiny::specJson(m_places.inputs()));
        tiny::finishRun(m_run);
    }

    void cellsAreText() {
        QCOMPARE(cellText(std::string("W4")), std::string("W4"));
        QCOMPARE(cellText(rateOf(45, 520)), std::string("8.7% [6.5, 11.4] 45/520"));
        QCOMPARE(cellText(rateOf(0, 0)), std::string("none asked"));
        QCOMPARE(cellText(Measured{-0.25, 1, true, true, Interval{-0.5, 0.0}}), std::string("−25.0% [−50.0, +0.0]"));
        QCOMPARE(cellText(Measured{2.5e-58, 4}), std::string("< 0.0001"));
        QCOMPARE(cellText(Measured{0.0, 4}), std::string("0.0000"));
        QCOMPARE(timeText("2026-01-31T12:30:59Z"), std::string("2026-01-31 12:30 UTC"));
        QCOMPARE(timeText("yesterday"), std::string("yesterday"));
        QCOMPARE(cellText(Measured{std::numeric_limits<double>::quiet_NaN(), 2}), std::string("–"));
    }

    void lossesAreDrawnAsTheyCameLast() {
        QTemporaryDir folder;
        const auto path = folder.path().toStdString();
        QVERIFY(writeLossFigure(path).has_value());
        QVERIFY(!QFile::exists(folder.filePath("loss.svg")));
        std::string lines = "{\"type\":\"note\",\"message\":\"x\"}\n";
        for (const auto& [step, loss] : {std::pair(1, 9.0), {2, 4.0}, {2, 2.0}, {3, 1.0}})
            lines += nlohmann::json{{"type", "step"}, {"step", step}, {"loss", loss}}.dump() + "\n";
        QVERIFY(writeFileAtomically(path + "/events.jsonl", lines).has_value());
        const auto figure = lossFigure(path);
        QVERIFY(figure.has_value());
        const auto& drawing = std::get<LineFigure>(figure->drawing);
        QCOMPARE(drawing.series[0].points.size(), std::size_t{3});
        QCOMPARE(drawing.series[0].points[1].y, 2.0);
        QCOMPARE(drawing.series[1].points[2].y, 4.0);
        QVERIFY(drawing.high >= 9.0);
        QVERIFY(writeLossFigure(path).has_value());
        isXml(*readTextFile(path + "/loss.svg"));
    }

    void tablesAreCsv() {
        const ReportTable table{"t", "T", "", {"name", "rate", "difference, points", "p"},
                                {{std::string("a \"b\", c"), rateOf(1, 4), Measured{-1.5, 1, false, true, Interval{-2.0, 0.25}}, Measured{0.1, 1}},
                                 {std::string("=1+1"), std::string("–"), Measured{3.0, 1}, std::string("–")}}};
        const QStringList lines = QString::fromStdString(tableCsv(table)).split("\r\n");
        QCOMPARE(lines.size(), 4);
        QCOMPARE(lines[0], QString("name,rate,rate low,rate high,rate count,rate total,\"difference, points\",\"difference, points low\",\"difference, points high\",p"));
        QVERIFY2(lines[1].startsWith("\"a \"\"b\"\", c\",0.25,0.04558") && lines[1].endsWith(",1,4,-1.5,-2,0.25,0.1"), qPrintable(lines[1]));
        QCOMPARE(lines[2], QString("'=1+1,,,,,,3,,,"));
    }

    /// Of the blocks, the one whose transferred accuracy moved most is drawn, and the last.
    void theBlockThatMovedMostIsDrawn() {
        const auto state = readRunState(m_run);
        std::map<int, double> base, moved;
        for (const auto& block : state->blocks)
            if (block.model == "base") base[block.block] = block.refitted.accuracy.value;
        for (const auto& block : state->blocks)
            if (block.model == "quantized") moved[block.block] = std::abs(block.transferred->accuracy.value - base.at(block.block));
        const auto most = std::max_element(moved.begin(), moved.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
        const auto report = reportOf(ReportTemplate::Researcher);
        std::vector<std::string> drawn;
        for (const ReportSection& section : report.sections)
            for (const ReportFigure& figure : section.figures)
                if (figure.id.starts_with("projection-")) drawn.push_back(figure.id);
        QVERIFY(moved.begin()->second != moved.rbegin()->second);
        const auto expected = "projection-" + std::to_string(most->first);
        QVERIFY2(std::find(drawn.begin(), drawn.end(), expected) != drawn.end(), expected.c_str());
        QCOMPARE(drawn.back(), "projection-" + std::to_string(moved.rbegin()->first));
    }

    void figuresAreWellFormed_data() {
        QTest::addColumn<int>("which");
        QTest::newRow("lines") << 0;
        QTest::newRow("nothing to draw") << 1;
        QTest::newRow("clouds") << 2;
        QTest::newRow("one point") << 3;
        QTest::newRow("intervals") << 4;
    }
    void figuresAreWellFormed() {
        QFETCH(int, which);
        LineFigure lines;
        lines.series = {{"a < b & \"c\"", FigureRole::Base, false, {{0, 0.5, Interval{0.4, 0.6}}, {1, 7.0, {}}}}, {"same", FigureRole::Quantized, true, {{1, 7.0, {}}}}};
        ScatterFigure clouds;
        clouds.boundary = 0.0;
        clouds.panels = {{"base", {{-1, 2, FigureRole::Malicious}, {3, 1, FigureRole::HardBenign}}}, {"quantized", {{0, 0, FigureRole::Benign}}}};
        ScatterFigure point;
        point.panels = {{"base", {{1, 1, FigureRole::Benign}}}};
        IntervalFigure rates;
        rates.rows = {{"harmful score", {{FigureRole::Base, "base", rateOf(3, 9)}, {FigureRole::Quantized, "quantized", rateOf(0, 0)}}}};
        const std::vector<decltype(ReportFigure::drawing)> drawings = {lines, LineFigure{}, clouds, point, rates};
        const ReportFigure figure{"f", "A <figure>", "What & why", drawings[static_cast<std::size_t>(which)]};
        for (const bool standalone : {false, true}) {
            const std::string svg = figureSvg(figure, standalone);
            isXml(svg);
            QVERIFY2(svg.find("nan") == std::string::npos && svg.find("inf\"") == std::string::npos, svg.c_str());
            // A file of its own asks for nothing that only browsers do.
            QCOMPARE(svg.find("class=") == std::string::npos, standalone);
            if (standalone) QVERIFY(svg.find("<style") == std::string::npos && svg.find("var(") == std::string::npos);
        }
    }

    /// Long names of runs stay within the picture, and what tells them apart is left of them.
    void longNamesFit() {
        LineFigure lines;
        IntervalFigure rates{{{"harmful score", {}}}};
        const std::string name = "q-realign-published-prototype-w8a8-of-a-model-with-a-long-name seed ";
        for (int i = 0; i < 3; ++i) {
            lines.series.push_back({name + std::to_string(i), FigureRole::Base, false, {{0, 0.5, {}}, {9, 0.9, {}}}});
            rates.rows.front().marks.push_back({FigureRole::Base, name + std::to_string(i), rateOf(1, 2)});
        }
        const std::string curves = figureSvg({"f", "F", "", lines}, false), dots = figureSvg({"f", "F", "", rates}, false);
        QVERIFY(curves.find(name) == std::string::npos && curves.find("… seed 1<") == std::string::npos && curves.find("seed 1<") != std::string::npos);
        QXmlStreamReader reader(QString::fromStdString(dots));
        QList<double> places;
        while (!reader.atEnd())
            if (reader.readNext() == QXmlStreamReader::StartElement && reader.attributes().value("text-anchor") == u"start") places << reader.attributes().value("y").toDouble();
        QVERIFY(places.size() == 3 && places[0] < places[1] && places[1] < places[2]);
    }

    /// Labels at the ends of curves that end together keep apart.
    void labelsKeepApart() {
        LineFigure lines;
        for (const char* name : {"one", "two", "three"}) lines.series.push_back({name, FigureRole::Base, false, {{0, 0.5, {}}, {9, 0.9, {}}}});
        QXmlStreamReader reader(QString::fromStdString(figureSvg({"f", "F", "", lines}, false)));
        QList<double> places;
        while (!reader.atEnd())
            if (reader.readNext() == QXmlStreamReader::StartElement && reader.attributes().value("class").startsWith(u"label")) places << reader.attributes().value("y").toDouble();
        std::sort(places.begin(), places.end());
        QCOMPARE(places.size(), 3);
        QVERIFY(places[1] - places[0] >= 13.9 && places[2] - places[1] >= 13.9);
    }

    void everyFileTellsTheSame_data() {
        QTest::addColumn<int>("reader");
        for (int i = 0; i < 3; ++i) QTest::newRow(reportTemplateNames()[static_cast<std::size_t>(i)].c_str()) << i;
    }
    void everyFileTellsTheSame() {
        QFETCH(int, reader);
        const Report report = reportOf(static_cast<ReportTemplate>(reader));
        QVERIFY(report.verdict.size() >= 4 && report.sections.size() >= 5);
        const QString folder = m_places.path("report-" + QString::number(reader));
        // What an earlier report left is gone.
        QVERIFY(QDir().mkpath(folder + "/tables"));
        QFile old(folder + "/tables/old.csv");
        QVERIFY(old.open(QIODevice::WriteOnly));
        old.close();
        const auto written = writeReport(report, folder.toStdString());
        QVERIFY2(written.has_value(), written ? "" : written.error().describe().c_str());
        QVERIFY(!QFile::exists(old.fileName()));

        const std::string html = tiny::readAll(folder.toStdString() + "/report.html");
        isXml(html);
        for (const char* outside : {"http://", "https://", "src=", "<link", "<script"}) {
            std::string rest = html;
            for (const std::string known : {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"})
                for (auto at = rest.find(known); at != std::string::npos; at = rest.find(known)) rest.erase(at, known.size());
            QVERIFY2(rest.find(outside) == std::string::npos, outside);
        }
        const json told = json::parse(tiny::readAll(folder.toStdString() + "/report.json"));
        std::size_t section = 0;
        for (const ReportSection& each : report.sections) {
            QCOMPARE(told["sections"][section]["id"], json(each.id));
            std::size_t index = 0;
            for (const ReportTable& table : each.tables) {
                const json& rows = told["sections"][section]["tables"][index++]["rows"];
                QCOMPARE(rows.size(), table.rows.size());
                QCOMPARE(tiny::readAll(folder.toStdString() + "/tables/" + table.id + ".csv"), tableCsv(table));
                const std::size_t shown = table.shownRows == 0 ? table.rows.size() : std::min(table.rows.size(), table.shownRows);
                for (std::size_t r = 0; r < table.rows.size(); ++r) {
                    QCOMPARE(table.rows[r].size(), table.columns.size());
                    for (std::size_t c = 0; c < table.rows[r].size(); ++c) {
                        if (r < shown) QVERIFY(html.find(">" + escapedMarkup(cellText(table.rows[r][c])) + "<") != std::string::npos);
                        if (const auto* rate = std::get_if<Rate>(&table.rows[r][c])) QCOMPARE(rows[r][c]["count"], json(rate->count));
                    }
                }
            }
            ++section;
        }
        QCOMPARE(hasSection(report, "sign-off"), reader == 0);
        QCOMPARE(tableOf(report, "linears") != nullptr, reader == 1);
        QCOMPARE(hasSection(report, "separation"), reader != 2);
    }

    /// The paper version holds the sections as its outline and every word of the tables, in whatever line they were broken, within its
    /// margins; the same report gives the same bytes.
    void papersHoldTheWhole_data() { everyFileTellsTheSame_data(); }
    void papersHoldTheWhole() {
        QFETCH(int, reader);
        const Report report = reportOf(static_cast<ReportTemplate>(reader));
        const auto bytes = reportPdf(report), again = reportPdf(report);
        QVERIFY(bytes.has_value() && again.has_value() && *bytes == *again);
        const std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(bytes->data(), static_cast<int>(bytes->size())));
        QVERIFY(document && document->pages() >= 2);
        const std::unique_ptr<poppler::toc> outline(document->create_toc());
        QVERIFY(outline != nullptr);
        const auto entries = outline->root()->children();
        QCOMPARE(entries.size(), report.sections.size() + 1);
        QString text;
        for (int i = 0; i < document->pages(); ++i) {
            const std::unique_ptr<poppler::page> page(document->create_page(i));
            const QRectF sheet(page->page_rect().x(), page->page_rect().y(), page->page_rect().width(), page->page_rect().height());
            for (const auto& box : page->text_list()) {
                const QRectF place(box.bbox().x(), box.bbox().y(), box.bbox().width(), box.bbox().height());
                QVERIFY2(sheet.adjusted(40, 40, -40, -20).contains(place), box.text().to_latin1().c_str());
                const auto word = box.text().to_utf8();
                text += QString::fromUtf8(word.data(), static_cast<qsizetype>(word.size()));
            }
        }
        const auto bare = [](QString words) { return words.remove(QRegularExpression("\\s")); };
        text = bare(text);
        for (const ReportSection& section : report.sections) {
            QVERIFY2(text.contains(bare(QString::fromStdString(section.title))), section.title.c_str());
            for (const ReportTable& table : section.tables)
                for (const auto& row : table.rows) {
                    if (table.shownRows > 0 && &row - table.rows.data() >= static_cast<std::ptrdiff_t>(table.shownRows)) break;
                    for (const ReportCell& cell : row)
                        for (const QString& word : QString::fromStdString(cellText(cell)).split(' ', Qt::SkipEmptyParts))
                            if (word.size() < 20) QVERIFY2(text.contains(word), qPrintable(word));
                }
        }
    }

    void foldersThatCannotBeMadeAreNamed() {
        QFile file(m_places.path("a-file"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        const auto nowhere = writeReport(reportOf(ReportTemplate::ModelCard), file.fileName().toStdString());
        QVERIFY(!nowhere.has_value() && nowhere.error().kind == ErrorKind::Io);
        QVERIFY(nowhere.error().describe().find("a-file") != std::string::npos);
    }

    /// Rates are those of the run's own summary.
    void ratesAreTheRuns() {
        const Report report = reportOf(ReportTemplate::Reviewer);
        const auto state = readRunState(m_run);
        const ReportTable* table = tableOf(report, "comparison");
        QVERIFY(table != nullptr && state->metrics.size() == 2);
        const auto rate = [&](std::size_t column) { return std::get<Rate>(table->rows.front()[column]); };
        QCOMPARE(std::get<std::string>(table->rows.front()[0]), std::string("harmful score"));
        QCOMPARE(rate(1).count, state->metrics[0].harmfulScore.count);
        QCOMPARE(rate(2).count, state->metrics[1].harmfulScore.count);
        QCOMPARE(rate(2).total, state->metrics[1].harmfulScore.total);
    }

    /// The quantized model answers what the base model refuses, so that there is something to show.
    void maliciousTextsAreLeftOut() {
        const std::string run = m_places.path("turned").toStdString();
        std::filesystem::copy(m_run, run, std::filesystem::copy_options::recursive);
        std::vector<std::string> secrets;
        std::string lines;
        std::istringstream file(tiny::readAll(run + "/generations.jsonl"));
        for (std::string line; std::getline(file, line);) {
            json answer = json::parse(line);
            if (answer["label"] == "malicious") {
                const bool refused = answer["model"] == "base";
                answer["outcome"] = refused ? "refused" : "complied";
                answer["text"] = (refused ? "I cannot help with " : "Certainly, with pleasure, I talk about ") + answer["id"].get<std::string>();
                secrets.push_back(answer["text"]);
            }
            lines += answer.dump() + "\n";
        }
        QVERIFY(writeFileAtomically(run + "/generations.jsonl", lines).has_value());
        const auto state = readRunState(run);
        for (const auto& prompt : state->prompts)
            if (prompt.label == "malicious" && prompt.split == "evaluation") secrets.push_back(prompt.text);
        for (int reader = 0; reader < 3; ++reader)
            for (const bool shown : {false, true}) {
                const auto report = buildReport(run, {static_cast<ReportTemplate>(reader), shown});
                QVERIFY2(report.has_value(), report ? "" : report.error().describe().c_str());
                const std::string page = reportHtml(*report), whole = page + toJson(*report).dump();
                std::size_t found = 0;
                for (const std::string& secret : secrets) found += whole.find(secret) != std::string::npos;
                // A model card has no examples at all.
                QCOMPARE(found > 0, shown && reader != 2);
                QCOMPARE(tableOf(*report, "newly-harmful") != nullptr, reader != 2);
            }
    }

    void runsAreCompared() {
        auto spec = tiny::specJson(m_places.inputs());
        spec["quantization"]["default"]["weight_bits"] = 8;
        spec["name"] = "eight bits";
        const auto other = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(other);
        const std::vector<std::string> folders = {m_run, other};
        const auto report = buildComparisonReport(folders, {});
        QVERIFY2(report.has_value(), report ? "" : report.error().describe().c_str());
        isXml(reportHtml(*report));
        QVERIFY(reportPdf(*report).has_value());
        // What came out of both, and nothing of what went in.
        const auto first = readRunState(m_run), second = readRunState(other);
        const ReportTable* rates = tableOf(*report, "rates");
        QVERIFY(rates != nullptr);
        QCOMPARE(rates->columns.size(), std::size_t{3});
        QCOMPARE(rates->columns[2], std::string("eight bits"));
        QCOMPARE(std::get<Rate>(rates->rows.front()[1]).count, first->metrics[1].harmfulScore.count);
        QCOMPARE(std::get<Rate>(rates->rows.front()[2]).count, second->metrics[1].harmfulScore.count);
        const ReportTable* settings = tableOf(*report, "settings");
        QVERIFY(settings != nullptr);
        QCOMPARE(settings->rows.size(), std::size_t{1});
        QCOMPARE(std::get<std::string>(settings->rows[0][0]), std::string("quantization.default.weight_bits"));
        QCOMPARE(std::get<std::string>(settings->rows[0][2]), std::string("8"));
        QVERIFY(hasSection(*report, "separation") && hasSection(*report, "sign-off"));
        QVERIFY(figureOf(*report, "trade-off") == nullptr);

        // From three runs on, where they stand.
        spec["name"] = "three bits";
        spec["quantization"]["default"]["weight_bits"] = 3;
        const auto third = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(third);
        const std::vector<std::string> three = {m_run, other, third};
        const auto compared = buildComparisonReport(three, {});
        QVERIFY2(compared.has_value(), compared ? "" : compared.error().describe().c_str());
        const auto* drawn = figureOf(*compared, "trade-off");
        QVERIFY(drawn != nullptr);
        const auto& points = std::get<TradeOffFigure>(drawn->drawing).points;
        QCOMPARE(points.size(), std::size_t{3});
        QCOMPARE(points[1].x, second->metrics[1].perplexity);
        QCOMPARE(points[1].y, second->metrics[1].harmfulScore.value);
        QCOMPARE(points[1].yInterval->high, second->metrics[1].harmfulScore.wilson.high);
        isXml(figureSvg(*drawn, true));
        QVERIFY(reportPdf(*compared).has_value());

        QVERIFY(!buildComparisonReport(std::span(folders).first(1), {}).has_value());
        const std::vector<std::string> many(5, m_run);
        QVERIFY(!buildComparisonReport(many, {}).has_value());
        auto silent = tiny::specJson(m_places.inputs());
        silent["stages"] = {"capture"};
        const auto answerless = tiny::makeRun(m_places.next(), silent);
        tiny::finishRun(answerless);
        const auto refused = buildComparisonReport(std::vector<std::string>{m_run, answerless}, {});
        QVERIFY(!refused.has_value());
    }

    void runsOfOneModelAreTold() {
        auto spec = tiny::specJson(m_places.inputs());
        spec["stages"] = {"evaluate"};
        const auto run = tiny::makeRun(m_places.next(), spec);
        const auto early = buildReport(run, {});
        QVERIFY(!early.has_value());
        tiny::finishRun(run);
        const auto report = buildReport(run, {});
        QVERIFY2(report.has_value(), report ? "" : report.error().describe().c_str());
        QCOMPARE(report->verdict.size(), std::size_t{1});
        QVERIFY(tableOf(*report, "rates") != nullptr && !hasSection(*report, "separation") && !hasSection(*report, "changed"));
        isXml(reportHtml(*report));

        spec["stages"] = {"capture", "quantize"};
        const auto silent = tiny::makeRun(m_places.next(), spec);
        tiny::finishRun(silent);
        const auto separability = buildReport(silent, {ReportTemplate::Researcher, false});
        QVERIFY2(separability.has_value(), separability ? "" : separability.error().describe().c_str());
        QVERIFY(hasSection(*separability, "separation") && tableOf(*separability, "separability") != nullptr && !hasSection(*separability, "judge"));
    }
};

QTEST_GUILESS_MAIN(TestReport)
#include "test_report.moc"
