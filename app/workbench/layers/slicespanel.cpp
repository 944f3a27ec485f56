// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/layers/slicespanel.h"

#include <QFileInfo>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QShortcut>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "app/workbench/layers/promptexport.h"
#include "app/workbench/session.h"
#include "app/workbench/ui.h"
#include "widgets/promptfiltermodel.h"
#include "widgets/slicetablemodel.h"

namespace safequant::workbench {

using widgets::SliceTableModel;

namespace {

constexpr int kRow = 27;
constexpr int kCountWidth = 64;

QIcon markIcon(int mark) {
    QPixmap pixmap(32, 32);
    pixmap.setDevicePixelRatio(2.0);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    widgets::paintSliceMark(&painter, QPointF(8.0, 8.0), 5.0, mark, widgets::sliceColor(mark));
    painter.end();
    return QIcon(pixmap);
}

}  // namespace

SlicesPanel::SlicesPanel(Session* session, QWidget* parent) : QWidget(parent), m_session(session) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 0);
    layout->addWidget(makeSources());
    layout->addWidget(makeList(), 1);
    m_actions = makeActions();
    layout->addWidget(m_actions);
    connect(store(), &SliceStore::changed, this, &SlicesPanel::refresh);
    connect(m_session->selection(), &widgets::SelectionModel::selectionChanged, this, &SlicesPanel::refreshActions);
    refresh();
}

SliceStore* SlicesPanel::store() const { return m_session->slices(); }

QWidget* SlicesPanel::makeSources() {
    auto* area = new QWidget;
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 12, 0, 12, 6, 6);
    m_rule = new QLineEdit;
    m_rule->setObjectName(QStringLiteral("sliceRule"));
    m_rule->setPlaceholderText(tr("Rule: malicious quant:complied"));
    m_rule->setAccessibleName(tr("Rule for a new slice"));
    m_rule->setToolTip(tr("Enter makes a slice of all prompts that a rule holds for, written as the filter of the prompts:\n"
                          "labels (malicious, benign, hard), outcomes (refused, complied, incoherent; base: or quant: before them for\n"
                          "one model), scores (score>2, base<0, quant>1), and words of the text."));
    m_rule->setClearButtonEnabled(true);
    connect(m_rule, &QLineEdit::returnPressed, this, &SlicesPanel::makeFromRule);
    layout->addWidget(m_rule);
    auto* row = new QHBoxLayout;
    row->setSpacing(14);
    m_fromSelection = makeLink(tr("From the selection"));
    m_fromSelection->setObjectName(QStringLiteral("sliceFromSelection"));
    connect(m_fromSelection, &QPushButton::clicked, this,
            [this] { make(tr("Selection"), tr("selection"), m_session->selection()->selected()); });
    m_fromFilter = makeLink(tr("From the filter"));
    m_fromFilter->setObjectName(QStringLiteral("sliceFromFilter"));
    m_fromFilter->setToolTip(tr("All prompts that the filter of the prompts leaves"));
    connect(m_fromFilter, &QPushButton::clicked, this,
            [this] { make(m_filter->filterLine().simplified(), tr("filter: %1").arg(m_filter->filterLine().simplified()), m_filter->prompts()); });
    row->addWidget(m_fromSelection);
    row->addWidget(m_fromFilter);
    row->addStretch(1);
    layout->addLayout(row);
    return area;
}

QWidget* SlicesPanel::makeList() {
    auto* area = new QWidget;
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 0, 0, 0, 0, 0);
    m_model = new SliceTableModel(this);
    m_view = new QTableView;
    dressTable(m_view, QStringLiteral("slices"), tr("Slices"));
    m_view->setModel(m_model);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    m_view->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_view->horizontalHeader()->hide();
    m_view->horizontalHeader()->setSectionResizeMode(SliceTableModel::NameColumn, QHeaderView::Stretch);
    m_view->horizontalHeader()->setSectionResizeMode(SliceTableModel::CountColumn, QHeaderView::Fixed);
    m_view->horizontalHeader()->resizeSection(SliceTableModel::CountColumn, kCountWidth);
    m_view->verticalHeader()->setDefaultSectionSize(kRow);
    m_view->setContextMenuPolicy(Qt::ActionsContextMenu);
    connect(m_view->selectionModel(), &QItemSelectionModel::selectionChanged, this, &SlicesPanel::refreshActions);
    connect(m_model, &SliceTableModel::renameRequested, store(), &SliceStore::rename);
    connect(m_model, &SliceTableModel::shownRequested, store(), &SliceStore::setShown);
    layout->addWidget(m_view, 1);
    m_empty = makeParagraph(tr("A slice is a set of prompts with a name and a mark. Select points and take the selection, or write a rule."),
                            "secondary", "muted");
    m_empty->setContentsMargins(14, 10, 14, 0);
    m_empty->setAlignment(Qt::AlignTop);
    layout->addWidget(m_empty, 1);
    return area;
}

QWidget* SlicesPanel::makeActions() {
    QWidget* area = makeSurface("panel", "top");
    auto* layout = new QVBoxLayout(area);
    setSpacing(layout, 14, 10, 14, 12, 6);
    const auto link = [](const QString& text, const char* name, const QString& tip) {
        QPushButton* button = makeLink(text);
        button->setObjectName(QString::fromLatin1(name));
        button->setToolTip(tip);
        return button;
    };
    const auto row = [layout](std::initializer_list<QPushButton*> buttons) {
        auto* line = new QHBoxLayout;
        line->setSpacing(12);
        for (QPushButton* button : buttons) line->addWidget(button);
        line->addStretch(1);
        layout->addLayout(line);
    };
    m_select = link(tr("Select"), "sliceSelect", tr("Select the prompts of the chosen slices"));
    m_add = link(tr("Add to selection"), "sliceAdd", tr("Add the prompts of the chosen slices to the selection"));
    m_rename = link(tr("Rename"), "sliceRename", tr("Rename the slice (F2)"));
    m_combine = link(tr("Combine ..."), "sliceCombine", tr("Make a slice of the chosen ones: and, or, minus, or what is in none"));
    m_mark = link(tr("Mark ..."), "sliceMark", tr("Give the slice another colour and shape"));
    auto* out = link(tr("Export ..."), "sliceExport", tr("Write prompts to a file, JSON Lines or CSV"));
    m_delete = link(tr("Delete"), "sliceDelete", tr("Delete the chosen slices (Del)"));
    row({m_select, m_add, m_rename});
    row({m_combine, m_mark, out, m_delete});
    connect(m_select, &QPushButton::clicked, this, [this] { select(false); });
    connect(m_add, &QPushButton::clicked, this, [this] { select(true); });
    connect(m_rename, &QPushButton::clicked, this, [this] {
        const QList<int> rows = chosen();
        if (rows.size() == 1) m_view->edit(m_model->index(rows.first(), SliceTableModel::NameColumn));
    });
    connect(m_delete, &QPushButton::clicked, this, [this] { store()->remove(chosen()); });
    auto* combine = new QMenu(m_combine);
    combine->setObjectName(QStringLiteral("sliceCombineMenu"));
    connect(combine, &QMenu::aboutToShow, this, [this, combine] { fillCombineMenu(combine); });
    m_combine->setMenu(combine);
    m_mark->setMenu(makeMarkMenu());
    auto* exporting = new QMenu(out);
    exporting->setObjectName(QStringLiteral("sliceExportMenu"));
    QAction* selection = exporting->addAction(tr("The selection ..."), this, &SlicesPanel::exportSelection);
    selection->setObjectName(QStringLiteral("exportSelection"));
    QAction* slice = exporting->addAction(tr("The chosen slice ..."), this, [this] {
        const QList<int> rows = chosen();
        if (rows.size() == 1) write(nameOf(rows.first()), promptsOf(rows.first()));
    });
    slice->setObjectName(QStringLiteral("exportSlice"));
    connect(exporting, &QMenu::aboutToShow, this, [this, selection, slice] {
        selection->setEnabled(!m_session->selection()->isEmpty());
        slice->setEnabled(chosen().size() == 1);
    });
    out->setMenu(exporting);
    for (const auto& [keys, button] : {std::pair(QKeySequence(Qt::Key_Return), m_select), std::pair(QKeySequence(QKeySequence::Delete), m_delete)}) {
        auto* shortcut = new QShortcut(keys, m_view);
        shortcut->setContext(Qt::WidgetShortcut);
        connect(shortcut, &QShortcut::activated, button, &QPushButton::click);
    }
    for (QPushButton* button : {m_select, m_add, m_rename, m_delete}) {
        auto* action = new QAction(button->text(), m_view);
        connect(action, &QAction::triggered, button, &QPushButton::click);
        m_view->addAction(action);
    }
    m_note = makeParagraph({}, "secondary", "muted");
    m_note->setObjectName(QStringLiteral("sliceNote"));
    layout->addWidget(m_note);
    return area;
}

QMenu* SlicesPanel::makeMarkMenu() {
    auto* menu = new QMenu(m_mark);
    menu->setObjectName(QStringLiteral("sliceMarkMenu"));
    for (int mark = 0; mark < widgets::kSliceMarks; ++mark) {
        QString shape = widgets::sliceShapeText(mark);
        shape[0] = shape[0].toUpper();
        QAction* action = menu->addAction(shape, this, [this, mark] {
            const QList<int> rows = chosen();
            for (const int row : rows) store()->setMark(row, mark);
        });
        connect(menu, &QMenu::aboutToShow, action, [action, mark] { action->setIcon(markIcon(mark)); });
    }
    return menu;
}

void SlicesPanel::fillCombineMenu(QMenu* menu) {
    menu->clear();
    const QList<int> rows = chosen();
    const auto offer = [this, menu](const QString& text, const QList<int>& prompts) {
        menu->addAction(tr("%1 (%2)").arg(text).arg(prompts.size()), this, [this, text, prompts] { make(text, text, prompts); });
    };
    if (rows.size() == 1) offer(tr("not %1").arg(nameOf(rows.first())), store()->complement(rows.first()));
    if (rows.size() < 2) return;
    QStringList names;
    QList<int> both = promptsOf(rows.first()), any = both;
    for (const int row : rows) {
        names << nameOf(row);
        both = widgets::slicesBoth(both, promptsOf(row));
        any = widgets::slicesAny(any, promptsOf(row));
    }
    offer(names.join(tr(" and ")), both);
    offer(names.join(tr(" or ")), any);
    if (rows.size() > 2) return;
    const QList<int>&first = promptsOf(rows[0]), &second = promptsOf(rows[1]);
    offer(tr("%1 minus %2").arg(names[0], names[1]), widgets::slicesMinus(first, second));
    offer(tr("%1 minus %2").arg(names[1], names[0]), widgets::slicesMinus(second, first));
}

void SlicesPanel::setFilter(const widgets::PromptFilterModel* filter) {
    m_filter = filter;
    connect(filter, &widgets::PromptFilterModel::filterLineChanged, this, &SlicesPanel::refreshActions);
    refreshActions();
}

QList<int> SlicesPanel::chosen() const {
    QList<int> rows;
    const QModelIndexList indexes = m_view->selectionModel()->selectedRows();
    for (const QModelIndex& index : indexes) rows << index.row();
    std::sort(rows.begin(), rows.end());
    return rows;
}

const QList<int>& SlicesPanel::promptsOf(int slice) const { return store()->slices()[static_cast<std::size_t>(slice)].prompts; }

QString SlicesPanel::nameOf(int slice) const { return store()->slices()[static_cast<std::size_t>(slice)].name; }

void SlicesPanel::make(const QString& name, const QString& madeFrom, const QList<int>& prompts) {
    if (prompts.isEmpty()) {
        say(tr("No prompt is in it: no slice was made."), "warning");
        return;
    }
    const int slice = store()->add(name, madeFrom, prompts);
    if (slice < 0) return;
    say({}, "muted");
    m_view->selectRow(slice);
}

void SlicesPanel::makeFromRule() {
    const QString line = m_rule->text().simplified();
    if (line.isEmpty()) return;
    widgets::PromptFilterModel filter;
    filter.setSourceModel(m_session->prompts());
    filter.setFilterLine(line);
    const QList<int> prompts = filter.prompts();
    make(line, tr("rule: %1").arg(line), prompts);
    if (!prompts.isEmpty()) m_rule->clear();
}

void SlicesPanel::select(bool add) {
    const QList<int> rows = chosen();
    QList<int> prompts;
    for (const int row : rows) prompts = widgets::slicesAny(prompts, promptsOf(row));
    m_session->selection()->apply(add ? widgets::SelectionMode::Add : widgets::SelectionMode::Replace, prompts);
}

void SlicesPanel::exportSelection() { write(tr("selection"), m_session->selection()->selected()); }

void SlicesPanel::write(const QString& name, const QList<int>& prompts) {
    if (prompts.isEmpty()) return;
    AppSettings* settings = m_session->settings();
    const QString suggestion = exportNameOf(settings->text(Setting::LastExportFolder), name);
    const QString path = m_session->dialogs()->chooseExportFile(this, tr("Export prompts"), suggestion);
    if (path.isEmpty()) return;
    settings->set(Setting::LastExportFolder, QFileInfo(path).absolutePath());
    const auto written = exportPrompts(path, *m_session->prompts(), prompts, m_block);
    if (written) {
        say(tr("%1 written to %2").arg(counted(prompts.size(), tr("prompt"), tr("prompts")), QFileInfo(path).fileName()), "muted");
    } else {
        say(asSentence(QString::fromStdString(written.error().describe())), "bad");
    }
}

void SlicesPanel::say(const QString& text, const char* tone) {
    m_note->setText(text);
    setTone(m_note, tone);
    m_note->setVisible(!text.isEmpty());
}

void SlicesPanel::refresh() {
    m_model->setSlices(store()->slices());
    m_view->setVisible(count() > 0);
    m_empty->setVisible(count() == 0);
    say(store()->problem(), "bad");
    refreshActions();
}

void SlicesPanel::refreshActions() {
    const auto rows = chosen().size();
    const bool usable = store()->usable();
    m_rule->setEnabled(usable);
    m_fromSelection->setEnabled(usable && !m_session->selection()->isEmpty());
    m_fromFilter->setEnabled(usable && m_filter && !m_filter->filterLine().simplified().isEmpty());
    m_select->setEnabled(rows > 0);
    m_add->setEnabled(rows > 0);
    m_rename->setEnabled(rows == 1);
    m_combine->setEnabled(rows > 0);
    m_mark->setEnabled(rows > 0);
    m_delete->setEnabled(rows > 0);
}

}  // namespace safequant::workbench
