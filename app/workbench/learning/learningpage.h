// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "app/workbench/run/runstore.h"

class QLabel;
class QPushButton;
class QStackedWidget;

namespace safequant::widgets {
class EmptyState;
class LinesPlot;
class SegmentedControl;
}

namespace safequant::workbench {

class PatchPane;
class Session;

/// What a learned method does, block by block while it runs: how far each stream is from what it is pulled to, whether probes of the
/// aligned model still tell malicious prompts apart, and the losses of one block by epoch. And what a patch of the quantized model does, step
/// by step; a run that has both shows the one that is at work until the other is chosen.
class LearningPage : public QWidget {
    Q_OBJECT

public:
    explicit LearningPage(Session* session, QWidget* parent = nullptr);

    int block() const { return m_block; }

public slots:
    /// Shows the losses of a block; the newest one is followed until one was chosen.
    void setBlock(int block);

signals:
    void methodRequested();  ///< The one action of the empty state.
    /// The block shown is to be learned again, and those behind it.
    void againRequested(int block);

private:
    void handleStore(RunStore::Changes changes);
    void refresh();
    void refreshBlock();
    void refreshAgain();
    void refreshState();
    void refreshSubject();
    /// Whether a patch has begun.
    bool patches() const;
    QWidget* makeBlocks();
    /// The learned block with this number, null when there is none.
    const protocol::LearnedBlock* learned(int block) const;

    Session* m_session;
    QString m_folder;
    int m_block = -1;
    bool m_following = true;
    bool m_subjectChosen = false;
    QStackedWidget* m_stack;
    QWidget* m_subjectBar;
    widgets::SegmentedControl* m_subject;
    PatchPane* m_patch;
    widgets::EmptyState* m_empty;
    widgets::LinesPlot *m_errors, *m_accuracies, *m_logits, *m_losses;
    QLabel *m_progress, *m_blockTitle, *m_blockText;
    QPushButton* m_again;
};

}  // namespace safequant::workbench
