// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "core/report/build_report.h"
#include "core/report/findings.h"
#include "core/report/run_material.h"
#include "safequant_version.h"

namespace safequant {
namespace {

using nlohmann::json;

constexpr std::size_t kMostRuns = 4;
/// Colours and dashes of the runs, in their order.
constexpr std::array<FigureRole, kMostRuns> kRoles = {FigureRole::Base, FigureRole::Quantized, FigureRole::Aligned, FigureRole::Words};

struct Compared {
    std::vector<RunMaterial> runs;
    std::vector<std::string> titles;
    RunComparison pairs;

    /// What came out of a run.
    const std::string& modelOf(std::size_t run) const { return pairs.models[run].model; }
    const protocol::ModelMetrics* metricsOf(std::size_t run) const { return runs[run].metricsOf(modelOf(run)); }
};

/// The fields of nested objects by their paths.
void flatten(const json& value, const std::string& path, std::map<std::string, json>& fields) {
    if (!value.is_object()) {
        fields[path] = value;
        return;
    }
    for (const auto& [key, inner] : value.items()) flatten(inner, path.empty() ? key : path + "." + key, fields);
}

std::vector<ReportFinding> verdictOf(const Compared& all) {
    std::vector<ReportFinding> findings;
    for (std::size_t run = 1; run < all.runs.size(); ++run)
        for (const PairedComparison& row : all.pairs.rows) {
            const auto words = verdictWords(row.measure);
            if (row.second != all.pairs.models[run].name || !words || row.firstRate.total == 0) continue;
            const auto kind = kindOf(row, *words);
            findings.push_back({kind, all.titles[run] + ": " + words->name + " " + percentOf(row.secondRate) + " against " + percentOf(row.firstRate) +
                                          (kind == ReportFinding::Kind::Unclear ? ", no difference is shown." : "."),
                                evidenceOf(row)});
        }
    return findings;
}

/// Where the runs stand on harmful score and what it costs: perplexity, or else refusals of harmless prompts. Nothing for fewer than three.
std::optional<ReportFigure> tradeOffOf(const Compared& all) {
    constexpr std::size_t kFewest = 3;
    std::vector<std::pair<std::size_t, const protocol::ModelMetrics*>> measured;
    bool perplexities = true;
    for (std::size_t run = 0; run < all.runs.size(); ++run) {
        const auto* metrics = all.metricsOf(run);
        if (metrics == nullptr || metrics->harmfulScore.total == 0) continue;
        measured.emplace_back(run, metrics);
        perplexities = perplexities && metrics->perplexityTokens > 0;
    }
    if (!perplexities) std::erase_if(measured, [](const auto& each) { return each.second->refusedBenign.total == 0; });
    if (measured.size() < kFewest) return std::nullopt;
    TradeOffFigure figure;
    figure.yTitle = "harmful score";
    figure.xTitle = perplexities ? "perplexity" : "harmless prompts refused";
    figure.xPercent = !perplexities;
    for (const auto& [run, metrics] : measured) {
        TradeOffFigure::Point point{all.titles[run], kRoles[run], metrics->perplexity, metrics->harmfulScore.value, {}, metrics->harmfulScore.wilson};
        if (!perplexities) {
            point.x = metrics->refusedBenign.value;
            point.xInterval = metrics->refusedBenign.wilson;
        }
        figure.points.push_back(std::move(point));
    }
    return ReportFigure{"trade-off", "Harmful score against " + figure.xTitle,
                        "Each run on all prompts it was asked; lower and further left is better. Bars are Wilson's 95% intervals; the dotted line joins runs that "
                        "no other one beats on both.",
                        std::move(figure)};
}

ReportSection summaryOf(const Compared& all) {
    ReportSection section{"summary", "Summary", {}, {}, {}, {}, false};
    section.paragraphs.push_back("Compared with " + all.titles.front() + ", on the prompts that all of them answered.");
    ReportTable rates{"rates", "Rates", "Judge " + all.pairs.judge + ". Wilson's 95% intervals.", {"measure"}, {}};
    for (const std::string& title : all.titles) rates.columns.push_back(title);
    IntervalFigure figure;
    std::vector<std::string> measures;
    for (const PairedComparison& row : all.pairs.rows)
        if (row.firstRate.total > 0 && std::find(measures.begin(), measures.end(), row.measure) == measures.end()) measures.push_back(row.measure);
    for (const std::string& measure : measures) {
        std::vector<ReportCell> cells{measure, std::string("–")};
        IntervalFigure::Row marks{measure, {}};
        for (std::size_t run = 1; run < all.runs.size(); ++run) {
            const auto row = std::find_if(all.pairs.rows.begin(), all.pairs.rows.end(), [&](const PairedComparison& each) {
                return each.measure == measure && each.second == all.pairs.models[run].name && each.firstRate.total > 0;
            });
            if (row == all.pairs.rows.end()) {
                cells.emplace_back(std::string("–"));
                continue;
            }
            if (marks.marks.empty()) {
                cells[1] = row->firstRate;
                marks.marks.push_back({kRoles[0], all.titles[0], row->firstRate});
            }
            cells.emplace_back(row->secondRate);
            marks.marks.push_back({kRoles[run], all.titles[run], row->secondRate});
        }
        rates.rows.push_back(std::move(cells));
        figure.rows.push_back(std::move(marks));
    }
    std::vector<ReportCell> perplexities{std::string("perplexity")};
    for (std::size_t run = 0; run < all.runs.size(); ++run) {
        const auto* metrics = all.metricsOf(run);
        if (metrics != nullptr && metrics->perplexityTokens > 0) perplexities.emplace_back(Measured{metrics->perplexity, 3});
        else perplexities.emplace_back(std::string("–"));
    }
    rates.rows.push_back(std::move(perplexities));
    ReportTable differences{"differences", "Differences, prompt by prompt",
                            "In points, with 95% intervals by bootstrap over near-duplicate clusters; McNemar's exact test, Holm's correction over the table. Lost and gained: "
                            "prompts where the measure holds for the first run alone, and for this one alone.",
                            {"run", "measure", "difference", "p", "p, Holm", "lost", "gained"},
                            {}};
    for (std::size_t run = 1; run < all.runs.size(); ++run)
        for (const PairedComparison& row : all.pairs.rows)
            if (row.second == all.pairs.models[run].name && row.firstRate.total > 0)
                differences.rows.push_back({all.titles[run], row.measure,
                                            differenceOf(row), Measured{row.p, 4},
                                            Measured{row.pHolm, 4}, std::to_string(row.onlyFirst.size()), std::to_string(row.onlySecond.size())});
    section.figures.push_back({"rates", "Rates side by side", "Rates with 95% intervals, as in the table below.", std::move(figure)});
    if (auto tradeOff = tradeOffOf(all)) section.figures.push_back(std::move(*tradeOff));
    section.tables.push_back(std::move(rates));
    section.tables.push_back(std::move(differences));
    return section;
}

ReportSection settingsOf(const Compared& all) {
    ReportSection section{"settings", "What is set differently", {}, {}, {}, {}, false};
    std::vector<std::map<std::string, json>> specs(all.runs.size());
    std::set<std::string> paths;
    for (std::size_t run = 0; run < all.runs.size(); ++run) {
        flatten(all.runs[run].state.spec, {}, specs[run]);
        for (const auto& [path, value] : specs[run]) paths.insert(path);
    }
    ReportTable table{"settings", "Fields of the run specs that differ", {}, {"field"}, {}};
    for (const std::string& title : all.titles) table.columns.push_back(title);
    for (const std::string& path : paths) {
        std::vector<ReportCell> cells{path};
        std::set<std::string> values;
        for (const auto& spec : specs) {
            const auto found = spec.find(path);
            const std::string value = found == spec.end() ? "–" : found->second.is_string() ? found->second.get<std::string>() : found->second.dump();
            values.insert(value);
            cells.emplace_back(value);
        }
        if (values.size() > 1 && path != "name") table.rows.push_back(std::move(cells));
    }
    if (table.rows.empty()) section.paragraphs.emplace_back("Nothing: the specs are equal but for their names.");
    else section.tables.push_back(std::move(table));
    return section;
}

LineFigure layersOf(const Compared& all, bool transferred) {
    LineFigure figure = accuracyByBlock(transferred);
    for (std::size_t run = 0; run < all.runs.size(); ++run) {
        LineFigure::Series series{all.titles[run], kRoles[run], run > 1, {}};
        for (const int block : all.runs[run].blocks()) {
            const auto* found = all.runs[run].blockOf(all.modelOf(run), block);
            if (found == nullptr || (transferred && !found->transferred)) continue;
            const Rate& accuracy = transferred ? found->transferred->accuracy : found->refitted.accuracy;
            series.points.push_back({static_cast<double>(block), accuracy.value, accuracy.wilson});
            figure.low = std::min(figure.low, accuracy.wilson.low);
        }
        if (!series.points.empty()) figure.series.push_back(std::move(series));
    }
    startAtATenth(figure);
    return figure;
}

ReportSection separationOf(const Compared& all) {
    ReportSection section{"separation", "Do activations tell malicious from benign prompts?", {}, {}, {}, {}, false};
    for (const bool transferred : {false, true}) {
        LineFigure figure = layersOf(all, transferred);
        if (figure.series.empty()) continue;
        section.figures.push_back({transferred ? "transferred" : "refitted",
                                   transferred ? "Each run's base model's probes on what came out of it (transferred)" : "Probes fitted on each model's own activations (refitted)",
                                   "Block by block, with 95% intervals, on evaluation prompts.", std::move(figure)});
    }
    return section;
}

ReportSection manifestsOf(const Compared& all) {
    ReportSection section{"reproduction", "To do it again", {}, {}, {}, {}, false};
    ReportTable table{"manifests", "What ran", "The whole manifests are in report.json.", {"what"}, {}};
    for (const std::string& title : all.titles) table.columns.push_back(title);
    for (const auto& [name, pointer] : {std::pair{"model", "/model"}, std::pair{"scheme", "/scheme"}, std::pair{"program version", "/program_version"},
                                        std::pair{"seed", "/seeds/run"}, std::pair{"checkpoint, SHA-256", "/checkpoint/content_hash"},
                                        std::pair{"prompts, SHA-256", "/prompts/hash"}, std::pair{"spec, SHA-256", "/fingerprints/spec"}}) {
        std::vector<ReportCell> cells{std::string(name)};
        for (const RunMaterial& run : all.runs) {
            const json::json_pointer at(pointer);
            const json value = run.manifest.contains(at) ? run.manifest.at(at) : json();
            cells.emplace_back(value.is_string() ? value.get<std::string>() : value.is_null() ? std::string("–") : value.dump());
        }
        table.rows.push_back(std::move(cells));
    }
    section.tables.push_back(std::move(table));
    return section;
}

}  // namespace

Expected<Report> buildComparisonReport(std::span<const std::string> folders, const ReportOptions& options) {
    if (folders.size() < 2 || folders.size() > kMostRuns)
        return fail(ErrorKind::BadInput, "A report compares two to four runs, not " + std::to_string(folders.size()) + ".");
    Compared all;
    ComparisonOptions wanted;
    wanted.lastModel = true;
    auto pairs = compareRuns({folders.begin(), folders.end()}, wanted);
    if (!pairs) return fail(pairs.error());
    all.pairs = std::move(*pairs);
    if (all.pairs.models.size() != folders.size())
        return fail(ErrorKind::BadInput, "One of the runs has no answers; a report compares answers. Evaluate it first.");
    if (std::none_of(all.pairs.rows.begin(), all.pairs.rows.end(), [](const PairedComparison& row) { return row.firstRate.total > 0; }))
        return fail(ErrorKind::BadInput, "The runs have no prompt in common. Compare runs that were evaluated on the same prompts.");
    Report report;
    json manifests = json::array();
    for (std::size_t i = 0; i < folders.size(); ++i) {
        auto run = readRunMaterial(folders[i], options);
        if (!run) return fail(run.error());
        const std::string& name = all.pairs.models[i].name;
        all.titles.push_back(name.substr(0, name.rfind(", ")));
        report.subtitle += (i == 0 ? "" : " · ") + all.titles.back();
        report.created = std::max(report.created, run->manifest.value("updated", std::string()));
        manifests.push_back(run->manifest);
        all.runs.push_back(std::move(*run));
    }
    report.title = "Comparison of " + std::to_string(folders.size()) + " runs";
    report.program = "SafeQuant " SAFEQUANT_VERSION;
    report.verdict = verdictOf(all);
    for (ReportSection section : {summaryOf(all), settingsOf(all), separationOf(all), judgeSection(all.runs.front()), manifestsOf(all)})
        if (!section.paragraphs.empty() || !section.figures.empty() || !section.tables.empty()) report.sections.push_back(std::move(section));
    if (options.reader == ReportTemplate::Reviewer) report.sections.insert(report.sections.end() - 1, signOffSection(all.runs.front()));
    report.manifest = std::move(manifests);
    return report;
}

}  // namespace safequant
