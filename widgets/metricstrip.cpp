// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/metricstrip.h"

#include <QEvent>
#include <QHelpEvent>
#include <QLocale>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "widgets/format.h"
#include "widgets/painting.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kMargin = 14;
constexpr int kNames = 118;
constexpr int kSummary = 190;
constexpr int kHead = 46;
constexpr int kRow = 22;
constexpr int kValue = 48;

}  // namespace

MetricStrip::MetricStrip(QWidget* parent)
    : QWidget(parent), m_baseName(tr("base")), m_quantizedName(tr("quantized")), m_emptyText(tr("Nothing evaluated yet.")) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Metrics"));
    setAccessibleDescription(m_emptyText);
}

void MetricStrip::setMetrics(const std::vector<protocol::ModelMetrics>& metrics) {
    m_metrics = metrics;
    setAccessibleDescription(tableText());
    updateGeometry();
    update();
}

void MetricStrip::setTasks(const std::vector<protocol::TaskRate>& tasks) {
    m_tasks = tasks;
    setAccessibleDescription(tableText());
    update();
}

void MetricStrip::setModelNames(const QString& base, const QString& quantized) {
    m_baseName = base;
    m_quantizedName = quantized;
    setAccessibleDescription(tableText());
    update();
}

void MetricStrip::setSummary(const QString& text) {
    m_summary = text;
    setAccessibleDescription(tableText());
    update();
}

void MetricStrip::setEmptyText(const QString& text) {
    m_emptyText = text;
    setAccessibleDescription(tableText());
    update();
}

QString MetricStrip::rowName(const protocol::ModelMetrics& metrics) const {
    if (metrics.model == "base") {
        return m_baseName;
    }
    return metrics.model == "quantized" ? m_quantizedName : QString::fromStdString(metrics.model);
}

MetricStrip::Column MetricStrip::columnOf(const QString& title, const QString& subtitle, const std::vector<Rate>& rates) {
    Column column;
    column.title = title;
    std::uint64_t total = 0;
    for (const Rate& value : rates) {
        Cell cell;
        cell.present = value.total > 0;
        cell.value = value.value;
        cell.interval = value.wilson;
        cell.hasInterval = cell.present;
        cell.text = cell.present ? formatPercent(value.value) : tr("not run");
        cell.detail = cell.present ? tr("%1, %2 of %3").arg(formatRate(value)).arg(value.count).arg(value.total) : tr("not run");
        total = std::max(total, value.total);
        column.cells.push_back(cell);
    }
    const QString count = tr("n = %1").arg(QLocale().toString(qulonglong(total)));
    column.subtitle = subtitle.isEmpty() ? count : tr("%1, %2").arg(subtitle, count);
    return column;
}

std::vector<MetricStrip::Column> MetricStrip::columns() const {
    const auto rate = [this](const QString& title, const QString& subtitle, Rate protocol::ModelMetrics::*member) {
        std::vector<Rate> rates;
        for (const protocol::ModelMetrics& metrics : m_metrics) {
            rates.push_back(metrics.*member);
        }
        return columnOf(title, subtitle, rates);
    };
    std::vector<Column> all{
        rate(tr("Harmful score"), tr("of malicious prompts"), &protocol::ModelMetrics::harmfulScore),
        rate(tr("Refusal on benign"), {}, &protocol::ModelMetrics::refusedBenign),
        rate(tr("Refusal on hard benign"), {}, &protocol::ModelMetrics::refusedHardBenign),
    };
    std::vector<std::string> tasks;
    protocol::addTaskNames(tasks, m_tasks);
    for (const std::string& name : tasks) {
        std::vector<Rate> rates;
        for (const protocol::ModelMetrics& metrics : m_metrics) rates.push_back(protocol::accuracyOf(m_tasks, name, metrics.model));
        all.push_back(columnOf(tr("Task accuracy"), QString::fromStdString(name), rates));
    }
    Column perplexity;
    perplexity.title = tr("Perplexity");
    std::uint64_t tokens = 0;
    double highest = 0.0;
    for (const protocol::ModelMetrics& metrics : m_metrics) {
        Cell cell;
        cell.present = metrics.perplexityTokens > 0;
        cell.value = metrics.perplexity;
        cell.text = cell.present ? QLocale().toString(metrics.perplexity, 'f', 1) : tr("not run");
        cell.detail = cell.present ? QLocale().toString(metrics.perplexity, 'f', 3) : tr("not run");
        tokens = std::max(tokens, metrics.perplexityTokens);
        highest = std::max(highest, metrics.perplexity);
        perplexity.cells.push_back(cell);
    }
    perplexity.subtitle = tr("%1 tokens, lower is better").arg(QLocale().toString(qulonglong(tokens)));
    perplexity.high = highest > 0.0 ? highest * 1.25 : 1.0;
    all.push_back(perplexity);
    return all;
}

QString MetricStrip::tableText() const {
    if (m_metrics.empty()) {
        return m_emptyText;
    }
    QStringList lines;
    const std::vector<Column> all = columns();
    for (const Column& column : all) {
        for (std::size_t row = 0; row < m_metrics.size(); ++row) {
            lines << tr("%1, %2: %3").arg(column.title, rowName(m_metrics[row]), column.cells[row].detail);
        }
    }
    if (!m_summary.isEmpty()) {
        lines << m_summary;
    }
    return lines.join(QLatin1Char('\n'));
}

QSize MetricStrip::sizeHint() const { return {900, kHead + kRow * std::max(2, int(m_metrics.size())) + 20}; }

QSize MetricStrip::minimumSizeHint() const { return {560, sizeHint().height()}; }

QRect MetricStrip::columnRect(int column, int count) const {
    const int summary = m_summary.isEmpty() || width() < 900 ? 0 : kSummary;
    const int left = kMargin + kNames;
    const int each = (width() - left - kMargin - summary) / std::max(count, 1);
    return {left + column * each, 10, each - 20, height() - 12};
}

bool MetricStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip && !m_metrics.empty()) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const std::vector<Column> all = columns();
        const int row = (help->pos().y() - kHead) / kRow;
        for (int column = 0; column < int(all.size()); ++column) {
            if (columnRect(column, int(all.size())).contains(help->pos()) && row >= 0 && row < int(m_metrics.size())) {
                QToolTip::showText(help->globalPos(),
                                   tr("%1, %2: %3").arg(all[std::size_t(column)].title, rowName(m_metrics[std::size_t(row)]),
                                                        all[std::size_t(column)].cells[std::size_t(row)].detail),
                                   this);
                return true;
            }
        }
        QToolTip::hideText();
        return true;
    }
    return QWidget::event(event);
}

void MetricStrip::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.fillRect(rect(), colors.panel);
    painter.setRenderHint(QPainter::Antialiasing);
    if (m_metrics.empty()) {
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.muted);
        painter.drawText(rect().adjusted(kMargin, 0, -kMargin, 0), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    const auto rowY = [](std::size_t row) { return kHead + kRow * (double(row) + 0.5); };
    for (std::size_t row = 0; row < m_metrics.size(); ++row) {
        const QColor tone = colors.model(QString::fromStdString(m_metrics[row].model));
        painter.setPen(Qt::NoPen);
        painter.setBrush(tone);
        painter.drawEllipse(QPointF(kMargin + 5.0, rowY(row)), 4.5, 4.5);
        painter.setFont(Theme::font(TextRole::Body));
        painter.setPen(colors.text);
        const QRectF name(kMargin + 16.0, rowY(row) - kRow / 2.0, kNames - 22.0, kRow);
        painter.drawText(name, Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(rowName(m_metrics[row]), Qt::ElideRight, int(name.width())));
    }
    const std::vector<Column> all = columns();
    for (std::size_t index = 0; index < all.size(); ++index) {
        const Column& column = all[index];
        const QRect area = columnRect(int(index), int(all.size()));
        const auto elided = [&](const QString& text) { return painter.fontMetrics().elidedText(text, Qt::ElideRight, area.width()); };
        painter.setFont(Theme::font(TextRole::BodyStrong));
        painter.setPen(colors.text);
        painter.drawText(QRect(area.left(), area.top(), area.width(), 17), Qt::AlignLeft | Qt::AlignVCenter, elided(column.title));
        painter.setFont(Theme::font(TextRole::Secondary));
        painter.setPen(colors.muted);
        painter.drawText(QRect(area.left(), area.top() + 17, area.width(), 16), Qt::AlignLeft | Qt::AlignVCenter, elided(column.subtitle));
        const double left = area.left() + 5.0;
        const double right = area.right() - kValue - 6.0;
        const auto xOf = [&](double value) {
            return left + (right - left) * std::clamp((value - column.low) / (column.high - column.low), 0.0, 1.0);
        };
        for (std::size_t row = 0; row < column.cells.size(); ++row) {
            const Cell& cell = column.cells[row];
            const double y = rowY(row);
            painter.setPen(QPen(colors.grid, 1.0));
            painter.drawLine(QPointF(left, y), QPointF(right, y));
            if (cell.present) {
                const QColor tone = colors.model(QString::fromStdString(m_metrics[row].model));
                if (cell.hasInterval) {
                    QColor faded = tone;
                    faded.setAlphaF(0.45F);
                    painter.setPen(QPen(faded, 3.0, Qt::SolidLine, Qt::FlatCap));
                    painter.drawLine(QPointF(xOf(cell.interval.low), y), QPointF(xOf(cell.interval.high), y));
                }
                painter.setPen(Qt::NoPen);
                painter.setBrush(tone);
                painter.drawEllipse(QPointF(xOf(cell.value), y), 4.5, 4.5);
            }
            painter.setFont(Theme::font(cell.present ? TextRole::SecondaryStrong : TextRole::Secondary));
            painter.setPen(cell.present ? colors.text : colors.muted);
            drawTabular(&painter, QRectF(right + 10.0, y - kRow / 2.0, kValue, kRow), Qt::AlignLeft, cell.text);
        }
    }
    if (!m_summary.isEmpty() && width() >= 900) {
        const QRect area(width() - kSummary - kMargin + 16, 10, kSummary - 16, height() - 14);
        painter.setFont(Theme::font(TextRole::SecondaryStrong));
        painter.setPen(colors.text);
        painter.drawText(area, Qt::AlignLeft | Qt::AlignTop, tr("In words"));
        painter.setFont(Theme::font(TextRole::Secondary));
        painter.setPen(colors.muted);
        painter.drawText(area.adjusted(0, 17, 0, 0), int(Qt::AlignLeft | Qt::AlignTop) | Qt::TextWordWrap, m_summary);
    }
}

void MetricStrip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        update();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
