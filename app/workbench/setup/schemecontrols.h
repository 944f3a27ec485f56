// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "widgets/linearscheme.h"

class QCheckBox;
class QComboBox;
class QVBoxLayout;

namespace safequant::widgets {
class SegmentedControl;
}

namespace safequant::workbench {

using widgets::LinearScheme;

/// The grid of weights and activations: bits, group, activation bits, symmetry.
class SchemeControls : public QWidget {
    Q_OBJECT

public:
    /// `prefix` stands before the object names of the controls.
    explicit SchemeControls(const QString& prefix, QWidget* parent = nullptr);

    const LinearScheme& scheme() const { return m_scheme; }
    /// Shows a scheme; `groups` are the sizes to choose from, -1 per channel.
    void setScheme(const LinearScheme& scheme, const QList<int>& groups);

signals:
    /// The user changed the scheme; `what` names the edit.
    void edited(const safequant::widgets::LinearScheme& scheme, const QString& what);

private:

    LinearScheme m_scheme;
    bool m_refreshing = false;
    widgets::SegmentedControl* m_weights;
    QComboBox* m_group;
    widgets::SegmentedControl* m_activations;
    QCheckBox* m_symmetric;
    QCheckBox* m_activationSymmetric;
    QWidget* m_activationRow;  ///< There only where activations are quantized.
};

}  // namespace safequant::workbench
