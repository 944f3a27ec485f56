// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/layerdata.h"

#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <cmath>

#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

BlockBits bitsOf(const std::vector<protocol::LinearInfo>& linears, bool done) {
    BlockBits bits;
    bits.done = done;
    for (const protocol::LinearInfo& linear : linears) {
        bits.requested += linear.requestedBits;
        bits.actual += linear.actualBits;
        bits.differing += linear.requested != linear.actual || linear.requestedBits != linear.actualBits ? 1 : 0;
    }
    if (!linears.empty()) {
        bits.requested /= double(linears.size());
        bits.actual /= double(linears.size());
    }
    return bits;
}

QString bitsText(double bits) { return QLocale().toString(bits, 'f', std::abs(bits - std::round(bits)) < 0.05 ? 0 : 1); }

}  // namespace

void LayerData::clear() {
    base.clear();
    quantized.clear();
    bits.clear();
    control.reset();
    overlay = {};
    resize(blockCount);
}

void LayerData::resize(int count) {
    blockCount = std::max(count, 0);
    base.resize(std::size_t(blockCount));
    quantized.resize(std::size_t(blockCount));
    bits.resize(std::size_t(blockCount));
}

void LayerData::store(const protocol::BlockSeparability& block) {
    if (block.block < 0) {
        return;
    }
    if (block.block >= blockCount) {
        resize(block.block + 1);
    }
    const auto index = std::size_t(block.block);
    if (block.model == "quantized") {
        quantized[index] = block;
        if (!block.linears.empty()) {
            bits[index] = bitsOf(block.linears, true);
        }
    } else {
        base[index] = block;
    }
}

void LayerData::plan(const std::vector<protocol::LinearInfo>& linears) {
    std::vector<std::vector<protocol::LinearInfo>> byBlock;
    for (const protocol::LinearInfo& linear : linears) {
        if (linear.block < 0) {
            continue;
        }
        if (std::size_t(linear.block) >= byBlock.size()) {
            byBlock.resize(std::size_t(linear.block) + 1);
        }
        byBlock[std::size_t(linear.block)].push_back(linear);
    }
    if (int(byBlock.size()) > blockCount) {
        resize(int(byBlock.size()));
    }
    for (std::size_t block = 0; block < byBlock.size(); ++block) {
        if (!bits[block].done) {
            bits[block] = bitsOf(byBlock[block], false);
        }
    }
}

bool LayerData::has(int block) const {
    return block >= 0 && block < blockCount && (base[std::size_t(block)] || quantized[std::size_t(block)]);
}

bool LayerData::empty() const { return end(1) < 0; }

int LayerData::end(int direction) const {
    for (int block = direction > 0 ? 0 : blockCount - 1; block >= 0 && block < blockCount; block += direction) {
        if (has(block)) {
            return block;
        }
    }
    return -1;
}

const protocol::OverlayBlock* LayerData::overlaid(int block) const {
    const auto found = std::find_if(overlay.blocks.begin(), overlay.blocks.end(), [block](const auto& item) { return item.block == block; });
    return found == overlay.blocks.end() ? nullptr : &*found;
}

QString LayerData::nameOf(LayerSeries series) const {
    return series == LayerSeries::Base ? baseName : series == LayerSeries::Quantized ? quantizedName : overlayName;
}

int LayerData::lastOf(LayerSeries series) const {
    for (int block = blockCount - 1; block >= 0; --block) {
        if (summary(series, block) != nullptr) {
            return block;
        }
    }
    return -1;
}

std::uint64_t LayerData::evaluationCount() const {
    const int block = end(1);
    if (block < 0) {
        return 0;
    }
    const auto& item = base[std::size_t(block)] ? base[std::size_t(block)] : quantized[std::size_t(block)];
    return item->refitted.accuracy.total;
}

bool LayerData::hasTransferred() const {
    return std::any_of(quantized.begin(), quantized.end(), [](const auto& block) { return block && block->transferred; });
}

const protocol::ProbeSummary* LayerData::summary(LayerSeries series, int block) const {
    if (block < 0 || block >= blockCount) {
        return nullptr;
    }
    const bool transferred = probe == LayerChart::Probe::Transferred;
    if (series == LayerSeries::Other) {
        const protocol::OverlayBlock* other = overlaid(block);
        return other == nullptr ? nullptr : transferred ? &other->transferred : &other->refitted;
    }
    const auto& item = series == LayerSeries::Quantized ? quantized[std::size_t(block)] : base[std::size_t(block)];
    if (!item) {
        return nullptr;
    }
    if (series == LayerSeries::Quantized && transferred) {
        return item->transferred ? &*item->transferred : nullptr;
    }
    return &item->refitted;
}

HoverCard LayerData::card(int block) const {
    HoverCard card;
    card.heading = LayerChart::tr("Block %1").arg(block);
    const protocol::ProbeSummary* first = summary(LayerSeries::Base, block);
    const protocol::ProbeSummary* second = summary(LayerSeries::Quantized, block);
    const ThemeColors& colors = Theme::current();
    const auto row = [&](const QString& name, auto&& value) {
        HoverCard::Row line;
        line.name = name;
        line.first = first != nullptr ? value(*first) : second != nullptr ? QStringLiteral("–") : QString();
        line.second = second != nullptr ? value(*second) : QString();
        line.firstColor = colors.base;
        line.secondColor = colors.accent;
        card.rows.push_back(line);
    };
    if (first != nullptr || second != nullptr) {
        card.rows.push_back({QString(), first != nullptr || second != nullptr ? baseName : QString(),
                             second != nullptr ? quantizedName : QString(), colors.base, colors.accent});
        row(LayerChart::tr("accuracy"), [](const auto& probeSummary) { return formatRate(probeSummary.accuracy); });
        row(LayerChart::tr("by clusters"),
            [](const auto& probeSummary) { return formatInterval(probeSummary.accuracyBootstrap); });
        row(LayerChart::tr("area under curve"),
            [](const auto& probeSummary) { return QLocale().toString(probeSummary.auc, 'f', 3); });
        row(LayerChart::tr("hard benign right"), [](const auto& probeSummary) { return formatRate(probeSummary.hardBenign); });
        row(LayerChart::tr("non-zero weights"), [](const auto& probeSummary) { return QLocale().toString(probeSummary.nonZeros); });
    }
    if (block >= 0 && block < blockCount) {
        const BlockBits& blockBits = bits[std::size_t(block)];
        if (blockBits.requested > 0.0) {
            const QString value = blockBits.differing > 0
                                      ? LayerChart::tr("asked %1, got %2").arg(bitsText(blockBits.requested), bitsText(blockBits.actual))
                                      : bitsText(blockBits.actual);
            card.rows.push_back({LayerChart::tr("weight bits"), second != nullptr ? QString() : value,
                                 second != nullptr ? value : QString(), {}, blockBits.differing > 0 ? colors.warning : QColor()});
        }
        const auto& item = quantized[std::size_t(block)];
        if (item && item->streamRelativeError >= 0.0) {
            card.rows.push_back({LayerChart::tr("change of activations"), QString(),
                                 formatPercent(item->streamRelativeError, 1), {}, {}});
        }
    }
    if (const protocol::ProbeSummary* other = summary(LayerSeries::Other, block)) {
        const protocol::OverlayBlock& laid = *overlaid(block);
        const protocol::AccuracyDifference& difference =
            probe == LayerChart::Probe::Transferred ? laid.transferredDifference : laid.refittedDifference;
        card.rows.push_back({overlayName, QString(), formatRate(other->accuracy), {}, colors.fourth});
        card.rows.push_back({LayerChart::tr("less %1").arg(laid.against == "base" ? baseName : quantizedName), QString(),
                             formatPoints(difference.value, difference.interval), {}, {}});
    }
    return card;
}

QString LayerData::table() const {
    QStringList lines{QStringLiteral("block\tmodel\tprobe\taccuracy\tlow\thigh\tn\tauc\thard benign\tnon-zeros\tbits asked\tbits")};
    for (int block = 0; block < blockCount; ++block) {
        for (const LayerSeries series : kLayerSeries) {
            const protocol::ProbeSummary* item = summary(series, block);
            if (item == nullptr) {
                continue;
            }
            const bool quantizedModel = series == LayerSeries::Quantized;
            const bool transferred = series != LayerSeries::Base && probe == LayerChart::Probe::Transferred;
            QStringList cells{QString::number(block), nameOf(series),
                              transferred ? QStringLiteral("transferred") : QStringLiteral("refitted")};
            for (const double value : {item->accuracy.value, item->accuracy.wilson.low, item->accuracy.wilson.high}) {
                cells << QString::number(value, 'f', 4);
            }
            cells << QString::number(item->accuracy.total) << QString::number(item->auc, 'f', 4)
                  << (item->hardBenign.total > 0 ? QString::number(item->hardBenign.value, 'f', 4) : QString())
                  << QString::number(item->nonZeros);
            const BlockBits& blockBits = bits[std::size_t(block)];
            cells << (quantizedModel ? QString::number(blockBits.requested) : QString())
                  << (quantizedModel ? QString::number(blockBits.actual) : QString());
            lines << cells.join(QLatin1Char('\t'));
        }
    }
    return lines.join(QLatin1Char('\n'));
}

}  // namespace safequant::widgets
