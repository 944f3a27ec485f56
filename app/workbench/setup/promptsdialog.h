// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/prompt_messages.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;
class QSpinBox;
class QTableWidget;

namespace safequant::workbench {

class PromptFilePane;
class PromptReportView;
class TokensPane;
class Session;

/// Which files of prompts a run uses and how they are read, with everything there is to know of them before it starts. Edits stay in
/// the dialog until "Use these prompts".
class PromptsDialog : public QDialog {
    Q_OBJECT

public:
    explicit PromptsDialog(Session* session, QWidget* parent = nullptr);

    /// Begins with the files and the split of the run that is being set up.
    void prepare();
    const protocol::PromptReport& report() const { return m_report; }

private:
    QWidget* makeFileArea();
    QWidget* makeSplitRow();
    QLayout* makeButtons();
    void addFiles();
    void removeFile();
    void refreshFiles();
    /// Shows a file of the list, from a line on.
    void selectFile(int row, int line = 1);
    /// The prompts from a line of a file on, where a finding is.
    void showPlace(const QString& file, int line);
    void changeFile(const nlohmann::json& file);
    void changeSplit();
    void ask();
    void askPreview();
    void showReport(Expected<protocol::PromptReport> report);
    void refreshButtons();
    void use();

    Session* m_session;
    nlohmann::json m_files = nlohmann::json::array();  ///< As a run spec has them.
    nlohmann::json m_split;
    protocol::PromptReport m_report;
    bool m_asking = false;
    bool m_refreshing = false;
    QString m_problem;
    EngineClient::RequestId m_reportRequest = 0, m_previewRequest = 0;
    QTimer m_timer;
    QTableWidget* m_table;
    QPushButton* m_remove;
    PromptFilePane* m_pane;
    TokensPane* m_tokens;
    PromptReportView* m_view;
    QCheckBox* m_again;
    QSpinBox* m_share;
    QCheckBox* m_allowOverlap;
    QLabel* m_status;
    QPushButton* m_copy;
    QPushButton* m_use;
};

}  // namespace safequant::workbench
