// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <functional>
#include <vector>

class QLabel;
class QPushButton;

namespace safequant::workbench {

/// One stop of the tour.
struct TourStep {
    QString title, text;
    /// Brings what is shown into view and returns it; null: the card stands alone.
    std::function<QWidget*()> show;
};

/// A few cards over the window, each beside what it tells about, the rest dimmed. Enter and Right go on, Left goes back, Escape ends.
class Tour : public QWidget {
    Q_OBJECT

public:
    /// Covers `window` while it is shown.
    explicit Tour(QWidget* window);

    void start(std::vector<TourStep> steps);
    int step() const { return m_step; }

signals:
    /// The last card was left, or the tour was ended before.
    void ended();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void go(int step);
    void place();
    void leave();

    std::vector<TourStep> m_steps;
    int m_step = -1;
    QWidget* m_target = nullptr;
    QWidget* m_card;
    QLabel* m_title;
    QLabel* m_text;
    QLabel* m_count;
    QPushButton* m_back;
    QPushButton* m_next;
};

}  // namespace safequant::workbench
