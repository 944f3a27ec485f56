// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/scratch_folder.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace safequant::fuzzing {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNextMarker = "\n=====FILE ";
constexpr std::string_view kMarker = kNextMarker.substr(1);
constexpr std::size_t kMaxName = 100;

fs::path storage() {
    std::error_code code;
    return fs::is_directory("/dev/shm", code) ? fs::path("/dev/shm") : fs::temp_directory_path();
}

bool staysInside(std::string_view name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '/';
    });
    return plain && !name.empty() && name.size() <= kMaxName && name.front() != '/' && name.back() != '/' &&
           name.find("..") == std::string_view::npos && name.find("/.") == std::string_view::npos && name.front() != '.';
}

}  // namespace

ScratchFolder::ScratchFolder() : m_path(storage() / ("safequant-fuzz-" + std::to_string(getpid()))) {
    fs::remove_all(m_path);
    fs::create_directories(m_path);
}

ScratchFolder::~ScratchFolder() {
    std::error_code code;
    fs::remove_all(m_path, code);
}

std::string ScratchFolder::write(const std::string& name, std::span<const std::byte> content) const {
    const fs::path path = m_path / name;
    std::error_code code;
    fs::create_directories(path.parent_path(), code);
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
    return path.string();
}

void ScratchFolder::unpackFolder(std::span<const std::byte> input) const {
    const std::string_view text = textOf(input);
    std::size_t at = text.starts_with(kMarker) ? 0 : text.find(kNextMarker);
    while (at != std::string_view::npos) {
        at = text.find(kMarker, at) + kMarker.size();
        const std::size_t lineEnd = text.find('\n', at);
        if (lineEnd == std::string_view::npos) return;
        const std::string_view name = text.substr(at, lineEnd - at);
        const std::size_t next = text.find(kNextMarker, lineEnd);
        const std::size_t begin = lineEnd + 1;
        const std::size_t end = next == std::string_view::npos ? text.size() : std::max(next, begin);
        if (staysInside(name)) write(std::string(name), input.subspan(begin, end - begin));
        at = next;
    }
}

std::string_view textOf(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace safequant::fuzzing
