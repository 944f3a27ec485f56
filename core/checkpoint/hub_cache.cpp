// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/files.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownNames = 8;
constexpr std::size_t kLongestReference = 256;
constexpr std::string_view kModelPrefix = "models--";

fs::path variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// Names of the folders inside one, sorted; none when it cannot be read.
std::vector<std::string> foldersIn(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
        if (std::error_code ignored; entry->is_directory(ignored)) names.push_back(entry->path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kShownNames); ++i) {
        if (i > 0) text += ", ";
        text += names[i];
    }
    if (names.size() > kShownNames) text += " and " + std::to_string(names.size() - kShownNames) + " more";
    return text;
}

/// Revisions of a model that were downloaded to their end.
std::vector<std::string> snapshotsOf(const fs::path& model) { return foldersIn(model / "snapshots"); }

/// "models--org--name" to "org/name".
std::string withSlash(const std::string& folder) {
    const std::string name = folder.substr(kModelPrefix.size());
    const auto at = name.find("--");
    return at != std::string::npos ? name.substr(0, at) + '/' + name.substr(at + 2) : name;
}

std::string fetches(const HubName& name) { return "`safequant download " + name.text() + "` fetches it."; }

tl::unexpected<Error> notThere(const HubName& name, const fs::path& cache) {
    std::vector<std::string> models;
    for (const std::string& folder : foldersIn(cache))
        if (folder.starts_with(kModelPrefix) && !snapshotsOf(cache / folder).empty()) models.push_back(withSlash(folder));
    return fail({ErrorKind::NotFound,
                 "There is no file or folder \"" + name.repository + "\", and no model of that name in the local Hugging Face cache, which " +
                     (models.empty() ? "holds no models" : "holds " + listed(models)) + ".",
                 cache.string(), fetches(name)});
}

}  // namespace

std::string hubHome() {
    if (const auto path = variable("HF_HOME"); !path.empty()) return path.string();
    if (const auto path = variable("XDG_CACHE_HOME"); path.is_absolute()) return (path / "huggingface").string();
    return (variable("HOME") / ".cache" / "huggingface").string();
}

std::string hubCacheFolder() {
    if (const auto path = variable("HF_HUB_CACHE"); !path.empty()) return path.string();
    return (fs::path(hubHome()) / "hub").string();
}

std::string hubFolderName(const std::string& repository) {
    std::string folder(kModelPrefix);
    for (const char c : repository) folder += c == '/' ? std::string("--") : std::string(1, c);
    return folder;
}

Expected<std::string> findInHubCache(const HubName& name) {
    const fs::path cache = hubCacheFolder();
    const fs::path model = cache / hubFolderName(name.repository);
    const auto commits = snapshotsOf(model);
    if (commits.empty()) return notThere(name, cache);

    std::string commit = name.revision;
    if (auto reference = readTextFile((model / "refs" / name.revision).string(), kLongestReference)) {
        reference->erase(reference->find_last_not_of(" \r\n") + 1);
        if (!HubName::isPart(*reference))
            return fail(ErrorKind::BadInput,
                        "Does not hold the name of a commit: the cache is damaged, download the model again.",
                        (model / "refs" / name.revision).string());
        commit = *reference;
    }
    if (std::find(commits.begin(), commits.end(), commit) != commits.end()) return (model / "snapshots" / commit).string();
    return fail({ErrorKind::NotFound,
                 "The local Hugging Face cache has \"" + name.repository + "\", but not its revision \"" + name.revision + "\"; it has " +
                     listed(commits) + ". " + name.repository + "@REVISION names another.",
                 model.string(), fetches(name)});
}

}  // namespace safequant
