// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <optional>
#include <vector>

#include "core/engine/protocol/overlay_messages.h"
#include "widgets/hovercard.h"
#include "widgets/layerchart.h"

namespace safequant::widgets {

/// Bits of one block's linears.
struct BlockBits {
    double requested = 0.0, actual = 0.0;  ///< Mean over linears; 0: nothing known.
    int differing = 0;                     ///< Linears whose actual scheme is not what was asked.
    bool done = false;                     ///< The block is quantized.
};

/// A line of the chart: the run's models, and one of another run laid over them.
enum class LayerSeries { Base, Quantized, Other };
inline constexpr std::array kLayerSeries{LayerSeries::Base, LayerSeries::Quantized, LayerSeries::Other};

/// What the layer chart shows, and the same as text.
struct LayerData {
    int blockCount = 0;
    std::vector<std::optional<protocol::BlockSeparability>> base, quantized;
    std::vector<BlockBits> bits;
    std::optional<protocol::WordControl> control;
    protocol::RunOverlay overlay;  ///< Without blocks: no other run is laid over this one.
    QString baseName, quantizedName, overlayName, runningStage;
    LayerChart::Probe probe = LayerChart::Probe::Refitted;

    void clear();
    void resize(int count);
    void store(const protocol::BlockSeparability& block);
    void plan(const std::vector<protocol::LinearInfo>& linears);
    bool empty() const;
    /// Whether any model has this block.
    bool has(int block) const;
    /// First (direction +1) or last (-1) arrived block.
    int end(int direction) const;
    int lastOf(LayerSeries series) const;
    const protocol::OverlayBlock* overlaid(int block) const;
    QString nameOf(LayerSeries series) const;
    /// Evaluation prompts the accuracies are over; 0 when unknown.
    std::uint64_t evaluationCount() const;
    bool hasTransferred() const;

    /// The probe drawn for a block of one model; null when it has not arrived.
    const protocol::ProbeSummary* summary(LayerSeries series, int block) const;
    HoverCard card(int block) const;
    QString table() const;
};

}  // namespace safequant::widgets
