// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "core/engine/protocol/assessment_messages.h"

namespace safequant::widgets {

/// The findings of an assessment, the gravest first.
class FindingsModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Role {
        KindRole = Qt::UserRole,  ///< "hidden danger", as AssessmentFinding has it.
        TitleRole,                ///< "AWQ 4 bit, calibrated on I".
        ChangeRole,               ///< "Harmful score +12 points [7, 18], perplexity +1%".
        EvidenceRole,             ///< The counts behind it.
        CellRole,                 ///< Index of the cell, int.
    };

    explicit FindingsModel(QObject* parent = nullptr);

    void setState(const protocol::AssessmentState& state);
    /// The row of a cell's finding; -1: it has none.
    int rowOf(int cell) const;
    /// What a kind is called.
    static QString kindText(const QString& kind);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

private:
    struct Row {
        QString kind, title, change, evidence;
        int cell = -1;
        bool operator==(const Row&) const = default;
    };
    std::vector<Row> m_rows;
};

}  // namespace safequant::widgets
