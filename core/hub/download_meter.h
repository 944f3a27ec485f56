// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "core/engine/protocol/hub_messages.h"

namespace safequant {

/// Counts the bytes of a download of several files and tells how it goes, a few times a second at most.
class DownloadMeter {
public:
    /// `totalBytes`: of all files, with what the cache has.
    DownloadMeter(std::uint64_t totalBytes, std::function<void(const protocol::HubProgress&)> report);

    void begin(const std::string& file);
    /// The file at work has so many bytes now, of which `fresh` came just now over the network.
    void received(std::uint64_t fileBytes, std::uint64_t fresh);
    /// A sentence about a wait, told at once; empty: it is over.
    void tell(const std::string& note);
    void end(std::uint64_t fileBytes);
    /// Tells the last state once more.
    void finish();
    std::uint64_t receivedBytes() const { return m_received; }

private:
    using Clock = std::chrono::steady_clock;
    void report(bool now);

    std::function<void(const protocol::HubProgress&)> m_report;
    protocol::HubProgress m_progress;
    std::uint64_t m_finishedBytes = 0;  ///< Of files done.
    std::uint64_t m_received = 0;
    std::deque<std::pair<Clock::time_point, std::uint64_t>> m_recent;  ///< When so many bytes had come.
    Clock::time_point m_last{};
};

}  // namespace safequant
