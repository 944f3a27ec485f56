// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/hub_settings.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"
#include "core/checkpoint/hub_cache.h"
#include "core/hub/url.h"

namespace safequant {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

bool isOn(std::string value) {
    std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// Without what would end a header's line.
std::string trimmed(std::string text) {
    std::erase_if(text, [](unsigned char c) { return c <= ' ' || c == 127; });
    return text;
}

constexpr std::uint64_t kLongestToken = 4096;

void findToken(HubSettings& settings) {
    settings.token = trimmed(variable("HF_TOKEN"));
    settings.tokenPlace = "HF_TOKEN";
    if (!settings.token.empty()) return;
    std::string path = variable("HF_TOKEN_PATH");
    if (path.empty()) path = (std::filesystem::path(hubHome()) / "token").string();
    if (const auto text = readTextFile(path, kLongestToken)) settings.token = trimmed(*text);
    settings.tokenPlace = settings.token.empty() ? "" : path;
}

}  // namespace

Expected<HubSettings> HubSettings::fromEnvironment() {
    HubSettings settings;
    if (std::string endpoint = variable("HF_ENDPOINT"); !endpoint.empty()) {
        if (!Url::parse(endpoint))
            return fail(ErrorKind::BadInput, "Is no address of a server; give one such as https://huggingface.co.", "HF_ENDPOINT=" + endpoint);
        while (endpoint.ends_with('/')) endpoint.pop_back();
        settings.endpoint = endpoint;
    }
    findToken(settings);
    settings.cache = std::filesystem::absolute(hubCacheFolder()).lexically_normal().string();
    settings.certificates = variable("SSL_CERT_FILE");
    settings.offline = isOn(variable("HF_HUB_OFFLINE"));
    return settings;
}

std::string HubSettings::host() const {
    const auto url = Url::parse(endpoint);
    return url ? url->shownHost() : endpoint;
}

}  // namespace safequant
