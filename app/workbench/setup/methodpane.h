// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QComboBox;
class QLabel;

namespace safequant::workbench {

class Dialogs;
class ReferencePane;
class SetupModel;

/// How codes are chosen: the method, what it learns from, and the aligned model where it learns towards one.
class MethodPane : public QWidget {
    Q_OBJECT

public:
    MethodPane(SetupModel* model, Dialogs* dialogs, QWidget* parent = nullptr);

private:
    void refreshMethods();
    void refresh();

    SetupModel* m_model;
    QComboBox* m_method;
    QLabel* m_text;
    ReferencePane* m_reference;
};

}  // namespace safequant::workbench
