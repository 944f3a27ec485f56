// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

namespace safequant {

/// Long requests of one kind, of which only the newest is wanted. Tickets are the client's and ascend. Thread-safe.
class Tickets {
public:
    /// Ends the one at work and lets this one begin; nothing when a newer one has begun or this one was cancelled: requests are answered by
    /// more than one thread, so that an older one may come here after a newer one, or after its cancel.
    std::optional<std::stop_token> begin(std::int64_t ticket) {
        const std::scoped_lock lock(m_mutex);
        if (ticket <= std::max(m_newest, m_cancelled)) return std::nullopt;
        m_stop.request_stop();
        m_stop = std::stop_source();
        m_newest = ticket;
        return m_stop.get_token();
    }
    /// Ends this one and all before it.
    void cancel(std::int64_t ticket) {
        const std::scoped_lock lock(m_mutex);
        m_cancelled = std::max(m_cancelled, ticket);
        if (m_newest <= ticket) m_stop.request_stop();
    }
    void cancelAll() {
        const std::scoped_lock lock(m_mutex);
        m_stop.request_stop();
    }

private:
    std::mutex m_mutex;
    std::stop_source m_stop;  // Of the newest.
    std::int64_t m_newest = 0;
    std::int64_t m_cancelled = 0;
};

}  // namespace safequant
