// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/engine_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "core/base/files.h"
#include "core/base/hash.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 20'000;
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kFolderDigits = 12;

bool hasEnding(const std::string& name, const std::vector<std::string>& endings) {
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        return text;
    };
    const std::string file = lower(name);
    return endings.empty() || std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) { return file.ends_with(lower(ending)); });
}

/// Follows links; nothing for what is neither file nor folder or cannot be looked at.
std::optional<protocol::FileEntry> entryAt(const fs::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !(S_ISDIR(info.st_mode) || S_ISREG(info.st_mode))) return std::nullopt;
    protocol::FileEntry entry;
    entry.name = path.filename().string();
    entry.folder = S_ISDIR(info.st_mode);
    entry.bytes = entry.folder ? 0 : static_cast<std::uint64_t>(info.st_size);
    entry.modified = static_cast<double>(info.st_mtime);
    return entry;
}

bool isDigest(const std::string& text) {
    return text.size() == 64 &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool isFileName(const std::string& name) {
    return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
           std::none_of(name.begin(), name.end(), [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; });
}

Expected<void> append(const std::string& path, std::uint64_t offset, std::string_view piece) {
    std::ofstream file(path, std::ios::binary | (offset == 0 ? std::ios::trunc : std::ios::app));
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    file.close();
    if (!file) return fail(ErrorKind::Io, "The file that is being sent cannot be written here. Is the disk full?", path);
    return {};
}

}  // namespace

std::string homeFolder() {
    const char* home = std::getenv("HOME");
    return home != nullptr && home[0] == '/' ? home : "/";
}

std::string pathFromHome(const std::string& named) {
    fs::path path = named;
    if (named == "~" || named.starts_with("~/")) path = named.substr(std::min<std::size_t>(named.size(), 2));
    std::string text = (fs::path(homeFolder()) / path).lexically_normal().string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

std::string workspaceNamed(const std::string& named) { return named.empty() ? dataFolder() + "/workspace" : pathFromHome(named); }

Expected<protocol::FolderListing> listFolder(const std::string& folder, const std::vector<std::string>& endings, bool hidden) {
    protocol::FolderListing listing;
    listing.folder = pathFromHome(folder);
    const fs::path path = listing.folder;
    if (path.has_relative_path()) listing.parent = path.parent_path().string();
    std::error_code code;
    const auto status = fs::status(path, code);
    if (status.type() == fs::file_type::not_found) return fail(ErrorKind::NotFound, "There is no such folder.", listing.folder);
    if (code) return fail(ErrorKind::Io, "The folder cannot be looked at: " + code.message() + ".", listing.folder);
    if (!fs::is_directory(status)) return fail(ErrorKind::BadInput, "This is a file, not a folder.", listing.folder);
    fs::directory_iterator item(path, code);
    if (code) return fail(ErrorKind::Io, "The folder cannot be read: " + code.message() + ".", listing.folder);
    for (const fs::directory_iterator end; !code && item != end; item.increment(code)) {
        const std::string name = item->path().filename().string();
        if (name.starts_with('.') && !hidden) continue;
        auto entry = entryAt(item->path());
        if (!entry || (!entry->folder && !hasEnding(name, endings))) continue;
        if (listing.entries.size() == kMostEntries) {
            listing.more = true;
            break;
        }
        listing.entries.push_back(std::move(*entry));
    }
    std::sort(listing.entries.begin(), listing.entries.end(), [](const auto& a, const auto& b) {
        return a.folder != b.folder ? a.folder : a.name < b.name;
    });
    return listing;
}

Expected<protocol::UploadState> takeUpload(const Upload& upload, std::uint64_t offset, std::string_view piece) {
    if (!isFileName(upload.name)) return fail(ErrorKind::BadInput, "This is no name for a file: up to 200 bytes, without folders.", upload.name);
    if (!isDigest(upload.sha256)) return fail(ErrorKind::BadInput, "A SHA-256 has 64 lower-case hex digits.", "sha256");
    if (upload.bytes > protocol::kMaxUploadBytes)
        return fail(ErrorKind::BadInput, "The file has more than 256 MB. Copy it with scp or rsync, and choose it there.", upload.name);
    const fs::path folder = fs::path(upload.workspace) / "uploads" / upload.sha256.substr(0, kFolderDigits);
    const std::string whole = (folder / upload.name).string();
    const std::string part = whole + ".part";
    std::error_code code;
    if (fs::is_regular_file(whole, code)) {
        const auto digest = sha256File(whole);
        if (digest && *digest == upload.sha256) return protocol::UploadState{upload.bytes, whole};
    }
    fs::create_directories(folder, code);
    if (code) return fail(ErrorKind::Io, "The folder for files that are sent cannot be made: " + code.message() + ".", folder.string());
    const auto size = fs::file_size(part, code);
    std::uint64_t received = code ? 0 : size;
    if (received > upload.bytes) received = 0;
    if (!piece.empty()) {
        if (offset != received || piece.size() > upload.bytes - received)
            return fail(ErrorKind::BadInput, "A piece of the file came out of turn. Send it again.", upload.name);
        if (auto done = append(part, offset, piece); !done) return fail(done.error());
        received += piece.size();
    } else if (upload.bytes == 0) {
        if (auto done = append(part, 0, {}); !done) return fail(done.error());
    }
    if (received < upload.bytes) return protocol::UploadState{received, {}};
    const auto digest = sha256File(part);
    if (!digest) return fail(digest.error());
    if (*digest != upload.sha256) {
        fs::remove(part, code);
        return fail(ErrorKind::Mismatch, "The file did not arrive as it was sent (its SHA-256 differs). Send it again.", upload.name);
    }
    if (auto done = flushToDisk(part); !done) return fail(done.error());
    fs::rename(part, whole, code);
    if (code) return fail(ErrorKind::Io, "The file that was sent cannot get its name: " + code.message() + ".", whole);
    return protocol::UploadState{received, whole};
}

}  // namespace safequant
