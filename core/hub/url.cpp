// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace safequant {
namespace {

std::string partOf(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

std::string escaped(std::string_view text, std::string_view kept) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kept.find(c) != kept.npos;
        if (plain) out += c;
        else out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return out;
}

}  // namespace

std::optional<Url> Url::parse(const std::string& text) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
    Url parts{lower(partOf(url.get(), CURLUPART_SCHEME)), lower(partOf(url.get(), CURLUPART_HOST)), partOf(url.get(), CURLUPART_PORT)};
    if ((parts.scheme != "http" && parts.scheme != "https") || parts.host.empty()) return std::nullopt;
    return parts;
}

std::string Url::shownHost() const { return port == (scheme == "https" ? "443" : "80") ? host : host + ':' + port; }

std::string escapedSegment(std::string_view text) { return escaped(text, "-._~"); }
std::string escapedPath(std::string_view text) { return escaped(text, "-._~/"); }

}  // namespace safequant
