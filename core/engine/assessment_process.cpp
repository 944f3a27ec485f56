// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/assessment_process.h"

#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "core/assess/assessment.h"
#include "core/engine/run_process.h"
#include "core/run/run_lock.h"

namespace safequant {
namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(80);
/// How often the cell at work is looked at.
constexpr auto kCellInterval = std::chrono::seconds(2);

std::filesystem::file_time_type summaryTime(const std::string& folder) {
    std::error_code code;
    const auto time = std::filesystem::last_write_time(folder + "/summary.json", code);
    return code ? std::filesystem::file_time_type::min() : time;
}

void followAssessmentIn(const std::stop_token& stop, const std::string& folder, pid_t child, const AssessmentFollower::Listener& listener) {
    auto seen = std::filesystem::file_time_type::min();
    auto looked = std::chrono::steady_clock::now() - kCellInterval;
    nlohmann::json told;
    while (!stop.stop_requested()) {
        // Asked before the state is read: whatever the process wrote before it ended is then in it.
        const bool alive = child == 0 ? runOwner(folder).has_value() : ::waitpid(child, nullptr, WNOHANG) == 0;
        const auto written = summaryTime(folder);
        const auto now = std::chrono::steady_clock::now();
        if (!alive || written != seen || now - looked >= kCellInterval) {
            seen = written;
            looked = now;
            auto state = readAssessmentSummary(folder);
            if (state) {
                // Between its start and its lock, and between its last word and its end, a process is there all the same.
                if (alive) state->summary.status = "running";
                if (auto json = protocol::toJson(*state); json != told) {
                    told = std::move(json);
                    listener(*state);
                }
            }
        }
        if (!alive) return;
        std::this_thread::sleep_for(kLookInterval);
    }
}

}  // namespace

Expected<pid_t> startAssessmentProcess(const std::string& program, const std::string& folder) {
    return startFolderProcess(program, "assess", folder, "assess.log");
}

AssessmentFollower::AssessmentFollower(const std::string& folder, pid_t child, Listener listener) : m_child(child) {
    m_thread = std::jthread([ended = m_ended, folder, child, listener = std::move(listener)](const std::stop_token& stop) {
        followAssessmentIn(stop, folder, child, listener);
        *ended = true;
    });
}

}  // namespace safequant
