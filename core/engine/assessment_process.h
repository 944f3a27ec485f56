// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/engine/protocol/assessment_messages.h"

namespace safequant {

/// Starts `<program> assess --folder FOLDER --background` as runs are started; its log is assess.log. Errors: failed.
Expected<pid_t> startAssessmentProcess(const std::string& program, const std::string& folder);

/// Follows an assessment through its summary.json and the run of the cell at work, in a thread of its own, until no process computes it any
/// more. `listener` hears every other state: at once when a cell began or ended, within two seconds when one got on; the last is not "running".
class AssessmentFollower {
public:
    using Listener = std::function<void(const protocol::AssessmentState&)>;

    /// `child` is the process to reap when it ends, 0 when another process started the assessment.
    AssessmentFollower(const std::string& folder, pid_t child, Listener listener);

    bool ended() const { return *m_ended; }
    pid_t child() const { return m_child; }

private:
    pid_t m_child;
    std::shared_ptr<std::atomic<bool>> m_ended = std::make_shared<std::atomic<bool>>(false);
    std::jthread m_thread;
};

}  // namespace safequant
