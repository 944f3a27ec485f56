// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>
#include <map>
#include <memory>
#include <tuple>

#include "app/workbench/engine/engineclient.h"
#include "app/workbench/run/runstore.h"
#include "core/engine/protocol/overlay_messages.h"

namespace safequant::workbench {

/// Another run laid over the open one: fetched when it is chosen, again when the open run has new blocks, and forgotten with the run.
class OverlayStore : public QObject {
    Q_OBJECT

public:
    using Projection = std::shared_ptr<const protocol::ProjectionResult>;

    OverlayStore(EngineClient* client, RunStore* store, QObject* parent = nullptr);

    /// The other run's folder; empty: none is laid over.
    void choose(const QString& folder);
    QString folder() const { return m_folder; }
    bool chosen() const { return !m_folder.isEmpty(); }
    /// Without blocks until the engine has answered.
    const protocol::RunOverlay& overlay() const { return m_overlay; }
    const protocol::OverlayBlock* block(int block) const;
    /// Why there is nothing to show; empty when there is or it is on its way.
    QString problem() const { return m_problem; }

    /// Points of the open run's model and the other one's; asked for when they are not here, then `changed` follows.
    Projection projection(int block, const QString& kind, const QString& probe);
    QString projectionProblem() const { return m_projectionProblem; }

signals:
    void changed();

private:
    void fetch();
    void forget();

    EngineClient* m_client;
    RunStore* m_store;
    QString m_open;  ///< Folder of the open run.
    QString m_folder;
    QString m_problem, m_projectionProblem;
    protocol::RunOverlay m_overlay;
    std::map<std::tuple<int, QString, QString>, Projection> m_projections;
    EngineClient::RequestId m_request = 0;
    EngineClient::RequestId m_projectionRequest = 0;
    std::tuple<int, QString, QString> m_wanted{-1, {}, {}};
    QTimer m_later;
};

}  // namespace safequant::workbench
