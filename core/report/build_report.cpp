// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/build_report.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/report/run_material.h"
#include "core/run/manifest.h"
#include "core/run/review.h"
#include "core/run/run_folder.h"
#include "safequant_version.h"

namespace safequant {
namespace {

using SectionMaker = ReportSection (*)(const RunMaterial&);

std::vector<SectionMaker> sectionsFor(ReportTemplate reader) {
    switch (reader) {
        case ReportTemplate::ModelCard:
            return {&scopeSection, &summarySection, &quantizationSection, &dataSection, &limitationsSection, &reproductionSection};
        case ReportTemplate::Researcher:
            return {&summarySection, &scopeSection,        &separationSection,   &changedAnswersSection, &judgeSection,
                    &dataSection,    &quantizationSection, &limitationsSection, &reproductionSection};
        case ReportTemplate::Reviewer: break;
    }
    return {&summarySection, &scopeSection,        &separationSection,  &changedAnswersSection, &judgeSection,
            &dataSection,    &quantizationSection, &limitationsSection, &signOffSection,        &reproductionSection};
}

bool isEmpty(const ReportSection& section) {
    return section.paragraphs.empty() && section.points.empty() && section.figures.empty() && section.tables.empty() && !section.signOff;
}

}  // namespace

std::span<const std::string> reportTemplateNames() {
    static const std::array<std::string, 3> names = {"reviewer", "researcher", "model-card"};
    return names;
}

Expected<ReportTemplate> reportTemplateNamed(const std::string& name) {
    const auto names = reportTemplateNames();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return fail(ErrorKind::BadInput, "There is no report template \"" + name + "\"; there are reviewer, researcher and model-card.");
    return static_cast<ReportTemplate>(found - names.begin());
}

const protocol::ModelMetrics* RunMaterial::metricsOf(const std::string& model) const {
    const auto found = std::find_if(state.metrics.begin(), state.metrics.end(), [&](const auto& metrics) { return metrics.model == model; });
    return found == state.metrics.end() ? nullptr : &*found;
}

const protocol::BlockSeparability* RunMaterial::blockOf(const std::string& model, int block) const {
    const auto found = std::find_if(state.blocks.begin(), state.blocks.end(), [&](const auto& each) { return each.model == model && each.block == block; });
    return found == state.blocks.end() ? nullptr : &*found;
}

std::vector<int> RunMaterial::blocks() const {
    std::set<int> blocks;
    for (const auto& each : state.blocks) blocks.insert(each.block);
    return {blocks.begin(), blocks.end()};
}

const PairedComparison* RunMaterial::rowOf(const std::string& measure) const {
    if (!comparison) return nullptr;
    const auto found = std::find_if(comparison->rows.begin(), comparison->rows.end(),
                                    [&](const PairedComparison& row) { return row.measure == measure && row.firstRate.total > 0; });
    return found == comparison->rows.end() ? nullptr : &*found;
}

Expected<RunMaterial> readRunMaterial(const std::string& folder, const ReportOptions& options) {
    RunMaterial run{folder, options, {}, {}, {}, {}, {}};
    auto state = readRunState(folder);
    if (!state) return fail(state.error());
    run.state = std::move(*state);
    const auto manifest = Manifest::read(folder);
    if (!manifest) return fail(manifest.error());
    run.manifest = manifest->json();
    if (run.state.metrics.empty() && run.state.blocks.empty())
        return fail(ErrorKind::BadInput, "The run has measured nothing yet. Run it, or resume it, first.", folder);
    if (!run.state.metrics.empty()) {
        auto answers = readAnswers(folder, {});
        if (!answers) return fail(answers.error());
        run.answers = std::move(*answers);
        auto review = readReview(folder);
        if (!review) return fail(review.error());
        run.review = std::move(*review);
    }
    return run;
}

Expected<Report> buildReport(const std::string& folder, const ReportOptions& options) {
    auto run = readRunMaterial(folder, options);
    if (!run) return fail(run.error());
    if (run->metricsOf("base") != nullptr && run->metricsOf("quantized") != nullptr) {
        auto compared = compareRuns({folder}, {});
        if (!compared) return fail(compared.error());
        run->comparison = std::move(*compared);
    }
    Report report;
    report.title = run->state.summary.name;
    report.subtitle = run->manifest.value("model", std::string()) + " · " + run->state.summary.scheme;
    report.created = run->manifest.value("updated", run->state.summary.created);
    report.program = "SafeQuant " SAFEQUANT_VERSION;
    report.verdict = verdictOf(*run);
    for (const SectionMaker make : sectionsFor(options.reader))
        if (ReportSection section = make(*run); !isEmpty(section)) report.sections.push_back(std::move(section));
    report.manifest = run->manifest;
    return report;
}

}  // namespace safequant
