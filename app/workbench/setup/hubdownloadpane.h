// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "app/workbench/engine/engineclient.h"

class QComboBox;
class QLabel;
class QProgressBar;
class QPushButton;

namespace safequant::workbench {

/// Offers to download a model that the local Hugging Face cache lacks. Asks the Hub what it is on one click and downloads it on another;
/// nothing goes over the network before. Invisible while nothing is offered.
class HubDownloadPane : public QWidget {
    Q_OBJECT

public:
    explicit HubDownloadPane(EngineClient* client, QWidget* parent = nullptr);

    /// `name`: "org/name" or "org/name@revision".
    void offer(const QString& name);
    /// Nothing is offered; a download under way is stopped, and what came is kept.
    void clear();
    bool downloading() const { return m_stage == Stage::Downloading; }

signals:
    void downloadingChanged(bool downloading);
    /// The model is in the cache, under its name. `file`: path of the GGUF file that was chosen among several, else empty.
    void downloaded(const QString& file);

private:
    enum class Stage { Hidden, Offered, Asking, Choosing, Planned, Downloading, Failed };

    void setStage(Stage stage);
    void act();
    void ask(const QString& file);
    void takePlan(const Expected<protocol::HubPlan>& plan);
    void showPlan();
    void showProgress(const protocol::HubProgress& progress);
    void download();
    void stop();
    void finish(const Expected<protocol::HubOutcome>& outcome);
    void tell(const QString& text, const char* tone = "muted");
    QString repository() const { return QString::fromStdString(m_plan.repository); }

    EngineClient* m_client;
    Stage m_stage = Stage::Hidden;
    QString m_name;
    protocol::HubPlan m_plan;
    bool m_planned = false;  ///< m_plan is of m_name, with files.
    EngineClient::RequestId m_request = 0;
    QComboBox* m_choice;
    QLabel* m_facts;
    QProgressBar* m_progress;
    QLabel* m_status;
    QPushButton* m_action;
    QPushButton* m_stop;
    QPushButton* m_page;
};

}  // namespace safequant::workbench
