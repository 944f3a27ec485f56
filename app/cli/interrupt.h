// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stop_token>
#include <string>
#include <thread>

namespace safequant::cli {

/// Blocks SIGINT and SIGTERM in this thread and all it will start; call before any thread exists.
void blockInterrupts();
/// Undoes it: the process ends on either signal.
void unblockInterrupts();

/// While it lives, the first SIGINT or SIGTERM asks for a stop, the second ends the process at once with exit code 130. Files appear
/// whole, so nothing finished is lost either way.
class InterruptGuard {
public:
    /// `what` is told of as being stopped.
    explicit InterruptGuard(std::string what = "after the block at work");
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    std::stop_token token() const { return m_source.get_token(); }

private:
    std::stop_source m_source;
    std::jthread m_thread;
};

}  // namespace safequant::cli
