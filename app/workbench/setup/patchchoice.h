// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QComboBox;
class QLabel;

namespace safequant::workbench {

class SetupModel;

/// Whether and how what the method made is patched by pairs of answers.
class PatchChoice : public QWidget {
    Q_OBJECT

public:
    explicit PatchChoice(SetupModel* model, QWidget* parent = nullptr);

private:
    void refreshChoices();
    void refresh();

    SetupModel* m_model;
    QComboBox* m_patch;
    QLabel* m_text;
};

}  // namespace safequant::workbench
