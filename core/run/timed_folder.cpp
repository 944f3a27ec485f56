// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/run/timed_folder.h"

#include <ctime>
#include <filesystem>
#include <system_error>

namespace safequant {
namespace {

constexpr std::size_t kLongestSlug = 48;

/// Letters, digits and single dashes of a name, for a folder.
std::string slugOf(const std::string& name) {
    std::string slug;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain)
            slug += c;
        else if (c >= 'A' && c <= 'Z')
            slug += static_cast<char>(c - 'A' + 'a');
        else if (!slug.empty() && slug.back() != '-')
            slug += '-';
        if (slug.size() >= kLongestSlug) break;
    }
    while (!slug.empty() && slug.back() == '-') slug.pop_back();
    return slug.empty() ? "run" : slug;
}

std::string timeStamp() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    char text[32];
    const auto size = std::strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &parts);
    return std::string(text, size);
}

}  // namespace

Expected<std::string> makeTimedFolder(const std::string& parent, const std::string& name) {
    namespace fs = std::filesystem;
    std::error_code code;
    fs::create_directories(parent, code);
    if (code) return fail(ErrorKind::Io, "The workspace cannot be made: " + code.message() + ".", parent);
    const auto stem = timeStamp() + "-" + slugOf(name);
    for (int attempt = 1;; ++attempt) {
        const auto folder = fs::path(parent) / (attempt == 1 ? stem : stem + "-" + std::to_string(attempt));
        // Only the process that makes the folder owns it: creating is the test.
        if (fs::create_directory(folder, code)) return folder.string();
        if (code) return fail(ErrorKind::Io, "The run folder cannot be made: " + code.message() + ".", folder.string());
    }
}

}  // namespace safequant
