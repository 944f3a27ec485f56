// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "core/engine/protocol/prompt_messages.h"

class QLabel;
class QTreeWidget;

namespace safequant::widgets {
class BalanceBar;
class SegmentedControl;
}

namespace safequant::workbench {

/// A report on prompts: class balance, the few numbers that matter, and every finding by severity.
class PromptReportView : public QWidget {
    Q_OBJECT

public:
    explicit PromptReportView(QWidget* parent = nullptr);

    void setReport(const protocol::PromptReport& report);
    /// The whole report as plain text, for the clipboard. Holds no prompts.
    static QString toText(const protocol::PromptReport& report);

signals:
    /// A finding at a line of a file was opened.
    void placeChosen(const QString& file, int line);

private:
    void refreshFindings();

    protocol::PromptReport m_report;
    widgets::BalanceBar* m_balance;
    QLabel* m_numbers[4];
    widgets::SegmentedControl* m_filter;
    QTreeWidget* m_findings;
    QLabel* m_whole = nullptr;  ///< The current finding, uncut.
};

}  // namespace safequant::workbench
