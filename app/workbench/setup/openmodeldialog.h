// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QStringList>
#include <QTimer>

#include "app/workbench/engine/engineclient.h"

class QLabel;
class QLineEdit;
class QPushButton;

namespace safequant::workbench {

class AdapterList;
class HubDownloadPane;
class Session;

/// Chooses a model by path or by its name in the local Hugging Face cache, and LoRA adapters merged into it. Says what the engine
/// finds there before anything is opened, and offers to download what the cache lacks.
class OpenModelDialog : public QDialog {
    Q_OBJECT

public:
    explicit OpenModelDialog(Session* session, QWidget* parent = nullptr);

    /// Begins with the model that is set up now.
    void prepare();

    /// Closing stops a download; what came is kept.
    void done(int result) override;

protected:
    bool event(QEvent* event) override;

signals:
    /// An absolute path or a name on the hub, and adapter folders in merging order.
    void chosen(const QString& checkpoint, const QStringList& adapters);

private:
    QString checkpoint() const;
    QString startFolder() const;
    void take(const QString& path);
    void changed();
    void ask();
    void tell(const Expected<protocol::CheckpointInfo>& info);
    void openChosen();

    Session* m_session;
    QStringList m_adapters;
    QTimer m_timer;
    bool m_openWhenRead = false;  ///< It was downloaded to be opened.
    EngineClient::RequestId m_request = 0;
    QLineEdit* m_path;
    AdapterList* m_adapterList;
    QList<QWidget*> m_inputs;
    HubDownloadPane* m_download;
    QLabel* m_summary;
    QLabel* m_facts;
    QPushButton* m_open;
};

}  // namespace safequant::workbench
