// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/slicetablemodel.h"

#include <QLocale>
#include <QPainter>
#include <QPixmap>

namespace safequant::widgets {

namespace {

constexpr int kMarkSize = 16;
constexpr qreal kMarkScale = 2.0;  ///< Sharp on dense screens, and scaled down on others.

QPixmap markOf(const PromptSlice& slice) {
    QPixmap pixmap(QSize(kMarkSize, kMarkSize) * kMarkScale);
    pixmap.setDevicePixelRatio(kMarkScale);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paintSliceMark(&painter, QPointF(kMarkSize / 2.0, kMarkSize / 2.0), 5.0, slice.mark, sliceColor(slice.mark));
    return pixmap;
}

}  // namespace

SliceTableModel::SliceTableModel(QObject* parent) : QAbstractTableModel(parent) {}

void SliceTableModel::setSlices(const std::vector<PromptSlice>& slices) {
    if (slices.size() == m_slices.size() && !slices.empty()) {
        // Rows stay chosen.
        m_slices = slices;
        emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_slices = slices;
    endResetModel();
}

int SliceTableModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_slices.size()); }

int SliceTableModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(ColumnCount); }

QVariant SliceTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const PromptSlice& slice = m_slices[std::size_t(index.row())];
    if (role == Qt::ToolTipRole) {
        QString text = tr("%1: %n prompts", "", int(slice.prompts.size())).arg(slice.name);
        if (!slice.madeFrom.isEmpty()) {
            text += QLatin1Char('\n') + tr("Made from: %1").arg(slice.madeFrom);
        }
        if (!slice.absent.isEmpty()) {
            text += QLatin1Char('\n') + tr("%n more are not in this run", "", int(slice.absent.size()));
        }
        return text;
    }
    if (index.column() == CountColumn) {
        switch (role) {
            case Qt::DisplayRole: return QLocale().toString(slice.prompts.size());
            case Qt::TextAlignmentRole: return QVariant(Qt::AlignRight | Qt::AlignVCenter);
            case Qt::AccessibleTextRole: return tr("%n prompts", "", int(slice.prompts.size()));
            default: return {};
        }
    }
    switch (role) {
        case Qt::DisplayRole:
        case Qt::EditRole: return slice.name;
        case Qt::CheckStateRole: return slice.shown ? Qt::Checked : Qt::Unchecked;
        case Qt::DecorationRole: return markOf(slice);
        case Qt::AccessibleTextRole:
            return tr("%1, mark %2, %3").arg(slice.name, sliceShapeText(slice.mark), slice.shown ? tr("shown") : tr("not shown"));
        default: return {};
    }
}

bool SliceTableModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid) || index.column() != NameColumn) {
        return false;
    }
    if (role == Qt::CheckStateRole) {
        emit shownRequested(index.row(), value.toInt() == Qt::Checked);
        return true;
    }
    if (role != Qt::EditRole || value.toString().simplified().isEmpty()) {
        return false;
    }
    emit renameRequested(index.row(), value.toString());
    return true;
}

QVariant SliceTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) {
        return {};
    }
    return section == NameColumn ? tr("Slice") : section == CountColumn ? tr("Prompts") : QVariant();
}

Qt::ItemFlags SliceTableModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags common = QAbstractTableModel::flags(index);
    return index.column() == NameColumn ? common | Qt::ItemIsEditable | Qt::ItemIsUserCheckable : common;
}

}  // namespace safequant::widgets
