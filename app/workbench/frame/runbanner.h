// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>

#include "app/workbench/run/runstore.h"

namespace safequant::widgets {
class InfoBanner;
}

namespace safequant::workbench {

class Session;

/// The one line over the pages that must not be missed: an engine that died, a run that ended by itself, a request that failed,
/// and else the notes that a reader of the run's numbers must know. The most urgent one is shown.
class RunBanner : public QWidget {
    Q_OBJECT

public:
    explicit RunBanner(Session* session, QWidget* parent = nullptr);

    QString text() const;
    /// Notes belong beside the numbers they speak of.
    void setNotesShown(bool shown);

signals:
    void resumeRequested();

private:
    enum class Topic { None, EngineFailed, EngineLost, RunEnded, RequestFailed, Reattached, Notes };

    void refresh();
    /// That a lost engine is there again.
    QString cameBack() const;
    void act();
    void close();

    Session* m_session;
    widgets::InfoBanner* m_banner;
    Topic m_topic = Topic::None;
    QString m_lostReason;     ///< Of an engine that is being started again.
    QString m_reattached;     ///< What became of the run after that.
    QString m_requestProblem;
    bool m_notesShown = true;
    bool m_notesExpanded = false;
    QString m_notesClosedFor; ///< Folder whose notes the user has put away.
};

}  // namespace safequant::workbench
