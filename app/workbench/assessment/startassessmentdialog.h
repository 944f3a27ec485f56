// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>
#include <nlohmann/json.hpp>

#include "app/workbench/engine/engineclient.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QRadioButton;

namespace safequant::workbench {

class Session;

/// What an assessment is to be made of: the bundled matrix on the model that is set up, or a spec file. Says how many cells it has, as the
/// engine counts them, before anything is started.
class StartAssessmentDialog : public QDialog {
    Q_OBJECT

public:
    explicit StartAssessmentDialog(Session* session, QWidget* parent = nullptr);

    /// Takes the model that is set up now.
    void prepare();

signals:
    /// Parameters of `assessment/start` but the workspace.
    void chosen(const nlohmann::json& what);

private:
    nlohmann::json what() const;
    void chooseFile();
    void askPlan();
    void showPlan(const Expected<protocol::AssessmentState>& plan);
    void say(const QString& text, const char* tone, bool startable);

    Session* m_session;
    QRadioButton *m_bundled, *m_own;
    QLabel* m_model;
    QLineEdit* m_file;
    QLabel* m_plan;
    QPushButton* m_start;
    EngineClient::RequestId m_request = 0;
    QTimer m_typed;
};

}  // namespace safequant::workbench
