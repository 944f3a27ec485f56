// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/frame/shortcutsdialog.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>

#include "app/workbench/frame/actions.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

namespace {

constexpr int kDialogWidth = 640, kDialogHeight = 600;
constexpr int kMenuWidth = 90, kKeysWidth = 150;
constexpr int kActionRole = Qt::UserRole;
enum ShortcutColumn { kWhat, kMenu, kKeys, kShortcutColumns };

QString shownName(const QAction* action) { return Actions::plainText(action->text()).remove(QLatin1String(" ...")); }

/// Keys that typing needs cannot start an action.
bool typesText(const QKeySequence& keys) {
    const auto combination = keys[0];
    const bool bare = !(combination.keyboardModifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
    const bool function = combination.key() >= Qt::Key_F1 && combination.key() <= Qt::Key_F35;
    return bare && !function;
}

}  // namespace

ShortcutsDialog::ShortcutsDialog(Actions* actions, QWidget* parent)
    : QDialog(parent),
      m_actions(actions),
      m_model(new QStandardItemModel(this)),
      m_shown(new QSortFilterProxyModel(this)),
      m_filter(new QLineEdit),
      m_table(new QTableView),
      m_name(makeLabel({}, "heading")),
      m_keys(new QKeySequenceEdit),
      m_take(makeLink(tr("Take them"))),
      m_none(new QPushButton(tr("None"))),
      m_standard(new QPushButton(tr("Standard"))),
      m_allStandard(makeLink(tr("All as they came"))),
      m_said(makeParagraph({}, "secondary", "muted")) {
    setObjectName(QStringLiteral("shortcutsDialog"));
    setWindowTitle(tr("Keyboard shortcuts"));
    resize(kDialogWidth, kDialogHeight);
    m_filter->setObjectName(QStringLiteral("shortcutFilter"));
    m_filter->setPlaceholderText(tr("Find an action or its keys"));
    m_filter->setAccessibleName(m_filter->placeholderText());
    m_filter->setClearButtonEnabled(true);
    m_model->setColumnCount(kShortcutColumns);
    m_model->setHorizontalHeaderLabels({tr("What it does"), tr("Menu"), tr("Keys")});
    const auto list = m_actions->all();
    for (QAction* action : list) {
        auto* what = new QStandardItem(shownName(action));
        what->setData(QVariant::fromValue<QObject*>(action), kActionRole);
        m_model->appendRow({what, new QStandardItem(Actions::menuOf(action)), new QStandardItem});
    }
    m_shown->setSourceModel(m_model);
    m_shown->setFilterKeyColumn(-1);
    m_shown->setFilterCaseSensitivity(Qt::CaseInsensitive);
    dressTable(m_table, QStringLiteral("shortcutTable"), tr("Actions and their keys"));
    m_table->setModel(m_shown);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->horizontalHeader()->setSectionResizeMode(kWhat, QHeaderView::Stretch);
    m_table->setColumnWidth(kMenu, kMenuWidth);
    m_table->setColumnWidth(kKeys, kKeysWidth);
    m_keys->setObjectName(QStringLiteral("shortcutKeys"));
    m_take->setObjectName(QStringLiteral("shortcutTake"));
    m_none->setObjectName(QStringLiteral("shortcutNone"));
    m_standard->setObjectName(QStringLiteral("shortcutStandard"));
    m_allStandard->setObjectName(QStringLiteral("shortcutAllStandard"));
    m_said->setObjectName(QStringLiteral("shortcutSaid"));
    for (QPushButton* button : {m_none, m_standard, m_take, m_allStandard}) button->setAutoDefault(false);

    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 16, 16, 16, 16, 10);
    layout->addWidget(m_filter);
    layout->addWidget(m_table, 1);
    auto* edit = new QHBoxLayout;
    edit->setSpacing(8);
    edit->addWidget(m_name, 1);
    edit->addWidget(m_keys);
    edit->addWidget(m_none);
    edit->addWidget(m_standard);
    layout->addLayout(edit);
    auto* said = new QHBoxLayout;
    said->setSpacing(8);
    said->addWidget(m_said, 1);
    said->addWidget(m_take);
    layout->addLayout(said);
    layout->addWidget(makeParagraph(tr("In the chart Left and Right choose a block; in the projection arrow keys go through the points, with Shift they add "
                                       "them, and P, B, L, G and H choose what the pointer does. In figures of the Analysis page arrow keys go through "
                                       "points, bars and cells, and Ctrl+C copies the numbers."),
                                    "secondary", "muted"));
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_allStandard);
    buttons->addStretch(1);
    auto* close = new QPushButton(tr("Close"));
    close->setAutoDefault(false);
    buttons->addWidget(close);
    layout->addLayout(buttons);

    connect(m_filter, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_shown->setFilterFixedString(text);
        if (!m_table->currentIndex().isValid()) m_table->selectRow(0);
    });
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &ShortcutsDialog::showChosen);
    connect(m_keys, &QKeySequenceEdit::editingFinished, this, [this] {
        const QKeySequence typed = m_keys->keySequence();
        if (!typed.isEmpty()) assign(QKeySequence(typed[0]), false);
    });
    connect(m_take, &QPushButton::clicked, this, [this] { assign(m_wanted, true); });
    connect(m_none, &QPushButton::clicked, this, [this] { assign({}, true); });
    connect(m_standard, &QPushButton::clicked, this, [this] {
        if (QAction* action = chosen()) m_actions->setKeys(action, Actions::standardKeys(action));
        refresh();
    });
    connect(m_allStandard, &QPushButton::clicked, this, [this] {
        m_actions->setChangedKeys({});
        refresh();
    });
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    refresh();
    m_table->selectRow(0);
}

QAction* ShortcutsDialog::chosen() const {
    const QModelIndex row = m_shown->mapToSource(m_table->currentIndex());
    return row.isValid() ? qobject_cast<QAction*>(m_model->item(row.row(), kWhat)->data(kActionRole).value<QObject*>()) : nullptr;
}

void ShortcutsDialog::refresh() {
    for (int row = 0; row < m_model->rowCount(); ++row) {
        const auto* action = qobject_cast<QAction*>(m_model->item(row, kWhat)->data(kActionRole).value<QObject*>());
        QStringList keys;
        const auto shortcuts = action->shortcuts();
        for (const QKeySequence& each : shortcuts) keys << each.toString(QKeySequence::NativeText);
        QFont font = m_table->font();
        font.setBold(Actions::standardKeys(action) != shortcuts);
        m_model->item(row, kKeys)->setText(keys.join(QLatin1String(", ")));
        m_model->item(row, kKeys)->setFont(font);
    }
    m_allStandard->setEnabled(!m_actions->changedKeys().isEmpty());
    showChosen();
}

void ShortcutsDialog::showChosen() {
    const QAction* action = chosen();
    for (QWidget* widget : std::initializer_list<QWidget*>{m_keys, m_none, m_standard}) widget->setEnabled(action);
    m_wanted = {};
    m_take->hide();
    m_said->setText(tr("Click into the field and press the new keys. Changed keys are bold."));
    setTone(m_said, "muted");
    m_name->setText(action ? shownName(action) : QString());
    m_keys->setAccessibleName(action ? tr("Keys of: %1").arg(shownName(action)) : QString());
    m_keys->setKeySequence(action ? action->shortcut() : QKeySequence());
    if (!action) return;
    m_none->setEnabled(!action->shortcuts().isEmpty());
    m_standard->setEnabled(action->shortcuts() != Actions::standardKeys(action));
}

void ShortcutsDialog::assign(const QKeySequence& keys, bool takeOver) {
    QAction* action = chosen();
    if (!action || (keys == action->shortcut() && !keys.isEmpty())) return;
    if (!keys.isEmpty() && typesText(keys)) {
        m_said->setText(tr("%1 is needed for typing. Hold Ctrl, Alt or Meta, or use a function key.").arg(keys.toString(QKeySequence::NativeText)));
        setTone(m_said, "bad");
        return m_keys->setKeySequence(action->shortcut());
    }
    QAction* other = keys.isEmpty() ? nullptr : m_actions->withKeys(keys);
    if (other && other != action) {
        if (!takeOver) {
            m_wanted = keys;
            m_said->setText(tr("%1 is what \"%2\" has.").arg(keys.toString(QKeySequence::NativeText), shownName(other)));
            setTone(m_said, "bad");
            m_take->show();
            return;
        }
        QList<QKeySequence> left = other->shortcuts();
        left.removeAll(keys);
        m_actions->setKeys(other, left);
    }
    m_actions->setKeys(action, keys.isEmpty() ? QList<QKeySequence>() : QList<QKeySequence>{keys});
    refresh();
}

}  // namespace safequant::workbench
