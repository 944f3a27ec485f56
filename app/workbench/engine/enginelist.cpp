// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/workbench/engine/enginelist.h"

#include <algorithm>

#include "app/workbench/appsettings.h"

namespace safequant::workbench {

EngineList::EngineList(AppSettings* settings) : m_settings(settings), m_engines{localEngine()} {
    const auto stored = nlohmann::json::parse(m_settings->text(Setting::Engines).toStdString(), nullptr, false);
    if (!stored.is_array()) return;
    for (const auto& item : stored) {
        auto address = engineFromJson(item);
        if (!address || address->name.isEmpty()) continue;
        address->name = uniqueName(address->name, m_engines.size());
        m_engines.push_back(std::move(*address));
    }
}

void EngineList::replace(std::size_t index, EngineAddress address) {
    if (index == 0 || index >= m_engines.size()) return;
    address.name = uniqueName(address.name, index);
    if (m_settings->text(Setting::Engine) == m_engines[index].name) m_settings->set(Setting::Engine, address.name);
    m_engines[index] = std::move(address);
    store();
}

void EngineList::remove(std::size_t index) {
    if (index == 0 || index >= m_engines.size()) return;
    if (m_settings->text(Setting::Engine) == m_engines[index].name) m_settings->set(Setting::Engine, QString());
    m_engines.erase(m_engines.begin() + static_cast<std::ptrdiff_t>(index));
    store();
}

std::size_t EngineList::add(EngineAddress address) {
    address.name = uniqueName(address.name, m_engines.size());
    m_engines.push_back(std::move(address));
    store();
    return m_engines.size() - 1;
}

std::size_t EngineList::find(const QString& nameOrHost) const {
    for (QString EngineAddress::*field : {&EngineAddress::name, &EngineAddress::host}) {
        const auto found = std::find_if(m_engines.begin() + 1, m_engines.end(),
                                        [&](const EngineAddress& engine) { return engine.*field == nameOrHost && !nameOrHost.isEmpty(); });
        if (found != m_engines.end()) return static_cast<std::size_t>(found - m_engines.begin());
    }
    return m_engines.size();
}

const EngineAddress& EngineList::chosen() const {
    const QString name = m_settings->text(Setting::Engine);
    const auto found = std::find_if(m_engines.begin(), m_engines.end(), [&](const EngineAddress& engine) { return engine.name == name; });
    return found == m_engines.end() ? m_engines.front() : *found;
}

void EngineList::choose(const EngineAddress& address) { m_settings->set(Setting::Engine, address.name); }

void EngineList::store() {
    nlohmann::json list = nlohmann::json::array();
    for (std::size_t i = 1; i < m_engines.size(); ++i) list.push_back(engineToJson(m_engines[i]));
    m_settings->set(Setting::Engines, QString::fromStdString(list.dump()));
}

QString EngineList::uniqueName(const QString& wanted, std::size_t except) const {
    QString name = wanted;
    const auto taken = [&] {
        for (std::size_t i = 1; i < m_engines.size(); ++i)
            if (i != except && m_engines[i].name == name) return true;
        return name.isEmpty();
    };
    for (int number = 2; taken(); ++number) name = wanted.isEmpty() ? QString::number(number - 1) : QStringLiteral("%1 %2").arg(wanted).arg(number);
    return name;
}

}  // namespace safequant::workbench
