// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <memory>

#include "app/workbench/engine/engineclient.h"

class QGridLayout;
class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QSpinBox;

namespace safequant::workbench {

class Session;

/// The engines that are known: added, changed, tried and chosen. What is typed is kept at once; the engine in use changes only by the
/// button that says so.
class EnginesDialog : public QDialog {
    Q_OBJECT

public:
    explicit EnginesDialog(Session* session, QWidget* parent = nullptr);

    /// Begins with the engine that is in use.
    void prepare();

signals:
    void useRequested(const safequant::workbench::EngineAddress& address);

private:
    QLayout* makeList();
    QLayout* makeForm();
    QLineEdit* addField(QGridLayout* grid, const QString& title, const char* name, const QString& placeholder, const QString& tip);
    std::size_t index() const;
    const EngineAddress& selected() const;
    bool selectedInUse() const;
    void refreshList(std::size_t current);
    void showSelected();
    void takeFields();
    void add();
    void remove();
    void test();
    void tellTest();
    void refresh();
    void say(const QString& text, const char* tone);

    Session* m_session;
    std::unique_ptr<EngineClient> m_tested;
    bool m_refreshing = false;
    QListWidget* m_list;
    QPushButton* m_remove;
    QLabel* m_title;
    QLabel* m_text;
    QWidget* m_form;
    QLineEdit *m_name, *m_host, *m_command, *m_workspace;
    QSpinBox* m_port;
    QPushButton* m_test;
    QLabel* m_said;
    QPushButton* m_use;
};

}  // namespace safequant::workbench
