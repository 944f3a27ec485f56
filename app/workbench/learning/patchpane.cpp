// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/learning/patchpane.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <map>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/figuretable.h"
#include "widgets/format.h"
#include "widgets/glossary.h"
#include "widgets/heatmap.h"
#include "widgets/linesplot.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using protocol::PatchedLinear;
using protocol::PatchProgress;
using protocol::PatchStepFigures;
using widgets::LinesPlot;
using widgets::LineSeries;
using widgets::ThemeColors;

namespace {

constexpr int kSideWidth = 396;
/// A share's cell shows a percent with two digits.
constexpr double kSmallShare = 0.0995;

QString nats(double value) { return QLocale().toString(value, 'g', 3).replace(QLatin1Char('-'), QChar(0x2212)); }

QString shareText(double share) { return widgets::formatPercent(share, share < kSmallShare / 10.0 ? 2 : share < kSmallShare ? 1 : 0); }

double shareOf(std::uint64_t part, std::uint64_t whole) { return whole > 0 ? double(part) / double(whole) : std::nan(""); }

/// "q_proj" of "model.layers.3.self_attn.q_proj".
QString shortName(const PatchedLinear& linear) { return QString::fromStdString(linear.name).section(QLatin1Char('.'), -1); }

LineSeries overSteps(const QString& name, QColor ThemeColors::*color, const PatchProgress& patch, double PatchStepFigures::*figure) {
    LineSeries series{name, color, {}, false};
    for (const PatchStepFigures& step : patch.steps) {
        series.values.resize(static_cast<std::size_t>(step.step), std::nan(""));
        series.values.back() = step.*figure;
    }
    return series;
}

LineSeries overBlocksOf(const QString& name, QColor ThemeColors::*color, const std::vector<Rate>& accuracy, bool dashed = false) {
    LineSeries series{name, color, {}, dashed};
    for (const Rate& rate : accuracy) series.values.push_back(rate.total > 0 ? rate.value : std::nan(""));
    return series;
}

/// What became of pairs, in the window's words; a rule that this window does not know is quoted.
QString fateText(const std::string& leftOut) {
    if (leftOut.empty()) return PatchPane::tr("learned from");
    if (leftOut == "an answer is empty") return PatchPane::tr("empty answer");
    if (leftOut == "both answers are the same") return PatchPane::tr("equal answers");
    if (leftOut == "the chosen answer is no refusal") return PatchPane::tr("chosen is no refusal");
    if (leftOut == "the quantized model refuses as well") return PatchPane::tr("rejected refuses, too");
    if (leftOut == "the chosen answer refuses a benign prompt") return PatchPane::tr("chosen refuses");
    return QString::fromStdString(leftOut);
}

}  // namespace

PatchPane::PatchPane(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    const auto plot = [&](const QString& title, const char* name, const QString& axis, std::function<QString(double)> format) {
        auto* made = new LinesPlot(title, nullptr, LinesPlot::kRoomForValues);
        made->setObjectName(QString::fromLatin1(name));
        made->setValues(axis, std::move(format));
        return made;
    };
    m_loss = plot(tr("Loss by step"), "patchLoss", tr("loss"), nats);
    m_margin = plot(tr("Reward margin by step"), "patchMargin", tr("nats"), nats);
    m_preferred = plot(tr("Preference accuracy by step"), "patchPreferred", tr("share of pairs"), [](double share) { return widgets::formatPercent(share); });
    m_preferred->setLeastRange(0.0, 1.0);
    m_chosenLoss = plot(tr("Chosen answers' loss by step"), "patchChosenLoss", tr("nats a token"), nats);
    m_stepPlots = {m_loss, m_margin, m_preferred, m_chosenLoss};
    for (LinesPlot* each : m_stepPlots) connect(each, &LinesPlot::chosen, this, &PatchPane::setStep);
    m_map = new widgets::HeatMap(tr("Codes that may change, by linear and block"));
    m_map->setObjectName(QStringLiteral("patchMap"));
    m_map->setAxes({}, tr("block"));
    m_map->setEmptyText(tr("What may change is found by the first step."));
    m_shown = new widgets::SegmentedControl;
    m_shown->setObjectName(QStringLiteral("patchShown"));
    m_shown->setAccessibleName(tr("What the map shows"));
    m_shown->addSegment(tr("May change"), false, tr("Share of a linear's codes that its mask leaves open"));
    m_shown->addSegment(tr("Changed"), true, tr("Share of a linear's codes that differ from the quantizer's by now"));
    m_shown->setCurrentIndex(0);
    connect(m_shown, &widgets::SegmentedControl::currentIndexChanged, this, &PatchPane::refresh);

    auto* plots = new QWidget;
    auto* grid = new QGridLayout(plots);
    setSpacing(grid, 0, 0, 0, 0, 0);
    QWidget* loss = makeTitled(m_loss, tr("Loss"), tr("of a step's pairs"));
    QWidget* margin = makeTitled(m_margin, tr("Reward margin"), tr("chosen gained over rejected"));
    QWidget* preferred = makeTitled(m_preferred, tr("Preference accuracy"), tr("pairs with a margin above 0"));
    QWidget* chosen = makeTitled(m_chosenLoss, tr("Chosen answers' loss"), tr("cross entropy"));
    widgets::explain(margin, QStringLiteral("margin"));
    widgets::explain(preferred, QStringLiteral("preference-accuracy"));
    grid->addWidget(loss, 0, 0);
    grid->addWidget(margin, 0, 1);
    grid->addWidget(preferred, 1, 0);
    grid->addWidget(chosen, 1, 1);
    QWidget* map = makeTitled(m_map, tr("Codes by linear and block"), tr("scales and zero points stay the quantizer's"), m_shown);
    grid->addWidget(map, 2, 0, 1, 2);
    grid->setColumnStretch(0, 1);
    grid->setColumnStretch(1, 1);
    grid->setRowStretch(0, 3);
    grid->setRowStretch(1, 3);
    grid->setRowStretch(2, 4);
    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(plots, 1);
    layout->addWidget(makeSide());
}

QWidget* PatchPane::makeSide() {
    QWidget* side = makeSurface("panel", "left");
    side->setFixedWidth(kSideWidth);
    auto* layout = new QVBoxLayout(side);
    setSpacing(layout, 1, 10, 0, 10, 6);
    const auto addInset = [&](QWidget* widget) {
        auto* row = new QHBoxLayout;
        setSpacing(row, 14, 0, 14, 0, 0);
        row->addWidget(widget);
        layout->addLayout(row);
    };
    m_title = makeLabel({}, "heading");
    m_text = makeParagraph({}, "secondary");
    m_text->setObjectName(QStringLiteral("patchText"));
    addInset(m_title);
    addInset(m_text);
    layout->addSpacing(8);
    QLabel* pairsTitle = makeLabel(tr("Pairs of answers"), "heading");
    widgets::explain(pairsTitle, QStringLiteral("preference-pair"));
    addInset(pairsTitle);
    m_pairText = makeParagraph({}, "secondary", "muted");
    m_pairText->setObjectName(QStringLiteral("patchPairText"));
    addInset(m_pairText);
    m_pairs = new widgets::FigureTableModel(this);
    m_pairTable = new QTableView;
    m_pairTable->setModel(m_pairs);
    dressTable(m_pairTable, QStringLiteral("patchPairs"), tr("Pairs of answers by label and what became of them"));
    m_pairTable->setSelectionMode(QAbstractItemView::NoSelection);
    m_pairTable->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_pairTable->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    addInset(m_pairTable);
    layout->addSpacing(8);
    m_probes = new LinesPlot(tr("Probe accuracy by block"));
    m_probes->setObjectName(QStringLiteral("patchProbes"));
    m_probes->setValues(tr("accuracy"), [](double share) { return widgets::formatPercent(share); });
    m_probes->setLeastRange(0.4, 1.0);
    QLabel* probesTitle = makeLabel(tr("Base model's probes"), "heading");
    widgets::explain(probesTitle, QStringLiteral("transferred"));
    addInset(probesTitle);
    layout->addWidget(m_probes, 1);
    m_probeText = makeParagraph({}, "secondary", "muted");
    m_probeText->setObjectName(QStringLiteral("patchProbeText"));
    addInset(m_probeText);
    return side;
}

void PatchPane::setStep(int place) {
    for (LinesPlot* plot : m_stepPlots) plot->setCurrent(place);
}

void PatchPane::refresh() {
    const PatchProgress none;
    const auto& known = m_session->store()->state().patch;
    const PatchProgress& patch = known ? *known : none;
    refreshSteps(patch);
    refreshMap(patch);
    refreshProbes(patch);
    refreshPairs(patch);
    refreshText(patch);
}

void PatchPane::refreshSteps(const PatchProgress& patch) {
    const bool active = m_session->run()->active();
    for (LinesPlot* plot : m_stepPlots) {
        plot->setPlaces(std::max(patch.plannedSteps, patch.steps.empty() ? 0 : patch.steps.back().step), tr("step"), 1);
        plot->setEmptyText(active ? tr("The first step appears once the pairs are read.") : tr("No step was made."));
    }
    m_loss->setSeries({overSteps(tr("loss"), &ThemeColors::accent, patch, &PatchStepFigures::loss)});
    m_margin->setSeries({overSteps(tr("margin"), &ThemeColors::benign, patch, &PatchStepFigures::margin)});
    m_chosenLoss->setSeries({overSteps(tr("chosen answers' loss"), &ThemeColors::base, patch, &PatchStepFigures::chosenLoss)});
    LineSeries preferred = overSteps(tr("preferred"), &ThemeColors::fourth, patch, &PatchStepFigures::preferred);
    for (double& share : preferred.values)
        if (share < 0.0) share = std::nan("");
    if (!patch.steps.empty() && patch.steps.back().preferred < 0.0) m_preferred->setEmptyText(tr("This patch learns chosen answers alone."));
    m_preferred->setSeries({std::move(preferred)});
}

void PatchPane::refreshMap(const PatchProgress& patch) {
    const bool changed = m_shown->currentValue().toBool();
    widgets::HeatMapData cells;
    cells.table.columns = QStringList{tr("linear"), tr("block"), tr("codes"), tr("may change"), tr("changed")};
    std::map<std::pair<QString, int>, PatchedLinear> at;
    for (const PatchedLinear& linear : patch.linears) {
        const QString name = shortName(linear);
        if (!cells.rowNames.contains(name)) cells.rowNames.append(name);
        cells.columns = std::max(cells.columns, linear.block + 1);
        at[{name, linear.block}] = linear;
        cells.table.rows.push_back({name, linear.block, qlonglong(linear.codes), qlonglong(linear.mayChange), qlonglong(linear.changed)});
    }
    cells.rows = int(cells.rowNames.size());
    double high = 0.0;
    for (const QString& name : cells.rowNames)
        for (int block = 0; block < cells.columns; ++block) {
            const auto found = at.find({name, block});
            cells.values.push_back(found == at.end() ? std::nan("") : shareOf(changed ? found->second.changed : found->second.mayChange, found->second.codes));
            if (std::isfinite(cells.values.back())) high = std::max(high, cells.values.back());
        }
    for (int block = 0; block < cells.columns; ++block) cells.columnNumbers.push_back(block);
    m_map->setScale(0.0, high > 0.0 ? high : 1.0, false, changed ? tr("changed") : tr("may change"), shareText);
    m_map->setCards([at, names = cells.rowNames](int row, int column) {
        widgets::HoverCard card;
        card.heading = tr("%1 of block %2").arg(names[row]).arg(column);
        const auto found = at.find({names[row], column});
        if (found == at.end()) {
            card.rows = {{tr("not quantized"), {}, {}, {}, {}}};
            return card;
        }
        const PatchedLinear& linear = found->second;
        card.rows = {{tr("codes"), QLocale().toString(qulonglong(linear.codes)), {}, {}, {}},
                     {tr("may change"), shareText(shareOf(linear.mayChange, linear.codes)), QLocale().toString(qulonglong(linear.mayChange)), {}, {}},
                     {tr("changed"), shareText(shareOf(linear.changed, linear.codes)), QLocale().toString(qulonglong(linear.changed)), {}, {}}};
        return card;
    });
    m_map->setData(std::move(cells));
}

void PatchPane::refreshProbes(const PatchProgress& patch) {
    const RunStore* store = m_session->store();
    std::vector<LineSeries> series;
    if (!patch.baseProbes.empty()) series.push_back(overBlocksOf(tr("base"), &ThemeColors::base, patch.baseProbes));
    if (!patch.probes.empty()) {
        series.push_back(overBlocksOf(tr("unpatched"), &ThemeColors::fourth, patch.probes.front().accuracy, true));
        if (const auto& last = patch.probes.back(); last.step > 0) series.push_back(overBlocksOf(tr("step %1").arg(last.step), &ThemeColors::accent, last.accuracy));
    }
    std::vector<Rate> finished(static_cast<std::size_t>(store->blockCount()));
    for (const auto& block : store->state().blocks)
        if (block.model == "quantized" && block.transferred && block.block < store->blockCount()) finished[static_cast<std::size_t>(block.block)] = block.transferred->accuracy;
    const bool measured = std::any_of(finished.begin(), finished.end(), [](const Rate& rate) { return rate.total > 0; });
    if (measured) series.push_back(overBlocksOf(tr("finished"), &ThemeColors::benign, finished));
    m_probes->setPlaces(store->blockCount(), tr("block"));
    const bool captures = store->stage("capture") != nullptr;
    m_probes->setEmptyText(captures ? tr("The first look comes before the first step.") : tr("Without captured activations there are no probes."));
    m_probes->setSeries(std::move(series));
    QString text;
    if (!patch.probes.empty()) {
        const std::uint64_t prompts = patch.probes.front().accuracy.empty() ? 0 : patch.probes.front().accuracy.front().total;
        text = tr("Of %1 evaluation prompts, malicious and ordinary benign, looked at every ten steps.").arg(prompts);
        text += QLatin1Char(' ') + (measured ? tr("\"Finished\" is of all of them, from stage Quantize.")
                                             : tr("All of them are asked once stage Quantize measures the patched blocks."));
    } else if (!captures) {
        text = tr("This run captures no activations: a probe accuracy cannot be given.");
    }
    m_probeText->setText(text);
    m_probeText->setVisible(!text.isEmpty());
}

void PatchPane::refreshPairs(const PatchProgress& patch) {
    QStringList labels, fates;
    std::map<std::pair<QString, QString>, int> counts;
    for (const auto& pair : patch.pairs) {
        const QString label = QString::fromStdString(pair.label), fate = fateText(pair.leftOut);
        if (!labels.contains(label)) labels.append(label);
        if (!fates.contains(fate)) fates.append(fate);
        counts[{fate, label}] += pair.count;
    }
    // In the order of the whole window.
    std::stable_sort(labels.begin(), labels.end(), [](const QString& a, const QString& b) {
        const auto rank = [](const QString& label) {
            return std::find(widgets::kLabels.begin(), widgets::kLabels.end(), label.toStdString()) - widgets::kLabels.begin();
        };
        return rank(a) < rank(b);
    });
    widgets::FigureTable table;
    table.columns = QStringList{QString()};
    for (const QString& label : labels) table.columns.append(widgets::labelText(label).toLower());
    for (const QString& fate : fates) {
        QVariantList row{fate};
        for (const QString& label : labels) row.append(counts[{fate, label}]);
        table.rows.push_back(row);
    }
    int all = 0, used = 0;
    for (const auto& pair : patch.pairs) {
        all += pair.count;
        used += pair.leftOut.empty() ? pair.count : 0;
    }
    m_pairTable->setVisible(all > 0);
    m_pairText->setText(all > 0 ? tr("%1 of %2 pairs are learned from; the others are left out by these rules.").arg(used).arg(all)
                        : m_session->run()->active() ? tr("Both models are answering. The pairs are counted when all answers are there.")
                                                     : tr("The pairs were not made yet."));
    if (table.columns == m_pairs->table().columns && table.rows == m_pairs->table().rows) return;
    m_pairs->setTable(std::move(table));
    QHeaderView* head = m_pairTable->horizontalHeader();
    head->setSectionResizeMode(0, QHeaderView::Stretch);
    for (int column = 1; column < m_pairs->columnCount(); ++column) head->setSectionResizeMode(column, QHeaderView::ResizeToContents);
    int height = head->sizeHint().height() + 2;
    for (int row = 0; row < m_pairs->rowCount(); ++row) height += m_pairTable->rowHeight(row);
    m_pairTable->setFixedHeight(height);
}

void PatchPane::refreshText(const PatchProgress& patch) {
    QString title = QString::fromStdString(patch.method);
    for (const auto& known : m_session->client()->info().patches)
        if (known.id == patch.method) title = QString::fromStdString(known.title);
    m_title->setText(title);
    QString text;
    if (patch.steps.empty()) {
        text = patch.pairs.empty() ? tr("The pairs come first: both models answer prompts of the calibration half.") : tr("The quantized model's own answers are weighed.");
    } else {
        const PatchStepFigures& last = patch.steps.back();
        text = patch.finished ? tr("%1 steps, %2 each.").arg(last.step).arg(widgets::formatDuration(last.seconds))
                              : tr("Step %1 of %2, %3 each.").arg(last.step).arg(patch.plannedSteps).arg(widgets::formatDuration(last.seconds));
        std::uint64_t codes = 0, open = 0, changed = 0;
        for (const PatchedLinear& linear : patch.linears) {
            codes += linear.codes;
            open += linear.mayChange;
            changed += linear.changed;
        }
        if (codes > 0)
            text += QLatin1Char(' ') + tr("Of %1 codes %2 may change, and %3 differ from the quantizer's.")
                                           .arg(QLocale().toString(qulonglong(codes)), shareText(shareOf(open, codes)), shareText(shareOf(changed, codes)));
    }
    m_text->setText(text);
}

}  // namespace safequant::workbench
