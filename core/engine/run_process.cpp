// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/run_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "core/run/run_lock.h"

extern char** environ;

namespace safequant {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(40);

/// Reads whole lines that have been appended to a growing file.
class LineTail {
public:
    explicit LineTail(std::string path) : m_path(std::move(path)) {}

    /// Lines complete since the last call.
    std::vector<std::string> read() {
        std::vector<std::string> lines;
        std::ifstream file(m_path, std::ios::binary);
        if (!file) return lines;
        file.seekg(m_offset);
        std::string line;
        while (std::getline(file, line) && !file.eof()) {
            m_offset += static_cast<std::streamoff>(line.size() + 1);
            lines.push_back(std::move(line));
        }
        return lines;
    }

private:
    std::string m_path;
    std::streamoff m_offset = 0;
};

protocol::RunEvent interruptedEvent(std::uint64_t sequence) {
    protocol::RunEvent event;
    event.sequence = sequence;
    event.time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    event.type = "finished";
    event.status = "interrupted";
    event.error = Error{ErrorKind::Failed, "The process of this run ended without a word. Resume continues at the last finished block.",
                        {}};
    return event;
}

class EventReader {
public:
    EventReader(const std::string& folder, std::uint64_t afterSequence, const RunFollower::Listener& listener)
        : m_tail(folder + "/events.jsonl"), m_last(afterSequence), m_listener(listener) {}

    /// Hands on what is new; true when the last of it ends the run.
    bool readNew() {
        bool ended = false;
        for (const auto& line : m_tail.read()) {
            const auto parsed = nlohmann::json::parse(line, nullptr, false);
            if (parsed.is_discarded()) continue;
            const auto event = protocol::parseMessage<protocol::RunEvent>(parsed);
            if (!event || event->sequence <= m_last) continue;
            m_last = event->sequence;
            ended = event->type == "finished";
            m_listener(*event);
        }
        return ended;
    }
    std::uint64_t last() const { return m_last; }

private:
    LineTail m_tail;
    std::uint64_t m_last;
    const RunFollower::Listener& m_listener;
};

void follow(const std::stop_token& stop, const std::string& folder, std::uint64_t afterSequence, pid_t child,
            const RunFollower::Listener& listener) {
    EventReader events(folder, afterSequence, listener);
    bool ended = false;
    while (!stop.stop_requested()) {
        // Asked before the events are read: whatever the process wrote before it ended is then among them.
        // The lock tells it, not the manifest, which has the new state before the last event is written.
        const bool alive = child == 0 ? runOwner(folder).has_value() : ::waitpid(child, nullptr, WNOHANG) == 0;
        ended = events.readNew() || ended;
        if (!alive) {
            if (!ended) listener(interruptedEvent(events.last()));
            return;
        }
        std::this_thread::sleep_for(kPollInterval);
    }
}

}  // namespace

Expected<pid_t> startFolderProcess(const std::string& program, const std::string& command, const std::string& folder, const std::string& log) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string path = folder + "/" + log;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    std::array<std::string, 5> words{program, command, "--folder", folder, "--background"};
    std::array<char*, 6> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    pid_t pid = 0;
    const int code = posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0)
        return fail(ErrorKind::Failed, "The process of safequant " + command + " cannot be started: " + std::generic_category().message(code) + ".", program);
    return pid;
}

Expected<pid_t> startRunProcess(const std::string& program, const std::string& folder) { return startFolderProcess(program, "run", folder, "run.log"); }

RunFollower::RunFollower(std::string folder, std::uint64_t afterSequence, pid_t child, Listener listener) {
    m_thread = std::jthread([ended = m_ended, folder = std::move(folder), afterSequence, child,
                             listener = std::move(listener)](const std::stop_token& stop) {
        follow(stop, folder, afterSequence, child, listener);
        *ended = true;
    });
}

Expected<void> stopFolderProcess(pid_t process, int signal, const std::string& verb, const std::string& work, const std::string& folder) {
    if (process != 0 && ::kill(process, signal) == 0) return {};
    if (process == 0 || errno == ESRCH) return fail(ErrorKind::NotFound, "No process " + verb + " this " + work + " now.", folder);
    return fail(ErrorKind::Failed, "The " + work + "'s process cannot be told to stop.", folder);
}

}  // namespace safequant
