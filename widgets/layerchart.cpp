// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/layerchart.h"

#include <QCheckBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>

#include "widgets/elidedlabel.h"
#include "widgets/glossary.h"
#include "widgets/layerplot.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::widgets {

LayerChart::LayerChart(QWidget* parent)
    : QWidget(parent),
      m_plot(new LayerPlot),
      m_tools(new QHBoxLayout),
      m_title(new QLabel(tr("Separability by block"))),
      m_subtitle(new ElidedLabel),
      m_probeSwitch(new SegmentedControl),
      m_hardBenign(new QCheckBox(tr("Hard benign"))) {
    setProperty("surface", QStringLiteral("panel"));
    setAttribute(Qt::WA_StyledBackground);
    m_title->setProperty("textRole", QStringLiteral("heading"));
    m_subtitle->setProperty("textRole", QStringLiteral("secondary"));
    m_subtitle->setProperty("tone", QStringLiteral("muted"));
    m_probeSwitch->setAccessibleName(tr("Probe of the quantized model, in chart, projection and table"));
    m_probeSwitch->addSegment(tr("Refitted"), int(Probe::Refitted),
                              tr("A probe fitted on this model's own activations: is the information still there?"));
    m_probeSwitch->addSegment(tr("Transferred"), int(Probe::Transferred),
                              tr("The base model's probe on the quantized model: does it still sit where safety was learned?"));
    m_probeSwitch->setCurrentIndex(0);
    explain(m_title, QStringLiteral("slr"));
    m_hardBenign->setToolTip(tr("Also draw the share of hard benign prompts on the benign side"));

    auto* header = new QHBoxLayout;
    header->setContentsMargins(12, 10, 12, 4);
    header->setSpacing(8);
    header->addWidget(m_title);
    header->addWidget(m_subtitle, 1);
    m_tools->setSpacing(2);
    header->addLayout(m_tools);
    header->addWidget(m_hardBenign);
    header->addWidget(m_probeSwitch);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(header);
    layout->addWidget(m_plot, 1);
    setFocusProxy(m_plot);

    m_plot->data().baseName = tr("base");
    m_plot->data().quantizedName = tr("quantized");
    m_plot->setEmptyText(tr("No blocks yet."));
    connect(m_plot, &LayerPlot::chosen, this, &LayerChart::blockChosen);
    connect(m_probeSwitch, &SegmentedControl::currentIndexChanged, this, [this](int index) {
        const Probe probe = index == 1 ? Probe::Transferred : Probe::Refitted;
        if (probe != m_probe) {
            setProbe(probe);
            emit probeChanged(probe);
        }
    });
    connect(m_hardBenign, &QCheckBox::toggled, this, [this](bool shown) {
        m_plot->setHardBenignShown(shown);
        emit hardBenignShownChanged(shown);
    });
    refreshHeader();
}

void LayerChart::addTool(QWidget* tool) { m_tools->addWidget(tool); }

void LayerChart::clear() {
    m_plot->data().clear();
    m_plot->resetRange();
    m_plot->setCurrent(-1);
    m_plot->refresh();
    refreshHeader();
}

void LayerChart::setBlockCount(int count) {
    m_plot->data().resize(count);
    m_plot->refresh();
}

void LayerChart::setModelNames(const QString& base, const QString& quantized) {
    m_plot->data().baseName = base;
    m_plot->data().quantizedName = quantized;
    m_plot->refresh();
}

void LayerChart::setBlock(const protocol::BlockSeparability& block) {
    m_plot->data().store(block);
    m_plot->refresh();
    refreshHeader();
}

void LayerChart::setBlocks(const std::vector<protocol::BlockSeparability>& blocks) {
    LayerData& shown = m_plot->data();
    shown.base.assign(shown.base.size(), std::nullopt);
    shown.quantized.assign(shown.quantized.size(), std::nullopt);
    for (BlockBits& bits : shown.bits) {
        bits.done = false;
    }
    for (const protocol::BlockSeparability& block : blocks) {
        shown.store(block);
    }
    m_plot->resetRange();
    m_plot->refresh();
    refreshHeader();
}

void LayerChart::setOverlay(const QString& name, protocol::RunOverlay overlay) {
    m_plot->data().overlayName = name;
    m_plot->data().overlay = std::move(overlay);
    m_plot->resetRange();
    m_plot->refresh();
}

void LayerChart::setWordControl(const std::optional<protocol::WordControl>& control) {
    m_plot->data().control = control;
    m_plot->refresh();
}

void LayerChart::setPlan(const std::vector<protocol::LinearInfo>& linears) {
    m_plot->data().plan(linears);
    m_plot->refresh();
}

void LayerChart::setRunningStage(const QString& stage) {
    m_plot->data().runningStage = stage;
    m_plot->refresh();
}

void LayerChart::setEmptyText(const QString& text) { m_plot->setEmptyText(text); }

int LayerChart::currentBlock() const { return m_plot->current(); }

bool LayerChart::hardBenignShown() const { return m_hardBenign->isChecked(); }

QString LayerChart::blockText(int block) const { return m_plot->data().card(block).text(); }

QString LayerChart::tableText() const { return m_plot->tableText(); }

void LayerChart::setCurrentBlock(int block) { m_plot->setCurrent(block); }

void LayerChart::setProbe(Probe probe) {
    m_probe = probe;
    m_plot->data().probe = probe;
    m_plot->resetRange();
    m_plot->refresh();
    m_probeSwitch->setCurrentIndex(probe == Probe::Transferred ? 1 : 0);
    refreshHeader();
}

void LayerChart::setHardBenignShown(bool shown) { m_hardBenign->setChecked(shown); }

void LayerChart::refreshHeader() {
    const LayerData& shown = m_plot->data();
    m_probeSwitch->setSegmentEnabled(1, shown.hasTransferred() || m_probe == Probe::Transferred);
    const std::uint64_t count = shown.evaluationCount();
    const QString probe = m_probe == Probe::Transferred ? tr("base probe") : tr("SLR accuracy");
    m_subtitle->setText(count > 0 ? tr("%1, n = %2, 95% interval").arg(probe, QLocale().toString(qulonglong(count)))
                                  : tr("%1 with its 95% interval").arg(probe));
}

}  // namespace safequant::widgets
