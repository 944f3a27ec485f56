// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/referencepane.h"

#include <QFileInfo>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "app/workbench/dialogs.h"
#include "app/workbench/setup/adapterlist.h"
#include "app/workbench/setup/setupmodel.h"
#include "app/workbench/ui.h"
#include "widgets/elidedlabel.h"

namespace safequant::workbench {

ReferencePane::ReferencePane(SetupModel* model, Dialogs* dialogs, QWidget* parent) : QWidget(parent), m_model(model), m_dialogs(dialogs) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 6);
    m_adapters = new AdapterList(dialogs, tr("Aligned model"), tr("Add a LoRA adapter that makes the aligned model"));
    m_adapters->setObjectName(QStringLiteral("alignedAdapters"));
    connect(m_adapters, &AdapterList::adaptersEdited, m_model, &SetupModel::setAlignedAdapters);
    layout->addWidget(m_adapters);

    m_signature = new QWidget;
    auto* rows = new QVBoxLayout(m_signature);
    setSpacing(rows, 0, 0, 0, 0, 3);
    auto* head = new QHBoxLayout;
    m_head = makeLabel({}, "secondary", "muted");
    head->addWidget(m_head, 1);
    m_choose = makeLink(tr("Choose ..."));
    m_choose->setObjectName(QStringLiteral("chooseSignature"));
    m_choose->setAccessibleName(tr("Choose a file with the aligned model's signature"));
    connect(m_choose, &QPushButton::clicked, this, &ReferencePane::chooseSignature);
    head->addWidget(m_choose);
    m_remove = makeLink(tr("Remove"));
    m_remove->setObjectName(QStringLiteral("removeSignature"));
    m_remove->setAccessibleName(tr("Take the signature away"));
    connect(m_remove, &QPushButton::clicked, this, [this] { m_model->setSignature({}); });
    head->addWidget(m_remove);
    rows->addLayout(head);
    m_signatureName = new widgets::ElidedLabel;
    m_signatureName->setObjectName(QStringLiteral("signatureName"));
    m_signatureName->setElideMode(Qt::ElideMiddle);
    rows->addWidget(m_signatureName);
    layout->addWidget(m_signature);

    m_text = makeParagraph(tr("A signature has means: malicious prompts move together by what the aligned model differs on average. What it does "
                              "differently from prompt to prompt is not restored."),
                           "secondary", "muted");
    m_text->setObjectName(QStringLiteral("referenceText"));
    layout->addWidget(m_text);
    m_missing = makeParagraph(tr("Name the model as it was before fine-tuning, or a file that “safequant signature” made of it: its refusals are what malicious "
                                 "prompts are pulled to."),
                              "secondary", "warning");
    m_missing->setObjectName(QStringLiteral("referenceMissing"));
    layout->addWidget(m_missing);
}

void ReferencePane::show(const nlohmann::json& spec, bool realigns) {
    const QStringList adapters = alignedAdaptersOf(spec);
    const QString signature = signatureOf(spec);
    const bool weights = !adapters.isEmpty() || (spec.is_object() && spec.contains("aligned") && !spec["aligned"].value("checkpoint", "").empty());
    m_adapters->setAdapters(adapters);
    m_adapters->setVisible(signature.isEmpty());
    // Only a method that learns can make something of means.
    m_signature->setVisible(!signature.isEmpty() || (realigns && !weights));
    m_head->setText(signature.isEmpty() ? tr("Its signature") : tr("Aligned model's signature"));
    m_signatureName->setText(QFileInfo(signature).fileName());
    m_signatureName->setToolTip(signature);
    m_signatureName->setVisible(!signature.isEmpty());
    m_choose->setVisible(signature.isEmpty());
    m_remove->setVisible(!signature.isEmpty());
    m_text->setVisible(!signature.isEmpty());
    m_missing->setVisible(realigns && !weights && signature.isEmpty());
}

void ReferencePane::chooseSignature() {
    const QString file = m_dialogs->chooseSignatureFile(this, QFileInfo(checkpointOf(m_model->spec())).absolutePath());
    if (!file.isEmpty()) m_model->setSignature(file);
}

}  // namespace safequant::workbench
