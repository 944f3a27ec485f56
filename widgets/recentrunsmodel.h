// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::widgets {

/// Runs of a workspace, newest first: name, model, what came out or how far it is, status and age.
class RecentRunsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { NameColumn, ModelColumn, DetailColumn, StatusColumn, ColumnCount };
    enum Role { FolderRole = Qt::UserRole, StatusRole, ResumableRole };

    explicit RecentRunsModel(QObject* parent = nullptr);
    void setRuns(std::vector<protocol::RunSummary> runs);
    /// Adds a run, or replaces the one of the same folder.
    void updateRun(const protocol::RunSummary& run);
    const std::vector<protocol::RunSummary>& runs() const { return m_runs; }
    const protocol::RunSummary& run(int row) const { return m_runs.at(std::size_t(row)); }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    /// "finished", "stopped, resumable", ... translated.
    static QString statusText(const protocol::RunSummary& run);

private:
    std::vector<protocol::RunSummary> m_runs;
};

}  // namespace safequant::widgets
