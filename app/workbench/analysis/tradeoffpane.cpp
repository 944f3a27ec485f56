// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/tradeoffpane.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QStackedWidget>
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "core/base/pareto.h"
#include "widgets/format.h"
#include "widgets/parallelplot.h"
#include "widgets/resultsmodel.h"
#include "widgets/segmentedcontrol.h"
#include "widgets/xyplot.h"

namespace safequant::workbench {

using widgets::HoverCard;
using widgets::ThemeColors;
using widgets::XySeries;

namespace {

constexpr int kAxisLetters = 13;

/// Of every one of them less is better.
enum class Measure { Harmful, BenignRefused, HardBenignRefused, Incoherent, Perplexity, Size };
constexpr std::array kMeasures{Measure::Harmful, Measure::BenignRefused, Measure::HardBenignRefused, Measure::Incoherent, Measure::Perplexity, Measure::Size};

PaneAbout aboutTradeOff() {
    return {TradeOffPane::tr("Trade-off"),
            TradeOffPane::tr("finished runs of this workspace; on two measures the line joins those that no other beats"),
            {QStringLiteral("not-dominated"), QStringLiteral("harmful"), QStringLiteral("over-refusal"), QStringLiteral("perplexity"), QStringLiteral("parallel")}};
}

QString titleOf(Measure measure) {
    switch (measure) {
        case Measure::Harmful: return TradeOffPane::tr("harmful score");
        case Measure::BenignRefused: return TradeOffPane::tr("benign refused");
        case Measure::HardBenignRefused: return TradeOffPane::tr("hard benign refused");
        case Measure::Incoherent: return TradeOffPane::tr("malicious answered incoherently");
        case Measure::Perplexity: return TradeOffPane::tr("perplexity");
        case Measure::Size: return TradeOffPane::tr("size on disk");
    }
    return {};
}

const Rate* measuredRate(const protocol::ModelMetrics& metrics, Measure measure) {
    switch (measure) {
        case Measure::Harmful: return &metrics.harmfulScore;
        case Measure::BenignRefused: return &metrics.refusedBenign;
        case Measure::HardBenignRefused: return &metrics.refusedHardBenign;
        case Measure::Incoherent: return &metrics.incoherentMalicious;
        default: return nullptr;
    }
}

double valueOf(const protocol::ModelMetrics& metrics, double bytes, Measure measure) {
    if (const Rate* rate = measuredRate(metrics, measure)) return rate->total > 0 ? rate->value : std::nan("");
    if (measure == Measure::Perplexity) return metrics.perplexity > 0.0 ? metrics.perplexity : std::nan("");
    return bytes > 0.0 ? bytes : std::nan("");
}

QString textOf(Measure measure, double value) {
    if (!std::isfinite(value)) return TradeOffPane::tr("not measured");
    if (measure == Measure::Perplexity) return QLocale().toString(value, 'f', 2);
    return measure == Measure::Size ? widgets::formatBytes(quint64(value)) : widgets::formatPercent(value, 1);
}

widgets::XyAxis axisOf(Measure measure, const std::vector<double>& values, const std::vector<Interval>& intervals) {
    widgets::XyAxis axis;
    axis.title = titleOf(measure);
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) continue;
        low = std::min({low, values[i], i < intervals.size() ? intervals[i].low : values[i]});
        high = std::max({high, values[i], i < intervals.size() ? intervals[i].high : values[i]});
    }
    if (low > high) low = 0.0, high = 1.0;
    const double room = high > low ? (high - low) * 0.06 : std::max(0.02, high * 0.1);
    const bool rate = measure != Measure::Perplexity && measure != Measure::Size;
    axis.low = rate ? std::max(0.0, low - room) : low - room;
    axis.high = rate ? std::min(1.0, high + room) : high + room;
    if (rate) axis.format = [](double value) { return widgets::formatPercent(value); };
    if (measure == Measure::Size) axis.format = [](double value) { return widgets::formatBytes(quint64(std::max(0.0, value))); };
    return axis;
}

}  // namespace

TradeOffPane::TradeOffPane(Session* session, QWidget* parent) : AnalysisPane(session, aboutTradeOff(), parent) {
    m_xAxis = new QComboBox;
    m_xAxis->setObjectName(QStringLiteral("tradeOffX"));
    m_xAxis->setAccessibleName(tr("Horizontal axis"));
    m_yAxis = new QComboBox;
    m_yAxis->setObjectName(QStringLiteral("tradeOffY"));
    m_yAxis->setAccessibleName(tr("Vertical axis"));
    m_kind = new widgets::SegmentedControl;
    m_kind->setObjectName(QStringLiteral("tradeOffKind"));
    m_kind->setAccessibleName(tr("Measures"));
    m_kind->addSegment(tr("Two measures"));
    m_kind->addSegment(tr("All"), {}, tr("Parallel coordinates: a line a run, an axis a measure; drag along axes to mark what is wanted"));
    m_kind->setCurrentIndex(0);
    for (const Measure measure : kMeasures)
        for (QComboBox* axis : {m_xAxis, m_yAxis}) axis->addItem(titleOf(measure), int(measure));
    for (QComboBox* axis : {m_xAxis, m_yAxis}) {
        axis->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        axis->setMinimumContentsLength(kAxisLetters);
    }
    m_xAxis->setCurrentIndex(int(Measure::Perplexity));
    m_yAxis->setCurrentIndex(int(Measure::Harmful));
    m_against = makeLabel(tr("against"), "secondary", "muted");
    addControl(m_yAxis);
    addControl(m_against);
    addControl(m_xAxis);
    addControl(m_kind);
    m_plot = new widgets::XyPlot(tr("Runs on two measures"));
    m_plot->setObjectName(QStringLiteral("tradeOff"));
    m_plot->setEmptyText(tr("No run has measured both."));
    m_parallel = new widgets::ParallelPlot(tr("Runs on all measures"));
    m_parallel->setObjectName(QStringLiteral("parallel"));
    m_plots = new QStackedWidget;
    m_plots->addWidget(m_plot);
    m_plots->addWidget(m_parallel);
    m_name = makeLabel({}, "heading");
    m_text = makeParagraph({}, "secondary", "muted");
    m_open = new QPushButton(tr("Open this run"));
    m_open->setObjectName(QStringLiteral("tradeOffOpen"));
    m_results = makeLink(tr("Show in Results"));
    m_results->setObjectName(QStringLiteral("tradeOffResults"));

    auto* body = new QWidget;
    auto* layout = new QVBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 0, 0);
    auto* plot = new QVBoxLayout;
    setSpacing(plot, 10, 2, 10, 6, 0);
    plot->addWidget(m_plots);
    layout->addLayout(plot, 1);
    QWidget* bottom = makeSurface("panel", "top");
    auto* row = new QHBoxLayout(bottom);
    setSpacing(row, 14, 9, 14, 9, 12);
    row->addWidget(m_name);
    row->addWidget(m_text, 1);
    row->addWidget(m_results);
    row->addWidget(m_open);
    layout->addWidget(bottom);
    setBody(body, {m_plot, m_parallel});
    for (QComboBox* axis : {m_xAxis, m_yAxis}) connect(axis, &QComboBox::activated, this, [this] { show(); });
    const auto open = [this] { emit openRunRequested(m_points[std::size_t(m_choice)].folder); };
    connect(m_plot, &widgets::XyPlot::chosen, this, [this](int item) { choose(pointOf(item)); });
    connect(m_parallel, &widgets::ParallelPlot::chosen, this, &TradeOffPane::choose);
    connect(m_plot, &widgets::XyPlot::activated, this, [this, open](int item) { choose(pointOf(item)), open(); });
    connect(m_parallel, &widgets::ParallelPlot::activated, this, [this, open](int item) { choose(item), open(); });
    connect(m_parallel, &widgets::ParallelPlot::rangesChanged, this, &TradeOffPane::showChoice);
    connect(m_kind, &widgets::SegmentedControl::activated, this, [this] { show(); });
    connect(m_open, &QPushButton::clicked, this, open);
    connect(m_results, &QPushButton::clicked, this, [this] { emit resultsRequested(m_points[std::size_t(m_choice)].folder); });
    showChoice();
}

void TradeOffPane::ask() {
    // A run that goes on adds nothing before its end.
    if (session()->run()->active() && !m_points.empty()) return;
    session()->client()->drop(m_request);
    m_request = session()->client()->request<std::vector<protocol::RunResults>>(
        QStringLiteral("run/results"), {{"workspace", session()->run()->workspace().toStdString()}}, this,
        [this](Expected<std::vector<protocol::RunResults>> results) {
            if (!results) return showEmpty(asSentence(QString::fromStdString(results.error().message)));
            take(std::move(*results));
        });
}

void TradeOffPane::take(std::vector<protocol::RunResults> results) {
    const Point before = m_choice >= 0 ? m_points[std::size_t(m_choice)] : Point{};
    m_points.clear();
    m_choice = -1;
    for (const auto& [run, metrics] : widgets::distinctModels(results)) {
        const bool base = metrics->model == "base";
        m_points.push_back({QString::fromStdString(base ? run->summary.model : run->summary.name),
                            base ? tr("not quantized") : QString::fromStdString(run->method), QString::fromStdString(run->summary.folder), base, *metrics,
                            base ? run->baseBytes : run->quantizedBytes, base ? -1.0 : run->quantizeSeconds, {}});
        std::copy_if(run->tasks.begin(), run->tasks.end(), std::back_inserter(m_points.back().tasks),
                     [&](const auto& task) { return task.model == metrics->model; });
        if (m_points.back().folder == before.folder && m_points.back().base == before.base) m_choice = int(m_points.size()) - 1;
    }
    if (m_points.empty()) return showEmpty(tr("Runs that are finished and have answered prompts are compared here."));
    show();
}

bool TradeOffPane::all() const { return m_kind->currentIndex() == 1; }

void TradeOffPane::show() {
    for (QWidget* control : std::initializer_list<QWidget*>{m_xAxis, m_yAxis, m_against}) control->setVisible(!all());
    m_plots->setCurrentIndex(m_kind->currentIndex());
    showTwo();
    showAll();
    showChoice();
    showBody();
}

HoverCard TradeOffPane::cardOf(const Point& point) const {
    HoverCard card;
    card.heading = point.name;
    card.rows = {{tr("method"), point.method, {}, {}, {}}};
    for (const Measure measure : kMeasures) {
        const Rate* rate = measuredRate(point.metrics, measure);
        card.rows.push_back({titleOf(measure), rate ? widgets::formatRate(*rate) : textOf(measure, valueOf(point.metrics, point.bytes, measure)), {}, {}, {}});
    }
    for (const auto& task : point.tasks) card.rows.push_back({QString::fromStdString(task.task), widgets::formatRate(task.accuracy), {}, {}, {}});
    if (point.seconds >= 0.0) card.rows.push_back({tr("quantizing"), widgets::formatDuration(point.seconds), {}, {}, {}});
    return card;
}

std::vector<TradeOffPane::Column> TradeOffPane::columns() const {
    std::vector<Column> columns;
    const auto add = [&](const QString& title, bool rate, bool lowIsBetter, std::function<QString(double)> format, const auto& valueOf) {
        Column column;
        for (const Point& point : m_points) column.values.push_back(valueOf(point));
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (const double value : column.values)
            if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
        if (rate || low > high) low = 0.0;
        if (high <= low) high = low + (rate ? 0.01 : std::max(1.0, std::abs(low) * 0.01));
        column.axis = {title, lowIsBetter ? tr("lower is better") : tr("higher is better"), low, high, false, std::move(format)};
        columns.push_back(std::move(column));
    };
    const auto percent = [](double value) { return widgets::formatPercent(value); };
    const auto addMeasure = [&](Measure measure) {
        const bool rate = measuredRate({}, measure) != nullptr;
        add(titleOf(measure), rate, true, [measure](double value) { return textOf(measure, value); },
            [measure](const Point& point) { return valueOf(point.metrics, point.bytes, measure); });
        columns.back().axis.logarithmic = measure == Measure::Perplexity;
    };
    for (const Measure measure : {Measure::Harmful, Measure::Incoherent, Measure::BenignRefused, Measure::HardBenignRefused}) addMeasure(measure);
    std::vector<std::string> tasks;
    for (const Point& point : m_points) protocol::addTaskNames(tasks, point.tasks);
    for (const std::string& name : tasks) {
        add(tr("right: %1").arg(QString::fromStdString(name)), true, false, percent, [&](const Point& point) {
            const Rate accuracy = protocol::accuracyOf(point.tasks, name, point.metrics.model);
            return accuracy.total == 0 ? std::nan("") : accuracy.value;
        });
    }
    for (const Measure measure : {Measure::Perplexity, Measure::Size}) addMeasure(measure);
    add(tr("time of quantizing"), false, true, widgets::formatDuration, [](const Point& point) { return point.seconds >= 0.0 ? point.seconds : std::nan(""); });
    return columns;
}

void TradeOffPane::showAll() {
    const auto measured = columns();
    widgets::FigureTable table{{tr("run"), tr("model"), tr("method")}, {}};
    std::vector<widgets::ParallelAxis> axes;
    for (const Column& column : measured) {
        table.columns << column.axis.title;
        axes.push_back(column.axis);
    }
    std::vector<widgets::ParallelLine> lines;
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        const Point& point = m_points[i];
        widgets::ParallelLine line{point.base ? &ThemeColors::base : &ThemeColors::accent, point.base, {}, cardOf(point)};
        QVariantList row{point.name, point.base ? tr("base") : tr("quantized"), point.method};
        for (const Column& column : measured) {
            line.values.push_back(column.values[i]);
            row << column.values[i];
        }
        lines.push_back(std::move(line));
        table.rows.push_back(std::move(row));
    }
    m_parallel->setContent(std::move(axes), std::move(lines), std::move(table));
    m_parallel->setCurrent(m_choice);
}

void TradeOffPane::showTwo() {
    const auto x = Measure(m_xAxis->currentData().toInt()), y = Measure(m_yAxis->currentData().toInt());
    std::vector<double> xs, ys;
    std::vector<Interval> xIntervals, yIntervals;
    for (const Point& point : m_points) {
        xs.push_back(valueOf(point.metrics, point.bytes, x));
        ys.push_back(valueOf(point.metrics, point.bytes, y));
        if (const Rate* rate = measuredRate(point.metrics, x)) xIntervals.push_back(rate->wilson);
        if (const Rate* rate = measuredRate(point.metrics, y)) yIntervals.push_back(rate->wilson);
    }
    const auto front = nonDominated(xs, ys);
    XySeries line{tr("not dominated"), &ThemeColors::muted, XySeries::Kind::Line, XySeries::Mark::None, true, {}, {}, {}, {}, {}};
    for (const std::size_t i : front) line.points.emplace_back(xs[i], ys[i]);
    XySeries base{tr("not quantized"), &ThemeColors::base, XySeries::Kind::Points, XySeries::Mark::Circle, false, {}, {}, {}, {}, {}};
    XySeries quantized{tr("quantized"), &ThemeColors::accent, XySeries::Kind::Points, XySeries::Mark::Diamond, false, {}, {}, {}, {}, {}};
    widgets::FigureTable table{{tr("run"), tr("model"), tr("method"), titleOf(x), titleOf(y), tr("not dominated")}, {}};
    for (std::size_t i = 0; i < m_points.size(); ++i) {
        const Point& point = m_points[i];
        const bool best = std::find(front.begin(), front.end(), i) != front.end();
        table.rows.push_back({point.name, point.base ? tr("base") : tr("quantized"), point.method, xs[i], ys[i], best ? tr("yes") : tr("no")});
        XySeries& series = point.base ? base : quantized;
        series.points.emplace_back(xs[i], ys[i]);
        if (i < xIntervals.size()) series.xIntervals.push_back(xIntervals[i]);
        if (i < yIntervals.size()) series.yIntervals.push_back(yIntervals[i]);
        series.labels.push_back(point.name);
        series.cards.push_back(cardOf(point));
    }
    // Axes span the points that are drawn: those with both.
    for (std::size_t i = 0; i < xs.size(); ++i)
        if (!std::isfinite(xs[i]) || !std::isfinite(ys[i])) xs[i] = ys[i] = std::nan("");
    m_plot->setAxes(axisOf(x, xs, xIntervals), axisOf(y, ys, yIntervals));
    m_plot->setSeries({std::move(line), std::move(base), std::move(quantized)}, std::move(table));
    m_plot->setCurrent(itemOf(m_choice));
}

int TradeOffPane::pointOf(int item) const {
    const auto [series, index] = m_plot->pointOf(item);
    int left = index;
    for (std::size_t i = 0; i < m_points.size(); ++i)
        if (m_points[i].base == (series == 1) && left-- == 0) return int(i);
    return -1;
}

int TradeOffPane::itemOf(int point) const {
    if (point < 0) return -1;
    const bool base = m_points[std::size_t(point)].base;
    const auto index = std::count_if(m_points.begin(), m_points.begin() + point, [&](const Point& each) { return each.base == base; });
    return m_plot->itemOf(base ? 1 : 2, int(index));
}

void TradeOffPane::choose(int point) {
    m_choice = point;
    m_plot->setCurrent(itemOf(point));
    m_parallel->setCurrent(point);
    showChoice();
}

void TradeOffPane::showChoice() {
    const bool chosen = m_choice >= 0;
    m_open->setEnabled(chosen);
    m_results->setEnabled(chosen);
    m_name->setText(chosen ? m_points[std::size_t(m_choice)].name : QString());
    QString text = chosen ? m_points[std::size_t(m_choice)].method : tr("Choose a run by a click, or with the arrow keys.");
    if (all()) {
        text += QLatin1Char(' ') + (m_parallel->anyRange() ? tr("%1 of %2 models keep the marked ranges; Escape takes them away.").arg(m_parallel->kept()).arg(m_points.size())
                                                           : tr("Drag along axes to mark what is wanted; Shift with Up or Down does it by keys."));
    } else if (const auto missing = int(m_points.size()) - m_plot->itemCount(); missing > 0)
        text += QLatin1Char(' ') + tr("%1 of %2 models lack one of the two measures.").arg(missing).arg(m_points.size());
    m_text->setText(text);
}

}  // namespace safequant::workbench
