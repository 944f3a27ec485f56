// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/analysis/sensitivitypane.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <algorithm>
#include <cmath>

#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/barlist.h"
#include "widgets/format.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

using widgets::BarItem;
using widgets::HoverCard;

namespace {

PaneAbout aboutSensitivity() {
    return {SensitivityPane::tr("Sensitivity"),
            SensitivityPane::tr("what quantization hurts most, largest error first, with its bits beside"),
            {QStringLiteral("weight-error"), QStringLiteral("output-error"), QStringLiteral("moved")}};
}

/// A share with as many decimals as it needs.
QString errorText(double share) { return widgets::formatPercent(share, share < 0.00995 ? 3 : share < 0.0995 ? 2 : 1); }
QString bitsText(double bits) { return QLocale().toString(bits, 'f', 2); }

}  // namespace

SensitivityPane::SensitivityPane(Session* session, QWidget* parent) : AnalysisPane(session, aboutSensitivity(), parent) {
    m_unit = new widgets::SegmentedControl;
    m_unit->setObjectName(QStringLiteral("sensitivityUnit"));
    m_unit->setAccessibleName(tr("Bars of"));
    m_unit->addSegment(tr("Linears"), false, tr("A bar for every linear"));
    m_unit->addSegment(tr("Blocks"), true, tr("A bar for every block"));
    m_unit->setCurrentIndex(0);
    m_measure = new widgets::SegmentedControl;
    m_measure->setObjectName(QStringLiteral("sensitivityMeasure"));
    m_measure->setAccessibleName(tr("Error"));
    m_measure->addSegment(tr("Output error"), true, tr("Over calibration inputs, where the method measured it"));
    m_measure->addSegment(tr("Weight error"), false, tr("Of the weights alone"));
    m_measure->setCurrentIndex(1);
    addControl(m_measure);
    addControl(m_unit);
    m_bars = new widgets::BarList(tr("Errors, largest first"));
    m_bars->setObjectName(QStringLiteral("sensitivityBars"));
    m_text = makeParagraph({}, "secondary");
    auto* bits = makeLink(tr("Change bits"));
    bits->setObjectName(QStringLiteral("sensitivityBits"));
    bits->setToolTip(tr("The setup page has the bits of every linear"));
    auto* scroll = new QScrollArea;
    scroll->setWidget(m_bars);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    auto* body = new QWidget;
    auto* layout = new QVBoxLayout(body);
    setSpacing(layout, 0, 0, 0, 0, 6);
    auto* head = new QHBoxLayout;
    setSpacing(head, 14, 0, 14, 0, 12);
    head->addWidget(m_text, 1);
    head->addWidget(bits);
    layout->addLayout(head);
    layout->addWidget(scroll, 1);
    setBody(body, {m_bars});
    for (auto* control : {m_unit, m_measure}) connect(control, &widgets::SegmentedControl::activated, this, [this] { refresh(); });
    connect(bits, &QPushButton::clicked, this, &SensitivityPane::bitsRequested);
    connect(m_bars, &widgets::BarList::chosen, this, [this](int item) { emit blockChosen(m_bars->item(item).key); });
    connect(m_bars, &widgets::BarList::chosen, scroll, [this, scroll](int item) {
        const int row = m_bars->height() / std::max(1, m_bars->itemCount());
        scroll->ensureVisible(0, row * item + row, 0, 2 * row);
    });
}

void SensitivityPane::ask() {
    if (lacksBlocks("quantized")) return;
    const bool blocks = m_unit->currentValue().toBool();
    m_measure->setEnabled(!blocks);
    if (blocks) showBlocks();
    else showLinears();
    showBody();
}

void SensitivityPane::showLinears() {
    std::vector<const protocol::LinearInfo*> linears;
    bool measured = false;
    for (const auto& block : session()->store()->state().blocks)
        for (const auto& linear : block.linears) {
            if (linear.actualBits < 16) linears.push_back(&linear);
            measured = measured || linear.outputError >= 0.0;
        }
    m_measure->setSegmentEnabled(0, measured);
    if (!measured) m_measure->setCurrentIndex(1);
    const bool output = m_measure->currentValue().toBool();
    const auto error = [output](const protocol::LinearInfo& linear) { return output ? linear.outputError : linear.relativeError; };
    std::stable_sort(linears.begin(), linears.end(), [&](const auto* a, const auto* b) { return error(*a) > error(*b); });
    std::vector<BarItem> items;
    widgets::FigureTable table{{tr("linear"), tr("block"), tr("scheme"), tr("bits"), tr("weight error"), tr("output error")}, {}};
    const auto known = [](double value) { return value < 0.0 ? std::nan("") : value; };
    for (const auto* linear : linears) {
        const QString name = QString::fromStdString(linear->name);
        HoverCard card;
        card.heading = name;
        card.rows = {{tr("weight error"), errorText(linear->relativeError), {}, {}, {}},
                     {tr("output error"), linear->outputError < 0.0 ? tr("not measured") : errorText(linear->outputError), {}, {}, {}},
                     {tr("scheme"), QString::fromStdString(linear->actual), {}, {}, {}},
                     {tr("bits a weight"), bitsText(linear->bitsPerWeight), {}, {}, {}}};
        items.push_back({QStringLiteral("%1  %2").arg(linear->block, 2).arg(name.section(QLatin1Char('.'), -1)), std::max(0.0, error(*linear)),
                         error(*linear) < 0.0 ? tr("not measured") : errorText(error(*linear)), bitsText(linear->bitsPerWeight), card, linear->block});
        table.rows.push_back({name, linear->block, QString::fromStdString(linear->actual), linear->bitsPerWeight, known(linear->relativeError), known(linear->outputError)});
    }
    m_bars->setHeads(tr("block, linear"), output ? tr("output error") : tr("weight error"), tr("bits a weight"));
    m_bars->setEmptyText(tr("No linear of this run is quantized."));
    if (linears.empty()) {
        m_text->clear();
    } else {
        const auto& worst = *linears.front();
        const auto& middle = *linears[linears.size() / 2];
        m_text->setText(tr("%1 quantized linears. The largest %2 is %3, in %4; the median is %5.")
                            .arg(linears.size())
                            .arg(output ? tr("output error") : tr("weight error"), errorText(error(worst)), QString::fromStdString(worst.name), errorText(error(middle))));
    }
    m_bars->setItems(std::move(items), std::move(table));
}

void SensitivityPane::showBlocks() {
    std::vector<const protocol::BlockSeparability*> blocks;
    for (const auto& block : session()->store()->state().blocks)
        if (block.model == "quantized" && block.streamRelativeError >= 0.0) blocks.push_back(&block);
    std::stable_sort(blocks.begin(), blocks.end(), [](const auto* a, const auto* b) { return a->streamRelativeError > b->streamRelativeError; });
    std::vector<BarItem> items;
    widgets::FigureTable table{{tr("block"), tr("moved"), tr("mean bits"), tr("mean weight error")}, {}};
    for (const auto* block : blocks) {
        double bits = 0.0, error = 0.0;
        for (const auto& linear : block->linears) {
            bits += linear.bitsPerWeight / double(block->linears.size());
            error += std::max(0.0, linear.relativeError) / double(block->linears.size());
        }
        HoverCard card;
        card.heading = tr("Block %1").arg(block->block);
        card.rows = {{tr("moved"), errorText(block->streamRelativeError), {}, {}, {}},
                     {tr("mean weight error of its linears"), errorText(error), {}, {}, {}},
                     {tr("mean bits a weight"), bitsText(bits), {}, {}, {}}};
        items.push_back({tr("block %1").arg(block->block), block->streamRelativeError, errorText(block->streamRelativeError), bitsText(bits), card, block->block});
        table.rows.push_back({block->block, block->streamRelativeError, bits, error});
    }
    m_bars->setHeads(tr("block"), tr("moved"), tr("mean bits"));
    m_bars->setEmptyText(tr("No block of this run is quantized."));
    m_text->setText(blocks.empty() ? QString()
                                   : tr("%1 quantized blocks. Activations are moved most in block %2, by %3 of their length.")
                                         .arg(blocks.size())
                                         .arg(blocks.front()->block)
                                         .arg(errorText(blocks.front()->streamRelativeError)));
    m_bars->setItems(std::move(items), std::move(table));
}

}  // namespace safequant::workbench
