// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/findingdelegate.h"

#include <QAbstractItemView>
#include <QPainter>
#include <cmath>

#include "widgets/findingsmodel.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kSideRoom = 14, kTopRoom = 8, kTitleLine = 20, kLineGap = 2, kBadge = 18, kBadgeSide = 8;

QColor kindColor(const QString& kind, const ThemeColors& colors) {
    if (kind == QLatin1String("hidden danger") || kind == QLatin1String("danger")) return colors.bad;
    if (kind == QLatin1String("broken") || kind == QLatin1String("over-refusal")) return colors.warning;
    return kind == QLatin1String("safer") ? colors.good : colors.muted;
}

int textHeight(const QString& text, TextRole role, int width) {
    return int(std::ceil(QFontMetricsF(Theme::font(role)).boundingRect(QRectF(0, 0, width, 1000), Qt::TextWordWrap, text).height()));
}

}  // namespace

FindingDelegate::FindingDelegate(QObject* parent) : QStyledItemDelegate(parent) {}

void FindingDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const ThemeColors& colors = Theme::current();
    const QString kind = index.data(FindingsModel::KindRole).toString(), word = FindingsModel::kindText(kind);
    const QRect inner = option.rect.adjusted(kSideRoom, kTopRoom, -kSideRoom, -kTopRoom);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->fillRect(option.rect, option.state.testFlag(QStyle::State_Selected) ? colors.accentBackground : colors.panel);
    if (option.state.testFlag(QStyle::State_Selected)) painter->fillRect(QRect(option.rect.topLeft(), QSize(3, option.rect.height())), colors.accent);
    painter->setPen(colors.grid);
    painter->drawLine(option.rect.bottomLeft(), option.rect.bottomRight());

    const QColor tone = kindColor(kind, colors);
    const bool gravest = kind == QLatin1String("hidden danger");
    const QFont small = Theme::font(gravest ? TextRole::SmallStrong : TextRole::Small);
    const int width = QFontMetrics(small).horizontalAdvance(word) + 2 * kBadgeSide;
    const QRectF badge(inner.right() - width + 1, inner.top() + 1, width, kBadge);
    painter->setPen(QPen(tone, 1.0));
    painter->setBrush(gravest ? tone : colors.panel);
    painter->drawRoundedRect(badge.adjusted(0.5, 0.5, -0.5, -0.5), kBadge / 2.0 - 0.5, kBadge / 2.0 - 0.5);
    painter->setFont(small);
    painter->setPen(gravest ? colors.panel : tone);
    painter->drawText(badge, Qt::AlignCenter, word);

    painter->setFont(Theme::font(TextRole::BodyStrong));
    painter->setPen(colors.text);
    const QRect title(inner.left(), inner.top(), inner.width() - width - 8, kTitleLine);
    painter->drawText(title, Qt::AlignLeft | Qt::AlignVCenter,
                      painter->fontMetrics().elidedText(index.data(FindingsModel::TitleRole).toString(), Qt::ElideRight, title.width()));
    const QString change = index.data(FindingsModel::ChangeRole).toString(), evidence = index.data(FindingsModel::EvidenceRole).toString();
    int top = inner.top() + kTitleLine + kLineGap;
    const int height = textHeight(change, TextRole::Secondary, inner.width());
    painter->setFont(Theme::font(TextRole::Secondary));
    painter->drawText(QRect(inner.left(), top, inner.width(), height), Qt::TextWordWrap, change);
    top += height + kLineGap;
    painter->setFont(Theme::font(TextRole::Small));
    painter->setPen(colors.muted);
    painter->drawText(QRect(inner.left(), top, inner.width(), inner.bottom() - top + 2), Qt::TextWordWrap, evidence);
    if (option.state.testFlag(QStyle::State_HasFocus) && option.state.testFlag(QStyle::State_KeyboardFocusChange)) {
        painter->setPen(QPen(colors.accent, 1.0));
        painter->setBrush(Qt::NoBrush);
        painter->drawRect(option.rect.adjusted(0, 0, -1, -2));
    }
    painter->restore();
}

QSize FindingDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const auto* view = qobject_cast<const QAbstractItemView*>(option.widget);
    const int whole = view ? view->viewport()->width() : option.rect.width();
    const int width = std::max(120, whole - 2 * kSideRoom);
    return {whole, 2 * kTopRoom + kTitleLine + 2 * kLineGap + textHeight(index.data(FindingsModel::ChangeRole).toString(), TextRole::Secondary, width) +
                       textHeight(index.data(FindingsModel::EvidenceRole).toString(), TextRole::Small, width)};
}

}  // namespace safequant::widgets
