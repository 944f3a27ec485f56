// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/figuretable.h"

#include <QLocale>
#include <cmath>

namespace safequant::widgets {

namespace {

bool isFloating(const QVariant& cell) { return cell.userType() == QMetaType::Double; }
bool isNumber(const QVariant& cell) { return isFloating(cell) || cell.userType() == QMetaType::Int || cell.userType() == QMetaType::LongLong; }

QString plainText(const QVariant& cell) {
    if (!isFloating(cell)) return cell.toString();
    const double value = cell.toDouble();
    return std::isnan(value) ? QString() : QString::number(value, 'g', 8);
}

/// Quoted where the format asks for it. A text that a spreadsheet would take for a formula gets a space before it.
QString csvField(const QVariant& cell) {
    QString text = plainText(cell);
    if (!isNumber(cell) && !text.isEmpty() && QStringLiteral("=+-@").contains(text.front())) text.prepend(QLatin1Char(' '));
    if (!text.contains(QLatin1Char('"')) && !text.contains(QLatin1Char(',')) && !text.contains(QLatin1Char('\n'))) return text;
    return QLatin1Char('"') + text.replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
}

template <typename Field>
QString linesOf(const FigureTable& table, const QString& separator, const QString& end, const Field& field) {
    QStringList head;
    for (const QString& column : table.columns) head << field(column);
    QString text = head.join(separator) + end;
    for (const QVariantList& row : table.rows) {
        QStringList cells;
        for (const QVariant& cell : row) cells << field(cell);
        text += cells.join(separator) + end;
    }
    return text;
}

}  // namespace

QString FigureTable::text() const { return linesOf(*this, QStringLiteral("\t"), QStringLiteral("\n"), plainText); }

QString FigureTable::csv() const { return linesOf(*this, QStringLiteral(","), QStringLiteral("\r\n"), csvField); }

FigureTableModel::FigureTableModel(QObject* parent) : QAbstractTableModel(parent) {}

void FigureTableModel::setTable(FigureTable table) {
    beginResetModel();
    m_table = std::move(table);
    endResetModel();
}

int FigureTableModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_table.rows.size()); }

int FigureTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_table.columns.size()); }

QVariant FigureTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
    const QVariant cell = m_table.rows[index.row()].value(index.column());
    switch (role) {
        case Qt::DisplayRole:
            if (!isFloating(cell)) return cell;
            if (std::isnan(cell.toDouble())) return QString();
            // A true minus sign is as wide as a plus sign.
            return QLocale().toString(cell.toDouble(), 'g', 5).replace(QLatin1Char('-'), QChar(0x2212));
        case SortRole: return cell;
        case Qt::TextAlignmentRole: return QVariant((isNumber(cell) ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        default: return {};
    }
}

QVariant FigureTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) {
        const bool number = !m_table.rows.isEmpty() && isNumber(m_table.rows.first().value(section));
        return QVariant((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    return role == Qt::DisplayRole ? QVariant(m_table.columns.value(section)) : QVariant();
}

}  // namespace safequant::widgets
