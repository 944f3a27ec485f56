// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "app/workbench/engine/engineclient.h"

namespace safequant::workbench {

/// Projections of the open run, fetched when somebody looks at a block and kept while they may look again. The neighbours of a
/// block are fetched after it, so that arrow keys find them ready.
class ProjectionCache : public QObject {
    Q_OBJECT

public:
    using Projection = std::shared_ptr<const protocol::ProjectionResult>;

    explicit ProjectionCache(EngineClient* client, QObject* parent = nullptr);

    /// Forgets everything and serves this run from now on.
    void setFolder(const QString& folder);
    /// Blocks that have results now; others are not asked for.
    void setAvailable(std::set<int> base, std::set<int> quantized);

    /// Which probe scores the quantized model from now on: "transferred" or "refitted".
    void setProbe(const QString& probe);

    /// The projection, when it is here; else it is asked for and `ready` follows.
    Projection get(int block, const QString& kind);
    /// Why the last fetch of this projection failed; empty when it did not.
    QString problem(int block, const QString& kind) const;

signals:
    void ready(int block, const QString& kind);

private:
    struct Key {
        int block = -1;
        QString kind, probe;

        bool operator==(const Key&) const = default;
        bool operator<(const Key& other) const { return std::tie(block, kind, probe) < std::tie(other.block, other.kind, other.probe); }
    };
    struct Entry {
        Projection projection;
        EngineClient::RequestId request = 0;
        bool waiting = false;
        bool stale = false;  ///< Shown while a newer one is on its way.
        QString problem;
        std::uint64_t used = 0;
    };

    Key keyOf(int block, const QString& kind) const { return {block, kind, m_probe}; }
    void fetch(const Key& key);
    void receive(const Key& key, Expected<protocol::ProjectionResult> result);
    void prefetchAround(const Key& key);
    void trim();

    EngineClient* m_client;
    QString m_folder;
    QString m_probe = QStringLiteral("transferred");
    std::set<int> m_base, m_quantized;
    std::map<Key, Entry> m_entries;
    Key m_wanted;
    std::uint64_t m_uses = 0;
};

}  // namespace safequant::workbench
