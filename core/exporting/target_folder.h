// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.h"

namespace safequant {

/// Whether an export can go into a folder: it does not exist or is empty, its parents can be made and written, nothing foreign
/// lies at "FOLDER.part", and the disk holds `bytes`. Errors: bad_input, io.
Expected<void> checkTargetFolder(const std::string& folder, std::uint64_t bytes);

/// Removes what a killed export to a folder left at "FOLDER.part"; anything else that lies there stays.
void removeLeftover(const std::string& folder);

/// A folder that appears whole: filled inside "FOLDER.part" and renamed by `publish`. Destroyed unpublished, it leaves nothing;
/// killed at any moment, a leftover that the next export replaces.
class TargetFolder {
public:
    /// Checks and makes "FOLDER.part"; what a killed export left there is removed. Errors: those of checkTargetFolder.
    static Expected<TargetFolder> create(const std::string& folder, std::uint64_t bytes);
    TargetFolder(TargetFolder&& other) noexcept;
    TargetFolder& operator=(TargetFolder&&) = delete;
    ~TargetFolder();

    /// Where to write, without a slash at its end.
    const std::string& path() const { return m_contents; }
    /// The name it will have.
    const std::string& finalPath() const { return m_folder; }
    Expected<void> publish();

private:
    TargetFolder(std::string folder, std::string beside);

    std::string m_folder;
    std::string m_beside;  ///< Empty once published or moved from.
    std::string m_contents;
};

}  // namespace safequant
