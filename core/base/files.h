// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace safequant {

/// A file mapped read-only into memory, for as long as the object lives.
class MappedFile {
public:
    /// Errors: not_found, io.
    static Expected<std::shared_ptr<const MappedFile>> open(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const std::string& path() const { return m_path; }
    std::span<const std::byte> bytes() const { return {m_data, m_size}; }
    /// Tells the kernel that a range will not be needed soon, so that resident memory stays small.
    void release(std::size_t offset, std::size_t length) const;

private:
    MappedFile(std::string path, const std::byte* data, std::size_t size)
        : m_path(std::move(path)), m_data(data), m_size(size) {}

    std::string m_path;
    const std::byte* m_data = nullptr;
    std::size_t m_size = 0;
};

/// Whether a path names a file that can be looked at; false for folders and on any error.
bool isFile(const std::string& path);

/// The whole of a text file. Errors: not_found, io; bad_input above `limit` bytes.
Expected<std::string> readTextFile(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 30);

/// Waits until what was written to a file, or to the entries of a folder, is on the disk. Errors: not_found, io.
Expected<void> flushToDisk(const std::string& path);

/// Makes a file appear whole or not at all: written beside as "NAME.part", fsync, renamed, folder fsync. One writer of a path at a time:
/// two would take the file beside from each other.
Expected<void> writeFileAtomically(const std::string& path, std::string_view content);

/// The same around any writer: `write` gets the path of the file beside and fills it.
Expected<void> writeFileAtomically(const std::string& path, const std::function<Expected<void>(const std::string&)>& write);

/// $XDG_CACHE_HOME/safequant, or ~/.cache/safequant; relative values of the variable are ignored.
std::string cacheFolder();
/// $XDG_DATA_HOME/safequant, or ~/.local/share/safequant.
std::string dataFolder();

}  // namespace safequant
