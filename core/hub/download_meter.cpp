// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/download_meter.h"

namespace safequant {
namespace {

constexpr auto kBetweenReports = std::chrono::milliseconds(200);
constexpr auto kWindow = std::chrono::seconds(8);   ///< The rate is a mean over it.
constexpr auto kShortest = std::chrono::seconds(1);  ///< A rate over less says nothing.

}  // namespace

DownloadMeter::DownloadMeter(std::uint64_t totalBytes, std::function<void(const protocol::HubProgress&)> report) : m_report(std::move(report)) {
    m_progress.totalBytes = totalBytes;
}

void DownloadMeter::begin(const std::string& file) {
    m_progress.file = file;
    report(true);
}

void DownloadMeter::received(std::uint64_t fileBytes, std::uint64_t fresh) {
    m_progress.doneBytes = m_finishedBytes + fileBytes;
    m_received += fresh;
    const auto now = Clock::now();
    if (fresh > 0) {
        if (m_recent.empty() || now - m_recent.back().first >= kBetweenReports / 2) m_recent.emplace_back(now, m_received);
        while (m_recent.size() > 1 && now - m_recent.front().first > kWindow) m_recent.pop_front();
        const std::chrono::duration<double> span = now - m_recent.front().first;
        if (span >= kShortest) m_progress.bytesPerSecond = static_cast<double>(m_received - m_recent.front().second) / span.count();
    }
    m_progress.secondsLeft = m_progress.bytesPerSecond > 0.0
                                 ? static_cast<double>(m_progress.totalBytes - m_progress.doneBytes) / m_progress.bytesPerSecond
                                 : -1.0;
    report(false);
}

void DownloadMeter::tell(const std::string& note) {
    if (m_progress.note == note) return;
    m_progress.note = note;
    report(true);
}

void DownloadMeter::end(std::uint64_t fileBytes) {
    m_finishedBytes += fileBytes;
    m_progress.doneBytes = m_finishedBytes;
    report(false);
}

void DownloadMeter::finish() { report(true); }

void DownloadMeter::report(bool now) {
    const auto time = Clock::now();
    if (!now && time - m_last < kBetweenReports) return;
    m_last = time;
    m_report(m_progress);
}

}  // namespace safequant
