// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/engine/protocol/messages.h"

namespace safequant {

/// Starts `<program> <command> --folder FOLDER --background` in a session of its own, so that it outlives this process; its standard
/// error goes to the file `log` in FOLDER. Errors: failed.
Expected<pid_t> startFolderProcess(const std::string& program, const std::string& command, const std::string& folder, const std::string& log);
/// The process of a run, whose log is run.log.
Expected<pid_t> startRunProcess(const std::string& program, const std::string& folder);

/// Tells the process that works on a folder to stop, by a signal; 0: there is none. `verb` and `work` say what it does in messages ("runs"
/// a "run"). Errors: not_found when there is none, or it ends meanwhile; failed.
Expected<void> stopFolderProcess(pid_t process, int signal, const std::string& verb, const std::string& work, const std::string& folder);

/// Follows a run through its events.jsonl from a sequence number on, in a thread of its own, until the run has ended. When the
/// process behind a run is gone without a word, an event "finished" with status "interrupted" is made up for listeners.
class RunFollower {
public:
    using Listener = std::function<void(const protocol::RunEvent&)>;

    /// `child` is the process to reap when it ends, 0 when another process started the run.
    RunFollower(std::string folder, std::uint64_t afterSequence, pid_t child, Listener listener);

    bool ended() const { return *m_ended; }

private:
    std::shared_ptr<std::atomic<bool>> m_ended = std::make_shared<std::atomic<bool>>(false);
    std::jthread m_thread;
};

}  // namespace safequant
