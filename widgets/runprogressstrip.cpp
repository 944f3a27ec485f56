// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/runprogressstrip.h"

#include <QEvent>
#include <QHelpEvent>
#include <QLocale>
#include <QPainter>
#include <QToolTip>

#include "widgets/format.h"
#include "widgets/painting.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

constexpr int kStageWidth = 104;
constexpr int kStageGap = 8;
constexpr int kStripHeight = 30;

}  // namespace

RunProgressStrip::RunProgressStrip(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setAccessibleName(tr("Progress of the run"));
    describe();
}

void RunProgressStrip::setStages(const std::vector<protocol::StageProgress>& stages) {
    const bool resized = stages.size() != m_stages.size();
    m_stages = stages;
    if (resized) {
        updateGeometry();
    }
    describe();
    update();
}

void RunProgressStrip::updateStage(const protocol::StageProgress& stage) {
    for (protocol::StageProgress& known : m_stages) {
        if (known.stage == stage.stage) {
            known = stage;
            describe();
            update();
            return;
        }
    }
    m_stages.push_back(stage);
    updateGeometry();
    describe();
    update();
}

void RunProgressStrip::setState(State state) {
    m_state = state;
    describe();
    update();
}

int RunProgressStrip::currentStage() const {
    if (m_state == State::Idle || m_state == State::Finished) {
        return -1;
    }
    for (std::size_t index = 0; index < m_stages.size(); ++index) {
        if (m_stages[index].total == 0 || m_stages[index].done < m_stages[index].total) {
            return int(index);
        }
    }
    return -1;
}

QString RunProgressStrip::timeLeft() const {
    const int current = currentStage();
    return m_state == State::Running && current >= 0 ? formatTimeLeft(m_stages[std::size_t(current)].runSecondsLeft) : QString();
}

QString RunProgressStrip::countText(int index) const {
    const protocol::StageProgress& stage = m_stages[std::size_t(index)];
    const int current = currentStage();
    if (stage.done == 0 && index != current) {
        return m_state == State::Stopped || m_state == State::Failed ? tr("not run") : tr("waiting");
    }
    if (stage.total == 0) {
        return m_state == State::Running ? tr("starting") : tr("not run");
    }
    return tr("%1 / %2").arg(QLocale().toString(qulonglong(stage.done)), QLocale().toString(qulonglong(stage.total)));
}

void RunProgressStrip::describe() {
    QStringList parts;
    for (std::size_t index = 0; index < m_stages.size(); ++index) {
        parts << QStringLiteral("%1 %2").arg(stageText(QString::fromStdString(m_stages[index].stage)), countText(int(index)));
    }
    if (const QString left = timeLeft(); !left.isEmpty()) {
        parts << left;
    }
    const QString text = parts.join(QStringLiteral(", "));
    if (text != accessibleDescription()) {
        setAccessibleDescription(text);
    }
}

QSize RunProgressStrip::sizeHint() const {
    const int count = std::max(int(m_stages.size()), 1);
    return {count * kStageWidth + (count - 1) * kStageGap, kStripHeight};
}

QSize RunProgressStrip::minimumSizeHint() const {
    const int count = std::max(int(m_stages.size()), 1);
    return {count * 78 + (count - 1) * kStageGap, kStripHeight};
}

QRect RunProgressStrip::stageRect(int index) const {
    const int count = int(m_stages.size());
    const int cell = std::min((width() - (count - 1) * kStageGap) / std::max(count, 1), 2 * kStageWidth);
    return {index * (cell + kStageGap), (height() - kStripHeight) / 2, cell, kStripHeight};
}

bool RunProgressStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        for (std::size_t index = 0; index < m_stages.size(); ++index) {
            if (!stageRect(int(index)).contains(help->pos())) {
                continue;
            }
            const protocol::StageProgress& stage = m_stages[index];
            QStringList lines{QStringLiteral("%1: %2 %3").arg(stageText(QString::fromStdString(stage.stage)), countText(int(index)),
                                                              stage.done > 0 ? QString::fromStdString(stage.unit) : QString())};
            if (stage.elapsedSeconds > 0.0) {
                lines << tr("so far %1").arg(formatDuration(stage.elapsedSeconds));
            }
            if (stage.secondsLeft >= 0.0 && stage.done < stage.total) {
                lines << formatTimeLeft(stage.secondsLeft);
            }
            QToolTip::showText(help->globalPos(), lines.join(QLatin1Char('\n')), this);
            return true;
        }
    }
    return QWidget::event(event);
}

void RunProgressStrip::paintEvent(QPaintEvent*) {
    const ThemeColors& colors = Theme::current();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const int current = currentStage();
    for (int index = 0; index < int(m_stages.size()); ++index) {
        const protocol::StageProgress& stage = m_stages[std::size_t(index)];
        const QRect cell = stageRect(index);
        const bool active = index == current && (m_state == State::Running || m_state == State::Stopping);
        const QRectF line(cell.left(), cell.top(), cell.width(), 18.0);
        const QString name = stageText(QString::fromStdString(stage.stage));
        const QString count = countText(index);
        painter.setFont(Theme::font(TextRole::Small));
        const double countWidth = tabularWidth(painter.font(), count);
        painter.setPen(active ? colors.text : colors.muted);
        drawTabular(&painter, line, Qt::AlignRight, count);
        painter.setFont(Theme::font(active ? TextRole::SmallStrong : TextRole::Small));
        const double room = line.width() - countWidth - 6.0;
        painter.drawText(line.adjusted(0, 0, -countWidth - 6.0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(name, Qt::ElideRight, int(room)));
        const QRectF track(cell.left(), cell.top() + 22.0, cell.width(), 4.0);
        painter.setPen(Qt::NoPen);
        painter.setBrush(colors.highContrast ? colors.line : colors.grid);
        painter.drawRoundedRect(track, 2.0, 2.0);
        const double share = stage.total > 0 ? std::min(1.0, double(stage.done) / double(stage.total)) : 0.0;
        if (share > 0.0) {
            const bool failed = m_state == State::Failed && index == current;
            const bool stopped = m_state == State::Stopped && index == current;
            painter.setBrush(failed ? colors.bad : stopped ? colors.muted : colors.accent);
            painter.drawRoundedRect(QRectF(track.left(), track.top(), std::max(4.0, track.width() * share), track.height()), 2.0, 2.0);
        }
    }
}

void RunProgressStrip::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        update();
    }
    QWidget::changeEvent(event);
}

}  // namespace safequant::widgets
