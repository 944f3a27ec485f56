// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>

#include "app/workbench/engine/engineclient.h"

class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QVBoxLayout;

namespace safequant::widgets {
class SegmentedControl;
}

namespace safequant::workbench {

class Session;

/// Exports the quantized model of the open run: in which format, where to, what is checked before, how far it is, and what came
/// out. Not modal: the window behind it stays in use.
class ExportDialog : public QDialog {
    Q_OBJECT

public:
    explicit ExportDialog(Session* session, QWidget* parent = nullptr);

    /// For the run that is open now.
    void prepare();

signals:
    void openFolderRequested(const QString& folder);
    void exported(const QString& folder);

private:
    enum class Stage { Choosing, Writing, Done, Failed };

    void chooseFormat(const QString& format);
    QString format() const;
    /// Name of the folder that an export in a format goes to unless the user gives another.
    QString defaultName(const QString& format) const;
    void ask();
    void showPreflight(const Expected<protocol::ExportPreflight>& preflight);
    void addItem(const QString& level, const QString& text);
    void clearItems();
    /// Makes room for texts that got longer.
    void fitHeight();
    void act();
    void finish(const Expected<protocol::ExportOutcome>& outcome);
    void setStage(Stage stage);

    Session* m_session;
    QString m_folder;
    QString m_target;
    QString m_suggested;  ///< The default name in the path when it was filled in.
    Stage m_stage = Stage::Choosing;
    bool m_possible = false;
    EngineClient::RequestId m_preflightRequest = 0;
    QTimer m_timer;
    QLabel* m_title;
    widgets::SegmentedControl* m_formats;
    QLabel* m_description;
    QLineEdit* m_path;
    QPushButton* m_browse;
    QVBoxLayout* m_items;
    QLabel* m_status;
    QProgressBar* m_progress;
    QPushButton* m_close;
    QPushButton* m_action;
};

}  // namespace safequant::workbench
