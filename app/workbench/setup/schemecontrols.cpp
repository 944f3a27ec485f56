// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/setup/schemecontrols.h"

#include <QCheckBox>
#include <QComboBox>
#include <QVBoxLayout>

#include "app/workbench/ui.h"
#include "widgets/segmentedcontrol.h"

namespace safequant::workbench {

SchemeControls::SchemeControls(const QString& prefix, QWidget* parent) : QWidget(parent) {
    auto* layout = new QVBoxLayout(this);
    setSpacing(layout, 0, 0, 0, 0, 8);
    m_weights = new widgets::SegmentedControl;
    m_weights->setObjectName(prefix + QStringLiteral("weightBits"));
    m_weights->setAccessibleName(tr("Weight bits"));
    for (int bits = 2; bits <= 8; ++bits) m_weights->addSegment(QString::number(bits), bits);
    connect(m_weights, &widgets::SegmentedControl::valueActivated, this, [this](const QVariant& value) {
        m_scheme.weightBits = value.toInt();
        emit edited(m_scheme, tr("Set weight bits"));
    });
    // Seven choices do not fit beside their name.
    auto* weights = new QHBoxLayout;
    weights->addWidget(makeLabel(tr("Weights")), 1);
    weights->addWidget(makeLabel(tr("bits"), "secondary", "muted"));
    layout->addLayout(weights);
    layout->addWidget(m_weights);

    m_group = new QComboBox;
    m_group->setMinimumWidth(96);
    m_group->setObjectName(prefix + QStringLiteral("groupSize"));
    connect(m_group, &QComboBox::activated, this, [this](int index) {
        m_scheme.groupSize = m_group->itemData(index).toInt();
        emit edited(m_scheme, tr("Set the group size"));
    });
    addRow(layout, tr("Group"), m_group);

    m_activations = new widgets::SegmentedControl;
    m_activations->setObjectName(prefix + QStringLiteral("activationBits"));
    for (const int bits : {16, 8, 6, 4}) m_activations->addSegment(QString::number(bits), bits);
    connect(m_activations, &widgets::SegmentedControl::valueActivated, this, [this](const QVariant& value) {
        m_scheme.activationBits = value.toInt();
        emit edited(m_scheme, tr("Set activation bits"));
    });
    addRow(layout, tr("Activations"), m_activations);

    m_symmetric = new QCheckBox;
    m_symmetric->setObjectName(prefix + QStringLiteral("symmetric"));
    connect(m_symmetric, &QCheckBox::toggled, this, [this](bool on) {
        if (m_refreshing) return;
        m_scheme.symmetric = on;
        emit edited(m_scheme, tr("Set symmetry"));
    });
    addRow(layout, tr("Symmetric"), m_symmetric);

    m_activationSymmetric = new QCheckBox;
    m_activationSymmetric->setObjectName(prefix + QStringLiteral("activationSymmetric"));
    connect(m_activationSymmetric, &QCheckBox::toggled, this, [this](bool on) {
        if (m_refreshing) return;
        m_scheme.activationSymmetric = on;
        emit edited(m_scheme, tr("Set symmetry of activations"));
    });
    m_activationRow = new QWidget;
    auto* row = new QVBoxLayout(m_activationRow);
    setSpacing(row, 0, 0, 0, 0, 0);
    addRow(row, tr("Symmetric activations"), m_activationSymmetric);
    layout->addWidget(m_activationRow);
}

void SchemeControls::setScheme(const LinearScheme& scheme, const QList<int>& groups) {
    m_refreshing = true;
    m_scheme = scheme;
    m_weights->setCurrentValue(scheme.weightBits);
    m_activations->setCurrentValue(scheme.activationBits);
    m_symmetric->setChecked(scheme.symmetric);
    m_activationSymmetric->setChecked(scheme.activationSymmetric);
    m_activationRow->setVisible(scheme.activationBits < 16);
    m_group->clear();
    QList<int> sizes = groups;
    if (!sizes.contains(scheme.groupSize)) sizes.prepend(scheme.groupSize);
    for (const int size : std::as_const(sizes)) m_group->addItem(size > 0 ? QString::number(size) : tr("per channel"), size);
    m_group->setCurrentIndex(m_group->findData(scheme.groupSize));
    m_refreshing = false;
}

}  // namespace safequant::workbench
