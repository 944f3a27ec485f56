// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/prompttableview.h"

#include <QEvent>
#include <QHeaderView>
#include <QResizeEvent>
#include <algorithm>

#include "widgets/promptdelegate.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/prompttablemodel.h"
#include "widgets/selectionmodel.h"

namespace safequant::widgets {

PromptTableView::PromptTableView(QWidget* parent) : QTableView(parent), m_filter(new PromptFilterModel(this)) {
    setAccessibleName(tr("Prompts"));
    setItemDelegate(new PromptDelegate(this));
    setSelectionBehavior(SelectRows);
    setSelectionMode(ExtendedSelection);
    setEditTriggers(NoEditTriggers);
    setShowGrid(false);
    setWordWrap(false);
    setTabKeyNavigation(false);
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollMode(ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    verticalHeader()->setMinimumSectionSize(25);
    verticalHeader()->setDefaultSectionSize(25);
    horizontalHeader()->setHighlightSections(false);
    horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    horizontalHeader()->setFixedHeight(26);
    horizontalHeader()->setSortIndicatorClearable(true);
    setModel(m_filter);
    setSortingEnabled(true);
    m_filter->sort(-1);
    horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
    connect(this, &QTableView::activated, this, [this](const QModelIndex& index) { emit promptActivated(promptOf(index)); });
    connect(m_filter, &QAbstractItemModel::modelReset, this, &PromptTableView::pullSelection);
    connect(m_filter, &QAbstractItemModel::rowsInserted, this, &PromptTableView::pullSelection);
}

void PromptTableView::setPromptModel(PromptTableModel* model) {
    m_filter->setSourceModel(model);
    layoutColumns();
    pullSelection();
}

void PromptTableView::setSelectionLink(SelectionModel* selection) {
    if (m_link != nullptr) {
        m_link->disconnect(this);
    }
    m_link = selection;
    if (selection != nullptr) {
        connect(selection, &SelectionModel::selectionChanged, this, &PromptTableView::pullSelection);
        connect(selection, &SelectionModel::currentChanged, this, &PromptTableView::pullSelection);
    }
    pullSelection();
}

void PromptTableView::setVisibleColumns(const QList<int>& columns) {
    for (int column = 0; column < PromptTableModel::ColumnCount; ++column) {
        setColumnHidden(column, !columns.contains(column));
    }
    layoutColumns();
}

int PromptTableView::promptOf(const QModelIndex& index) const {
    return index.isValid() ? index.data(PromptTableModel::PromptRole).toInt() : -1;
}

void PromptTableView::selectionChanged(const QItemSelection& selected, const QItemSelection& deselected) {
    QTableView::selectionChanged(selected, deselected);
    if (m_syncing || m_link == nullptr || selectionModel() == nullptr) {
        return;
    }
    QList<int> prompts;
    const QModelIndexList rows = selectionModel()->selectedRows();
    for (const QModelIndex& row : rows) {
        prompts << promptOf(row);
    }
    m_syncing = true;
    // Filtering a selected row away must not take it out of the plots' selection.
    const bool byFilter = prompts.isEmpty() && !hasFocus();
    if (!byFilter) {
        m_link->setSelection(prompts, promptOf(currentIndex()));
    }
    m_syncing = false;
}

void PromptTableView::pullSelection() {
    if (m_syncing || m_link == nullptr || m_filter->sourceModel() == nullptr || selectionModel() == nullptr) {
        return;
    }
    m_syncing = true;
    QList<int> rows;
    const QList<int> prompts = m_link->selected();
    for (const int prompt : prompts) {
        const QModelIndex row = m_filter->mapFromSource(m_filter->sourceModel()->index(prompt, 0));
        if (row.isValid()) {
            rows << row.row();
        }
    }
    std::sort(rows.begin(), rows.end());
    QItemSelection selection;
    const int columns = m_filter->columnCount();
    // Rows in a row are one range: comparing selections costs the square of the number of ranges.
    for (qsizetype first = 0; first < rows.size();) {
        qsizetype last = first;
        while (last + 1 < rows.size() && rows[last + 1] == rows[last] + 1) {
            ++last;
        }
        selection.append(QItemSelectionRange(m_filter->index(rows[first], 0), m_filter->index(rows[last], columns - 1)));
        first = last + 1;
    }
    selectionModel()->select(selection, QItemSelectionModel::ClearAndSelect);
    const QModelIndex current =
        m_filter->mapFromSource(m_filter->sourceModel()->index(m_link->current(), PromptTableModel::PromptColumn));
    if (current.isValid()) {
        selectionModel()->setCurrentIndex(current, QItemSelectionModel::NoUpdate);
        scrollTo(current);
    }
    m_syncing = false;
}

void PromptTableView::layoutColumns() {
    if (m_filter->sourceModel() == nullptr) {
        return;
    }
    int used = 0;
    for (int column = 0; column < PromptTableModel::ColumnCount; ++column) {
        if (isColumnHidden(column) || column == PromptTableModel::PromptColumn) {
            continue;
        }
        const bool score = column == PromptTableModel::BaseScoreColumn || column == PromptTableModel::QuantizedScoreColumn;
        const int width = column == PromptTableModel::LabelColumn ? 28 : score ? 62 : 98;
        setColumnWidth(column, width);
        used += width;
    }
    setColumnWidth(PromptTableModel::PromptColumn, std::max(viewport()->width() - used, 80));
}

void PromptTableView::resizeEvent(QResizeEvent* event) {
    // The card below grows when a prompt is chosen: it must not cover the row that it is about.
    const QRect row = visualRect(currentIndex());
    const bool seen = currentIndex().isValid() && row.top() >= 0 && row.bottom() < event->oldSize().height();
    QTableView::resizeEvent(event);
    layoutColumns();
    if (seen) {
        scrollTo(currentIndex());
    }
}

void PromptTableView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) {
        viewport()->update();
    }
    QTableView::changeEvent(event);
}

}  // namespace safequant::widgets
