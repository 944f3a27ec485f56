// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/calibrationpane.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLocale>
#include <QTableView>
#include <algorithm>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/format.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/xyplot.h"

namespace safequant::workbench {

using protocol::ProbeCalibration;
using widgets::HoverCard;
using widgets::XyPlot;
using widgets::XySeries;

namespace {

constexpr int kBins = 10;

PaneAbout aboutCalibration() {
    return {CalibrationPane::tr("Calibration and confusion"),
            CalibrationPane::tr("whether a probe's stated probabilities hold, and what its threshold catches; evaluation prompts"),
            {QStringLiteral("reliability"), QStringLiteral("ece"), QStringLiteral("brier"), QStringLiteral("roc"), QStringLiteral("auc"), QStringLiteral("hard-benign")}};
}

QString nameOf(const std::string& probe) {
    if (probe == "base") return CalibrationPane::tr("base");
    return probe == "refitted" ? CalibrationPane::tr("quantized, refitted") : CalibrationPane::tr("quantized, transferred");
}

QString decimals(double value, int digits = 3) { return QLocale().toString(value, 'f', digits); }

QString withCounts(const Rate& rate) {
    if (rate.total == 0) return widgets::formatRate(rate);
    return QStringLiteral("%1  %2/%3").arg(widgets::formatRate(rate)).arg(rate.count).arg(rate.total);
}

QColor widgets::ThemeColors::*colorOf(const std::string& probe) {
    if (probe == "base") return &widgets::ThemeColors::base;
    return probe == "refitted" ? &widgets::ThemeColors::fourth : &widgets::ThemeColors::accent;
}

const protocol::ReliabilityCurve* curveOf(const ProbeCalibration& probe, const std::string& binning) {
    const auto found = std::find_if(probe.curves.begin(), probe.curves.end(), [&](const auto& curve) { return curve.binning == binning; });
    return found == probe.curves.end() ? nullptr : &*found;
}

}  // namespace

CalibrationPane::CalibrationPane(Session* session, QWidget* parent) : AnalysisPane(session, aboutCalibration(), parent) {
    m_probe = new widgets::SegmentedControl;
    m_probe->setObjectName(QStringLiteral("calibrationProbe"));
    m_probe->setAccessibleName(tr("Probe whose reliability is drawn"));
    m_probe->addSegment(tr("Base"), QStringLiteral("base"), tr("The base model's probe on the base model"));
    m_probe->addSegment(tr("Refitted"), QStringLiteral("refitted"), tr("A probe fitted on the quantized model's own activations"));
    m_probe->addSegment(tr("Transferred"), QStringLiteral("transferred"), tr("The base model's probe on the quantized model"));
    m_probe->setCurrentIndex(0);
    m_binning = new widgets::SegmentedControl;
    m_binning->setObjectName(QStringLiteral("calibrationBins"));
    m_binning->setAccessibleName(tr("Bins"));
    m_binning->addSegment(tr("Equal width"), QStringLiteral("width"), tr("Ten bins of equal width"));
    m_binning->addSegment(tr("Equal count"), QStringLiteral("count"), tr("Ten bins of as many prompts"));
    m_binning->setCurrentIndex(0);
    addControl(m_probe);
    addControl(m_binning);
    m_reliability = new XyPlot(tr("Reliability"));
    m_reliability->setObjectName(QStringLiteral("reliability"));
    m_roc = new XyPlot(tr("ROC curves"));
    m_roc->setObjectName(QStringLiteral("roc"));
    const auto percent = [](double share) { return widgets::formatPercent(share); };
    m_reliability->setAxes({tr("stated probability of malicious"), 0.0, 1.0, false, percent}, {tr("malicious among them"), 0.0, 1.0, false, percent});
    m_roc->setAxes({tr("benign called malicious"), 0.0, 1.0, false, percent}, {tr("malicious caught"), 0.0, 1.0, false, percent});
    m_reliability->setGuides({}, true);
    m_roc->setGuides({}, true);
    m_numbers = new widgets::FigureTableModel(this);
    m_summary = new QTableView;
    dressTable(m_summary, QStringLiteral("calibrationSummary"), tr("Scores and confusion by probe"));
    m_summary->setModel(m_numbers);
    m_summary->setSelectionMode(QTableView::SingleSelection);
    m_summary->setFixedHeight(31 + 3 * 25);

    auto* plots = new QHBoxLayout;
    setSpacing(plots, 0, 0, 0, 0, 0);
    for (XyPlot* plot : {m_reliability, m_roc}) {
        QWidget* area = makeSurface("panel", plot == m_roc ? "left" : nullptr);
        auto* layout = new QVBoxLayout(area);
        setSpacing(layout, 8, 2, 8, 6, 0);
        layout->addWidget(plot);
        plots->addWidget(area, 1);
    }
    auto* body = new QWidget;
    auto* layout = new QVBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addLayout(plots, 1);
    QWidget* bottom = makeSurface("panel", "top");
    auto* bottomLayout = new QVBoxLayout(bottom);
    setSpacing(bottomLayout, 6, 5, 6, 4, 0);
    bottomLayout->addWidget(m_summary);
    layout->addWidget(bottom);
    setBody(body, {m_reliability, m_roc});
    addNumbers(m_summary->accessibleName(), [this] { return m_numbers->table(); });
    for (auto* control : {m_probe, m_binning}) connect(control, &widgets::SegmentedControl::activated, this, [this] { show(); });
}

void CalibrationPane::ask() {
    if (lacksBlocks("base")) return;
    askOnce<protocol::BlockCalibrationResult>(m_asked, QStringLiteral("analysis/calibration"),
                                              {{"folder", session()->store()->folder().toStdString()}, {"block", block()}, {"bins", kBins}},
                                              [this](const protocol::BlockCalibrationResult& result) {
                                                  m_result = result;
                                                  show();
                                              });
}

void CalibrationPane::show() {
    if (!m_result) return;
    for (int i = 0; i < m_probe->count(); ++i) {
        const std::string name = m_probe->segmentValue(i).toString().toStdString();
        const bool known = std::any_of(m_result->probes.begin(), m_result->probes.end(), [&](const auto& probe) { return probe.probe == name; });
        m_probe->setSegmentEnabled(i, known);
        if (!known && m_probe->currentIndex() == i) m_probe->setCurrentIndex(0);
    }
    const std::string binning = m_binning->currentValue().toString().toStdString();
    showReliability(binning);
    showRoc();
    showNumbers(binning);
    showBody();
}

void CalibrationPane::showReliability(const std::string& binning) {
    const std::string chosen = m_probe->currentValue().toString().toStdString();
    widgets::FigureTable table{{tr("block"), tr("probe"), tr("bins"), tr("from"), tr("to"), tr("mean probability"), tr("malicious"), tr("prompts"),
                                tr("share malicious"), tr("95% low"), tr("95% high")},
                               {}};
    std::vector<XySeries> series;
    for (const ProbeCalibration& probe : m_result->probes) {
        const auto* curve = curveOf(probe, binning);
        if (curve == nullptr) continue;
        XySeries line{nameOf(probe.probe), colorOf(probe.probe), XySeries::Kind::Line, XySeries::Mark::Disc, false, {}, {}, {}, {}, {}};
        for (const auto& bin : curve->bins) {
            table.rows.push_back({m_result->block, nameOf(probe.probe), QString::fromStdString(binning), bin.low, bin.high, bin.meanProbability,
                                  qlonglong(bin.malicious.count), qlonglong(bin.malicious.total), bin.malicious.value, bin.malicious.wilson.low,
                                  bin.malicious.wilson.high});
            if (bin.malicious.total == 0) continue;
            line.points.emplace_back(bin.meanProbability, bin.malicious.value);
            line.yIntervals.push_back(bin.malicious.wilson);
            HoverCard card;
            card.heading = tr("Stated %1 to %2").arg(widgets::formatPercent(bin.low), widgets::formatPercent(bin.high));
            card.rows = {{tr("mean stated"), widgets::formatPercent(bin.meanProbability, 1), {}, {}, {}},
                         {tr("malicious"), withCounts(bin.malicious), {}, {}, {}}};
            line.cards.push_back(card);
        }
        if (probe.probe == chosen) series.push_back(std::move(line));
    }
    m_reliability->setSeries(std::move(series), std::move(table));
}

void CalibrationPane::showRoc() {
    const std::string chosen = m_probe->currentValue().toString().toStdString();
    widgets::FigureTable table{{tr("block"), tr("probe"), tr("benign called malicious"), tr("malicious caught"), tr("log-odds from")}, {}};
    std::vector<XySeries> series;
    for (const ProbeCalibration& probe : m_result->probes) {
        XySeries line{tr("%1, AUC %2").arg(nameOf(probe.probe), decimals(probe.auc)), colorOf(probe.probe), XySeries::Kind::Line, XySeries::Mark::None,
                      probe.probe == "refitted", {}, {}, {}, {}, {}};
        for (std::size_t i = 0; i + 2 < probe.roc.values.size(); i += 3) {
            const double alarms = double(probe.roc.values[i]), caught = double(probe.roc.values[i + 1]), threshold = double(probe.roc.values[i + 2]);
            line.points.emplace_back(alarms, caught);
            table.rows.push_back({m_result->block, nameOf(probe.probe), alarms, caught, threshold});
            if (probe.probe != chosen) continue;
            HoverCard card;
            card.heading = std::isfinite(threshold) ? tr("Malicious from log-odds %1").arg(widgets::formatScore(threshold)) : tr("Nothing called malicious");
            card.rows = {{tr("malicious caught"), widgets::formatPercent(caught, 1), {}, {}, {}},
                         {tr("benign called malicious"), widgets::formatPercent(alarms, 1), {}, {}, {}}};
            line.cards.push_back(card);
        }
        series.push_back(std::move(line));
        // Where the probe's own threshold stands.
        if (probe.maliciousCaught.total == 0 || probe.benignRight.total == 0) continue;
        XySeries mark{{}, colorOf(probe.probe), XySeries::Kind::Points, probe.probe == "base" ? XySeries::Mark::Circle : XySeries::Mark::Diamond, false,
                      {{1.0 - probe.benignRight.value, probe.maliciousCaught.value}}, {}, {}, {}, {}};
        series.push_back(std::move(mark));
    }
    m_roc->setSeries(std::move(series), std::move(table));
}

void CalibrationPane::showNumbers(const std::string& binning) {
    widgets::FigureTable table{{tr("Block %1").arg(m_result->block), tr("Calibration error"), tr("Brier"), tr("AUC"), tr("Malicious caught"),
                                tr("Benign right"), tr("Hard benign right")},
                               {}};
    for (const ProbeCalibration& probe : m_result->probes) {
        const auto* curve = curveOf(probe, binning);
        table.rows.push_back({nameOf(probe.probe), curve ? decimals(curve->error) : QString(), decimals(probe.brier),
                              QStringLiteral("%1 [%2, %3]").arg(decimals(probe.auc), decimals(probe.aucInterval.low), decimals(probe.aucInterval.high)),
                              withCounts(probe.maliciousCaught), withCounts(probe.benignRight), withCounts(probe.hardBenignRight)});
    }
    m_numbers->setTable(std::move(table));
    m_summary->resizeColumnsToContents();
}

}  // namespace safequant::workbench
