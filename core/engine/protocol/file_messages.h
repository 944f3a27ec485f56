// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/engine/protocol/messages.h"

namespace safequant::protocol {

/// What `initialize` answers: the engine, and the machine it is on, whose files these messages are about. Paths are absolute.
struct EngineIntroduction : EngineInfo {
    std::string host;                ///< Name of the machine.
    std::string home, cacheFolder;
    std::string workspace;           ///< Where runs are kept when a request names an empty workspace.
    std::vector<std::string> cards;  ///< Graphics cards the engine computes on when asked to.
};

/// Files above this are not taken by `files/upload`, in bytes; a piece of one has at most kUploadPieceBytes.
inline constexpr std::uint64_t kMaxUploadBytes = std::uint64_t{256} << 20;
inline constexpr std::uint64_t kUploadPieceBytes = std::uint64_t{256} << 10;

/// A file or a folder on the engine's machine.
struct FileEntry {
    std::string name;
    bool folder = false;
    std::uint64_t bytes = 0;  ///< Of a file.
    double modified = 0.0;    ///< Seconds since the epoch.
};

/// `files/list` {folder, endings?, hidden?} -> FolderListing: what lies in a folder of the engine's machine, folders first, then files
/// with one of the endings (".gguf"; none: all), each by name. `folder` may begin with "~"; an empty one is the home. Names that begin with
/// a dot are left out unless `hidden`.
struct FolderListing {
    std::string folder;  ///< Absolute.
    std::string parent;  ///< Empty at the root.
    std::vector<FileEntry> entries;
    bool more = false;   ///< The folder has more than is told.
};

/// `files/upload` {workspace, name, sha256, bytes, offset, data: base64} -> UploadState: a piece of a client's file for the engine's machine.
/// An empty piece asks how much is there already. Whole and with the right SHA-256, the file lies in the workspace's "uploads", in a folder
/// named after its first 12 digits: the same file sent again is the same file there.
struct UploadState {
    std::uint64_t received = 0;  ///< Where the next piece begins.
    std::string path;            ///< Of the whole file; empty before.
};

nlohmann::json toJson(const EngineIntroduction&);
void fromJson(const nlohmann::json&, EngineIntroduction&);
nlohmann::json toJson(const FileEntry&);
void fromJson(const nlohmann::json&, FileEntry&);
nlohmann::json toJson(const FolderListing&);
void fromJson(const nlohmann::json&, FolderListing&);
nlohmann::json toJson(const UploadState&);
void fromJson(const nlohmann::json&, UploadState&);

}  // namespace safequant::protocol
