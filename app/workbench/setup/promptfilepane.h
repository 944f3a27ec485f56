// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMap>
#include <QWidget>
#include <nlohmann/json.hpp>

#include "core/engine/protocol/prompt_messages.h"

class QComboBox;
class QGridLayout;
class QLabel;
class QPushButton;

namespace safequant::widgets {
class ContentShield;
}

namespace safequant::workbench {

class PromptRowsPane;

/// How one file of prompts is read: format, label, which column is what; and its records.
class PromptFilePane : public QWidget {
    Q_OBJECT

public:
    explicit PromptFilePane(widgets::ContentShield* shield, QWidget* parent = nullptr);

    /// The file as a run spec has it; null: none.
    void setFile(const nlohmann::json& file);
    void setPreview(const protocol::PromptPreview& preview);
    /// Asks for the records from a line on.
    void showFrom(int line);
    /// The wanted records, as `prompts/preview` asks for them.
    nlohmann::json page() const;

signals:
    /// Other records are wanted.
    void pageWanted();
    /// One of the prompts is chosen; `hidden`: its text stays out of sight. An empty text: none is.
    void promptChosen(const QString& text, bool hidden);
    /// The user reads it another way.
    void fileChanged(const nlohmann::json& file);

private:
    QComboBox* addChoice(QGridLayout* grid, int row, int column, const QString& name, const QString& objectName);
    void change(const char* field, const QString& value);
    void changeRole(const char* role, const QString& column);
    void refreshChoices();
    void correct(const QStringList& ids, const QString& label);

    nlohmann::json m_file;
    protocol::PromptPreview m_preview;
    QLabel* m_title;
    QComboBox* m_format;
    QComboBox* m_label;
    QMap<QString, QComboBox*> m_roles;
    QLabel* m_hint;
    QPushButton* m_suggestion;
    PromptRowsPane* m_rows;
};

}  // namespace safequant::workbench
