// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/overlaystore.h"

#include <algorithm>

namespace safequant::workbench {

namespace {
/// New blocks of a running run are measured together, in milliseconds.
constexpr int kLater = 3000;
}  // namespace

OverlayStore::OverlayStore(EngineClient* client, RunStore* store, QObject* parent) : QObject(parent), m_client(client), m_store(store) {
    m_later.setSingleShot(true);
    m_later.setInterval(kLater);
    connect(&m_later, &QTimer::timeout, this, &OverlayStore::fetch);
    connect(m_store, &RunStore::changed, this, [this](RunStore::Changes changes) {
        if (m_store->folder() != m_open) {
            m_open = m_store->folder();
            choose({});
        } else if (chosen() && changes & (RunStore::Replaced | RunStore::Blocks) && !m_later.isActive()) {
            m_later.start();
        }
    });
}

void OverlayStore::choose(const QString& folder) {
    if (folder == m_folder) return;
    forget();
    m_folder = folder;
    if (chosen()) fetch();
    emit changed();
}

void OverlayStore::forget() {
    m_client->drop(m_request);
    m_client->drop(m_projectionRequest);
    m_later.stop();
    m_overlay = {};
    m_problem.clear();
    m_projections.clear();
    m_projectionProblem.clear();
    m_wanted = {-1, {}, {}};
}

void OverlayStore::fetch() {
    m_client->drop(m_request);
    m_request = m_client->request<protocol::RunOverlay>(
        QStringLiteral("run/overlay"), {{"folder", m_open.toStdString()}, {"other", m_folder.toStdString()}, {"model", ""}}, this,
        [this](Expected<protocol::RunOverlay> overlay) {
            m_problem = overlay ? QString() : QString::fromStdString(overlay.error().describe());
            m_overlay = overlay ? std::move(*overlay) : protocol::RunOverlay{};
            m_projections.clear();
            emit changed();
        });
}

const protocol::OverlayBlock* OverlayStore::block(int block) const {
    const auto found = std::find_if(m_overlay.blocks.begin(), m_overlay.blocks.end(), [block](const auto& item) { return item.block == block; });
    return found == m_overlay.blocks.end() ? nullptr : &*found;
}

OverlayStore::Projection OverlayStore::projection(int block, const QString& kind, const QString& probe) {
    const std::tuple key{block, kind, probe};
    if (const auto found = m_projections.find(key); found != m_projections.end()) return found->second;
    if (key == m_wanted) return {};
    m_client->drop(m_projectionRequest);
    m_wanted = key;
    m_projectionProblem.clear();
    m_projectionRequest = m_client->request<protocol::ProjectionResult>(
        QStringLiteral("run/overlay-projection"),
        {{"folder", m_open.toStdString()}, {"other", m_folder.toStdString()}, {"model", m_overlay.model}, {"block", block},
         {"kind", kind.toStdString()}, {"probe", probe.toStdString()}},
        this, [this, key](Expected<protocol::ProjectionResult> result) {
            m_wanted = {-1, {}, {}};
            if (result) m_projections[key] = std::make_shared<const protocol::ProjectionResult>(std::move(*result));
            else m_projectionProblem = QString::fromStdString(result.error().describe());
            emit changed();
        });
    return {};
}

}  // namespace safequant::workbench
