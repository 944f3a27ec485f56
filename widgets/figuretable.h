// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QStringList>
#include <QVariant>
#include <QVector>

namespace safequant::widgets {

/// The numbers of a figure. A cell is a text, a whole number or a floating-point number; NaN stands for none.
struct FigureTable {
    QStringList columns;
    QVector<QVariantList> rows;

    /// Tab-separated lines with a header, numbers as they are read by programs.
    QString text() const;
    /// The same as CSV (RFC 4180).
    QString csv() const;
};

/// A figure's numbers as a table that can be read, sorted and copied.
class FigureTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole };  ///< The number or text itself.

    explicit FigureTableModel(QObject* parent = nullptr);
    void setTable(FigureTable table);
    const FigureTable& table() const { return m_table; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    FigureTable m_table;
};

}  // namespace safequant::widgets
