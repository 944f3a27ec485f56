// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "core/engine/protocol/results_messages.h"

namespace safequant::widgets {

/// One model of a run, in the results it belongs to.
struct ModelResult {
    const protocol::RunResults* run = nullptr;
    const protocol::ModelMetrics* metrics = nullptr;
};
/// The models of runs, in their order. Many runs start from one model; where what they measured of it is the same but for the clock, it is
/// there once. `results` must outlive them.
std::vector<ModelResult> distinctModels(const std::vector<protocol::RunResults>& results);

/// What models measured, a row each: those that runs quantized, and once each those they came from. Columns of tasks follow the fixed ones.
class ResultsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { RunColumn, MethodColumn, HarmfulColumn, IncoherentColumn, BenignColumn, HardBenignColumn, PerplexityColumn, TimeColumn, FirstTaskColumn };
    enum Role {
        FolderRole = Qt::UserRole,
        ModelRole,  ///< "base" or "quantized".
        SortRole,   ///< A number, or text.
    };

    explicit ResultsModel(QObject* parent = nullptr);
    /// Newest first.
    void setResults(const std::vector<protocol::RunResults>& results);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Row {
        QString run, method, folder;
        protocol::ModelMetrics metrics;
        double seconds = -1.0;
        std::vector<Rate> tasks;  ///< In the order of `m_tasks`; total 0 where it was not done.
    };
    const Rate* rate(const Row& row, int column) const;

    std::vector<Row> m_rows;
    std::vector<std::string> m_tasks;
};

}  // namespace safequant::widgets
