// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/balancebar.h"

#include <QEvent>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>

#include "widgets/labelshape.h"
#include "widgets/painting.h"
#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {
constexpr double kBarHeight = 10.0;
constexpr double kGap = 2.0;
constexpr double kCaptionTop = 18.0;
}  // namespace

BalanceBar::BalanceBar(QWidget* parent) : QWidget(parent) { setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed); }

void BalanceBar::setParts(const QList<Part>& parts) {
    m_parts = parts;
    QStringList words;
    for (const Part& part : parts)
        words.append(tr("%1: %2 calibration, %3 evaluation").arg(labelText(part.label), QLocale().toString(part.calibration), QLocale().toString(part.evaluation)));
    setAccessibleName(tr("Class balance"));
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    setToolTip(words.join(QLatin1Char('\n')));
    update();
}

void BalanceBar::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) update();
    QWidget::changeEvent(event);
}

void BalanceBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const ThemeColors& colors = Theme::current();
    qint64 total = 0;
    for (const Part& part : m_parts) total += part.calibration + part.evaluation;
    const QRectF bar(0, 2, width(), kBarHeight);
    QPainterPath outline;
    outline.addRoundedRect(bar, kBarHeight / 2, kBarHeight / 2);
    painter.setClipPath(outline);
    painter.fillRect(bar, colors.grid);
    double x = 0.0;
    const auto fill = [&](qint64 count, const QColor& color) {
        const double width = total > 0 ? bar.width() * static_cast<double>(count) / static_cast<double>(total) : 0.0;
        painter.fillRect(QRectF(x, bar.top(), width, bar.height()), color);
        x += width;
    };
    for (const Part& part : m_parts) {
        const QColor color = colors.label(part.label);
        fill(part.calibration, color);
        fill(part.evaluation, Theme::blend(color, colors.panel, 0.55));
        if (part.calibration + part.evaluation > 0 && x < bar.right() - 1.0) painter.fillRect(QRectF(x - kGap / 2, bar.top(), kGap, bar.height()), colors.panel);
    }
    painter.setClipping(false);
    // Captions stand in columns of their own: parts may be too small for theirs.
    const double column = static_cast<double>(width()) / static_cast<double>(std::max<qsizetype>(1, m_parts.size()));
    for (qsizetype i = 0; i < m_parts.size(); ++i) {
        const Part& part = m_parts[i];
        const double left = static_cast<double>(i) * column;
        paintLabelShape(&painter, {left + 6.0, kCaptionTop + 9.0}, 4.5, part.label, colors.label(part.label));
        painter.setPen(colors.text);
        painter.setFont(Theme::font(TextRole::Secondary));
        drawTabular(&painter, {left + 16.0, kCaptionTop, column - 18.0, 18.0}, Qt::AlignLeft,
                    QStringLiteral("%1  %2").arg(labelText(part.label), QLocale().toString(part.calibration + part.evaluation)));
        painter.setPen(colors.muted);
        painter.setFont(Theme::font(TextRole::Small));
        drawTabular(&painter, {left + 16.0, kCaptionTop + 17.0, column - 18.0, 16.0}, Qt::AlignLeft,
                    tr("%1 calib. + %2 eval.").arg(QLocale().toString(part.calibration), QLocale().toString(part.evaluation)));
    }
}

}  // namespace safequant::widgets
