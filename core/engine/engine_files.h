// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/file_messages.h"

namespace safequant {

/// $HOME, or "/" when it is not set.
std::string homeFolder();
/// An absolute path from what a client named: "~" and "~/..." begin at the home, and so do relative paths.
std::string pathFromHome(const std::string& named);
/// The workspace that a client named; the user's own when the name is empty.
std::string workspaceNamed(const std::string& named);

/// What `files/list` answers. Errors: not_found, bad_input when it is no folder, io when it may not be read.
Expected<protocol::FolderListing> listFolder(const std::string& folder, const std::vector<std::string>& endings, bool hidden);

/// A file that a client sends.
struct Upload {
    std::string workspace;  ///< Absolute.
    std::string name;       ///< Without folders.
    std::string sha256;     ///< 64 lower-case hex digits.
    std::uint64_t bytes = 0;
};
/// Takes a piece that begins at `offset`; an empty one only asks. Errors: bad_input for a name with folders, a digest that is none, a file
/// above the limit or a piece out of turn; mismatch when the whole is not what the digest says (what came is then gone); io.
Expected<protocol::UploadState> takeUpload(const Upload& upload, std::uint64_t offset, std::string_view piece);

}  // namespace safequant
