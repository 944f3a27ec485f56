// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/methodpane.h"

#include <QComboBox>
#include <QLabel>
#include <QVBoxLayout>

#include "app/workbench/setup/referencepane.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"

namespace safequant::workbench {

MethodPane::MethodPane(SetupModel* model, Dialogs* dialogs, QWidget* parent) : QWidget(parent), m_model(model) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 6);
    m_method = new QComboBox;
    m_method->setObjectName(QStringLiteral("method"));
    m_method->setAccessibleName(tr("Quantization method"));
    connect(m_method, &QComboBox::activated, this, [this](int index) { m_model->setMethod(m_method->itemData(index).toString()); });
    layout->addWidget(m_method);
    m_text = makeParagraph({}, "secondary", "muted");
    m_text->setObjectName(QStringLiteral("methodText"));
    layout->addWidget(m_text);
    m_reference = new ReferencePane(model, dialogs);
    layout->addWidget(m_reference);
    connect(m_model, &SetupModel::methodsChanged, this, &MethodPane::refreshMethods);
    connect(m_model, &SetupModel::specChanged, this, &MethodPane::refresh);
    refreshMethods();
}

void MethodPane::refreshMethods() {
    m_method->clear();
    for (const auto& method : m_model->methods()) m_method->addItem(QString::fromStdString(method.title), QString::fromStdString(method.id));
    refresh();
}

void MethodPane::refresh() {
    const auto& spec = m_model->spec();
    const QString id = methodOf(spec);
    m_method->setEnabled(m_model->hasSpec() && m_method->count() > 0);
    m_method->setCurrentIndex(m_method->findData(id));
    const protocol::MethodInfo* chosen = nullptr;
    for (const auto& method : m_model->methods())
        if (QString::fromStdString(method.id) == id) chosen = &method;
    QString text = chosen != nullptr ? QString::fromStdString(chosen->describe) : QString();
    if (chosen != nullptr && chosen->calibrated) {
        const CalibrationCounts counts = calibrationOf(spec);
        if (chosen->tunes)
            text += tr(" From %1 malicious, %2 benign prompts, %3 tasks.").arg(counts.malicious).arg(counts.benign).arg(counts.tasks);
        else
            text += tr(" From %1 malicious, %2 benign prompts, %3 texts, %4 tasks.")
                        .arg(counts.malicious)
                        .arg(counts.benign)
                        .arg(counts.texts)
                        .arg(counts.tasks);
    }
    m_text->setText(text);
    m_text->setVisible(!text.isEmpty());
    const bool realigns = chosen != nullptr && chosen->realigns;
    // A patch takes refusals from it, where there is one.
    m_reference->setVisible(realigns || !patchOf(spec).isEmpty());
    m_reference->show(spec, realigns);
}

}  // namespace safequant::workbench
