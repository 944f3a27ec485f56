// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/interrupt.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "app/cli/command.h"

namespace safequant::cli {
namespace {

sigset_t interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

void blockInterrupts() {
    const sigset_t set = interrupts();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void unblockInterrupts() {
    const sigset_t set = interrupts();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

InterruptGuard::InterruptGuard(std::string what) {
    m_thread = std::jthread([source = m_source, what = std::move(what)](const std::stop_token& done) mutable {
        const sigset_t set = interrupts();
        const timespec patience{0, 100'000'000};
        while (!done.stop_requested()) {
            if (sigtimedwait(&set, nullptr, &patience) < 0) continue;
            if (source.stop_requested()) ::_exit(kExitInterrupted);
            source.request_stop();
            std::fprintf(stderr, "\nStopping %s; everything finished is kept. Once more to stop at once.\n", what.c_str());
        }
    });
}

InterruptGuard::~InterruptGuard() {
    m_thread.request_stop();
    m_thread.join();
}

}  // namespace safequant::cli
