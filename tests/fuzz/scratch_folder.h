// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace safequant::fuzzing {

/// A folder of this process in memory-backed storage where there is some; emptied when made and when left.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    std::string path() const { return m_path.string(); }
    /// Writes a file; folders in its name are made. Returns its path.
    std::string write(const std::string& name, std::span<const std::byte> content) const;
    /// Writes the files an input consists of: each begins with a line "=====FILE NAME", its content reaches to the line break before
    /// the next. Names that leave the folder are ignored, as are bytes before the first such line.
    void unpackFolder(std::span<const std::byte> input) const;

private:
    std::filesystem::path m_path;
};

/// The bytes as text.
std::string_view textOf(std::span<const std::byte> bytes);

}  // namespace safequant::fuzzing
