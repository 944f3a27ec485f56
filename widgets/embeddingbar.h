// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "core/engine/protocol/embedding_messages.h"

class QDoubleSpinBox;
class QFrame;
class QLabel;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QTimer;
class QToolButton;

namespace safequant::widgets {

class ElidedLabel;

/// The line under a t-SNE or UMAP picture: what its distances mean, how far the optimisation is with a way to stop it,
/// and its settings in a popover.
class EmbeddingBar : public QWidget {
    Q_OBJECT
public:
    explicit EmbeddingBar(QWidget* parent = nullptr);

    /// What the popover shows; emits nothing.
    void setSettings(const protocol::EmbeddingSettings& settings);
    /// Off: the picture is not for changing, and there is no way to the settings.
    void setAdjustable(bool adjustable);
    const protocol::EmbeddingSettings& settings() const { return m_settings; }

    /// The optimisation is at a step; 0 of 0: it has not begun.
    void setProgress(int step, int steps);
    /// The user stopped it at a step.
    void setStopped(int step, int steps);
    /// It is done, or failed, and nothing runs.
    void setIdle();

signals:
    /// After the user changed something, a moment after the last keystroke.
    void settingsChanged(const safequant::protocol::EmbeddingSettings& settings);
    void stopRequested();
    void againRequested();

private:
    void makePopover();
    void openPopover();
    void takeSettings();
    void showSettings();

    protocol::EmbeddingSettings m_settings;
    bool m_running = false;
    ElidedLabel* m_meaning;
    QLabel* m_step;
    QProgressBar* m_progress;
    QPushButton* m_action;
    QToolButton* m_button;
    QFrame* m_popover;
    QLabel* m_heading;
    QLabel *m_perplexityName, *m_neighboursName, *m_distanceName, *m_seedName;
    QDoubleSpinBox *m_perplexity, *m_distance;
    QSpinBox *m_neighbours, *m_seed;
    QLabel* m_note;
    QTimer* m_settle;
};

}  // namespace safequant::widgets
