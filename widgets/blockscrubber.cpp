// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/blockscrubber.h"

#include <QActionGroup>
#include <QKeyEvent>
#include <QLocale>
#include <QMenu>
#include <QSignalBlocker>
#include <QSlider>
#include <QToolButton>
#include <algorithm>
#include <cmath>

#include "widgets/icons.h"
#include "widgets/layerplot.h"

namespace safequant::widgets {

namespace {

constexpr int kStep = 500;        ///< Milliseconds a block is in sight at speed 1.
constexpr int kHandle = 15;       ///< Width of the slider's handle in the style sheet.
constexpr int kButton = 24;
constexpr double kSpeeds[] = {0.5, 1.0, 2.0, 4.0};

QString speedText(double speed) { return QStringLiteral("%1×").arg(QLocale().toString(speed)); }

}  // namespace

BlockScrubber::BlockScrubber(QWidget* parent)
    : QWidget(parent), m_play(new QToolButton(this)), m_slider(new QSlider(Qt::Horizontal, this)), m_speed(new QToolButton(this)),
      m_follow(new QToolButton(this)) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_play->setObjectName(QStringLiteral("playBlocks"));
    m_play->setIconSize({14, 14});
    m_play->setAutoRaise(true);
    m_slider->setObjectName(QStringLiteral("blockSlider"));
    m_slider->setAccessibleName(tr("Block"));
    m_slider->setPageStep(5);
    m_slider->installEventFilter(this);
    m_speed->setObjectName(QStringLiteral("playSpeed"));
    m_speed->setPopupMode(QToolButton::InstantPopup);
    m_speed->setAutoRaise(true);
    m_speed->setToolTip(tr("Speed of playing"));
    auto* menu = new QMenu(m_speed);
    auto* group = new QActionGroup(menu);
    for (const double speed : kSpeeds) {
        QAction* action = menu->addAction(speedText(speed), this, [this, speed] { setSpeed(speed); });
        action->setCheckable(true);
        action->setChecked(speed == 1.0);
        group->addAction(action);
    }
    m_speed->setMenu(menu);
    m_follow->setObjectName(QStringLiteral("followNewest"));
    m_follow->setText(tr("Follow"));
    m_follow->setCheckable(true);
    m_follow->setAutoRaise(true);
    m_follow->setAccessibleName(tr("Follow the newest block"));
    m_follow->hide();
    connect(m_play, &QToolButton::clicked, this, [this] { setPlaying(!playing()); });
    connect(m_slider, &QSlider::valueChanged, this, [this](int value) {
        setPlaying(false);
        choose(value);
    });
    connect(m_follow, &QToolButton::clicked, this, [this](bool follow) {
        setPlaying(false);
        follow ? emit followRequested() : emit stayRequested();
    });
    connect(&m_timer, &QTimer::timeout, this, &BlockScrubber::advance);
    setSpeed(1.0);
    refresh();
}

void BlockScrubber::setBlocks(int count, const std::set<int>& blocks) {
    m_blocks = blocks;
    m_count = count;
    refresh();
    place();
}

void BlockScrubber::setCurrent(int block) {
    m_current = block;
    refresh();
}

void BlockScrubber::setFollowing(bool possible, bool following) {
    m_follow->setVisible(possible);
    m_follow->setChecked(following);
    m_follow->setToolTip(following ? tr("The newest block is shown as it arrives") : tr("Show the newest block again as it arrives"));
}

void BlockScrubber::setPlaying(bool playing) {
    if (playing == this->playing() || (playing && m_blocks.size() < 2)) {
        return;
    }
    if (!playing) {
        m_timer.stop();
        refresh();
        return;
    }
    m_timer.start();
    refresh();
    if (after(m_current) < 0) {
        m_current = *m_blocks.begin();
        refresh();
        emit blockChosen(m_current);
    }
}

void BlockScrubber::setSpeed(double speed) {
    m_timer.setInterval(int(std::lround(kStep / speed)));
    m_speed->setText(speedText(speed));
    m_speed->setAccessibleName(tr("Speed of playing, %1").arg(speedText(speed)));
}

int BlockScrubber::after(int block) const {
    const auto next = m_blocks.upper_bound(block);
    return next == m_blocks.end() ? -1 : *next;
}

void BlockScrubber::advance() {
    if (m_waiting) {
        return;
    }
    const int next = after(m_current);
    if (next < 0) {
        setPlaying(false);
        return;
    }
    m_current = next;
    refresh();
    emit blockChosen(next);
}

void BlockScrubber::choose(int wanted) {
    if (m_blocks.empty()) {
        return;
    }
    // The nearest block there is, in the direction of the movement where two are as near.
    int nearest = *m_blocks.begin();
    for (const int block : m_blocks) {
        const int gain = std::abs(nearest - wanted) - std::abs(block - wanted);
        if (gain > 0 || (gain == 0 && wanted > m_current)) {
            nearest = block;
        }
    }
    const bool moved = nearest != m_current;
    m_current = nearest;
    refresh();
    if (moved) {
        emit blockChosen(nearest);
    }
}

void BlockScrubber::refresh() {
    const QSignalBlocker quiet(m_slider);
    m_slider->setRange(0, std::max(m_count - 1, 0));
    m_slider->setValue(std::max(m_current, 0));
    m_slider->setEnabled(!m_blocks.empty());
    m_slider->setAccessibleDescription(m_current >= 0 ? tr("Block %1 of %2").arg(m_current).arg(m_count) : tr("No block chosen yet."));
    m_play->setEnabled(m_blocks.size() > 1);
    m_speed->setEnabled(m_blocks.size() > 1);
    m_play->setIcon(icon(playing() ? Icon::Pause : Icon::Play, IconTone::Muted));
    m_play->setToolTip(playing() ? tr("Stop playing") : tr("Play through the blocks"));
    m_play->setAccessibleName(m_play->toolTip());
}

void BlockScrubber::place() {
    const int first = int(std::lround(LayerPlot::blockPosition(0, m_count, width())));
    const int last = int(std::lround(LayerPlot::blockPosition(std::max(m_count, 1) - 1, m_count, width())));
    const int top = (height() - kButton) / 2;
    m_slider->setGeometry(first - kHandle / 2 - 1, top, std::max(last - first, kHandle) + kHandle + 1, kButton);
    m_play->setGeometry(m_slider->x() - kButton - 6, top, kButton, kButton);
    const int right = m_slider->geometry().right() + 8;
    m_speed->setGeometry(right, top, m_speed->sizeHint().width(), kButton);
    m_follow->setGeometry(m_speed->geometry().right() + 3, top, m_follow->sizeHint().width(), kButton);
}

void BlockScrubber::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    place();
}

void BlockScrubber::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Space) {
        setPlaying(!playing());
        return;
    }
    QWidget::keyPressEvent(event);
}

bool BlockScrubber::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_slider && event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Space) {
        setPlaying(!playing());
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

}  // namespace safequant::widgets
