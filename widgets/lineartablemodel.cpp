// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/lineartablemodel.h"

#include <QLocale>
#include <algorithm>

#include "widgets/format.h"
#include "widgets/theme.h"

namespace safequant::widgets {

LinearTableModel::LinearTableModel(QObject* parent) : QAbstractTableModel(parent) {}

void LinearTableModel::setLinears(const std::vector<protocol::LinearInfo>& linears) {
    beginResetModel();
    m_linears = linears;
    m_rows.clear();
    QHash<QString, LinearScheme> kept;
    for (std::size_t row = 0; row < m_linears.size(); ++row) {
        const QString name = QString::fromStdString(m_linears[row].name);
        m_rows.insert(name, int(row));
        if (m_overrides.contains(name)) {
            kept.insert(name, m_overrides.value(name));
        }
    }
    const bool changed = kept.size() != m_overrides.size();
    m_overrides = kept;
    endResetModel();
    if (changed) {
        emit overridesChanged();
    }
}

void LinearTableModel::updateLinears(const std::vector<protocol::LinearInfo>& linears) {
    QList<int> rows;
    for (const protocol::LinearInfo& linear : linears) {
        const auto found = m_rows.constFind(QString::fromStdString(linear.name));
        if (found != m_rows.constEnd()) {
            m_linears[std::size_t(found.value())] = linear;
            rows << found.value();
        }
    }
    emitRows(rows);
}

void LinearTableModel::setDefaultScheme(const LinearScheme& scheme) {
    if (scheme == m_default) {
        return;
    }
    m_default = scheme;
    if (!m_linears.empty()) {
        emit dataChanged(index(0, RequestedColumn), index(rowCount() - 1, RequestedColumn));
    }
}

void LinearTableModel::setEditable(bool editable) { m_editable = editable; }

void LinearTableModel::setOverride(const QList<int>& rows, const LinearScheme& scheme) {
    for (const int row : rows) {
        if (row >= 0 && row < rowCount()) {
            m_overrides.insert(nameOf(row), scheme);
        }
    }
    emitRows(rows);
    emit overridesChanged();
}

void LinearTableModel::clearOverride(const QList<int>& rows) {
    for (const int row : rows) {
        m_overrides.remove(nameOf(row));
    }
    emitRows(rows);
    emit overridesChanged();
}

void LinearTableModel::setOverrides(const QHash<QString, LinearScheme>& overrides) {
    if (overrides == m_overrides) {
        return;
    }
    m_overrides = overrides;
    if (!m_linears.empty()) {
        emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
    }
    emit overridesChanged();
}

QString LinearTableModel::nameOf(int row) const { return QString::fromStdString(m_linears[std::size_t(row)].name); }

LinearScheme LinearTableModel::schemeOf(int row) const { return m_overrides.value(nameOf(row), m_default); }

bool LinearTableModel::anyOutputError() const {
    return std::any_of(m_linears.begin(), m_linears.end(), [](const auto& linear) { return linear.outputError >= 0.0; });
}

void LinearTableModel::emitRows(const QList<int>& rows) {
    if (rows.isEmpty()) {
        return;
    }
    const auto [low, high] = std::minmax_element(rows.cbegin(), rows.cend());
    emit dataChanged(index(*low, 0), index(*high, ColumnCount - 1));
}

int LinearTableModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_linears.size()); }

int LinearTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(ColumnCount); }

QVariant LinearTableModel::display(int row, int column) const {
    const protocol::LinearInfo& linear = m_linears[std::size_t(row)];
    switch (column) {
        case LinearColumn: return m_ofOneBlock ? nameOf(row).section(QLatin1Char('.'), -1) : nameOf(row);
        case RequestedColumn: return schemeOf(row).describe();
        case ActualColumn: return QString::fromStdString(linear.actual);
        case ReasonColumn: return QString::fromStdString(linear.reason);
        case BitsPerWeightColumn: return linear.actual.empty() ? QString() : QLocale().toString(linear.bitsPerWeight, 'f', 2);
        case ErrorColumn: return linear.relativeError < 0.0 ? QString() : formatPercent(linear.relativeError, 2);
        case OutputErrorColumn: return linear.outputError < 0.0 ? QString() : formatPercent(linear.outputError, 2);
        default: return {};
    }
}

QVariant LinearTableModel::sortValue(int row, int column) const {
    const protocol::LinearInfo& linear = m_linears[std::size_t(row)];
    switch (column) {
        case LinearColumn: return row;
        case RequestedColumn: return schemeOf(row).weightBits;
        case ActualColumn: return linear.actualBits;
        case BitsPerWeightColumn: return linear.bitsPerWeight;
        case ErrorColumn: return linear.relativeError;
        case OutputErrorColumn: return linear.outputError;
        default: return display(row, column);
    }
}

QVariant LinearTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const int row = index.row();
    const int column = index.column();
    const protocol::LinearInfo& linear = m_linears[std::size_t(row)];
    const bool different = linear.requested != linear.actual && !linear.actual.empty();
    const bool own = m_overrides.contains(nameOf(row));
    switch (role) {
        case Qt::DisplayRole: return display(row, column);
        case Qt::EditRole: return column == RequestedColumn ? QVariant(schemeOf(row).weightBits) : display(row, column);
        case Qt::ToolTipRole:
            if (column == RequestedColumn) {
                return own ? tr("Own scheme of this linear. Delete gives it back the default.") : tr("The default scheme");
            }
            if (column == LinearColumn) return nameOf(row);
            return column == ReasonColumn ? display(row, column) : QVariant();
        case Qt::TextAlignmentRole:
            return QVariant((column >= BitsPerWeightColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        case Qt::FontRole: return Theme::font(column == RequestedColumn && own ? TextRole::BodyStrong : TextRole::Body);
        case Qt::ForegroundRole:
            if (different && (column == ActualColumn || column == ReasonColumn)) {
                return Theme::current().warning;
            }
            if (column == RequestedColumn && own) {
                return Theme::current().accent;
            }
            return column == LinearColumn || column == ActualColumn ? Theme::current().text : Theme::current().muted;
        case SortRole: return sortValue(row, column);
        case BlockRole: return linear.block;
        case SchemeRole: return QVariant::fromValue(schemeOf(row));
        case OverrideRole: return own;
        case DifferentRole: return different;
        default: return {};
    }
}

bool LinearTableModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid) || !m_editable) {
        return false;
    }
    LinearScheme scheme = schemeOf(index.row());
    if (role == SchemeRole && value.canConvert<LinearScheme>()) {
        scheme = value.value<LinearScheme>();
    } else if (role == Qt::EditRole && index.column() == RequestedColumn) {
        const int bits = value.toInt();
        if ((bits < 2 || bits > 8) && bits != 16) {
            return false;
        }
        scheme.weightBits = bits;
    } else {
        return false;
    }
    setOverride({index.row()}, scheme);
    return true;
}

Qt::ItemFlags LinearTableModel::flags(const QModelIndex& index) const {
    Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    if (m_editable && index.isValid() && index.column() == RequestedColumn) {
        flags |= Qt::ItemIsEditable;
    }
    return flags;
}

QVariant LinearTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::ToolTipRole && section == ErrorColumn) {
        return tr("Rounded against full-precision weights, with the scales that moved into them: |W - Q| / |W|");
    }
    if (role == Qt::ToolTipRole && section == OutputErrorColumn) {
        return tr("The same of what the linear puts out on the calibration inputs: |(W - Q) X| / |W X|");
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant((section >= BitsPerWeightColumn ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case LinearColumn: return tr("Linear");
        case RequestedColumn: return tr("Asked");
        case ActualColumn: return tr("Gets");
        case ReasonColumn: return tr("Why it differs");
        case BitsPerWeightColumn: return tr("Bits a weight");
        case ErrorColumn: return tr("Weight error");
        case OutputErrorColumn: return tr("Output error");
        default: return {};
    }
}

}  // namespace safequant::widgets
