// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QHash>
#include <QList>
#include <optional>
#include <vector>

#include "core/engine/protocol/messages.h"
#include "widgets/linearscheme.h"

namespace safequant::widgets {

/// Every quantizable linear: requested and actual scheme, the reason for a difference, bits a weight, error. Rows can be given a
/// scheme of their own (an override), many at once.
class LinearTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { LinearColumn, RequestedColumn, ActualColumn, ReasonColumn, BitsPerWeightColumn, ErrorColumn, OutputErrorColumn, ColumnCount };
    enum Role {
        SortRole = Qt::UserRole,
        BlockRole,      ///< int
        SchemeRole,     ///< LinearScheme requested of the row; settable.
        OverrideRole,   ///< bool: the row has its own scheme.
        DifferentRole,  ///< bool: actual is not what was requested.
    };

    explicit LinearTableModel(QObject* parent = nullptr);

    /// All linears, in order. Overrides of names that remain are kept.
    void setLinears(const std::vector<protocol::LinearInfo>& linears);
    /// Newer facts (actual scheme, error) on some of them, by name.
    void updateLinears(const std::vector<protocol::LinearInfo>& linears);
    /// Scheme of rows without an override.
    void setDefaultScheme(const LinearScheme& scheme);
    LinearScheme defaultScheme() const { return m_default; }
    void setEditable(bool editable);
    /// Names are shown without those of their block, which is said elsewhere: "q_proj". To be set before there are rows.
    void setOfOneBlock(bool one) { m_ofOneBlock = one; }
    bool ofOneBlock() const { return m_ofOneBlock; }

    /// Gives rows their own scheme, in one step.
    void setOverride(const QList<int>& rows, const LinearScheme& scheme);
    void clearOverride(const QList<int>& rows);
    /// Own schemes by full name.
    QHash<QString, LinearScheme> overrides() const { return m_overrides; }
    void setOverrides(const QHash<QString, LinearScheme>& overrides);
    LinearScheme schemeOf(int row) const;
    /// Whether the outputs of any linear were measured.
    bool anyOutputError() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

signals:
    /// After the user or a caller changed overrides.
    void overridesChanged();

private:
    QVariant display(int row, int column) const;
    QVariant sortValue(int row, int column) const;
    QString nameOf(int row) const;
    void emitRows(const QList<int>& rows);

    std::vector<protocol::LinearInfo> m_linears;
    QHash<QString, int> m_rows;
    QHash<QString, LinearScheme> m_overrides;
    LinearScheme m_default;
    bool m_editable = true;
    bool m_ofOneBlock = false;
};

}  // namespace safequant::widgets
