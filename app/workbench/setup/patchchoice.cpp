// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/patchchoice.h"

#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QVBoxLayout>

#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "widgets/glossary.h"

namespace safequant::workbench {

PatchChoice::PatchChoice(SetupModel* model, QWidget* parent) : QWidget(parent), m_model(model) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 6);
    m_patch = new QComboBox;
    m_patch->setObjectName(QStringLiteral("patch"));
    // Long names do not widen the panel; the list under it is as wide as they are.
    m_patch->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_patch->setMinimumContentsLength(12);
    widgets::explain(m_patch, QStringLiteral("patch"));
    m_patch->setAccessibleName(tr("Safety patch"));
    connect(m_patch, &QComboBox::activated, this, [this](int index) { m_model->setPatch(m_patch->itemData(index).toString()); });
    layout->addWidget(m_patch);
    m_text = makeParagraph({}, "secondary", "muted");
    m_text->setObjectName(QStringLiteral("patchChoiceText"));
    layout->addWidget(m_text);
    connect(m_model, &SetupModel::methodsChanged, this, &PatchChoice::refreshChoices);
    connect(m_model, &SetupModel::specChanged, this, &PatchChoice::refresh);
    refreshChoices();
}

void PatchChoice::refreshChoices() {
    m_patch->clear();
    m_patch->addItem(tr("None"), QString());
    for (const auto& patch : m_model->patches()) m_patch->addItem(QString::fromStdString(patch.title), QString::fromStdString(patch.id));
    refresh();
}

void PatchChoice::refresh() {
    const QString id = patchOf(m_model->spec());
    m_patch->setEnabled(m_model->hasSpec() && m_patch->count() > 1);
    m_patch->setCurrentIndex(m_patch->findData(id));
    QString text;
    for (const auto& patch : m_model->patches())
        if (QString::fromStdString(patch.id) == id) text = QString::fromStdString(patch.describe);
    if (const QString pairs = patchPairsOf(m_model->spec()); !id.isEmpty() && !pairs.isEmpty()) text += QLatin1Char(' ') + tr("Learns from %1.").arg(QFileInfo(pairs).fileName());
    if (!id.isEmpty() && !alignedAdaptersOf(m_model->spec()).isEmpty()) text += QLatin1Char(' ') + tr("Refusals are the aligned model's.");
    m_text->setText(text);
    m_text->setVisible(!text.isEmpty());
}

}  // namespace safequant::workbench
