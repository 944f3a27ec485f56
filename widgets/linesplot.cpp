// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/linesplot.h"

#include <algorithm>
#include <cmath>

#include "widgets/painting.h"

namespace safequant::widgets {

namespace {

constexpr int kLeftRoom = 58, kTopRoom = 8, kBottomRoom = 26;
constexpr double kEndLabelHeight = 15.0;

/// Round steps, read by a function.
class ReadableTicker : public QCPAxisTicker {
public:
    std::function<QString(double)> format;

protected:
    QString getTickLabel(double tick, const QLocale&, QChar, int) override { return format ? format(tick) : QString::number(tick); }
};

}  // namespace

LinesPlot::LinesPlot(const QString& title, QWidget* parent, int endRoom)
    : PlacesPlot(title, QMargins(kLeftRoom, kTopRoom, endRoom, kBottomRoom), parent) {
    yAxis->setTicker(QSharedPointer<ReadableTicker>::create());
    yAxis->ticker()->setTickCount(4);
    m_format = [](double value) { return QLocale().toString(value, 'g', 3); };
    refresh();
}

void LinesPlot::setPlaces(int count, const QString& word, int first) {
    m_count = count;
    m_word = word;
    m_first = first;
    refresh();
}

void LinesPlot::setSeries(std::vector<LineSeries> series) {
    m_series = std::move(series);
    refresh();
}

void LinesPlot::setValues(const QString& axisLabel, std::function<QString(double)> format) {
    yAxis->setLabel(axisLabel);
    m_format = std::move(format);
    yAxis->ticker().staticCast<ReadableTicker>()->format = m_format;
    refresh();
}

void LinesPlot::setLeastRange(double low, double high) {
    m_low = low;
    m_high = high;
    refresh();
}

void LinesPlot::rebuild() {
    const ThemeColors& colors = Theme::current();
    clearGraphs();
    double low = m_low;
    double high = m_high;
    for (const LineSeries& series : m_series) {
        QVector<double> x, y;
        for (int place = 0; place < m_count; ++place) {
            const double value = place < int(series.values.size()) ? series.values[std::size_t(place)] : std::nan("");
            x << place;
            y << value;
            if (!std::isfinite(value)) continue;
            low = std::min(low, value);
            high = std::max(high, value);
        }
        QCPGraph* graph = addGraph();
        const QColor color = colors.*series.color;
        graph->setPen(QPen(color, 1.7, series.dashed ? Qt::DashLine : Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        graph->setScatterStyle(QCPScatterStyle(series.dashed ? QCPScatterStyle::ssCircle : QCPScatterStyle::ssDisc, color, 4.5));
        graph->setData(x, y, true);
    }
    const double room = high > low ? (high - low) * 0.06 : 1.0;
    yAxis->setRange(low < m_low ? low - room : low, high + room);
}

bool LinesPlot::anything(int place) const {
    return std::any_of(m_series.begin(), m_series.end(), [&](const LineSeries& series) {
        return place >= 0 && place < int(series.values.size()) && std::isfinite(series.values[std::size_t(place)]);
    });
}

HoverCard LinesPlot::card(int place) const {
    HoverCard result;
    result.heading = QStringLiteral("%1 %2").arg(m_word, QLocale().toString(place + m_first));
    if (!result.heading.isEmpty()) result.heading[0] = result.heading[0].toUpper();
    for (const LineSeries& series : m_series)
        if (place < int(series.values.size()) && std::isfinite(series.values[std::size_t(place)]))
            result.rows.push_back({series.name, m_format(series.values[std::size_t(place)]), {}, Theme::current().*series.color, {}});
    return result;
}

QString LinesPlot::tableText() const {
    QString text = m_word;
    for (const LineSeries& series : m_series) text += QLatin1Char('\t') + series.name;
    for (int place = 0; place < m_count; ++place) {
        if (!anything(place)) continue;
        text += QStringLiteral("\n%1").arg(place + m_first);
        for (const LineSeries& series : m_series) {
            const double value = place < int(series.values.size()) ? series.values[std::size_t(place)] : std::nan("");
            text += QLatin1Char('\t') + (std::isfinite(value) ? QString::number(value, 'g', 8) : QString());
        }
    }
    return text;
}

void LinesPlot::paintOver(QPainter* painter) {
    const QRectF area = plotRect();
    struct Label {
        QString name, value;
        QColor color;
    };
    std::vector<Label> labels;
    std::vector<double> wanted;
    for (const LineSeries& series : m_series) {
        const auto last = std::find_if(series.values.rbegin(), series.values.rend(), [](double value) { return std::isfinite(value); });
        if (last == series.values.rend()) continue;
        labels.push_back({series.name, m_format(*last), Theme::current().*series.color});
        wanted.push_back(yAxis->coordToPixel(*last));
    }
    const std::vector<double> placed = spreadLabels(wanted, kEndLabelHeight, area.top() - 4.0, area.bottom() + 4.0);
    painter->setFont(Theme::font(TextRole::SmallStrong));
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const QRectF box(area.right() + 6.0, placed[i] - kEndLabelHeight / 2.0, margins().right() - 10.0, kEndLabelHeight);
        const double room = box.width() - painter->fontMetrics().horizontalAdvance(labels[i].value) - 6.0;
        painter->setPen(labels[i].color);
        const bool named = margins().right() > kRoomForValues;
        const QString name = named ? painter->fontMetrics().elidedText(labels[i].name, Qt::ElideRight, int(room)) + QLatin1Char(' ') : QString();
        painter->drawText(box, Qt::AlignLeft | Qt::AlignVCenter, name + labels[i].value);
    }
    painter->setFont(Theme::font(TextRole::Small));
    painter->setPen(Theme::current().muted);
    painter->drawText(QRectF(area.right() + 6.0, area.bottom() + 4.0, margins().right(), 16.0), Qt::AlignLeft | Qt::AlignVCenter, m_word);
}

}  // namespace safequant::widgets
