// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "core/base/progress.h"

namespace safequant {

/// Work of which only the newest is wanted: a client numbers what it asks for, and a new number ends the one at work. Requests are answered
/// by more than one thread, so an older one may come here after a newer one, or after its cancel.
class TicketLine {
public:
    /// Takes a ticket. Error: cancelled when a newer one was taken, or it was cancelled before it came.
    Expected<std::stop_token> take(std::int64_t ticket) {
        const std::scoped_lock lock(m_mutex);
        if (ticket <= std::max(m_newest, m_cancelled)) return fail(cancelledError());
        m_stop.request_stop();
        m_stop = std::stop_source();
        m_newest = ticket;
        return m_stop.get_token();
    }
    /// Ends a ticket and all before it.
    void cancel(std::int64_t ticket) {
        const std::scoped_lock lock(m_mutex);
        m_cancelled = std::max(m_cancelled, ticket);
        if (m_newest <= ticket) m_stop.request_stop();
    }
    /// Ends what is at work.
    void stop() {
        const std::scoped_lock lock(m_mutex);
        m_stop.request_stop();
    }

private:
    std::mutex m_mutex;
    std::stop_source m_stop;        // Of the newest ticket.
    std::int64_t m_newest = 0;
    std::int64_t m_cancelled = 0;   // All tickets up to it are not wanted.
};

}  // namespace safequant
