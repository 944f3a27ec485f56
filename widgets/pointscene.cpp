// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/pointscene.h"

#include <QCoreApplication>
#include <QLocale>
#include <QPainter>
#include <QStringList>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "widgets/densitymap.h"
#include "widgets/labelshape.h"
#include "widgets/selectionmodel.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kHitRadius = 12.0;
constexpr double kPointRadius = 4.2;
constexpr double kRing = 6.5;
constexpr double kCurrentRing = 8.0;
constexpr double kRingStep = 2.6;
constexpr int kMostLevels = 4;
constexpr double kReach = 20.0;          ///< Of a mark with all its rings.
constexpr std::size_t kMostRings = 2000;  ///< While density is drawn: more rings than these would be a surface.
constexpr double kShortestArrow = 3.0;
constexpr double kArrowHead = 5.0;
constexpr double kDensest = 0.92;
constexpr double kDensestBefore = 0.4;
constexpr std::array<const char*, 3> kLabels{"benign", "malicious", "hard_benign"};

/// What a stamp shows.
enum Stamp { Marks = 0, FilledMarks = 3, OpenMarks = 6, SelectedRing = 9, CurrentRing = 10, SliceRings = 11 };

}  // namespace

QString LabelCounts::text() const {
    const auto part = [](const char* text, int count) {
        return QCoreApplication::translate("LabelCounts", text).arg(QLocale().toString(count));
    };
    QStringList parts;
    if (of[1] > 0) {
        parts << part(QT_TRANSLATE_NOOP("LabelCounts", "%1 malicious"), of[1]);
    }
    if (of[0] > 0) {
        parts << part(QT_TRANSLATE_NOOP("LabelCounts", "%1 benign"), of[0]);
    }
    if (of[2] > 0) {
        parts << part(QT_TRANSLATE_NOOP("LabelCounts", "%1 hard benign"), of[2]);
    }
    return parts.join(QStringLiteral(", "));
}

void PointScene::setPrompts(std::shared_ptr<const std::vector<protocol::PromptItem>> prompts) {
    m_prompts = std::move(prompts);
    refreshKinds();
}

void PointScene::setPoints(ProjectionPoints points, std::vector<QPointF> before) {
    const bool samePrompts = points.prompts == m_points.prompts;
    m_points = std::move(points);
    m_before = std::move(before);
    if (m_before.empty()) {
        m_index = PointIndex(m_points.positions);
    } else {
        std::vector<QPointF> both = m_points.positions;
        both.insert(both.end(), m_before.begin(), m_before.end());
        m_index = PointIndex(both);
    }
    m_order.resize(rows());
    std::iota(m_order.begin(), m_order.end(), 0);
    std::stable_sort(m_order.begin(), m_order.end(), [this](int a, int b) {
        return m_points.positions[std::size_t(a)].x() < m_points.positions[std::size_t(b)].x();
    });
    m_placeInOrder.resize(rows());
    for (std::size_t place = 0; place < m_order.size(); ++place) {
        m_placeInOrder[std::size_t(m_order[place])] = int(place);
    }
    if (!samePrompts) {
        const auto last = std::max_element(m_points.prompts.begin(), m_points.prompts.end());
        m_rowOfPrompt.assign(last == m_points.prompts.end() ? 0 : std::size_t(*last) + 1, -1);
        for (std::size_t row = 0; row < rows(); ++row) {
            m_rowOfPrompt[std::size_t(m_points.prompts[row])] = int(row);
        }
        refreshKinds();
    }
    refreshDense();
}

void PointScene::refreshKinds() {
    m_kinds.assign(rows(), 0);
    for (std::size_t row = 0; row < rows(); ++row) {
        const auto prompt = std::size_t(m_points.prompts[row]);
        if (m_prompts != nullptr && prompt < m_prompts->size()) {
            const std::string& label = (*m_prompts)[prompt].label;
            m_kinds[row] = label == "malicious" ? 1 : label == "hard_benign" ? 2 : 0;
        }
    }
    refreshSelected();
    refreshSlices();
}

void PointScene::setSelection(const SelectionModel* selection) {
    m_selection = selection != nullptr ? selection->selected() : QList<int>();
    m_current = selection != nullptr ? selection->current() : -1;
    refreshSelected();
}

void PointScene::refreshSelected() {
    m_selected.assign(rows(), 0);
    m_selectedCounts = {};
    for (const int prompt : std::as_const(m_selection)) {
        if (const int row = rowOf(prompt); row >= 0) {
            m_selected[std::size_t(row)] = 1;
            ++m_selectedCounts.of[m_kinds[std::size_t(row)]];
        }
    }
    refreshDense();
}

void PointScene::setSlices(const std::vector<PromptSlice>& slices) {
    m_shownSlices.clear();
    for (const PromptSlice& slice : slices) {
        if (slice.shown && m_shownSlices.size() < 32) {
            m_shownSlices.push_back(slice);
        }
    }
    refreshSlices();
}

void PointScene::refreshSlices() {
    m_slicesOf.assign(m_shownSlices.empty() ? 0 : rows(), 0);
    for (std::size_t slice = 0; slice < m_shownSlices.size(); ++slice) {
        for (const int prompt : std::as_const(m_shownSlices[slice].prompts)) {
            if (const int row = rowOf(prompt); row >= 0) {
                m_slicesOf[std::size_t(row)] |= 1U << slice;
            }
        }
    }
}

void PointScene::setView(const QRectF& plot, const QRectF& range) {
    m_plot = plot;
    m_range = range;
    m_scaleX = plot.width() / range.width();
    m_scaleY = plot.height() / range.height();
    refreshDense();
}

void PointScene::refreshDense() {
    const std::size_t inSight = m_index.count(m_range);
    m_dense = inSight > kMostMarks;
    m_arrows = !overlaid() || m_dense                                    ? Arrows::None
               : inSight <= 2 * kMostArrows                              ? Arrows::All
               : std::size_t(m_selectedCounts.total()) <= 4 * kMostArrows ? Arrows::OfSelection
                                                                         : Arrows::None;
}

QString PointScene::labelOf(std::size_t row) const {
    const auto prompt = std::size_t(m_points.prompts[row]);
    return m_prompts != nullptr && prompt < m_prompts->size() ? QString::fromStdString((*m_prompts)[prompt].label) : QString();
}

int PointScene::rowOf(int prompt) const {
    return prompt >= 0 && std::size_t(prompt) < m_rowOfPrompt.size() ? m_rowOfPrompt[std::size_t(prompt)] : -1;
}

int PointScene::rowAt(const QPointF& pixel) const {
    if (empty() || !m_plot.contains(pixel)) {
        return -1;
    }
    const int point = m_index.nearest(toValue(pixel), kHitRadius / m_scaleX, kHitRadius / m_scaleY);
    return point < 0 ? -1 : int(rowOfPoint(point));
}

int PointScene::neighbourOf(int row, int direction) const {
    if (empty()) {
        return -1;
    }
    int place = direction > 0 ? 0 : int(rows()) - 1;
    if (row >= 0) {
        place = std::clamp(m_placeInOrder[std::size_t(row)] + direction, 0, int(rows()) - 1);
    }
    return m_order[std::size_t(place)];
}

std::vector<int> PointScene::visibleRows() const {
    std::vector<int> found;
    m_index.visit(m_range, [&](int point, const QPointF&) { found.push_back(int(rowOfPoint(point))); });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

QImage PointScene::render(const QSize& size, qreal devicePixelRatio) {
    QImage image(size * devicePixelRatio, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    image.setDevicePixelRatio(devicePixelRatio);
    if (empty() || image.isNull()) {
        return image;
    }
    if (m_stamps.size() > 128) {
        m_stamps.clear();
    }
    if (m_dense || m_arrows != Arrows::None) {
        QPainter painter(&image);
        painter.setClipRect(m_plot);
        if (m_dense) {
            drawDensity(&painter);
        } else {
            drawArrows(&painter);
        }
    }
    if (!m_dense) {
        drawMarks(&image, devicePixelRatio);
    }
    drawRings(&image, devicePixelRatio);
    return image;
}

const MarkStamp& PointScene::stamp(int what, const QColor& color, double opacity, qreal ratio) {
    const auto key = std::tuple(what, color.rgba(), int(opacity * 100.0), int(ratio * 100.0));
    if (const auto found = m_stamps.find(key); found != m_stamps.end()) {
        return found->second;
    }
    const auto draw = [&](QPainter* painter, const QPointF& centre) {
        if (what < SelectedRing) {
            const auto fill = what < FilledMarks ? ShapeFill::OfLabel : what < OpenMarks ? ShapeFill::Filled : ShapeFill::Open;
            paintLabelShape(painter, centre, kPointRadius, QLatin1String(kLabels[std::size_t(what % 3)]), color, fill);
        } else if (what < SliceRings) {
            const bool current = what == CurrentRing;
            painter->setPen(QPen(color, current ? 1.9 : 1.1));
            painter->drawEllipse(centre, current ? kCurrentRing : kRing, current ? kCurrentRing : kRing);
        } else {
            const int level = (what - SliceRings) / kSliceMarks;
            paintSliceMark(painter, centre, kRing + level * kRingStep, (what - SliceRings) % kSliceMarks, color);
        }
    };
    return m_stamps.emplace(key, MarkStamp(what < SelectedRing ? kPointRadius + 2.0 : kReach, opacity, ratio, draw)).first->second;
}

void PointScene::drawDensity(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    std::vector<QColor> inks;
    std::vector<double> opacities;
    const auto add = [&](double opacity) {
        for (const char* label : kLabels) {
            inks.push_back(colors.label(QLatin1String(label)));
            opacities.push_back(opacity);
        }
    };
    add(kDensest);
    if (overlaid()) {
        add(kDensestBefore);
    }
    const int grey = int(inks.size());
    if (greyed()) {
        inks.push_back(Theme::blend(colors.muted, colors.plot, 0.35));
        opacities.push_back(kDensest);
    }
    DensityMap map(m_plot, int(inks.size()));
    m_index.visit(m_range, [&](int point, const QPointF& place) {
        const std::size_t row = rowOfPoint(point);
        const int kind = greyed() && m_selected[row] == 0 ? grey : m_kinds[row] + (std::size_t(point) >= rows() ? 3 : 0);
        map.add(kind, toPixel(place));
    });
    painter->setRenderHint(QPainter::SmoothPixmapTransform);
    painter->drawImage(map.area(), map.image(inks, opacities));
}

void PointScene::drawMarks(QImage* image, qreal ratio) {
    const ThemeColors& colors = Theme::current();
    const QRectF reach(toValue(m_plot.bottomLeft() + QPointF(-kReach, kReach)), toValue(m_plot.topRight() + QPointF(kReach, -kReach)));
    const QRect clip = QRectF(m_plot.topLeft() * ratio, m_plot.size() * ratio).toAlignedRect() & image->rect();
    // Selected ones above the others, the quantized model's above the base's.
    std::array<std::vector<QPointF>, 12> places;
    m_index.visit(reach, [&](int point, const QPointF& place) {
        const std::size_t row = rowOfPoint(point);
        const int layer = 2 * m_selected[row] + (std::size_t(point) >= rows() ? 0 : 1);
        places[std::size_t(3 * layer + m_kinds[row])].push_back(toPixel(place));
    });
    const QColor grey = Theme::blend(colors.muted, colors.plot, 0.35);
    for (std::size_t group = 0; group < places.size(); ++group) {
        const auto kind = int(group % 3);
        const bool before = group / 3 % 2 == 0;
        const bool selected = group >= 6;
        const int what = kind + (!overlaid() ? Marks : before ? OpenMarks : FilledMarks);
        const double opacity = colors.highContrast ? 1.0 : before ? 0.65 : kind == 2 && !overlaid() ? 1.0 : 0.8;
        const MarkStamp& mark =
            stamp(what, greyed() && !selected ? grey : colors.label(QLatin1String(kLabels[std::size_t(kind)])), opacity, ratio);
        for (const QPointF& place : places[group]) {
            mark.put(image, clip, place);
        }
    }
}

void PointScene::drawRings(QImage* image, qreal ratio) {
    const ThemeColors& colors = Theme::current();
    const QRect clip = QRectF(m_plot.topLeft() * ratio, m_plot.size() * ratio).toAlignedRect() & image->rect();
    const QRectF reach(toValue(m_plot.bottomLeft() + QPointF(-kReach, kReach)), toValue(m_plot.topRight() + QPointF(kReach, -kReach)));
    std::vector<std::pair<std::size_t, QPointF>> ringed;
    if (m_selectedCounts.total() == 0 && m_slicesOf.empty()) {
        return;
    }
    m_index.visit(reach, [&](int point, const QPointF& place) {
        const std::size_t row = rowOfPoint(point);
        // Overlaid, the base model's faint marks stay bare: the arrow leads to the ring.
        if (std::size_t(point) < rows() && (m_selected[row] != 0 || (!m_slicesOf.empty() && m_slicesOf[row] != 0))) {
            ringed.emplace_back(row, toPixel(place));
        }
    });
    if (m_dense && ringed.size() > kMostRings) {
        return;
    }
    const MarkStamp& ring = stamp(SelectedRing, colors.text, 1.0, ratio);
    const MarkStamp& current = stamp(CurrentRing, colors.text, 1.0, ratio);
    for (const auto& [row, place] : ringed) {
        int level = 0;
        if (m_selected[row] != 0) {
            (m_points.prompts[row] == m_current ? current : ring).put(image, clip, place);
            ++level;
        }
        for (std::size_t slice = 0; slice < m_shownSlices.size() && !m_slicesOf.empty() && level < kMostLevels; ++slice) {
            if ((m_slicesOf[row] >> slice & 1U) != 0) {
                const int mark = m_shownSlices[slice].mark;
                stamp(SliceRings + level * kSliceMarks + mark, sliceColor(mark), 1.0, ratio).put(image, clip, place);
                ++level;
            }
        }
    }
}

void PointScene::drawArrows(QPainter* painter) const {
    const ThemeColors& colors = Theme::current();
    painter->setRenderHint(QPainter::Antialiasing);
    for (std::size_t row = 0; row < rows(); ++row) {
        const bool selected = m_selected[row] != 0;
        if (m_arrows == Arrows::OfSelection && !selected) {
            continue;
        }
        const QPointF from = toPixel(m_before[row]);
        const QPointF to = toPixel(m_points.positions[row]);
        const QPointF way = to - from;
        const double length = std::hypot(way.x(), way.y());
        if (length < kShortestArrow || !QRectF(from, to).normalized().adjusted(-1, -1, 1, 1).intersects(m_plot)) {
            continue;
        }
        QColor ink = greyed() && !selected ? Theme::blend(colors.muted, colors.plot, 0.35)
                                           : colors.label(QLatin1String(kLabels[m_kinds[row]]));
        ink.setAlphaF(colors.highContrast || selected ? 1.0F : 0.55F);
        painter->setPen(QPen(ink, selected ? 1.4 : 1.0));
        const QPointF along = way / length;
        // The line ends at the mark's edge, so that the head is seen.
        const QPointF tip = length > 2.0 * kPointRadius ? to - along * kPointRadius : to;
        painter->drawLine(from, tip);
        if (length > 2.0 * kPointRadius + kArrowHead) {
            const QPointF across(-along.y(), along.x());
            const QPointF head[] = {tip - along * kArrowHead + across * (kArrowHead * 0.5), tip,
                                    tip - along * kArrowHead - across * (kArrowHead * 0.5)};
            painter->drawPolyline(head, 3);
        }
    }
}

}  // namespace safequant::widgets
