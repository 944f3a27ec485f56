// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <vector>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/report_messages.h"

class QLabel;
class QListWidget;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace safequant::widgets {
class FigureTableModel;
}

namespace safequant::workbench {

class Session;
class SvgView;

/// The figures and tables of a report one by one: looked at, copied, and saved alone, with the same numbers as in the whole.
class ReportPartsDialog : public QDialog {
    Q_OBJECT

public:
    explicit ReportPartsDialog(Session* session, QWidget* parent = nullptr);

    /// Gets the parts of a report; `parameters` as the request `report/files` takes them.
    void prepare(const nlohmann::json& parameters);

private:
    struct Part {
        QString name, title;
        QByteArray bytes;
        bool figure = false;
    };

    void take(Expected<protocol::ReportBundle> bundle);
    const Part* current() const;
    void showPart(int row);
    void copy();
    void save();
    /// Writes a part; what keeps it from being written, else empty.
    static QString write(const Part& part, const QString& path);

    Session* m_session;
    EngineClient::RequestId m_request = 0;
    std::vector<Part> m_parts;
    QListWidget* m_list;
    QStackedWidget* m_stack;
    QLabel* m_waiting;
    SvgView* m_figure;
    widgets::FigureTableModel* m_numbers;
    QTableView* m_table;
    QLabel* m_said;
    QPushButton* m_copy;
    QPushButton* m_save;
};

}  // namespace safequant::workbench
