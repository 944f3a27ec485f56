// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/hub_blob.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/files.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr auto kLockPatience = std::chrono::milliseconds(100);
constexpr std::size_t kSha256Digits = 64;

std::string systemMessage(int code) { return std::generic_category().message(code); }

/// The digest of a file of this length before its first byte: Git's blobs are hashed behind a head.
Digest digestOf(const protocol::HubFile& file) {
    if (file.hash.size() == kSha256Digits) return Digest(Digest::Algorithm::Sha256);
    Digest digest(Digest::Algorithm::Sha1);
    digest.update("blob " + std::to_string(file.bytes) + '\0');
    return digest;
}

/// Whether a lock file still has its name; whoever had it before may have removed it.
bool hasItsName(int file, const std::string& path) {
    struct stat held {}, named {};
    return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

}  // namespace

Expected<BlobLock> BlobLock::acquire(const std::string& path, const std::stop_token& stop, const std::function<void()>& waiting) {
    bool told = false;
    while (true) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
        if (file < 0) return fail(ErrorKind::Io, "The lock of a file in the cache cannot be opened: " + systemMessage(errno) + ".", path);
        BlobLock lock(file);
        while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR)
                return fail(ErrorKind::Io, "A file in the cache cannot be locked: " + systemMessage(errno) + ".", path);
            if (!std::exchange(told, true)) waiting();
            if (stop.stop_requested()) return fail(cancelledError());
            std::this_thread::sleep_for(kLockPatience);
        }
        if (hasItsName(file, path)) return lock;
    }
}

BlobLock::BlobLock(BlobLock&& other) noexcept : m_file(std::exchange(other.m_file, -1)) {}

BlobLock::~BlobLock() {
    if (m_file >= 0) ::close(m_file);
}

PartialBlob::PartialBlob(int file, std::string path, const protocol::HubFile& wanted)
    : m_file(file), m_path(std::move(path)), m_wanted(wanted), m_digest(digestOf(wanted)) {}

PartialBlob::PartialBlob(PartialBlob&& other) noexcept
    : m_file(std::exchange(other.m_file, -1)),
      m_path(std::move(other.m_path)),
      m_wanted(std::move(other.m_wanted)),
      m_size(other.m_size),
      m_digest(std::move(other.m_digest)) {}

PartialBlob::~PartialBlob() {
    if (m_file >= 0) ::close(m_file);
}

Expected<PartialBlob> PartialBlob::open(const std::string& path, const protocol::HubFile& file, const std::stop_token& stop) {
    const int opened = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (opened < 0) return fail(ErrorKind::Io, "Cannot be opened: " + systemMessage(errno) + ".", path);
    PartialBlob blob(opened, path, file);
    std::vector<char> piece(std::size_t{1} << 20);
    while (true) {
        if (stop.stop_requested()) return fail(cancelledError());
        const ssize_t count = ::read(opened, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(ErrorKind::Io, "Cannot be read: " + systemMessage(errno) + ".", path);
        if (count == 0) return blob;
        blob.m_size += static_cast<std::uint64_t>(count);
        if (blob.m_size > file.bytes) {
            if (auto again = blob.restart(); !again) return fail(again.error());
            return blob;
        }
        blob.m_digest.update(std::string_view(piece.data(), static_cast<std::size_t>(count)));
    }
}

Expected<void> PartialBlob::append(std::string_view bytes) {
    if (bytes.size() > m_wanted.bytes - m_size) return refuse("is longer");
    while (!bytes.empty()) {
        const ssize_t count = ::write(m_file, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return fail(ErrorKind::Io, "There is no room for more (" + systemMessage(errno) + "): " + std::to_string(m_wanted.bytes - m_size) +
                                           " bytes of this file are still to come. What came is kept; free space and download again.", m_path);
        if (count < 0) return fail(ErrorKind::Io, "Cannot be written: " + systemMessage(errno) + ".", m_path);
        const auto written = static_cast<std::size_t>(count);
        m_digest.update(bytes.substr(0, written));
        m_size += written;
        bytes.remove_prefix(written);
    }
    return {};
}

Expected<void> PartialBlob::restart() {
    m_size = 0;
    m_digest = digestOf(m_wanted);
    if (::ftruncate(m_file, 0) != 0 || ::lseek(m_file, 0, SEEK_SET) != 0)
        return fail(ErrorKind::Io, "Cannot be begun anew: " + systemMessage(errno) + ".", m_path);
    return {};
}

tl::unexpected<Error> PartialBlob::refuse(const std::string& why) {
    ::unlink(m_path.c_str());
    return fail(ErrorKind::Mismatch, "What came is not \"" + m_wanted.name + "\" as the Hub lists it: it " + why +
                                         ". It was removed; download again.", m_path);
}

Expected<void> PartialBlob::publish(const std::string& place) {
    if (m_size != m_wanted.bytes) return refuse("has " + std::to_string(m_size) + " bytes, not " + std::to_string(m_wanted.bytes));
    if (m_digest.hex() != m_wanted.hash) return refuse(m_wanted.hash.size() == kSha256Digits ? "has another SHA-256" : "has another Git hash");
    if (auto flushed = flushToDisk(m_path); !flushed) return flushed;
    std::error_code code;
    fs::rename(m_path, place, code);
    if (code) return fail(ErrorKind::Io, "Cannot be put in place: " + code.message() + ".", place);
    return flushToDisk(fs::path(place).parent_path().string());
}

}  // namespace safequant
