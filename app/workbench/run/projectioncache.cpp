// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/projectioncache.h"

#include <algorithm>

namespace safequant::workbench {

namespace {
constexpr std::size_t kMaxEntries = 96;
}

ProjectionCache::ProjectionCache(EngineClient* client, QObject* parent) : QObject(parent), m_client(client) {}

void ProjectionCache::setFolder(const QString& folder) {
    for (auto& [key, entry] : m_entries) {
        if (entry.waiting) m_client->drop(entry.request);
    }
    m_entries.clear();
    m_base.clear();
    m_quantized.clear();
    m_wanted = {};
    m_folder = folder;
}

void ProjectionCache::setAvailable(std::set<int> base, std::set<int> quantized) {
    std::set<int> changed;
    std::set_symmetric_difference(m_base.begin(), m_base.end(), base.begin(), base.end(),
                                  std::inserter(changed, changed.end()));
    std::set_symmetric_difference(m_quantized.begin(), m_quantized.end(), quantized.begin(), quantized.end(),
                                  std::inserter(changed, changed.end()));
    m_base = std::move(base);
    m_quantized = std::move(quantized);
    for (auto& [key, entry] : m_entries) {
        if (!changed.contains(key.block)) continue;
        entry.stale = true;
        entry.problem.clear();
    }
    if (changed.contains(m_wanted.block)) get(m_wanted.block, m_wanted.kind);
}

void ProjectionCache::setProbe(const QString& probe) { m_probe = probe; }

ProjectionCache::Projection ProjectionCache::get(int block, const QString& kind) {
    const Key key = keyOf(block, kind);
    m_wanted = key;
    if (!m_base.contains(block)) return {};
    Entry& entry = m_entries[key];
    entry.used = ++m_uses;
    if (!entry.waiting && (!entry.projection || entry.stale) && entry.problem.isEmpty()) fetch(key);
    const Projection projection = entry.projection;
    if (projection && !entry.stale) prefetchAround(key);
    return projection;
}

QString ProjectionCache::problem(int block, const QString& kind) const {
    const auto found = m_entries.find(keyOf(block, kind));
    return found == m_entries.end() ? QString() : found->second.problem;
}

void ProjectionCache::fetch(const Key& key) {
    Entry& entry = m_entries[key];
    entry.waiting = true;
    entry.stale = false;
    const nlohmann::json params{{"folder", m_folder.toStdString()},
                                {"block", key.block},
                                {"kind", key.kind.toStdString()},
                                {"probe", key.probe.toStdString()}};
    entry.request = m_client->request<protocol::ProjectionResult>(
        QStringLiteral("run/projection"), params, this,
        [this, key](Expected<protocol::ProjectionResult> result) { receive(key, std::move(result)); });
}

void ProjectionCache::receive(const Key& key, Expected<protocol::ProjectionResult> result) {
    const auto found = m_entries.find(key);
    if (found == m_entries.end()) return;
    Entry& entry = found->second;
    entry.waiting = false;
    if (result) {
        entry.projection = std::make_shared<const protocol::ProjectionResult>(std::move(*result));
    } else {
        entry.problem = QString::fromStdString(result.error().describe());
    }
    if (key.probe == m_probe) emit ready(key.block, key.kind);
    if (key != m_wanted) return;
    if (entry.stale) {
        fetch(key);
    } else {
        prefetchAround(key);
    }
    trim();
}

void ProjectionCache::prefetchAround(const Key& key) {
    for (const int neighbour : {key.block + 1, key.block - 1}) {
        if (!m_base.contains(neighbour)) continue;
        const Key beside{neighbour, key.kind, key.probe};
        const Entry& entry = m_entries[beside];
        if (!entry.waiting && entry.problem.isEmpty() && (!entry.projection || entry.stale)) fetch(beside);
    }
}

void ProjectionCache::trim() {
    while (m_entries.size() > kMaxEntries) {
        auto oldest = m_entries.end();
        for (auto it = m_entries.begin(); it != m_entries.end(); ++it) {
            if (it->second.waiting || it->first == m_wanted) continue;
            if (oldest == m_entries.end() || it->second.used < oldest->second.used) oldest = it;
        }
        if (oldest == m_entries.end()) return;
        m_entries.erase(oldest);
    }
}

}  // namespace safequant::workbench
