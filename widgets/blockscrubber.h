// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <set>

class QSlider;
class QToolButton;

namespace safequant::widgets {

/// A slim slider through the blocks, under a LayerChart of the same width and in line with its axis: drag it, go with Left, Right, Home
/// and End, or let it play (Space). Beside it the speed, and, while a run is at work, whether the newest block is followed. Blocks change
/// at once, without movement in between.
class BlockScrubber : public QWidget {
    Q_OBJECT
public:
    explicit BlockScrubber(QWidget* parent = nullptr);

    /// Blocks of the model, and those that can be chosen.
    void setBlocks(int count, const std::set<int>& blocks);
    /// Marks a block; -1: none. Emits nothing.
    void setCurrent(int block);
    int current() const { return m_current; }
    /// Whether there is something to follow, and whether it is followed.
    void setFollowing(bool possible, bool following);
    /// What was chosen is not in sight yet: playing waits for it.
    void setWaiting(bool waiting) { m_waiting = waiting; }
    bool playing() const { return m_timer.isActive(); }
    /// Milliseconds a block is in sight.
    int interval() const { return m_timer.interval(); }

    QSize sizeHint() const override { return {640, 26}; }
    QSize minimumSizeHint() const override { return {240, 26}; }

public slots:
    /// Plays on from the current block, or from the first when that is the last.
    void setPlaying(bool playing);
    /// Twice as fast is 2.
    void setSpeed(double speed);

signals:
    void blockChosen(int block);
    /// The newest block is to be followed from now on.
    void followRequested();
    /// It is not to be followed any more.
    void stayRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void place();
    void choose(int wanted);
    void advance();
    void refresh();
    /// The next block that can be chosen; -1: none.
    int after(int block) const;

    std::set<int> m_blocks;
    int m_count = 0;
    int m_current = -1;
    bool m_waiting = false;
    QTimer m_timer;
    QToolButton* m_play;
    QSlider* m_slider;
    QToolButton* m_speed;
    QToolButton* m_follow;
};

}  // namespace safequant::widgets
