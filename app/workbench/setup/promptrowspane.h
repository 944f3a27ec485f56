// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QWidget>
#include <vector>

#include "core/engine/protocol/prompt_messages.h"

class QLabel;
class QTableWidget;
class QToolButton;

namespace safequant::widgets {
class ContentShield;
}

namespace safequant::workbench {

/// Records of a prompt file, a page at a time, with what a run takes each prompt for, which can be corrected. Malicious text is hidden.
class PromptRowsPane : public QWidget {
    Q_OBJECT

public:
    explicit PromptRowsPane(widgets::ContentShield* shield, QWidget* parent = nullptr);

    /// Another file: its first page is wanted.
    void clear();
    void setPreview(const protocol::PromptPreview& preview);
    /// Asks for the page that begins at a line, from which "back" leads here.
    void showFrom(int line);
    /// The wanted page, as `prompts/preview` asks for it.
    nlohmann::json page() const { return {{"from", m_from}, {"line", m_line}}; }

signals:
    void pageWanted();
    /// A prompt is chosen; `hidden`: its text stays out of sight. An empty text: none is.
    void promptChosen(const QString& text, bool hidden);
    /// Prompts are to be taken as `label`, left out ("leave_out"), or taken as the file says (empty).
    void corrected(const QStringList& ids, const QString& label);

private:
    QToolButton* makeStep(Qt::ArrowType arrow, const QString& objectName, const QString& name);
    void makeCorrections(QToolButton* button);
    void showPage(std::uint64_t from, int line);
    void refresh();
    void refreshHead();
    void fillRow(int at, const std::vector<std::string>& columns);
    void select(const QStringList& ids);
    QStringList chosenIds() const;
    void tellChosen();

    widgets::ContentShield* m_shield;
    protocol::PromptPreview m_preview;
    std::uint64_t m_from = 0;
    int m_line = 1;
    std::vector<std::uint64_t> m_back;  ///< Where the pages before began.
    QLabel* m_lines;
    QToolButton* m_previous;
    QToolButton* m_next;
    QToolButton* m_correct;
    QTableWidget* m_rows;
};

}  // namespace safequant::workbench
