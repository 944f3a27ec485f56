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

constexpr int kSideWidth = 360;
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

QString meanBitsText(double bits) { return QLocale().toString(bits, 'f', 1); }

/// `linear`: null where it is not quantized.
widgets::HoverCard patchedLinearCard(const QString& name, int block, const PatchedLinear* linear, bool keeps) {
    widgets::HoverCard card;
    card.heading = PatchPane::tr("%1 of block %2").arg(name).arg(block);
    const auto add = [&](const QString& what, const QString& value, const QString& count = {}) { card.rows.push_back({what, value, count, {}, {}}); };
    const auto share = [&](const QString& what, std::uint64_t part) {
        add(what, shareText(shareOf(part, linear->codes)), QLocale().toString(qulonglong(part)));
    };
    if (linear == nullptr) {
        add(PatchPane::tr("not quantized"), {});
    } else if (keeps) {
        add(PatchPane::tr("weights"), QLocale().toString(qulonglong(linear->codes)));
        share(PatchPane::tr("kept in 16 bits"), linear->kept);
        add(PatchPane::tr("bits a weight"), QLocale().toString(linear->bits, 'f', 2));
    } else {
        add(PatchPane::tr("codes"), QLocale().toString(qulonglong(linear->codes)));
        share(PatchPane::tr("may change"), linear->mayChange);
        share(PatchPane::tr("changed"), linear->changed);
    }
    return card;
}

/// What stage Capture says of the base model, by block.
std::vector<Rate> capturedProbes(const RunStore& store) {
    std::vector<Rate> accuracy(static_cast<std::size_t>(store.blockCount()));
    for (const auto& block : store.state().blocks)
        if (block.model == "base" && block.block < store.blockCount()) accuracy[static_cast<std::size_t>(block.block)] = block.refitted.accuracy;
    return accuracy;
}

/// What stage Quantize says of the patched model, by block.
std::vector<Rate> finishedProbes(const RunStore& store) {
    std::vector<Rate> accuracy(static_cast<std::size_t>(store.blockCount()));
    for (const auto& block : store.state().blocks)
        if (block.model == "quantized" && block.transferred && block.block < store.blockCount())
            accuracy[static_cast<std::size_t>(block.block)] = block.transferred->accuracy;
    return accuracy;
}

/// What became of pairs, in the window's words; a rule that this window does not know is quoted.
QString fateText(const protocol::PatchPairCount& pairs, const std::string& kind) {
    const std::string& leftOut = pairs.leftOut;
    if (pairs.alone) return PatchPane::tr("learned alone");
    if (leftOut.empty()) return kind == "keep" ? PatchPane::tr("may be scored") : kind == "align" ? PatchPane::tr("compared whole") : PatchPane::tr("learned from");
    if (leftOut == "an answer is empty") return PatchPane::tr("empty answer");
    if (leftOut == "both answers are the same") return PatchPane::tr("equal answers");
    if (leftOut == "the chosen answer is no refusal") return PatchPane::tr("no refusal");
    if (leftOut == "the quantized model refuses as well") return PatchPane::tr("both refuse");
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
    m_aligned = plot(tr("Distance from the aligned model by step"), "patchAligned", tr("nats a token"), nats);
    m_pretrained = plot(tr("Distance from the pretrained model by step"), "patchPretrained", tr("nats a token"), nats);
    m_gradient = plot(tr("Gradient norm by step"), "patchGradient", tr("norm"), nats);
    m_stepPlots = {m_loss, m_margin, m_preferred, m_chosenLoss, m_aligned, m_pretrained, m_gradient};
    for (LinesPlot* each : m_stepPlots) connect(each, &LinesPlot::chosen, this, &PatchPane::setStep);
    m_map = new widgets::HeatMap(tr("Codes or weights by linear and block"));
    m_map->setObjectName(QStringLiteral("patchMap"));
    m_map->setAxes({}, tr("block"));
    m_shown = new widgets::SegmentedControl;
    m_shown->setObjectName(QStringLiteral("patchShown"));
    m_shown->setAccessibleName(tr("What the map shows"));
    connect(m_shown, &widgets::SegmentedControl::currentIndexChanged, this, &PatchPane::refresh);

    auto* layout = new QHBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(makePlots(), 1);
    layout->addWidget(makeSide());
    showKind("pairs");
}

QWidget* PatchPane::makePlots() {
    auto* plots = new QWidget;
    auto* grid = new QGridLayout(plots);
    setSpacing(grid, 0, 0, 0, 0, 0);
    m_lossArea = makeTitled(m_loss, tr("Loss"), tr("of a step's samples"));
    QWidget* margin = makeTitled(m_margin, tr("Reward margin"), tr("chosen gained over rejected"));
    QWidget* preferred = makeTitled(m_preferred, tr("Preference accuracy"), tr("pairs with a margin above 0"));
    QWidget* chosen = makeTitled(m_chosenLoss, tr("Chosen answers' loss"), tr("cross entropy"));
    widgets::explain(margin, QStringLiteral("margin"));
    widgets::explain(preferred, QStringLiteral("preference-accuracy"));
    m_pairAreas = {margin, preferred, chosen};
    m_alignAreas = {makeTitled(m_aligned, tr("From the aligned model"), tr("divergence, which is to fall")),
                    makeTitled(m_pretrained, tr("From the pretrained model"), tr("divergence, which is to grow")),
                    makeTitled(m_gradient, tr("Gradient norm"), tr("before it is limited"))};
    grid->addWidget(m_lossArea, 0, 0);
    // Only one kind's are visible.
    for (const auto& areas : {m_pairAreas, m_alignAreas}) {
        grid->addWidget(areas[0], 0, 1);
        grid->addWidget(areas[1], 1, 0);
        grid->addWidget(areas[2], 1, 1);
    }
    QWidget* map = makeTitled(m_map, {}, {}, m_shown);
    const auto labels = map->findChildren<QLabel*>();
    m_mapTitle = labels.at(0);
    m_mapText = labels.at(1);
    grid->addWidget(map, 2, 0, 1, 2);
    grid->setColumnStretch(0, 1);
    grid->setColumnStretch(1, 1);
    grid->setRowStretch(0, 3);
    grid->setRowStretch(1, 3);
    grid->setRowStretch(2, 4);
    return plots;
}

void PatchPane::showKind(const std::string& kind) {
    if (kind == m_kind) return;
    m_kind = kind;
    const bool keeps = kind == "keep";
    m_lossArea->setVisible(!keeps);
    for (QWidget* area : m_pairAreas) area->setVisible(kind == "pairs");
    for (QWidget* area : m_alignAreas) area->setVisible(kind == "align");
    m_mapTitle->setText(keeps ? tr("Weights by linear and block") : tr("Codes by linear and block"));
    m_mapText->setText(keeps ? tr("others stay as quantized") : tr("scales stay the quantizer's"));
    m_map->setEmptyText(keeps ? tr("What is kept is chosen when all weights are scored.") : tr("What may change is found by the first step."));
    m_pairTitle->setText(kind == "pairs" ? tr("Pairs of answers") : tr("Answers"));
    const QSignalBlocker quiet(m_shown);
    m_shown->clear();
    if (keeps) {
        m_shown->addSegment(tr("Kept"), false, tr("Share of a linear's weights that stay in 16 bits"));
        m_shown->addSegment(tr("Bits"), true, tr("Bits that a linear's weight takes on average, with what says which are kept"));
    } else {
        m_shown->addSegment(tr("May change"), false, tr("Share of a linear's codes that its mask leaves open"));
        m_shown->addSegment(tr("Changed"), true, tr("Share of a linear's codes that differ from the quantizer's by now"));
    }
    m_shown->setCurrentIndex(0);
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
    m_pairTitle = makeLabel({}, "heading");
    widgets::explain(m_pairTitle, QStringLiteral("preference-pair"));
    addInset(m_pairTitle);
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
    showKind(patch.kind.empty() ? "pairs" : patch.kind);
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
        plot->setEmptyText(active ? tr("The first step appears once the answers are read.") : tr("No step was made."));
    }
    m_loss->setSeries({overSteps(tr("loss"), &ThemeColors::accent, patch, &PatchStepFigures::loss)});
    // A negative figure stands for none.
    const auto known = [](LineSeries series) {
        for (double& value : series.values)
            if (value < 0.0) value = std::nan("");
        return series;
    };
    m_aligned->setSeries({known(overSteps(tr("from aligned"), &ThemeColors::benign, patch, &PatchStepFigures::aligned))});
    m_pretrained->setSeries({known(overSteps(tr("from pretrained"), &ThemeColors::fourth, patch, &PatchStepFigures::pretrained))});
    m_gradient->setSeries({overSteps(tr("gradient norm"), &ThemeColors::base, patch, &PatchStepFigures::gradientNorm)});
    if (!patch.steps.empty() && patch.steps.back().pretrained < 0.0)
        m_pretrained->setEmptyText(tr("This patch is not kept away from a pretrained model."));
    LineSeries margins = overSteps(tr("margin"), &ThemeColors::benign, patch, &PatchStepFigures::margin);
    // A step whose batch has no rejected answer compares none.
    const auto compares = [](const PatchStepFigures& step) { return step.preferred >= 0.0; };
    if (std::ranges::any_of(patch.steps, compares))
        for (const PatchStepFigures& step : patch.steps)
            if (!compares(step)) margins.values[static_cast<std::size_t>(step.step) - 1] = std::nan("");
    m_margin->setSeries({std::move(margins)});
    m_chosenLoss->setSeries({overSteps(tr("chosen answers' loss"), &ThemeColors::base, patch, &PatchStepFigures::chosenLoss)});
    if (!patch.steps.empty() && patch.steps.back().preferred < 0.0) m_preferred->setEmptyText(tr("This patch learns chosen answers alone."));
    m_preferred->setSeries({known(overSteps(tr("preferred"), &ThemeColors::fourth, patch, &PatchStepFigures::preferred))});
}

double PatchPane::shownOf(const PatchedLinear& linear) const {
    const bool second = m_shown->currentValue().toBool();
    if (m_kind == "keep") return second ? linear.bits : shareOf(linear.kept, linear.codes);
    return shareOf(second ? linear.changed : linear.mayChange, linear.codes);
}

void PatchPane::refreshMap(const PatchProgress& patch) {
    const bool second = m_shown->currentValue().toBool(), keeps = m_kind == "keep";
    widgets::HeatMapData cells;
    cells.table.columns = keeps ? QStringList{tr("linear"), tr("block"), tr("weights"), tr("kept"), tr("bits")}
                                : QStringList{tr("linear"), tr("block"), tr("codes"), tr("may change"), tr("changed")};
    std::map<std::pair<QString, int>, PatchedLinear> at;
    for (const PatchedLinear& linear : patch.linears) {
        const QString name = shortName(linear);
        if (!cells.rowNames.contains(name)) cells.rowNames.append(name);
        cells.columns = std::max(cells.columns, linear.block + 1);
        at[{name, linear.block}] = linear;
        cells.table.rows.push_back({name, linear.block, qlonglong(linear.codes), qlonglong(keeps ? linear.kept : linear.mayChange),
                                    keeps ? QVariant(linear.bits) : QVariant(qlonglong(linear.changed))});
    }
    cells.rows = int(cells.rowNames.size());
    double high = 0.0;
    for (const QString& name : cells.rowNames)
        for (int block = 0; block < cells.columns; ++block) {
            const auto found = at.find({name, block});
            cells.values.push_back(found == at.end() ? std::nan("") : shownOf(found->second));
            if (std::isfinite(cells.values.back())) high = std::max(high, cells.values.back());
        }
    for (int block = 0; block < cells.columns; ++block) cells.columnNumbers.push_back(block);
    const QString title = keeps ? (second ? tr("bits a weight") : tr("kept in 16 bits")) : (second ? tr("changed") : tr("may change"));
    m_map->setScale(0.0, high > 0.0 ? high : 1.0, false, title, keeps && second ? meanBitsText : shareText);
    m_map->setCards([at, keeps, names = cells.rowNames](int row, int column) {
        const auto found = at.find({names[row], column});
        return patchedLinearCard(names[row], column, found == at.end() ? nullptr : &found->second, keeps);
    });
    m_map->setData(std::move(cells));
}

void PatchPane::refreshProbes(const PatchProgress& patch) {
    const RunStore* store = m_session->store();
    std::vector<LineSeries> series;
    const bool keeps = m_kind == "keep";
    // Without looks, stages say how it was before and after.
    const bool stages = patch.probes.empty() && (keeps || patch.finished);
    const auto base = stages ? capturedProbes(*store) : patch.baseProbes;
    if (std::any_of(base.begin(), base.end(), [](const Rate& rate) { return rate.total > 0; }))
        series.push_back(overBlocksOf(tr("base"), &ThemeColors::base, base));
    if (!patch.probes.empty()) {
        series.push_back(overBlocksOf(tr("unpatched"), &ThemeColors::fourth, patch.probes.front().accuracy, true));
        if (const auto& last = patch.probes.back(); last.step > 0) series.push_back(overBlocksOf(tr("step %1").arg(last.step), &ThemeColors::accent, last.accuracy));
    }
    const std::vector<Rate> finished = finishedProbes(*store);
    const bool measured = std::any_of(finished.begin(), finished.end(), [](const Rate& rate) { return rate.total > 0; });
    if (measured) series.push_back(overBlocksOf(tr("finished"), &ThemeColors::benign, finished));
    m_probes->setPlaces(store->blockCount(), tr("block"));
    const bool captures = store->stage("capture") != nullptr;
    m_probes->setEmptyText(!captures ? tr("Without captured activations there are no probes.")
                           : stages  ? tr("Stage Quantize measures them.")
                                     : tr("The first look comes before the first step."));
    m_probes->setSeries(std::move(series));
    QString text;
    if (!patch.probes.empty()) {
        const std::uint64_t prompts = patch.probes.front().accuracy.empty() ? 0 : patch.probes.front().accuracy.front().total;
        text = tr("Of %1 evaluation prompts, malicious and ordinary benign, looked at every ten steps.").arg(prompts);
        text += QLatin1Char(' ') + (measured ? tr("\"Finished\" is of all of them, from stage Quantize.")
                                             : tr("All of them are asked once stage Quantize measures the patched blocks."));
    } else if (stages && measured) {
        text = tr("Of all evaluation prompts, before and after.");
    } else if (!captures) {
        text = tr("This run captures no activations: a probe accuracy cannot be given.");
    }
    m_probeText->setText(text);
    m_probeText->setVisible(!text.isEmpty());
}

QString PatchPane::pairsText(const PatchProgress& patch, int used, int all) const {
    const bool active = m_session->run()->active();
    if (m_kind == "pairs") {
        if (all > 0) {
            const QString text = tr("%1 of %2 pairs are learned from; the others are left out by these rules.").arg(used).arg(all);
            return std::ranges::any_of(patch.pairs, &protocol::PatchPairCount::alone) ? text + QLatin1Char(' ') + tr("Where both models refuse, the chosen answer is learned alone.") : text;
        }
        return active ? tr("Both models are answering. The pairs are counted when all answers are there.") : tr("The pairs were not made yet.");
    }
    if (all > 0 && m_kind == "keep") return tr("Weights are scored on some of %1 of %2 answers; the others are left out by these rules.").arg(used).arg(all);
    if (all > 0) return tr("%1 of %2 prompts are compared with their answers; the others without, by these rules.").arg(used).arg(all);
    if (patch.finished) return tr("The seed alone chose the weights: no model was asked.");
    return active ? tr("The model answers before it is patched.") : tr("The answers were not made yet.");
}

void PatchPane::refreshPairs(const PatchProgress& patch) {
    QStringList labels, fates;
    std::map<std::pair<QString, QString>, int> counts;
    for (const auto& pair : patch.pairs) {
        const QString label = QString::fromStdString(pair.label), fate = fateText(pair, m_kind);
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
    m_pairText->setText(pairsText(patch, used, all));
    if (table.columns == m_pairs->table().columns && table.rows == m_pairs->table().rows) return;
    m_pairs->setTable(std::move(table));
    QHeaderView* head = m_pairTable->horizontalHeader();
    head->setSectionResizeMode(0, QHeaderView::Stretch);
    for (int column = 1; column < m_pairs->columnCount(); ++column) head->setSectionResizeMode(column, QHeaderView::ResizeToContents);
    int height = head->sizeHint().height() + 2;
    for (int row = 0; row < m_pairs->rowCount(); ++row) height += m_pairTable->rowHeight(row);
    m_pairTable->setFixedHeight(height);
}

QString PatchPane::stepsText(const PatchProgress& patch) const {
    if (m_kind == "keep") return patch.finished ? QString() : tr("All weights are scored first, block by block.");
    if (!patch.steps.empty()) {
        const PatchStepFigures& last = patch.steps.back();
        const QString each = widgets::formatDuration(last.seconds);
        const QString text = patch.finished ? tr("%1 steps, %2 each.").arg(last.step).arg(each)
                                            : tr("Step %1 of %2, %3 each.").arg(last.step).arg(patch.plannedSteps).arg(each);
        return last.limited ? text + QLatin1Char(' ') + tr("The contrast is at its limit.") : text;
    }
    if (m_kind == "align") return patch.pairs.empty() ? tr("The answers come first.") : tr("The teachers are asked what they say next.");
    return patch.pairs.empty() ? tr("The pairs come first: both models answer prompts of the calibration half.") : tr("The quantized model's own answers are weighed.");
}

QString PatchPane::countsText(const PatchProgress& patch) const {
    PatchedLinear all;
    for (const PatchedLinear& linear : patch.linears) {
        all.codes += linear.codes;
        all.mayChange += linear.mayChange;
        all.changed += linear.changed;
        all.kept += linear.kept;
        all.bits += linear.bits * double(linear.codes);
    }
    if (all.codes == 0) return {};
    const QString codes = QLocale().toString(qulonglong(all.codes));
    if (m_kind == "keep")
        return tr("Of %1 weights %2 are kept in 16 bits, the others are codes: %3 bits a weight. Exported as bfloat16 values only.")
            .arg(codes, shareText(shareOf(all.kept, all.codes)), QLocale().toString(all.bits / double(all.codes), 'f', 2));
    return QLatin1Char(' ') + tr("Of %1 codes %2 may change, and %3 differ from the quantizer's.")
                                  .arg(codes, shareText(shareOf(all.mayChange, all.codes)), shareText(shareOf(all.changed, all.codes)));
}

void PatchPane::refreshText(const PatchProgress& patch) {
    QString title = QString::fromStdString(patch.method);
    for (const auto& known : m_session->client()->info().patches)
        if (known.id == patch.method) title = QString::fromStdString(known.title);
    m_title->setText(title);
    m_text->setText(stepsText(patch) + countsText(patch));
}

}  // namespace safequant::workbench
