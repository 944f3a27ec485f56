// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/run/placedprompts.h"

#include <algorithm>

namespace safequant::workbench {

const protocol::PlacedBlock* PlacedPrompts::Item::block(const std::string& model, int block) const {
    const auto found = std::find_if(placed->blocks.begin(), placed->blocks.end(),
                                    [&](const auto& each) { return each.model == model && each.block == block; });
    return found == placed->blocks.end() ? nullptr : &*found;
}

PlacedPrompts::PlacedPrompts(EngineClient* client, RunStore* store, QObject* parent) : QObject(parent), m_store(store), m_work(client, QStringLiteral("run/place-cancel"), this) {
    connect(m_store, &RunStore::changed, this, [this] {
        if (m_store->folder() == m_folder) return;
        m_folder = m_store->folder();
        clear();
    });
    connect(client, &EngineClient::placeProgress, this, [this](qint64 ticket, quint64 done, quint64 total) {
        if (m_work.advance(ticket, done, total)) emit changed();
    });
}

void PlacedPrompts::place(const QString& text) {
    m_problem.clear();
    m_work.start<protocol::PlacedPrompts>(
        QStringLiteral("run/place"), {{"folder", m_folder.toStdString()}, {"texts", {text.toStdString()}}},
        [this, text](Expected<protocol::PlacedPrompts> placed) {
            if (placed) m_items.push_back({text, std::make_shared<const protocol::PlacedPrompts>(std::move(*placed))});
            else m_problem = QString::fromStdString(placed.error().describe());
            emit changed();
        });
    emit changed();
}

void PlacedPrompts::stop() {
    if (m_work.stop()) emit changed();
}

void PlacedPrompts::remove(int item) {
    if (item < 0 || item >= static_cast<int>(m_items.size())) return;
    m_items.erase(m_items.begin() + item);
    emit changed();
}

void PlacedPrompts::clear() {
    stop();
    m_items.clear();
    m_problem.clear();
    emit changed();
}

}  // namespace safequant::workbench
