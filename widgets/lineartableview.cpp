// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/lineartableview.h"

#include <QContextMenuEvent>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMenu>
#include <QSortFilterProxyModel>
#include <algorithm>

#include "widgets/lineartablemodel.h"
#include "widgets/schemedelegate.h"

namespace safequant::widgets {

LinearTableView::LinearTableView(QWidget* parent) : QTableView(parent), m_proxy(new QSortFilterProxyModel(this)) {
    setAccessibleName(tr("Linears"));
    m_proxy->setSortRole(LinearTableModel::SortRole);
    m_proxy->setFilterKeyColumn(LinearTableModel::LinearColumn);
    m_proxy->setFilterCaseSensitivity(Qt::CaseInsensitive);
    setModel(m_proxy);
    auto* delegate = new SchemeDelegate(this);
    setItemDelegateForColumn(LinearTableModel::RequestedColumn, delegate);
    connect(delegate, &SchemeDelegate::bitsChosen, this, &LinearTableView::setSelectedBits);
    setSelectionBehavior(SelectRows);
    setSelectionMode(ExtendedSelection);
    setEditTriggers(DoubleClicked | EditKeyPressed);
    setShowGrid(false);
    setWordWrap(false);
    setTabKeyNavigation(false);
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollMode(ScrollPerPixel);
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    verticalHeader()->setMinimumSectionSize(25);
    verticalHeader()->setDefaultSectionSize(25);
    horizontalHeader()->setHighlightSections(false);
    horizontalHeader()->setStretchLastSection(false);
    setSortingEnabled(true);
    sortByColumn(LinearTableModel::LinearColumn, Qt::AscendingOrder);
}

void LinearTableView::setLinearModel(LinearTableModel* model) {
    m_model = model;
    m_proxy->setSourceModel(model);
    QHeaderView* header = horizontalHeader();
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->resizeSection(LinearTableModel::LinearColumn, model->ofOneBlock() ? 92 : 230);
    header->resizeSection(LinearTableModel::RequestedColumn, 186);
    header->resizeSection(LinearTableModel::ActualColumn, 172);
    header->setSectionResizeMode(LinearTableModel::ReasonColumn, QHeaderView::Stretch);
    header->resizeSection(LinearTableModel::BitsPerWeightColumn, 90);
    header->resizeSection(LinearTableModel::ErrorColumn, 100);
    header->resizeSection(LinearTableModel::OutputErrorColumn, 100);
    // Most methods measure no outputs.
    const auto refresh = [this] { setColumnHidden(LinearTableModel::OutputErrorColumn, !m_model->anyOutputError()); };
    connect(model, &QAbstractItemModel::modelReset, this, refresh);
    connect(model, &QAbstractItemModel::dataChanged, this, refresh);
    refresh();
}

QList<int> LinearTableView::selectedRows() const {
    QList<int> rows;
    const QModelIndexList indexes = selectionModel()->selectedRows();
    for (const QModelIndex& index : indexes) {
        rows << m_proxy->mapToSource(index).row();
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

void LinearTableView::setNameFilter(const QString& text) { m_proxy->setFilterFixedString(text); }

void LinearTableView::setSelectedBits(int bits) {
    const QList<int> rows = selectedRows();
    if (m_model == nullptr || rows.isEmpty()) {
        return;
    }
    LinearScheme scheme = m_model->schemeOf(rows.first());
    scheme.weightBits = bits;
    m_model->setOverride(rows, scheme);
}

void LinearTableView::setSelectedScheme(const LinearScheme& scheme) {
    if (m_model != nullptr && !selectedRows().isEmpty()) {
        m_model->setOverride(selectedRows(), scheme);
    }
}

void LinearTableView::clearSelectedOverrides() {
    if (m_model != nullptr && !selectedRows().isEmpty()) {
        m_model->clearOverride(selectedRows());
    }
}

void LinearTableView::keyPressEvent(QKeyEvent* event) {
    const bool editable = m_model != nullptr && !selectedRows().isEmpty() &&
                          m_model->flags(m_model->index(0, LinearTableModel::RequestedColumn)).testFlag(Qt::ItemIsEditable);
    if (editable && event->modifiers() == Qt::NoModifier) {
        if (event->key() >= Qt::Key_2 && event->key() <= Qt::Key_8) {
            setSelectedBits(event->key() - Qt::Key_0);
            return;
        }
        if (event->key() == Qt::Key_0) {
            setSelectedBits(16);
            return;
        }
        if (event->key() == Qt::Key_Delete) {
            clearSelectedOverrides();
            return;
        }
    }
    QTableView::keyPressEvent(event);
}

void LinearTableView::contextMenuEvent(QContextMenuEvent* event) {
    if (m_model == nullptr || selectedRows().isEmpty() ||
        !m_model->flags(m_model->index(0, LinearTableModel::RequestedColumn)).testFlag(Qt::ItemIsEditable)) {
        return;
    }
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addSection(tr("%n selected", "", int(selectedRows().size())));
    for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
        menu->addAction(tr("%1 bits").arg(bits), this, [this, bits] { setSelectedBits(bits); });
    }
    menu->addAction(tr("Leave unquantized"), this, [this] { setSelectedBits(16); });
    menu->addSeparator();
    menu->addAction(tr("Back to the default"), this, &LinearTableView::clearSelectedOverrides);
    menu->popup(event->globalPos());
}

void LinearTableView::selectionChanged(const QItemSelection& selected, const QItemSelection& deselected) {
    QTableView::selectionChanged(selected, deselected);
    emit selectedRowsChanged();
}

}  // namespace safequant::widgets
