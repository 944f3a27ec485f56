// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exporting/target_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace safequant {
namespace {

namespace fs = std::filesystem;

// "FOLDER.part" holds the marker, which tells our own leftovers from a folder of the user's, and beside it the folder to be. The
// marker is there before the first file and goes after the last one, so that a kill at any moment leaves a leftover that is known.
constexpr const char* kMarker = ".safequant-export";
constexpr const char* kContents = "export";

std::string cleanPath(const std::string& folder) {
    fs::path path = fs::path(folder).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    return path.string();
}

fs::path nearestExisting(const std::string& folder) {
    std::error_code code;
    fs::path path = fs::absolute(folder, code).parent_path();
    while (!path.empty() && path != path.root_path() && !fs::exists(path, code)) path = path.parent_path();
    return path;
}

std::string megabytes(std::uint64_t bytes) { return std::to_string((bytes + 999'999) / 1'000'000) + " MB"; }

Expected<void> flushFolder(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool flushed = fd >= 0 && ::fsync(fd) == 0;
    const int code = errno;
    if (fd >= 0) ::close(fd);
    if (!flushed) return fail(ErrorKind::Io, "Cannot be flushed to disk: " + std::generic_category().message(code) + ".", path);
    return {};
}

bool isOurLeftover(const fs::path& beside) {
    std::error_code code;
    return fs::is_directory(fs::symlink_status(beside, code)) && (fs::exists(beside / kMarker, code) || fs::is_empty(beside, code));
}

void removeBeside(const fs::path& beside, std::error_code& code) {
    for (const auto& path : {beside / kContents, beside / kMarker, beside}) {
        fs::remove_all(path, code);
        if (code) return;
    }
}

}  // namespace

void removeLeftover(const std::string& folder) {
    const fs::path beside = cleanPath(folder) + ".part";
    std::error_code ignored;
    if (isOurLeftover(beside)) removeBeside(beside, ignored);
}

Expected<void> checkTargetFolder(const std::string& folder, std::uint64_t bytes) {
    const std::string target = cleanPath(folder);
    if (target.empty() || target == "." || target == "/")
        return fail(ErrorKind::BadInput, "Name a new folder for the export.", folder);
    std::error_code code;
    const fs::file_status status = fs::status(target, code);
    if (fs::exists(status) && !fs::is_directory(status))
        return fail(ErrorKind::BadInput, "Exists and is not a folder; name another one for the export.", target);
    if (fs::is_directory(status) && !fs::is_empty(target, code))
        return fail(ErrorKind::BadInput, "The folder is not empty; name another one, or empty it first.", target);
    const std::string beside = target + ".part";
    if (fs::exists(fs::symlink_status(beside, code)) && !isOurLeftover(beside))
        return fail(ErrorKind::BadInput, "Is in the way of the export and was not left by one; rename it or export elsewhere.",
                    beside);
    const fs::path parent = nearestExisting(target);
    if (!fs::is_directory(parent, code) || ::access(parent.c_str(), W_OK | X_OK) != 0)
        return fail(ErrorKind::Io, "Nothing can be written in this folder; export elsewhere.", parent.string());
    const fs::space_info space = fs::space(parent, code);
    if (!code && space.available < bytes)
        return fail(ErrorKind::Io, "The export needs " + megabytes(bytes) + " and the disk has " + megabytes(space.available) +
                                       " free; export to another disk or make room.", parent.string());
    return {};
}

Expected<TargetFolder> TargetFolder::create(const std::string& folder, std::uint64_t bytes) {
    if (auto checked = checkTargetFolder(folder, bytes); !checked) return fail(checked.error());
    const std::string target = cleanPath(folder);
    const std::string beside = target + ".part";
    std::error_code code;
    removeBeside(beside, code);
    if (!code) fs::create_directories(beside, code);
    if (code) return fail(ErrorKind::Io, "Cannot be made: " + code.message() + ".", beside);
    TargetFolder result(target, beside);
    std::ofstream marker(fs::path(beside) / kMarker);
    marker << "An unfinished export; it may be deleted.\n";
    marker.close();
    if (!marker) return fail(ErrorKind::Io, "Nothing can be written in this folder.", beside);
    fs::create_directory(result.m_contents, code);
    if (code) return fail(ErrorKind::Io, "Cannot be made: " + code.message() + ".", result.m_contents);
    return result;
}

TargetFolder::TargetFolder(std::string folder, std::string beside)
    : m_folder(std::move(folder)), m_beside(std::move(beside)), m_contents(m_beside + "/" + kContents) {}

TargetFolder::TargetFolder(TargetFolder&& other) noexcept
    : m_folder(std::move(other.m_folder)),
      m_beside(std::exchange(other.m_beside, {})),
      m_contents(std::move(other.m_contents)) {}

TargetFolder::~TargetFolder() {
    std::error_code ignored;
    if (!m_beside.empty()) removeBeside(m_beside, ignored);
}

Expected<void> TargetFolder::publish() {
    std::error_code code;
    if (auto flushed = flushFolder(m_contents); !flushed) return flushed;
    fs::rename(m_contents, m_folder, code);
    if (code) return fail(ErrorKind::Io, "Cannot be put in place: " + code.message() + ".", m_folder);
    removeBeside(std::exchange(m_beside, {}), code);
    return flushFolder(fs::absolute(m_folder, code).parent_path().string());
}

}  // namespace safequant
