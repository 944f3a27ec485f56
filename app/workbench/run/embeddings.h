// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// t-SNE and UMAP of the open run: optimised by the engine when somebody looks, one at a time, watched as they move,
/// and kept by block and settings.
class Embeddings : public QObject {
    Q_OBJECT

public:
    using Projection = std::shared_ptr<const protocol::ProjectionResult>;
    enum class State { None, Running, Stopped, Failed, Done };

    explicit Embeddings(EngineClient* client, QObject* parent = nullptr);

    /// Forgets everything and serves this run from now on.
    void setFolder(const QString& folder);
    /// A block whose base or quantized half is new: what was kept of it is out of date.
    void setAvailable(const std::set<int>& base, const std::set<int>& quantized);

    /// Shows an embedding: begins it unless it is kept, at work, stopped or failed. What ran for another one ends.
    State show(int block, const protocol::EmbeddingSettings& settings);
    /// Nothing is looked at: what runs ends.
    void hide();
    /// Ends what runs and leaves its points where they are.
    void stop();
    /// Begins the shown one anew.
    void again();

    /// The shown one's points when done.
    Projection result() const;
    /// The shown one's newest positions; null before the first and once done.
    const protocol::ProjectionFrame* frame() const { return m_frame.get(); }
    QString problem() const { return m_problem; }

signals:
    /// The shown embedding moved, or came to its end.
    void changed();

private:
    using Key = std::pair<int, std::string>;

    void begin();
    void cancel();
    void receiveEnd(qint64 ticket, const Expected<protocol::ProjectionResult>& result);

    EngineClient* m_client;
    QString m_folder;
    std::set<int> m_base, m_quantized;
    std::map<Key, Projection> m_kept;
    Key m_key{-1, {}};
    protocol::EmbeddingSettings m_settings;
    State m_state = State::None;
    qint64 m_ticket = 0;
    std::shared_ptr<const protocol::ProjectionFrame> m_frame;
    QString m_problem;
};

}  // namespace safequant::workbench
