// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/model_path.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace safequant {
namespace {

namespace fs = std::filesystem;

/// Branches may have slashes ("refs/pr/3"), but lead nowhere outside the cache.
bool isRevision(const std::string& text) {
    const fs::path path(text);
    return !text.empty() && path.is_relative() && std::none_of(path.begin(), path.end(), [](const fs::path& part) {
        return part.empty() || part == "." || part == "..";
    });
}

}  // namespace

bool HubName::isPart(std::string_view text) {
    return !text.empty() && text.size() <= 96 && text.front() != '.' && text.front() != '-' &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == '_' || c == '-';
           });
}

std::optional<HubName> HubName::parse(const std::string& text) {
    std::error_code code;
    return fs::exists(text, code) ? std::nullopt : parseForm(text);
}

std::optional<HubName> HubName::parseForm(const std::string& text) {
    for (const char* ending : {".gguf", ".safetensors", ".json"})
        if (text.ends_with(ending)) return std::nullopt;
    HubName name;
    const std::size_t at = text.find('@');
    name.repository = text.substr(0, at);
    if (at != std::string::npos) name.revision = text.substr(at + 1);
    const std::size_t slash = name.repository.find('/');
    if (slash == std::string::npos || !isRevision(name.revision)) return std::nullopt;
    const std::string_view repository = name.repository;
    if (!isPart(repository.substr(0, slash)) || !isPart(repository.substr(slash + 1))) return std::nullopt;
    return name;
}

std::string HubName::text() const { return revision == "main" ? repository : repository + '@' + revision; }

std::string absoluteModelPath(const std::string& named, const std::string& folder) {
    if (named.starts_with("builtin:")) return named;
    const fs::path path = fs::absolute(folder.empty() ? fs::path(named) : fs::path(folder) / named).lexically_normal();
    std::error_code code;
    return !fs::exists(path, code) && HubName::parse(named) ? named : path.string();
}

}  // namespace safequant
