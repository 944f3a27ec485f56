// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/hovercard.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QStringList>
#include <QTextLayout>
#include <algorithm>

#include "widgets/icons.h"
#include "widgets/labelshape.h"
#include "widgets/painting.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr double kPadding = 10.0;
constexpr double kLine = 18.0;
constexpr double kCardGap = 16.0;
constexpr double kWrapWidth = 280.0;
constexpr int kMaxLines = 4;
constexpr double kClose = 20.0;

/// Breaks a text into at most kMaxLines lines, the last one elided.
QStringList wrap(const QString& text, const QFont& font, double width) {
    QStringList lines;
    QTextLayout layout(QString(text).replace(QLatin1Char('\n'), QLatin1Char(' ')), font);
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(width);
        if (lines.size() == kMaxLines - 1) {
            lines << QFontMetricsF(font).elidedText(layout.text().mid(line.textStart()), Qt::ElideRight, width);
            break;
        }
        lines << layout.text().mid(line.textStart(), line.textLength()).trimmed();
    }
    layout.endLayout();
    return lines;
}

}  // namespace

QRectF HoverCard::closeMark(const QRectF& card) { return {card.right() - kClose - 4.0, card.top() + 4.0, kClose, kClose}; }

QRectF HoverCard::paint(QPainter* painter, const QRectF& bounds, const QPointF& anchor) const {
    const ThemeColors& colors = Theme::current();
    const QFont headingFont = Theme::font(TextRole::SecondaryStrong);
    const QFont bodyFont = Theme::font(TextRole::Secondary);
    const QStringList lines = hiddenParagraph ? QStringList{QString()} : wrap(paragraph, bodyFont, kWrapWidth);
    const bool hasParagraph = hiddenParagraph || !paragraph.isEmpty();

    double nameWidth = 0.0;
    double firstWidth = 0.0;
    double secondWidth = 0.0;
    for (const Row& row : rows) {
        nameWidth = std::max(nameWidth, QFontMetricsF(bodyFont).horizontalAdvance(row.name));
        firstWidth = std::max(firstWidth, tabularWidth(headingFont, row.first));
        secondWidth = std::max(secondWidth, tabularWidth(headingFont, row.second));
    }
    const double rowWidth = nameWidth + kCardGap + firstWidth + (secondWidth > 0.0 ? kCardGap + secondWidth : 0.0);
    const double shapeWidth = shapeLabel.isEmpty() ? 0.0 : 16.0;
    double width = std::max(rowWidth, QFontMetricsF(headingFont).horizontalAdvance(heading) + shapeWidth + (pinned ? kClose : 0.0));
    if (hiddenParagraph) {
        width = std::max(width, 160.0);
    }
    for (const QString& line : lines) {
        width = std::max(width, QFontMetricsF(bodyFont).horizontalAdvance(line));
    }
    const double height = kLine * (1.0 + (hasParagraph ? double(lines.size()) : 0.0) + double(rows.size())) + 2.0 * kPadding - 2.0;
    QRectF card(0.0, 0.0, width + 2.0 * kPadding, height);
    card.moveTopLeft(anchor + QPointF(14.0, 14.0));
    if (card.right() > bounds.right()) {
        card.moveRight(anchor.x() - 14.0);
    }
    if (card.bottom() > bounds.bottom()) {
        card.moveBottom(anchor.y() - 10.0);
    }
    card.moveLeft(std::max(card.left(), bounds.left()));
    card.moveTop(std::max(card.top(), bounds.top()));

    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(colors.highContrast ? colors.text : Theme::blend(colors.muted, colors.line, 0.35), 1.0));
    painter->setBrush(colors.panel);
    painter->drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), 6.0, 6.0);
    QRectF line(card.left() + kPadding, card.top() + kPadding - 1.0, width, kLine);
    if (!shapeLabel.isEmpty()) {
        paintLabelShape(painter, QPointF(line.left() + 5.0, line.center().y()), 4.5, shapeLabel, colors.label(shapeLabel));
    }
    painter->setFont(headingFont);
    painter->setPen(colors.text);
    painter->drawText(line.adjusted(shapeWidth, 0.0, 0.0, 0.0), Qt::AlignLeft | Qt::AlignVCenter, heading);
    line.translate(0.0, kLine);
    painter->setFont(bodyFont);
    if (hiddenParagraph) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(colors.hiddenText);
        painter->drawRoundedRect(QRectF(line.left(), line.center().y() - 4.0, 140.0, 8.0), 4.0, 4.0);
        line.translate(0.0, kLine);
    } else if (hasParagraph) {
        painter->setPen(colors.text);
        for (const QString& part : lines) {
            painter->drawText(line, Qt::AlignLeft | Qt::AlignVCenter, part);
            line.translate(0.0, kLine);
        }
    }
    for (const Row& row : rows) {
        painter->setFont(bodyFont);
        painter->setPen(colors.muted);
        painter->drawText(line, Qt::AlignLeft | Qt::AlignVCenter, row.name);
        painter->setFont(headingFont);
        painter->setPen(row.firstColor.isValid() ? row.firstColor : colors.text);
        const double firstRight = secondWidth > 0.0 ? line.right() - secondWidth - kCardGap : line.right();
        drawTabular(painter, QRectF(line.left(), line.top(), firstRight - line.left(), kLine), Qt::AlignRight, row.first);
        painter->setPen(row.secondColor.isValid() ? row.secondColor : colors.text);
        drawTabular(painter, line, Qt::AlignRight, row.second);
        line.translate(0.0, kLine);
    }
    painter->restore();
    if (pinned) {
        const double inset = 5.0;
        const QRect mark = closeMark(card).adjusted(inset, inset, -inset, -inset).toRect();
        painter->drawPixmap(mark.topLeft(), iconPixmap(Icon::Cross, colors.muted, mark.width(), painter->device()->devicePixelRatioF()));
    }
    return card;
}

QString HoverCard::text() const {
    QStringList lines{heading};
    if (!hiddenParagraph && !paragraph.isEmpty()) {
        lines << paragraph;
    }
    for (const Row& row : rows) {
        QStringList parts{row.name, row.first};
        if (!row.second.isEmpty()) {
            parts << row.second;
        }
        lines << parts.join(QLatin1Char('\t'));
    }
    return lines.join(QLatin1Char('\n'));
}

}  // namespace safequant::widgets
