// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>
#include <vector>

#include "core/engine/protocol/overlay_messages.h"

class QCheckBox;
class QHBoxLayout;
class QLabel;

namespace safequant::widgets {

class ElidedLabel;
class LayerPlot;
class SegmentedControl;

/// "Separability by block": probe accuracy of every block with its interval, base and quantized model, the level that words alone
/// reach, and under it the bits of every block. Grows block by block; every setter is cheap and redraws are coalesced.
///
/// Keys while the plot has the focus: Left and Right, Home and End choose a block among those that have arrived.
class LayerChart : public QWidget {
    Q_OBJECT
public:
    /// Which accuracy of the quantized model is drawn. The base model has only refitted ones.
    enum class Probe { Refitted, Transferred };
    Q_ENUM(Probe)

    explicit LayerChart(QWidget* parent = nullptr);

    /// Forgets all blocks, the control and the chosen block.
    void clear();
    /// Blocks of the model; the x axis spans 0 .. count-1 from the start.
    void setBlockCount(int count);
    /// Names at the ends of the lines, e.g. "base", "quantized".
    void setModelNames(const QString& base, const QString& quantized);
    /// Adds one block of one model, or replaces it.
    void setBlock(const protocol::BlockSeparability& block);
    /// Replaces all blocks.
    void setBlocks(const std::vector<protocol::BlockSeparability>& blocks);
    /// Lays a model of another run over the run's own, under this name; an overlay without blocks takes it away.
    void setOverlay(const QString& name, protocol::RunOverlay overlay);
    void setWordControl(const std::optional<protocol::WordControl>& control);
    /// Planned linears of all blocks: the strip of bits before a block is quantized.
    void setPlan(const std::vector<protocol::LinearInfo>& linears);
    /// The stage that is running ("capture", "quantize") or empty: the label of the growing line says so.
    void setRunningStage(const QString& stage);
    /// Sentence shown while there are no blocks.
    void setEmptyText(const QString& text);

    /// Puts a control into the head, before the switch of the probes.
    void addTool(QWidget* tool);

    int currentBlock() const;
    Probe probe() const { return m_probe; }
    bool hardBenignShown() const;
    /// Exact numbers of one block as plain text, as the hover card shows them.
    QString blockText(int block) const;
    /// All blocks as tab-separated lines with a header: what assistive technology and the clipboard get.
    QString tableText() const;

public slots:
    /// Marks a block; -1: none. Does not emit blockChosen.
    void setCurrentBlock(int block);
    void setProbe(Probe probe);
    /// Draws accuracy on hard benign prompts too.
    void setHardBenignShown(bool shown);

signals:
    /// The user chose a block by click or key.
    void blockChosen(int block);
    void probeChanged(Probe probe);
    void hardBenignShownChanged(bool shown);

private:
    void refreshHeader();

    Probe m_probe = Probe::Refitted;
    LayerPlot* m_plot;
    QHBoxLayout* m_tools;
    QLabel* m_title;
    ElidedLabel* m_subtitle;
    SegmentedControl* m_probeSwitch;
    QCheckBox* m_hardBenign;
};

}  // namespace safequant::widgets
