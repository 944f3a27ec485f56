// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>
#include <map>
#include <vector>

#include "app/workbench/setup/setupmodel.h"
#include "core/base/error.h"
#include "core/engine/protocol/settings_messages.h"

class QLabel;
class QPushButton;
class QScrollArea;

namespace safequant::workbench {

class Dialogs;
class SettingField;

/// Everything the spec's method, or its patch, can be told, as the engine describes it. What is left at its standard stays out of the spec; standards
/// follow what is chosen here (an objective sets its weights), and the engine says at once what it cannot take.
class MethodSettingsDialog : public QDialog {
    Q_OBJECT

public:
    MethodSettingsDialog(SetupModel* model, Dialogs* dialogs, QWidget* parent = nullptr);

    /// What the dialog is for, and what its button says; absent: settings of a method or patch, to be used.
    void setPurpose(const QString& title, const QString& verb);
    /// Begins with what the spec says now.
    void prepare(SettingsOf of = SettingsOf::Method);

private:
    void ask();
    void take(Expected<std::vector<protocol::MethodSetting>> settings);
    void build(const std::vector<protocol::MethodSetting>& settings);
    void noteEdit(const SettingField* field);
    /// The spec with what is chosen here and nothing else of the method's settings.
    nlohmann::json tentativeSpec() const;
    void accept() override;

    SetupModel* m_model;
    Dialogs* m_dialogs;
    SettingsOf m_of = SettingsOf::Method;
    QString m_purpose;
    QTimer m_asking;
    std::vector<SettingField*> m_fields;
    std::map<std::string, nlohmann::json> m_own;  ///< By path: what differs from the standard.
    QLabel *m_title, *m_help, *m_problem;
    QScrollArea* m_scroll;
    QPushButton *m_use, *m_reset;
};

}  // namespace safequant::workbench
