// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/probepane.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QScrollArea>
#include <cmath>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/barlist.h"
#include "widgets/format.h"
#include "widgets/heatmap.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using widgets::BarItem;
using widgets::HoverCard;

namespace {

QString signedNumber(double value) {
    const QString text = QLocale().toString(std::abs(value), 'g', 3);
    return (value < 0.0 ? QChar(0x2212) : QLatin1Char('+')) + text;
}

PaneAbout aboutProbe() {
    return {ProbePane::tr("Probe weights"),
            ProbePane::tr("what a block's probe reads, and which blocks' probes point the same way"),
            {QStringLiteral("slr"), QStringLiteral("probe-weight"), QStringLiteral("cosine")}};
}

}  // namespace

ProbePane::ProbePane(Session* session, QWidget* parent) : AnalysisPane(session, aboutProbe(), parent) {
    m_model = new widgets::SegmentedControl;
    m_model->setObjectName(QStringLiteral("probeModel"));
    m_model->setAccessibleName(tr("Model"));
    m_model->addSegment(tr("Base"), QStringLiteral("base"), tr("Probes fitted on the base model's activations"));
    m_model->addSegment(tr("Quantized"), QStringLiteral("quantized"), tr("Probes fitted on the quantized model's own activations (refitted)"));
    m_model->setCurrentIndex(0);
    addControl(m_model);
    m_weights = new widgets::BarList(tr("Weights of the block's probe"));
    m_weights->setObjectName(QStringLiteral("probeWeights"));
    m_weights->setHeads(tr("dimension"), tr("weight"), tr("mean difference"));
    m_weights->setEmptyText(tr("This probe has no weight: no dimension told the prompts apart."));
    m_similarity = new widgets::HeatMap(tr("Cosine between probes of blocks"));
    m_similarity->setObjectName(QStringLiteral("probeSimilarity"));
    m_similarity->setAxes(tr("probe of block"), tr("probe of block"));
    m_similarity->setScale(0.0, 1.0, true, tr("cosine"), [](double value) { return QLocale().toString(value, 'f', 1).replace(QLatin1Char('-'), QChar(0x2212)); });
    m_text = makeParagraph({}, "secondary");

    auto* scroll = new QScrollArea;
    scroll->setWidget(m_weights);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* left = new QWidget;
    auto* leftLayout = new QVBoxLayout(left);
    setSpacing(leftLayout, 0, 2, 0, 0, 8);
    auto* text = new QHBoxLayout;
    setSpacing(text, 14, 0, 14, 0, 0);
    text->addWidget(m_text);
    leftLayout->addLayout(text);
    leftLayout->addWidget(scroll, 1);
    QWidget* right = makeSurface("panel", "left");
    auto* rightLayout = new QVBoxLayout(right);
    setSpacing(rightLayout, 12, 6, 6, 6, 0);
    rightLayout->addWidget(m_similarity);
    auto* body = new QWidget;
    auto* layout = new QHBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(left, 5);
    layout->addWidget(right, 6);
    setBody(body, {m_weights, m_similarity});

    connect(m_model, &widgets::SegmentedControl::activated, this, [this] { refresh(); });
    connect(m_similarity, &widgets::HeatMap::chosen, this, [this](int cell) {
        const auto row = std::size_t(m_similarity->rowOf(cell));
        if (row < m_blocks.size()) emit blockChosen(m_blocks[row]);
    });
}

void ProbePane::ask() {
    const std::string model = m_model->currentValue().toString().toStdString();
    if (lacksBlocks(model)) return;
    const std::string folder = session()->store()->folder().toStdString();
    askOnce<protocol::ProbeWeights>(m_weightsAsked, QStringLiteral("analysis/probe"), {{"folder", folder}, {"model", model}, {"block", block()}},
                                    [this](const protocol::ProbeWeights& weights) { takeWeights(weights); });
    askOnce<protocol::ProbeSimilarity>(m_similarityAsked, QStringLiteral("analysis/probe-similarity"), {{"folder", folder}, {"model", model}},
                                       [this](const protocol::ProbeSimilarity& similarity) { takeSimilarity(similarity); });
    markBlock();
}

void ProbePane::takeWeights(const protocol::ProbeWeights& weights) {
    double gap = 0.0;
    for (const auto& weight : weights.weights) gap += weight.weight * weight.meanDifference;
    std::vector<BarItem> items;
    widgets::FigureTable table{{tr("dimension"), tr("weight"), tr("mean difference"), tr("share of the gap")}, {}};
    for (const auto& weight : weights.weights) {
        const double share = gap != 0.0 ? weight.weight * weight.meanDifference / gap : std::nan("");
        HoverCard card;
        card.heading = tr("Dimension %1").arg(weight.dimension);
        card.rows = {{tr("weight"), signedNumber(weight.weight), {}, {}, {}},
                     {tr("mean difference"), signedNumber(weight.meanDifference), {}, {}, {}},
                     {tr("share of the gap"), widgets::formatPercent(share, 1), {}, {}, {}}};
        items.push_back({QString::number(weight.dimension), weight.weight, signedNumber(weight.weight), signedNumber(weight.meanDifference), card, weight.dimension});
        table.rows.push_back({weight.dimension, weight.weight, weight.meanDifference, share});
    }
    m_weights->setItems(std::move(items), std::move(table));
    const auto count = static_cast<qint64>(weights.weights.size());
    m_text->setText(tr("Block %1: %2 of %3 dimensions have a weight (%4). Mean scores of malicious and benign prompts lie %5 apart, on %6 and %7 prompts.")
                        .arg(weights.block)
                        .arg(count)
                        .arg(weights.hidden)
                        .arg(widgets::formatPercent(double(count) / std::max(1, weights.hidden), 1), QLocale().toString(gap, 'f', 1))
                        .arg(weights.malicious)
                        .arg(weights.benign));
    showBody();
}

void ProbePane::takeSimilarity(const protocol::ProbeSimilarity& similarity) {
    m_blocks = similarity.blocks;
    widgets::HeatMapData cells;
    cells.rows = cells.columns = int(m_blocks.size());
    cells.rowNumbers = cells.columnNumbers = m_blocks;
    cells.table.columns = QStringList{tr("probe of block"), tr("probe of block"), tr("cosine")};
    for (int row = 0; row < cells.rows; ++row)
        for (int column = 0; column < cells.columns; ++column) {
            const auto cell = std::size_t(row * cells.columns + column);
            cells.values.push_back(double(similarity.cosines.values[cell]));
            cells.table.rows.push_back({m_blocks[std::size_t(row)], m_blocks[std::size_t(column)], cells.values.back()});
        }
    m_similarity->setCards([this, values = cells.values, columns = cells.columns](int row, int column) {
        HoverCard card;
        card.heading = tr("Blocks %1 and %2").arg(m_blocks[std::size_t(row)]).arg(m_blocks[std::size_t(column)]);
        const double cosine = values[std::size_t(row * columns + column)];
        card.rows = {{tr("cosine"), std::isfinite(cosine) ? QLocale().toString(cosine, 'f', 3).replace(QLatin1Char('-'), QChar(0x2212)) : tr("no weights"), {}, {}, {}}};
        return card;
    });
    m_similarity->setData(std::move(cells));
    markBlock();
    showBody();
}

void ProbePane::markBlock() {
    const auto found = std::find(m_blocks.begin(), m_blocks.end(), block());
    if (found == m_blocks.end()) return;
    const int at = int(found - m_blocks.begin());
    if (m_similarity->current() < 0 || m_similarity->rowOf(m_similarity->current()) != at) m_similarity->setCurrent(m_similarity->cell(at, at));
}

}  // namespace safequant::workbench
