// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace safequant {
namespace {

std::string systemMessage(int code) { return std::generic_category().message(code); }

ErrorKind kindOf(int code) { return code == ENOENT || code == ENOTDIR ? ErrorKind::NotFound : ErrorKind::Io; }

std::string userFolder(const char* variable, const char* fallback) {
    const char* value = std::getenv(variable);
    if (value != nullptr && value[0] == '/') return std::string(value) + "/safequant";
    const char* home = std::getenv("HOME");
    return std::string(home != nullptr ? home : "/tmp") + "/" + fallback + "/safequant";
}

}  // namespace

Expected<void> flushToDisk(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(kindOf(errno), "Cannot be opened to be flushed: " + systemMessage(errno) + ".", path);
    const int result = ::fsync(fd);
    const int code = errno;
    ::close(fd);
    if (result != 0) return fail(ErrorKind::Io, "Cannot be flushed to disk: " + systemMessage(code) + ".", path);
    return {};
}

Expected<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
    // Without blocking: opening a named pipe would wait for its writer.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(kindOf(errno), "Cannot be opened: " + systemMessage(errno) + ".", path);
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(fd);
        return fail(ErrorKind::BadInput, "Is not a regular file.", path);
    }
    const auto size = static_cast<std::size_t>(info.st_size);
    const std::byte* data = nullptr;
    if (size > 0) {
        void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (mapped == MAP_FAILED) {
            const int code = errno;
            ::close(fd);
            return fail(ErrorKind::Io, "Cannot be mapped into memory: " + systemMessage(code) + ".", path);
        }
        data = static_cast<const std::byte*>(mapped);
    }
    ::close(fd);
    return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
    if (m_data != nullptr) ::munmap(const_cast<std::byte*>(m_data), m_size);
}

void MappedFile::release(std::size_t offset, std::size_t length) const {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t begin = (offset + page - 1) / page * page;
    const std::size_t end = std::min(offset + length, m_size) / page * page;
    if (begin < end) ::madvise(const_cast<std::byte*>(m_data) + begin, end - begin, MADV_DONTNEED);
}

bool isFile(const std::string& path) {
    std::error_code code;
    return std::filesystem::is_regular_file(path, code);
}

Expected<std::string> readTextFile(const std::string& path, std::uint64_t limit) {
    std::error_code code;
    const auto size = std::filesystem::file_size(path, code);
    if (code) return fail(kindOf(code.value()), "Cannot be read: " + code.message() + ".", path);
    if (size > limit)
        return fail(ErrorKind::BadInput, "Has " + std::to_string(size) + " bytes, more than the " + std::to_string(limit) +
                                             " allowed here.", path);
    std::ifstream file(path, std::ios::binary);
    std::string text(size, '\0');
    file.read(text.data(), static_cast<std::streamsize>(size));
    if (!file) return fail(ErrorKind::Io, "Reading stopped before the end of the file.", path);
    return text;
}

Expected<void> writeFileAtomically(const std::string& path, const std::function<Expected<void>(const std::string&)>& write) {
    const std::string beside = path + ".part";
    auto written = write(beside);
    if (written) written = flushToDisk(beside);
    if (written) {
        std::error_code code;
        std::filesystem::rename(beside, path, code);
        if (code) written = fail(ErrorKind::Io, "Cannot be put in place: " + code.message() + ".", path);
    }
    if (!written) {
        std::error_code ignored;
        std::filesystem::remove(beside, ignored);
        return written;
    }
    const auto folder = std::filesystem::absolute(path).parent_path().string();
    return flushToDisk(folder);
}

Expected<void> writeFileAtomically(const std::string& path, std::string_view content) {
    return writeFileAtomically(path, [content](const std::string& beside) -> Expected<void> {
        std::ofstream file(beside, std::ios::binary | std::ios::trunc);
        file.write(content.data(), static_cast<std::streamsize>(content.size()));
        file.flush();
        if (!file) return fail(ErrorKind::Io, "Cannot be written: " + systemMessage(errno) + ".", beside);
        return {};
    });
}

std::string cacheFolder() { return userFolder("XDG_CACHE_HOME", ".cache"); }
std::string dataFolder() { return userFolder("XDG_DATA_HOME", ".local/share"); }

}  // namespace safequant
