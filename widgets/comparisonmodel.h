// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>

#include "core/engine/protocol/results_messages.h"

namespace safequant::widgets {

/// Paired differences between models, a row for each measure and pair that has prompts in common.
class ComparisonModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { MeasureColumn, SecondColumn, FirstRateColumn, SecondRateColumn, DifferenceColumn, PColumn, FlipsColumn, ColumnCount };

    explicit ComparisonModel(QObject* parent = nullptr);
    void setTable(protocol::ComparisonTable table);
    const protocol::ComparisonTable& table() const { return m_table; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    protocol::ComparisonTable m_table;
};

}  // namespace safequant::widgets
