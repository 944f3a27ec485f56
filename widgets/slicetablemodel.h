// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "widgets/promptslice.h"

namespace safequant::widgets {

/// Slices as rows: whether they are shown (a check mark), mark, name and number of prompts. It changes nothing itself: edits are told, and
/// who keeps the slices sets them again.
class SliceTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { NameColumn, CountColumn, ColumnCount };

    explicit SliceTableModel(QObject* parent = nullptr);

    void setSlices(const std::vector<PromptSlice>& slices);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

signals:
    void renameRequested(int slice, const QString& name);
    void shownRequested(int slice, bool shown);

private:
    std::vector<PromptSlice> m_slices;
};

}  // namespace safequant::widgets
