// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "app/workbench/engine/engineaddress.h"

namespace safequant::workbench {

class AppSettings;

/// The engines that the settings know. The first is always this machine's own; names are unique.
class EngineList {
public:
    /// `settings` must outlive the list. An entry that cannot be read is left out.
    explicit EngineList(AppSettings* settings);

    const std::vector<EngineAddress>& engines() const { return m_engines; }
    /// Changes an engine, or removes it; the first stays as it is. A name that another engine has gets a number.
    void replace(std::size_t index, EngineAddress address);
    void remove(std::size_t index);
    /// Adds an engine at the end; its index.
    std::size_t add(EngineAddress address);
    /// The engine with this name or, failing that, this host; the list's size when there is none.
    std::size_t find(const QString& nameOrHost) const;

    /// The engine to begin with; this machine's own when none was chosen.
    const EngineAddress& chosen() const;
    void choose(const EngineAddress& address);

private:
    void store();
    QString uniqueName(const QString& wanted, std::size_t except) const;

    AppSettings* m_settings;
    std::vector<EngineAddress> m_engines;
};

}  // namespace safequant::workbench
