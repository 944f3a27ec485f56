// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/transferpane.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <algorithm>
#include <cmath>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "core/base/statistics.h"
#include "widgets/format.h"
#include "widgets/heatmap.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using widgets::HeatMap;
using widgets::HoverCard;

namespace {

constexpr std::array kModels{"base", "quantized"};

PaneAbout aboutTransfer() {
    return {TransferPane::tr("Layer-by-layer transfer"),
            TransferPane::tr("the base model's probe of each block, asked about the activations of every block; evaluation prompts"),
            {QStringLiteral("layer-transfer"), QStringLiteral("transferred"), QStringLiteral("auc")}};
}

double valueOf(const protocol::ProbeTransfer& transfer, std::size_t cell, bool auc) {
    if (auc) return double(transfer.auc.values[cell]);
    return transfer.total > 0 ? double(transfer.correct[cell]) / double(transfer.total) : std::nan("");
}

}  // namespace

TransferPane::TransferPane(Session* session, QWidget* parent) : AnalysisPane(session, aboutTransfer(), parent) {
    m_measure = new widgets::SegmentedControl;
    m_measure->setObjectName(QStringLiteral("transferMeasure"));
    m_measure->setAccessibleName(tr("Measure"));
    m_measure->addSegment(tr("Accuracy"), false, tr("At log-odds 0"));
    m_measure->addSegment(tr("AUC"), true, tr("Whatever the threshold"));
    m_measure->setCurrentIndex(0);
    addControl(m_measure);
    m_maps = {new HeatMap(tr("Probes on base activations")), new HeatMap(tr("Probes on quantized activations"))};
    m_text = makeParagraph({}, "secondary");
    auto* maps = new QHBoxLayout;
    setSpacing(maps, 0, 0, 0, 0, 0);
    for (std::size_t model = 0; model < m_maps.size(); ++model) {
        HeatMap* map = m_maps[model];
        map->setObjectName(QStringLiteral("transfer_%1").arg(QLatin1String(kModels[model])));
        map->setAxes(tr("base probe of block"), tr("activations of block"));
        QWidget* area = makeSurface("panel", model == 0 ? nullptr : "left");
        auto* layout = new QVBoxLayout(area);
        setSpacing(layout, 12, 4, 6, 6, 6);
        layout->addWidget(makeLabel(model == 0 ? tr("Base activations") : tr("Quantized activations"), "heading"));
        layout->addWidget(map, 1);
        maps->addWidget(area, 1);
        connect(map, &HeatMap::chosen, this, [this, map, model](int cell) {
            for (HeatMap* other : m_maps)
                if (other != map) other->setCurrent(cell);
            if (m_transfer[model]) emit blockChosen(m_transfer[model]->blocks[std::size_t(map->columnOf(cell))]);
        });
    }
    m_maps[1]->setEmptyText(tr("Quantized blocks appear here once they are finished and measured."));
    auto* body = new QWidget;
    auto* layout = new QVBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 8, 6);
    layout->addLayout(maps, 1);
    auto* text = new QHBoxLayout;
    setSpacing(text, 14, 0, 14, 0, 0);
    text->addWidget(m_text);
    layout->addLayout(text);
    setBody(body, {m_maps[0], m_maps[1]});
    connect(m_measure, &widgets::SegmentedControl::activated, this, [this] { show(); });
}

void TransferPane::ask() {
    if (lacksBlocks("base")) return;
    const std::string folder = session()->store()->folder().toStdString();
    for (std::size_t model = 0; model < kModels.size(); ++model) {
        if (session()->store()->blocksOf(kModels[model]).empty()) {
            m_asked[model].key.clear();
            if (!m_transfer[model]) continue;
            m_transfer[model].reset();
            show();
            continue;
        }
        askOnce<protocol::ProbeTransfer>(m_asked[model], QStringLiteral("analysis/transfer"), {{"folder", folder}, {"model", kModels[model]}},
                                         [this, model](const protocol::ProbeTransfer& transfer) {
                                             m_transfer[model] = transfer;
                                             show();
                                         });
    }
}

void TransferPane::fill(std::size_t model) {
    HeatMap* map = m_maps[model];
    widgets::HeatMapData cells;
    const bool auc = m_measure->currentValue().toBool();
    cells.table.columns = QStringList{tr("probe of block"), tr("activations of block"), tr("model"), tr("right"), tr("prompts"), tr("accuracy"),
                                     tr("95% low"), tr("95% high"), tr("AUC")};
    if (const auto& transfer = m_transfer[model]) {
        cells.rows = int(transfer->probes.size());
        cells.columns = int(transfer->blocks.size());
        cells.rowNumbers = transfer->probes;
        cells.columnNumbers = transfer->blocks;
        for (std::size_t cell = 0; cell < transfer->correct.size(); ++cell) {
            const Rate rate = rateOf(transfer->correct[cell], transfer->total);
            cells.values.push_back(valueOf(*transfer, cell, auc));
            cells.table.rows.push_back({transfer->probes[cell / transfer->blocks.size()], transfer->blocks[cell % transfer->blocks.size()],
                                       QString::fromLatin1(kModels[model]), qlonglong(rate.count), qlonglong(rate.total), rate.value, rate.wilson.low,
                                       rate.wilson.high, double(transfer->auc.values[cell])});
        }
        map->setCards([this, model](int row, int column) {
            const auto& shown = *m_transfer[model];
            const auto cell = std::size_t(row) * shown.blocks.size() + std::size_t(column);
            const Rate rate = rateOf(shown.correct[cell], shown.total);
            HoverCard card;
            card.heading = tr("Probe of block %1 on block %2").arg(shown.probes[std::size_t(row)]).arg(shown.blocks[std::size_t(column)]);
            card.rows = {{tr("accuracy"), widgets::formatRate(rate), {}, {}, {}},
                         {tr("prompts"), tr("%1 of %2 right").arg(rate.count).arg(rate.total), {}, {}, {}},
                         {tr("AUC"), QLocale().toString(double(shown.auc.values[cell]), 'f', 3), {}, {}, {}}};
            return card;
        });
    }
    map->setData(std::move(cells));
}

void TransferPane::show() {
    const bool auc = m_measure->currentValue().toBool();
    const auto format = [auc](double value) { return auc ? QLocale().toString(value, 'f', 2) : widgets::formatPercent(value); };
    double low = 0.5;
    for (const auto& transfer : m_transfer)
        for (std::size_t cell = 0; transfer && cell < transfer->correct.size(); ++cell) low = std::min(low, valueOf(*transfer, cell, auc));
    low = std::floor(low * 10.0) / 10.0;
    for (std::size_t model = 0; model < m_maps.size(); ++model) {
        m_maps[model]->setScale(low, 1.0, false, auc ? tr("AUC") : tr("accuracy"), format);
        fill(model);
    }
    if (const auto& base = m_transfer[0]) {
        double diagonal = 0.0, rest = 0.0;
        const std::size_t count = base->blocks.size();
        for (std::size_t cell = 0; cell < base->correct.size(); ++cell)
            (cell / count == cell % count ? diagonal : rest) += valueOf(*base, cell, auc);
        QString text = tr("%1 evaluation prompts in every cell. On its own block a base probe reaches %2 in the mean")
                           .arg(base->total)
                           .arg(format(diagonal / double(count)));
        if (count > 1) text += tr(", on another one %1").arg(format(rest / double(base->correct.size() - count)));
        m_text->setText(text + QLatin1Char('.'));
    }
    showBody();
}

}  // namespace safequant::workbench
