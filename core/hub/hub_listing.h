// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/engine/protocol/hub_messages.h"

namespace safequant {

/// What the Hub tells of a repository at one commit.
struct HubListing {
    std::string commit;   ///< 40 hex digits.
    std::string license, gated;
    std::vector<protocol::HubFile> files;

    /// Reads the answer of GET /api/models/ORG/NAME/revision/REV?blobs=true. Error: bad_input, `url` as context, naming what is missing or
    /// no name that a file of the cache may have.
    static Expected<HubListing> parse(const std::string& text, const std::string& url);
    const protocol::HubFile* find(const std::string& name) const;
};

/// Whether a text can name a file of a repository: a relative path that leads nowhere outside.
bool isRepositoryPath(const std::string& name);
/// Whether a text has the form of a file's hash.
bool isBlobHash(const std::string& hash);

/// GGUF models of a repository, one for the parts of one that is split.
std::vector<protocol::HubGguf> ggufsOf(const HubListing& listing);

/// Names of the files that opening the model reads. `gguf` names the GGUF file to take; when empty, a Hugging Face folder is taken before a
/// GGUF file, and several GGUF files give nothing: one must be chosen. `readIndex` fetches the index of split weights. Errors: not_found,
/// unsupported (weights in formats that are not read), those of `readIndex`.
Expected<std::vector<std::string>> neededFiles(const HubListing& listing, const std::string& gguf,
                                               const std::function<Expected<std::string>(const protocol::HubFile&)>& readIndex);

}  // namespace safequant
