// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/report/findings.h"
#include "core/report/run_material.h"
#include "core/run/run_folder.h"

namespace safequant {
namespace {

using Kind = ReportFinding::Kind;

constexpr std::size_t kRowsForReviewers = 20;

ReportFinding findingOf(const PairedComparison& row, const MeasureWords& words) {
    const Kind kind = kindOf(row, words);
    const std::string fromTo = " from " + percentOf(row.firstRate) + " to " + percentOf(row.secondRate);
    const std::string text = kind == Kind::Unclear ? " went" + fromTo + ": no change is shown." : (row.difference < 0.0 ? " fell" : " rose") + fromTo + ".";
    return {kind, words.name + text, evidenceOf(row)};
}

ReportFinding perplexityFinding(double base, double quantized) {
    constexpr double kSmall = 0.01;
    const double change = quantized / base - 1.0;
    const std::string evidence = cellText(Measured{base, 2}) + " before, " + cellText(Measured{quantized, 2}) + " after: " + pointsText(change, true) + "%.";
    if (std::fabs(change) < kSmall) return {Kind::Same, "Perplexity changed by less than 1%.", evidence};
    return {change < 0.0 ? Kind::Better : Kind::Worse, std::string("Perplexity ") + (change < 0.0 ? "fell" : "rose") + ".", evidence};
}

IntervalFigure::Mark mark(bool quantized, const Rate& rate) {
    return {quantized ? FigureRole::Quantized : FigureRole::Base, quantized ? "quantized" : "base", rate};
}

ReportTable ratesOfOne(const protocol::ModelMetrics& metrics) {
    ReportTable table{"rates", "Answers", "Judge " + metrics.judge + ", at most " + std::to_string(metrics.maxNewTokens) + " new tokens.", {"measure", metrics.model}, {}};
    const auto add = [&](const char* name, const Rate& rate) { table.rows.push_back({std::string(name), rate}); };
    add("harmful score", metrics.harmfulScore);
    add("refused, malicious", metrics.refusedMalicious);
    add("incoherent, malicious", metrics.incoherentMalicious);
    add("refused, benign", metrics.refusedBenign);
    add("refused, hard benign", metrics.refusedHardBenign);
    if (metrics.perplexityTokens > 0) table.rows.push_back({std::string("perplexity"), Measured{metrics.perplexity, 3}});
    return table;
}

LineFigure layerFigure(const RunMaterial& run, bool transferred) {
    LineFigure figure = accuracyByBlock(transferred);
    LineFigure::Series base{"base", FigureRole::Base, false, {}}, quantized{"quantized", FigureRole::Quantized, false, {}}, words{"words alone", FigureRole::Words, true, {}};
    for (const int block : run.blocks()) {
        const auto x = static_cast<double>(block);
        const auto add = [&](LineFigure::Series& series, const protocol::ProbeSummary& probe) {
            series.points.push_back({x, probe.accuracy.value, probe.accuracy.wilson});
            figure.low = std::min(figure.low, probe.accuracy.wilson.low);
        };
        if (const auto* found = run.blockOf("base", block)) add(base, found->refitted);
        if (const auto* found = run.blockOf("quantized", block); found != nullptr && (!transferred || found->transferred))
            add(quantized, transferred ? *found->transferred : found->refitted);
        if (run.state.control) words.points.push_back({x, run.state.control->accuracy.value});
    }
    startAtATenth(figure);
    for (LineFigure::Series* series : {&base, &quantized, &words})
        if (!series->points.empty()) figure.series.push_back(std::move(*series));
    return figure;
}

/// The block whose transferred accuracy moved most, and the last one.
std::vector<int> blocksToDraw(const RunMaterial& run) {
    const std::vector<int> blocks = run.blocks();
    if (blocks.empty()) return {};
    int moved = blocks.back();
    double most = -1.0;
    for (const int block : blocks) {
        const auto *base = run.blockOf("base", block), *quantized = run.blockOf("quantized", block);
        if (base == nullptr || quantized == nullptr || !quantized->transferred) continue;
        const double change = std::fabs(quantized->transferred->accuracy.value - base->refitted.accuracy.value);
        if (change <= most) continue;
        most = change;
        moved = block;
        most = std::max(most, change);
    }
    return moved == blocks.back() ? std::vector<int>{moved} : std::vector<int>{moved, blocks.back()};
}

FigureRole roleOf(const std::string& label) {
    return label == "malicious" ? FigureRole::Malicious : label == "benign" ? FigureRole::Benign : FigureRole::HardBenign;
}

std::optional<ReportFigure> projectionFigure(const RunMaterial& run, int block) {
    const auto projection = readProjection(run.folder, block, "probe");
    if (!projection || projection->prompts.empty()) return std::nullopt;
    ScatterFigure figure;
    figure.xTitle = "base model's probe direction";
    figure.yTitle = "first component across it";
    if (std::isfinite(projection->boundary)) figure.boundary = projection->boundary;
    const auto add = [&](const std::string& title, const protocol::FloatArray& at) {
        if (at.values.size() != 2 * projection->prompts.size()) return;
        ScatterFigure::Panel panel{title, {}};
        for (std::size_t i = 0; i < projection->prompts.size(); ++i)
            panel.points.push_back({static_cast<double>(at.values[2 * i]), static_cast<double>(at.values[2 * i + 1]),
                                    roleOf(run.state.prompts[static_cast<std::size_t>(projection->prompts[i])].label)});
        figure.panels.push_back(std::move(panel));
    };
    add("base", projection->base);
    add("quantized", projection->quantized);
    return ReportFigure{"projection-" + std::to_string(block), "Block " + std::to_string(block) + ": where prompts lie",
                        "Every mark is an evaluation prompt's activation at its last token, on axes fitted on the base model's calibration prompts and shared by "
                        "both panels; the dotted line is where the base model's probe changes its mind.",
                        std::move(figure)};
}

ReportTable blockTable(const RunMaterial& run) {
    ReportTable table{"separability", "Separability by block",
                      "Accuracy of sparse logistic probes on evaluation prompts, malicious against ordinary benign. Transferred: the base model's probe on the "
                      "quantized model. Moved: mean distance of last-token activations from the base model's, over their length.",
                      {"block", "base", "hard benign right, base", "quantized, refitted", "quantized, transferred", "hard benign right, transferred", "moved"},
                      {}};
    for (const int block : run.blocks()) {
        const auto *base = run.blockOf("base", block), *quantized = run.blockOf("quantized", block);
        const auto cell = [](const protocol::ProbeSummary* probe, bool hard) -> ReportCell {
            if (probe == nullptr) return std::string("–");
            return hard ? probe->hardBenign : probe->accuracy;
        };
        const auto* own = base ? &base->refitted : nullptr;
        const auto* refitted = quantized ? &quantized->refitted : nullptr;
        const auto* transferred = quantized && quantized->transferred ? &*quantized->transferred : nullptr;
        table.rows.push_back({std::to_string(block), cell(own, false), cell(own, true), cell(refitted, false), cell(transferred, false), cell(transferred, true),
                              quantized ? ReportCell(Measured{quantized->streamRelativeError, 4}) : ReportCell(std::string("–"))});
    }
    return table;
}

/// The beginning of an answer on one line; the run folder has the whole.
std::string beginning(const std::string& text) {
    constexpr std::size_t kMost = 200;
    std::string line;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank) line += c;
        else if (!line.empty() && line.back() != ' ') line += ' ';
    }
    if (line.size() <= kMost) return line;
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
    return line.substr(0, end) + "…";
}

ReportTable flipTable(const RunMaterial& run, const std::string& id, const std::string& title, const std::vector<std::string>& ids) {
    std::map<std::string, const protocol::PromptItem*> prompts;
    for (const auto& prompt : run.state.prompts) prompts[prompt.id] = &prompt;
    std::map<std::string, std::array<const protocol::AnswerItem*, 2>> answers;
    for (const auto& answer : run.answers) answers[answer.id][answer.model == "base" ? 0 : 1] = &answer;
    ReportTable table{id, title + " (" + std::to_string(ids.size()) + ")", {}, {"prompt", "category", "text", "base", "quantized"}, {}};
    for (const std::string& key : ids) {
        const auto prompt = prompts.find(key);
        const auto pair = answers.find(key);
        if (prompt == prompts.end() || pair == answers.end()) continue;
        const bool hidden = prompt->second->label == "malicious" && !run.options.showTexts;
        const auto told = [&](std::size_t model) -> std::string {
            const auto* answer = pair->second[model];
            if (answer == nullptr) return "–";
            return answer->outcome + (hidden ? "" : ": " + beginning(answer->text));
        };
        table.rows.push_back({key, prompt->second->category, hidden ? std::string("(left out)") : beginning(prompt->second->text), told(0), told(1)});
    }
    if (run.options.reader == ReportTemplate::Reviewer) table.shownRows = kRowsForReviewers;
    return table;
}

}  // namespace

std::vector<ReportFinding> verdictOf(const RunMaterial& run) {
    std::vector<ReportFinding> findings;
    const auto *base = run.metricsOf("base"), *quantized = run.metricsOf("quantized");
    if (run.comparison)
        for (const PairedComparison& row : run.comparison->rows)
            if (const auto words = verdictWords(row.measure); words && row.firstRate.total > 0) findings.push_back(findingOf(row, *words));
    if (base != nullptr && quantized != nullptr && base->perplexityTokens > 0 && quantized->perplexityTokens > 0)
        findings.push_back(perplexityFinding(base->perplexity, quantized->perplexity));
    if (findings.empty() && base != nullptr)
        findings.push_back({Kind::Unclear, "One model alone was evaluated: harmful score " + cellText(base->harmfulScore) + "; nothing to compare it with."});
    if (findings.empty()) findings.push_back({Kind::Unclear, "No answers were generated: the run tells what activations hold, not what the model answers."});
    return findings;
}

ReportSection summarySection(const RunMaterial& run) {
    ReportSection section{"summary", "Summary", {}, {}, {}, {}, false};
    if (!run.comparison) {
        for (const auto& metrics : run.state.metrics) section.tables.push_back(ratesOfOne(metrics));
        return section;
    }
    ReportTable table{"comparison", "Base and quantized, prompt by prompt",
                      "Judge " + run.comparison->judge + ". Rates with Wilson's 95% intervals; differences in points with 95% intervals by bootstrap over near-duplicate "
                      "clusters; McNemar's exact test, Holm's correction over the table.",
                      {"measure", "base", "quantized", "difference", "p", "p, Holm"},
                      {}};
    IntervalFigure figure;
    for (const PairedComparison& row : run.comparison->rows) {
        if (row.firstRate.total == 0) continue;
        table.rows.push_back({row.measure, row.firstRate, row.secondRate,
                              differenceOf(row), Measured{row.p, 4}, Measured{row.pHolm, 4}});
        figure.rows.push_back({row.measure, {mark(false, row.firstRate), mark(true, row.secondRate)}});
    }
    const auto *base = run.metricsOf("base"), *quantized = run.metricsOf("quantized");
    if (base->perplexityTokens > 0 && quantized->perplexityTokens > 0)
        table.rows.push_back({std::string("perplexity"), Measured{base->perplexity, 3}, Measured{quantized->perplexity, 3},
                              Measured{quantized->perplexity - base->perplexity, 3, false, true}, std::string("–"), std::string("–")});
    section.figures.push_back({"rates", "Rates before and after", "Rates of the base and the quantized model with 95% intervals, as in the table below.", std::move(figure)});
    section.tables.push_back(std::move(table));
    return section;
}

ReportSection separationSection(const RunMaterial& run) {
    ReportSection section{"separation", "Do activations tell malicious from benign prompts?", {}, {}, {}, {}, false};
    const std::vector<int> blocks = run.blocks();
    if (blocks.empty()) return section;
    const auto* last = run.blockOf("base", blocks.back());
    std::string text = "In every block a sparse logistic probe is fitted on calibration prompts and judged on evaluation prompts.";
    if (last != nullptr) text += " In the last block it is right on " + percentOf(last->refitted.accuracy) + " of " + std::to_string(last->refitted.accuracy.total) + ".";
    if (run.state.control)
        text += " A classifier that sees words alone is right on " + percentOf(run.state.control->accuracy) + ": an accuracy near it proves little by itself.";
    section.paragraphs.push_back(std::move(text));
    section.figures.push_back({"refitted", "Probes fitted on each model's own activations (refitted)", "Whether the information is there, block by block, with 95% intervals.",
                               layerFigure(run, false)});
    if (run.blockOf("quantized", blocks.back()) != nullptr)
        section.figures.push_back({"transferred", "The base model's probes on the quantized model (transferred)",
                                   "Whether the information still sits where the base model has it, block by block, with 95% intervals.", layerFigure(run, true)});
    for (const int block : blocksToDraw(run))
        if (auto figure = projectionFigure(run, block)) section.figures.push_back(std::move(*figure));
    if (run.options.reader == ReportTemplate::Researcher) section.tables.push_back(blockTable(run));
    return section;
}

ReportSection changedAnswersSection(const RunMaterial& run) {
    ReportSection section{"changed", "Answers whose verdict changed", {}, {}, {}, {}, false};
    const auto *harm = run.rowOf("harmful score"), *refused = run.rowOf("refused, benign"), *hard = run.rowOf("refused, hard benign");
    if (harm != nullptr) {
        section.tables.push_back(flipTable(run, "newly-harmful", "Malicious prompts answered by the quantized model alone", harm->onlySecond));
        section.tables.push_back(flipTable(run, "no-longer-harmful", "Malicious prompts answered by the base model alone", harm->onlyFirst));
    }
    for (const auto& [row, id] : {std::pair{refused, "newly-refused"}, std::pair{hard, "newly-refused-hard"}})
        if (row != nullptr && !row->onlySecond.empty())
            section.tables.push_back(flipTable(run, id, std::string("Harmless prompts ") + (row == hard ? "that look malicious, " : "") + "refused by the quantized model alone",
                                               row->onlySecond));
    std::erase_if(section.tables, [](const ReportTable& table) { return table.rows.empty(); });
    if (!section.tables.empty() && !run.options.showTexts)
        section.paragraphs.emplace_back("Malicious prompts and their answers are left out; the run folder holds them under the ids given here.");
    return section;
}

namespace {

/// What people who read answers say of the judge, and of the score that it gives.
void addPeople(const RunMaterial& run, ReportSection& section) {
    const auto& review = run.review;
    if (review.verdicts.empty()) {
        section.paragraphs.emplace_back("No person's verdicts on these answers are kept with the run: the judge's own errors on them are not known.");
        return;
    }
    std::set<std::string> names;
    for (const auto& verdict : review.verdicts)
        if (!verdict.by.empty()) names.insert(verdict.by);
    std::string by;
    for (const auto& name : names) by += (by.empty() ? " by " : ", ") + name;
    ReportTable agreement{"people", "People's verdicts and the judge's", "Every verdict given, taken back ones too, is kept in the run folder" + by + ".",
                          {"judge", "answers read", "same verdict"}, {}};
    agreement.rows.push_back({review.judge, std::to_string(review.verdicts.size()), review.agreed});
    section.tables.push_back(std::move(agreement));
    if (review.scores.empty()) return;
    ReportTable corrected{"corrected", "Harmful score by people's verdicts",
                          "Corrected: what people would find who read every answer, if those read stand for the rest; the interval is of reading a "
                          "part alone. No score where nothing was read of what the judge calls harmful, or of what it does not.",
                          {"model", "by the judge", "read", "missed by the judge", "overcalled by it", "corrected"}, {}};
    for (const auto& score : review.scores) {
        ReportCell value = std::string("–");
        if (score.known) value = Measured{.value = score.corrected, .percent = true, .interval = score.interval};
        corrected.rows.push_back({score.model, score.judged, std::to_string(score.reviewed), std::to_string(score.missed), std::to_string(score.overcalled), value});
    }
    section.tables.push_back(std::move(corrected));
}

}  // namespace

ReportSection judgeSection(const RunMaterial& run) {
    ReportSection section{"judge", "Who judged the answers", {}, {}, {}, {}, false};
    if (run.state.metrics.empty()) return section;
    const auto& metrics = run.state.metrics.front();
    section.paragraphs.push_back("Verdicts are by " + metrics.judge + ": refused, else incoherent, else complied; a malicious prompt complied with counts as harmful. " +
                                 "Judges of this kind look at how an answer begins: they take an evasive or useless answer for compliance, and a harmful one behind a "
                                 "disclaimer for a refusal.");
    addPeople(run, section);
    if (metrics.secondJudge.empty()) return section;
    std::vector<int> first, second;
    std::uint64_t same = 0;
    for (const auto& answer : run.answers) {
        if (answer.secondOutcome.empty()) continue;
        first.push_back(answer.outcome == "refused");
        second.push_back(answer.secondOutcome == "refused");
        same += first.back() == second.back();
    }
    if (first.empty()) return section;
    ReportTable table{"judges", "Two judges on the same answers", "Kappa: agreement beyond chance on refused or not, 1 is perfect.", {"judges", "answers", "agree", "kappa"}, {}};
    table.rows.push_back({metrics.judge + ", " + metrics.secondJudge, std::to_string(first.size()), rateOf(same, first.size()), Measured{cohenKappa(first, second), 3}});
    section.tables.push_back(std::move(table));
    return section;
}

}  // namespace safequant
