// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <array>
#include <string>

class QLabel;
class QPushButton;

namespace safequant::widgets {
class SegmentedControl;
}

namespace safequant::workbench {

class Session;

/// What the user says of both answers to the chosen prompt: refused, answered or incoherent, for those who do not want to believe a judge
/// unread. A text that is hidden cannot be judged.
class ReviewBar : public QWidget {
    Q_OBJECT

public:
    explicit ReviewBar(Session* session, QWidget* parent = nullptr);

private:
    struct Row {
        std::string model;
        QWidget* line = nullptr;
        widgets::SegmentedControl* verdict = nullptr;
        QPushButton* takeBack = nullptr;
    };
    Row makeRow(const char* model, const QString& name);
    void refresh();

    Session* m_session;
    QLabel* m_said;
    std::array<Row, 2> m_rows;
    QString m_label;  ///< Of the prompt for which the segments are named.
};

/// What people's verdicts say of the judge and of the harmful score, and the way to the next answer to read.
class ReviewSummary : public QWidget {
    Q_OBJECT

public:
    explicit ReviewSummary(Session* session, QWidget* parent = nullptr);

private:
    void refresh();

    Session* m_session;
    QLabel* m_text;
    QPushButton* m_draw;
};

}  // namespace safequant::workbench
