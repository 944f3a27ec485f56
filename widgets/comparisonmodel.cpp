// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/comparisonmodel.h"

#include <QLocale>
#include <algorithm>
#include <cmath>

#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

namespace {

QString names(const std::vector<std::string>& ids) {
    constexpr std::size_t kShown = 12;
    QString text;
    for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i)
        text += (i > 0 ? QStringLiteral(", ") : QString()) + QString::fromStdString(ids[i]).toHtmlEscaped();
    return ids.size() > kShown ? ComparisonModel::tr("%1 and %2 more").arg(text).arg(ids.size() - kShown) : text;
}

}  // namespace

ComparisonModel::ComparisonModel(QObject* parent) : QAbstractTableModel(parent) {}

void ComparisonModel::setTable(protocol::ComparisonTable table) {
    beginResetModel();
    m_table = std::move(table);
    std::erase_if(m_table.rows, [](const auto& row) { return row.firstRate.total == 0; });
    endResetModel();
}

int ComparisonModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_table.rows.size()); }

int ComparisonModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(ColumnCount); }

QVariant ComparisonModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const protocol::PairedRow& row = m_table.rows[std::size_t(index.row())];
    const bool certain = row.pHolm < 0.05;
    switch (role) {
        case Qt::DisplayRole:
            switch (index.column()) {
                case MeasureColumn: return QString::fromStdString(row.measure);
                case SecondColumn: return QString::fromStdString(row.second);
                case FirstRateColumn: return formatPercent(row.firstRate.value, 1);
                case SecondRateColumn: return formatPercent(row.secondRate.value, 1);
                case DifferenceColumn:
                    return formatPoints(row.difference, row.interval);
                case PColumn: return row.pHolm < 0.001 ? tr("< 0.001") : QLocale().toString(row.pHolm, 'f', 3);
                case FlipsColumn: return tr("%1 lost, %2 gained").arg(row.onlyFirst.size()).arg(row.onlySecond.size());
                default: return {};
            }
        case Qt::ToolTipRole:
            switch (index.column()) {
                case SecondColumn: return tr("%1, compared with %2").arg(QString::fromStdString(row.second), QString::fromStdString(row.first)).toHtmlEscaped();
                case FirstRateColumn:
                case SecondRateColumn: return tr("Of %1 prompts that both answered").arg(row.firstRate.total);
                case PColumn: return tr("McNemar's exact test %1, corrected for %2 comparisons by Holm").arg(row.p, 0, 'g', 2).arg(m_table.rows.size());
                case FlipsColumn:
                    return tr("<p>Yes by the first alone: %1</p><p>Yes by the other alone: %2</p>").arg(names(row.onlyFirst), names(row.onlySecond));
                default: return {};
            }
        case Qt::TextAlignmentRole:
            return QVariant((index.column() >= FirstRateColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        case Qt::FontRole: return Theme::font(index.column() == DifferenceColumn && certain ? TextRole::BodyStrong : TextRole::Body);
        case Qt::ForegroundRole: return index.column() == PColumn && !certain ? Theme::current().muted : Theme::current().text;
        default: return {};
    }
}

QVariant ComparisonModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant((section >= FirstRateColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole) return {};
    switch (section) {
        case MeasureColumn: return tr("Measure");
        case SecondColumn: return tr("Model");
        case FirstRateColumn: return tr("First");
        case SecondRateColumn: return tr("This");
        case DifferenceColumn: return tr("Difference, points [95%]");
        case PColumn: return tr("p");
        case FlipsColumn: return tr("Flips");
        default: return {};
    }
}

}  // namespace safequant::widgets
