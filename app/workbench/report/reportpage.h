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

class Session;

/// The report of the open run as it will be handed on, and what goes into it.
class ReportPage : public QWidget {
    Q_OBJECT

public:
    explicit ReportPage(Session* session, QWidget* parent = nullptr);

    widgets::DocumentView* preview() { return m_preview; }

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
    void say(const QString& text, const char* tone);
    nlohmann::json parameters() const;

    Session* m_session;
    widgets::SegmentedControl* m_reader;
    QCheckBox* m_texts;
    QPushButton* m_save;
    QPushButton* m_open;
    QLabel* m_said;
    QStackedWidget* m_stack;
    widgets::EmptyState* m_empty;
    widgets::DocumentView* m_preview;
    QString m_shown;   ///< What the preview is of.
    QString m_page;    ///< Written last.
    EngineClient::RequestId m_request{};
};

}  // namespace safequant::workbench
