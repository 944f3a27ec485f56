// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/adapterlist.h"

#include <QFileInfo>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "app/workbench/dialogs.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"

namespace safequant::workbench {

AdapterList::AdapterList(Dialogs* dialogs, const QString& title, const QString& purpose, QWidget* parent) : QWidget(parent), m_dialogs(dialogs) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 3);
    auto* head = new QHBoxLayout;
    head->addWidget(makeLabel(title, "secondary", "muted"), 1);
    QPushButton* add = makeLink(tr("Add ..."));
    add->setObjectName(QStringLiteral("addAdapter"));
    add->setAccessibleName(purpose);
    connect(add, &QPushButton::clicked, this, &AdapterList::addFolder);
    head->addWidget(add);
    layout->addLayout(head);
    m_rows = new QVBoxLayout;
    m_rows->setSpacing(3);
    layout->addLayout(m_rows);
}

void AdapterList::setAdapters(const QStringList& folders) {
    if (folders == m_folders) return;
    m_folders = folders;
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        // A row is taken away by a button inside it.
        item->widget()->hide();
        item->widget()->deleteLater();
        delete item;
    }
    for (int i = 0; i < folders.size(); ++i) {
        auto* row = new QWidget;
        auto* layout = new QHBoxLayout(row);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->setSpacing(8);
        auto* name = new widgets::ElidedLabel;
        name->setElideMode(Qt::ElideMiddle);
        name->setText(QFileInfo(folders[i]).fileName());
        name->setToolTip(folders[i]);
        layout->addWidget(name, 1);
        QPushButton* remove = makeLink(tr("Remove"));
        remove->setAccessibleName(tr("Take adapter %1 away").arg(QFileInfo(folders[i]).fileName()));
        connect(remove, &QPushButton::clicked, this, [this, i] {
            QStringList left = m_folders;
            left.removeAt(i);
            emit adaptersEdited(left);
        });
        layout->addWidget(remove);
        m_rows->addWidget(row);
    }
}

void AdapterList::addFolder() {
    const QString start = m_folders.isEmpty() ? QString() : QFileInfo(m_folders.last()).absolutePath();
    const QString chosen = m_dialogs->chooseFolder(this, tr("Choose the folder of a LoRA adapter"), start);
    if (!chosen.isEmpty()) emit adaptersEdited(m_folders + QStringList{chosen});
}

}  // namespace safequant::workbench
