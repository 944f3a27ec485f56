// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/linearpane.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QScrollArea>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/barlist.h"
#include "widgets/format.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/xyplot.h"

namespace safequant::workbench {

using State = InputsMeasurement::State;
using widgets::HoverCard;
using widgets::ThemeColors;
using widgets::XyPlot;
using widgets::XySeries;

namespace {

/// Lines of a grid that a picture can hold.
constexpr std::size_t kMostGuides = 40;
constexpr double kLeastCount = 0.5;

PaneAbout aboutLinear() {
    return {LinearPane::tr("Weights and inputs of a linear"),
            LinearPane::tr("what rounding does to a matrix, and which input channels stand out"),
            {QStringLiteral("grid-steps"), QStringLiteral("weight-error"), QStringLiteral("outlier")}};
}

QString number(double value) { return QLocale().toString(value, 'g', 3).replace(QLatin1Char('-'), QChar(0x2212)); }

/// A count as an axis has room for it: "120 k".
QString countText(double count) {
    return count >= 1000.0 ? LinearPane::tr("%1 k").arg(QLocale().toString(count / 1000.0, 'g', 4)) : QLocale().toString(count, 'g', 4);
}

/// Counts as points in the middle of their bins.
std::vector<QPointF> pointsOf(const protocol::HistogramCounts& histogram, bool logarithmic) {
    std::vector<QPointF> points;
    const double width = (histogram.high - histogram.low) / double(histogram.counts.size());
    for (std::size_t i = 0; i < histogram.counts.size(); ++i)
        points.emplace_back(histogram.low + (double(i) + 0.5) * width, std::max(double(histogram.counts[i]), logarithmic ? kLeastCount : 0.0));
    return points;
}

const protocol::LinearInputs* groupOf(const protocol::BlockInputs& inputs, const std::string& linear) {
    for (const auto& group : inputs.groups)
        if (std::find(group.linears.begin(), group.linears.end(), linear) != group.linears.end()) return &group;
    return nullptr;
}

double highest(const std::vector<std::uint64_t>& counts) { return counts.empty() ? 1.0 : double(*std::max_element(counts.begin(), counts.end())); }

}  // namespace

LinearPane::LinearPane(Session* session, QWidget* parent) : AnalysisPane(session, aboutLinear(), parent), m_inputs(session->client()) {
    m_role = new QComboBox;
    m_role->setObjectName(QStringLiteral("linearRole"));
    m_role->setAccessibleName(tr("Linear of the block"));
    for (const char* role : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
        m_role->addItem(QString::fromLatin1(role).section(QLatin1Char('.'), 1), QString::fromLatin1(role));
    m_role->setCurrentIndex(m_role->count() - 1);
    addControl(m_role);
    m_unit = new widgets::SegmentedControl;
    m_unit->setObjectName(QStringLiteral("weightsUnit"));
    m_unit->setAccessibleName(tr("Unit of the weights"));
    m_unit->addSegment(tr("Values"), false, tr("Weights as they are"));
    m_unit->addSegment(tr("Grid steps"), true, tr("Every weight in units of its own grid"));
    m_unit->setCurrentIndex(0);
    m_logarithmic = new QCheckBox(tr("Log counts"));
    m_logarithmic->setObjectName(QStringLiteral("logCounts"));
    m_logarithmic->setToolTip(tr("Counts on a logarithmic axis, so that few weights far out are seen"));
    m_weights = new XyPlot(tr("Histogram of weights"));
    m_weights->setObjectName(QStringLiteral("weightsHistogram"));
    m_weights->setEmptyText(tr("The weights are read ..."));
    m_weightsText = makeParagraph({}, "secondary");

    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    setSpacing(leftLayout, 14, 0, 10, 8, 6);
    auto* leftHead = new QHBoxLayout;
    setSpacing(leftHead, 0, 0, 0, 0, 10);
    leftHead->addWidget(makeLabel(tr("Weights"), "heading"));
    leftHead->addStretch(1);
    leftHead->addWidget(m_logarithmic);
    leftHead->addWidget(m_unit);
    leftLayout->addLayout(leftHead);
    leftLayout->addWidget(m_weights, 1);
    leftLayout->addWidget(m_weightsText);
    auto* body = new QWidget;
    auto* layout = new QHBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(left, 1);
    layout->addWidget(makeInputs(), 1);
    setBody(body, {m_weights, m_channels, m_outliers});

    connect(m_role, &QComboBox::currentIndexChanged, this, [this] { refresh(); });
    connect(m_unit, &widgets::SegmentedControl::activated, this, [this] { showWeights(); });
    connect(m_logarithmic, &QCheckBox::toggled, this, [this] { showWeights(); });
    const auto again = [this] {
        showInputs();
        if (m_result) showBody();
    };
    connect(m_model, &widgets::SegmentedControl::activated, this, again);
    connect(m_measure, &QPushButton::clicked, this, [this] {
        const std::string model = m_model->currentValue().toString().toStdString();
        if (m_inputs.state(model) == State::Running) m_inputs.stop();
        else m_inputs.start(model);
    });
    connect(&m_inputs, &InputsMeasurement::changed, this, again);
}

QWidget* LinearPane::makeInputs() {
    m_model = new widgets::SegmentedControl;
    m_model->setObjectName(QStringLiteral("inputsModel"));
    m_model->setAccessibleName(tr("Model"));
    m_model->addSegment(tr("Base"), QStringLiteral("base"), tr("Inputs in the model as it is stored"));
    m_model->addSegment(tr("Quantized"), QStringLiteral("quantized"), tr("Inputs in the run's quantized model"));
    m_model->setCurrentIndex(0);
    m_channels = new XyPlot(tr("Largest input by channel"));
    m_channels->setObjectName(QStringLiteral("inputChannels"));
    m_channels->setEmptyText(tr("Inputs are not kept by a run. Measuring passes about 2,000 tokens of its calibration prompts through the model."));
    m_outliers = new widgets::BarList(tr("Outlier channels"));
    m_outliers->setObjectName(QStringLiteral("outlierChannels"));
    m_outliers->setHeads(tr("channel"), tr("largest |x|"), tr("times the median"));
    m_outliers->setEmptyText(tr("No outlier channel."));
    m_inputsText = makeParagraph({}, "secondary");
    m_measure = new QPushButton(tr("Measure inputs"));
    m_measure->setObjectName(QStringLiteral("measureInputs"));
    m_measure->setToolTip(tr("Passes calibration prompts of the run through the model, block by block, on this machine's processor"));
    auto* scroll = new QScrollArea;
    scroll->setWidget(m_outliers);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setFixedHeight(150);
    QWidget* area = makeSurface("panel", "left");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 14, 0, 14, 8, 6);
    auto* head = new QHBoxLayout;
    setSpacing(head, 0, 0, 0, 0, 10);
    head->addWidget(makeLabel(tr("Inputs"), "heading"));
    head->addStretch(1);
    head->addWidget(m_measure);
    head->addWidget(m_model);
    layout->addLayout(head);
    layout->addWidget(m_channels, 1);
    layout->addWidget(m_inputsText);
    layout->addWidget(scroll);
    return area;
}

QString LinearPane::linear() const { return QStringLiteral("model.layers.%1.%2").arg(block()).arg(m_role->currentData().toString()); }

void LinearPane::ask() {
    if (lacksBlocks("base")) return;
    m_inputs.setFolder(session()->store()->folder());
    const std::string asked = linear().toStdString();
    if (m_result && m_result->linear != asked) {
        m_result.reset();
        showWeights();
    }
    askOnce<protocol::LinearWeightsResult>(m_asked, QStringLiteral("analysis/weights"),
                                           {{"folder", session()->store()->folder().toStdString()}, {"linear", asked}},
                                           [this](const protocol::LinearWeightsResult& result) {
                                               m_result = result;
                                               showWeights();
                                           });
    showInputs();
    showBody();
}

void LinearPane::showWeights() {
    if (!m_result) {
        m_weights->setSeries({}, {});
        m_weightsText->setText({});
        return;
    }
    const bool stepsKnown = !m_result->steps.counts.empty();
    m_unit->setSegmentEnabled(1, stepsKnown);
    if (!stepsKnown) m_unit->setCurrentIndex(0);
    if (m_unit->currentValue().toBool()) showSteps();
    else showValues();
    const auto all = double(m_result->rows) * m_result->cols;
    QString text = tr("%1, %2 by %3 weights").arg(linear(), QLocale().toString(m_result->rows), QLocale().toString(m_result->cols));
    if (m_result->rotated) text += tr(", rotated as the method saw them");
    if (!m_result->quantized) {
        text += tr("; left alone.");
    } else {
        text += tr("; %1, weight error %2.").arg(QString::fromStdString(m_result->scheme), widgets::formatPercent(m_result->relativeError, 1));
        if (m_result->codes.empty()) text += QLatin1Char(' ') + tr("Its format has no integer grid: values are drawn, steps are not.");
        if (stepsKnown) text += QLatin1Char(' ') + tr("%1 of them lie more than half a step outside their grid.").arg(widgets::formatPercent(double(m_result->clipped) / all, 2));
        if (m_result->rescaled)
            text += QLatin1Char(' ') + tr("The method moved scales into the weights before it rounded them, so the two histograms are of different weights; "
                                          "grid steps are not drawn.");
    }
    m_weightsText->setText(text);
    showBody();
}

void LinearPane::showValues() {
    const auto& result = *m_result;
    const bool logarithmic = m_logarithmic->isChecked();
    std::vector<XySeries> series;
    XySeries full{tr("full precision"), &ThemeColors::base, XySeries::Kind::Filled, XySeries::Mark::None, false, pointsOf(result.full, logarithmic), {}, {}, {}, {}};
    XySeries rounded{tr("quantized"), &ThemeColors::accent, XySeries::Kind::Steps, XySeries::Mark::None, false, {}, {}, {}, {}, {}};
    if (result.quantized) rounded.points = pointsOf(result.rounded, logarithmic);
    const double width = (result.full.high - result.full.low) / double(result.full.counts.size());
    widgets::FigureTable table;
    table.columns = QStringList{tr("linear"), tr("from"), tr("to"), tr("full precision"), tr("quantized")};
    for (std::size_t i = 0; i < result.full.counts.size(); ++i) {
        const double from = result.full.low + double(i) * width;
        HoverCard card;
        card.heading = tr("%1 to %2").arg(number(from), number(from + width));
        card.rows = {{tr("full precision"), QLocale().toString(qulonglong(result.full.counts[i])), {}, {}, {}}};
        if (result.quantized) card.rows.push_back({tr("quantized"), QLocale().toString(qulonglong(result.rounded.counts[i])), {}, {}, {}});
        full.cards.push_back(card);
        table.rows.push_back({linear(), from, from + width, qlonglong(result.full.counts[i]),
                                       result.quantized ? QVariant(qlonglong(result.rounded.counts[i])) : QVariant(QString())});
    }
    const double top = std::max(highest(result.full.counts), result.quantized ? highest(result.rounded.counts) : 0.0);
    series.push_back(std::move(full));
    if (result.quantized) series.push_back(std::move(rounded));
    std::vector<double> guides;
    if (result.quantized && result.codes.size() <= kMostGuides)
        for (std::size_t i = 0; i < result.codes.size(); ++i)
            guides.push_back((double(result.lowestCode) + double(i) - result.medianZero) * result.medianScale);
    m_weights->setAxes({tr("weight"), result.full.low, result.full.high, false, {}},
                       {tr("weights"), logarithmic ? kLeastCount : 0.0, top * (logarithmic ? 2.0 : 1.05), logarithmic, countText});
    m_weights->setGuides(std::move(guides));
    m_weights->setSeries(std::move(series), std::move(table));
}

void LinearPane::showSteps() {
    const auto& result = *m_result;
    const bool logarithmic = m_logarithmic->isChecked();
    XySeries full{tr("full precision, in steps of its own grid"), &ThemeColors::base, XySeries::Kind::Filled, XySeries::Mark::None, false,
                  pointsOf(result.steps, logarithmic), {}, {}, {}, {}};
    XySeries codes{tr("quantized, by code"), &ThemeColors::accent, XySeries::Kind::Points, XySeries::Mark::Diamond, false, {}, {}, {}, {}, {}};
    const double bin = (result.steps.high - result.steps.low) / double(result.steps.counts.size());
    // A code's weights come from bins that together are one step wide.
    const double binsPerStep = 1.0 / bin;
    widgets::FigureTable table;
    table.columns = QStringList{tr("linear"), tr("code"), tr("weights"), tr("full precision within half a step")};
    std::vector<double> guides;
    for (std::size_t i = 0; i < result.codes.size(); ++i) {
        const double code = double(result.lowestCode) + double(i);
        const auto first = std::size_t(std::llround((code - 0.5 - result.steps.low) / bin));
        const auto last = std::min(first + std::size_t(std::llround(binsPerStep)), result.steps.counts.size());
        const auto near = std::accumulate(result.steps.counts.begin() + std::ptrdiff_t(first), result.steps.counts.begin() + std::ptrdiff_t(last), std::uint64_t{0});
        codes.points.emplace_back(code, std::max(double(result.codes[i]) / binsPerStep, logarithmic ? kLeastCount : 0.0));
        HoverCard card;
        card.heading = tr("Code %1").arg(QLocale().toString(int(code)).replace(QLatin1Char('-'), QChar(0x2212)));
        card.rows = {{tr("quantized"), QLocale().toString(qulonglong(result.codes[i])), {}, {}, {}},
                     {tr("full precision within half a step"), QLocale().toString(qulonglong(near)), {}, {}, {}}};
        codes.cards.push_back(card);
        if (result.codes.size() <= kMostGuides || i == 0 || i + 1 == result.codes.size()) guides.push_back(code);
        table.rows.push_back({linear(), int(code), qlonglong(result.codes[i]), qlonglong(near)});
    }
    const double top = std::max(highest(result.steps.counts), highest(result.codes) / binsPerStep);
    m_weights->setAxes({tr("code"), result.steps.low, result.steps.high, false, {}},
                       {tr("weights a bin"), logarithmic ? kLeastCount : 0.0, top * (logarithmic ? 2.0 : 1.05), logarithmic, countText});
    m_weights->setGuides(std::move(guides));
    m_weights->setSeries({std::move(full), std::move(codes)}, std::move(table));
}

void LinearPane::showInputs() {
    const std::string model = m_model->currentValue().toString().toStdString();
    const bool quantized = !session()->store()->blocksOf("quantized").empty();
    m_model->setSegmentEnabled(1, quantized);
    showState(model);
    const auto inputs = m_inputs.inputs(model, block());
    const protocol::LinearInputs* group = inputs ? groupOf(*inputs, linear().toStdString()) : nullptr;
    if (group == nullptr) {
        m_channels->setSeries({}, {});
        m_outliers->setItems({}, {});
        m_outliers->setEmptyText({});
        return;
    }
    std::vector<int> order(group->largest.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return group->largest[std::size_t(a)] > group->largest[std::size_t(b)]; });
    XySeries curve{tr("channels, largest first"), &ThemeColors::accent, XySeries::Kind::Line, XySeries::Mark::None, false, {}, {}, {}, {}, {}};
    XySeries line{tr("6 times the median"), &ThemeColors::fourth, XySeries::Kind::Line, XySeries::Mark::None, true, {}, {}, {}, {}, {}};
    widgets::FigureTable channels;
    channels.columns = QStringList{tr("linear"), tr("channel"), tr("largest |x|"), tr("times the median")};
    double low = HUGE_VAL, high = 0.0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        const double largest = double(group->largest[std::size_t(order[rank])]);
        const double ratio = group->median > 0.0 ? largest / group->median : std::nan("");
        curve.points.emplace_back(double(rank + 1), largest);
        HoverCard card;
        card.heading = tr("Channel %1").arg(order[rank]);
        card.rows = {{tr("largest |x|"), number(largest), {}, {}, {}}, {tr("times the median"), number(ratio), {}, {}, {}}};
        curve.cards.push_back(card);
        channels.rows.push_back({linear(), order[rank], largest, ratio});
        if (largest > 0.0) low = std::min(low, largest);
        high = std::max(high, largest);
    }
    const double bound = 6.0 * group->median;
    line.points = {{1.0, bound}, {double(order.size()), bound}};
    const bool drawn = high > 0.0;
    m_channels->setAxes({tr("channel by size"), 1.0, std::max(2.0, double(order.size())), true, {}},
                        {tr("largest |x|"), drawn ? std::min(low, bound) * 0.8 : 0.5, drawn ? std::max(high, bound) * 1.3 : 1.0, true, {}});
    m_channels->setSeries(drawn ? std::vector<XySeries>{std::move(curve), std::move(line)} : std::vector<XySeries>{}, std::move(channels));

    std::vector<widgets::BarItem> items;
    widgets::FigureTable table{{tr("channel"), tr("largest |x|"), tr("times the median")}, {}};
    for (const auto& outlier : group->outliers) {
        HoverCard card;
        card.heading = tr("Channel %1").arg(outlier.channel);
        card.rows = {{tr("largest |x|"), number(outlier.largest), {}, {}, {}}, {tr("times the median"), number(outlier.ratio), {}, {}, {}}};
        items.push_back({QString::number(outlier.channel), outlier.largest, number(outlier.largest), number(outlier.ratio), card, outlier.channel});
        table.rows.push_back({outlier.channel, outlier.largest, outlier.ratio});
    }
    m_outliers->setEmptyText(tr("No channel is above 6 times the median of %1; the largest is %2 times it.")
                                 .arg(number(group->median), number(group->median > 0.0 ? high / group->median : 0.0)));
    m_outliers->setItems(std::move(items), std::move(table));
}

void LinearPane::showState(const std::string& model) {
    const State state = m_inputs.state(model);
    const auto inputs = m_inputs.inputs(model, block());
    m_measure->setText(state == State::Running ? tr("Stop") : state == State::None ? tr("Measure inputs") : tr("Measure again"));
    m_measure->setVisible(state != State::Done);
    const int reached = m_inputs.reached(model);
    QString text;
    if (state == State::Running)
        text = reached < 0 ? tr("The model is opened ...") : tr("Block %1 of %2 passed.").arg(reached + 1).arg(m_inputs.inputs(model, reached)->blocks);
    else if (state == State::Failed)
        text = asSentence(m_inputs.problem());
    else if (state == State::Stopped && !inputs)
        text = tr("Stopped before this block.");
    if (inputs) {
        const auto* group = groupOf(*inputs, linear().toStdString());
        const QString over = tr("Over %1 tokens of %2 calibration prompts, %3 channels.")
                                 .arg(QLocale().toString(qulonglong(inputs->tokens)), QLocale().toString(qulonglong(inputs->prompts)))
                                 .arg(group ? group->largest.size() : 0);
        text = text.isEmpty() ? over : over + QLatin1Char(' ') + text;
    }
    m_inputsText->setText(text);
    setTone(m_inputsText, state == State::Failed ? "bad" : "muted");
}


}  // namespace safequant::workbench
