// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/workbench/engine/engineclient.h"
#include "core/engine/protocol/report_messages.h"

class QCheckBox;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace safequant::widgets {
class DocumentView;
class EmptyState;
class SegmentedControl;
}

namespace safequant::workbench {

class ReportPartsDialog;
class Session;

/// The report of the open run, or of chosen ones, as it will be handed on, and what goes into it.
class ReportPage : public QWidget {
    Q_OBJECT

public:
    explicit ReportPage(Session* session, QWidget* parent = nullptr);

    widgets::DocumentView* preview() { return m_preview; }
    /// Tells of these runs, compared where they are several, until the user goes back to the open one.
    void showRuns(const QStringList& folders);

signals:
    /// A report was written; the first of its files.
    void written(const QString& page);

protected:
    void showEvent(QShowEvent* event) override;

private:
    /// Asks for a new preview when the one shown is not of this run in its state, for this reader.
    void refresh();
    void take(Expected<protocol::ReportPreview> preview);
    void save();
    void saveHere();
    void showParts();
    void refreshEngine();
    void setSavable(bool savable);
    QString nameOfReport() const { return m_chosen.size() > 1 ? QStringLiteral("comparison") : QStringLiteral("report"); }
    void say(const QString& text, const char* tone);
    QStringList folders() const;
    nlohmann::json parameters() const;

    Session* m_session;
    widgets::SegmentedControl* m_reader;
    QCheckBox* m_texts;
    QPushButton* m_save;
    QPushButton* m_open;
    QPushButton* m_saveHere;
    QPushButton* m_showParts;
    ReportPartsDialog* m_parts = nullptr;
    QLabel* m_said;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    widgets::DocumentView* m_preview;
    QPushButton* m_back;
    QString m_openRun;     ///< The session's; another one takes the place of chosen ones.
    QStringList m_chosen;  ///< Runs to tell of; empty: the open one.
    QString m_shown;   ///< What the preview is of.
    QString m_page;    ///< Written last, on this machine.
    EngineClient::RequestId m_request{};
};

}  // namespace safequant::workbench
