// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/base/error.h"
#include "core/hub/hub_settings.h"

namespace safequant {

/// What came back: of an answer that is no success also the beginning of its text.
struct HttpAnswer {
    long status = 0;
    std::string url;          ///< After redirects.
    std::string contentType;  ///< Lower case, without parameters.
    std::string errorCode;    ///< The Hub's X-Error-Code: "GatedRepo", "RevisionNotFound", ...
    std::string errorMessage; ///< Its X-Error-Message.
    std::string body;         ///< Of an answer that is no success, up to 4 KiB.
    std::optional<double> retryAfter;  ///< Seconds the server asks to wait.

    bool ok() const { return status == 200 || status == 206; }
    bool isPage() const { return contentType == "text/html"; }
};

/// One GET.
struct HttpRequest {
    std::string url;
    std::uint64_t from = 0;  ///< First byte wanted.
    std::stop_token stop;
    /// Called before the first byte of a success; `resumed`: the body begins at `from`, else at 0. An error refuses the body.
    std::function<Expected<void>(const HttpAnswer& answer, bool resumed)> begin;
    std::function<Expected<void>(std::string_view bytes)> receive;
};

/// Why there is no answer.
struct HttpFailure {
    enum class Reach {
        Refused,      ///< Here: cancelled, refused by the receiver, or an address or certificate that will not do. Trying again is no use.
        Unreachable,  ///< Nobody answered.
        Broken,       ///< The connection broke, or stalled.
    };
    Reach reach = Reach::Refused;
    Error error;
};

/// Asks web servers. Follows redirects by itself, so that the token goes to the endpoint's scheme, host and port and to nobody else, and
/// never from https to http. Proxies are those of the environment (https_proxy, no_proxy). One object is used by one thread.
class HttpClient {
public:
    explicit HttpClient(const HubSettings& settings);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// One attempt.
    tl::expected<HttpAnswer, HttpFailure> get(const HttpRequest& request);
    /// Repeats attempts that fail for a passing reason (408, 429, 5xx, broken connections), ever later, and as a server's Retry-After says.
    /// `next` makes the request of each attempt: one that begins further on than the last has come forward, and the count begins anew. `tell`
    /// gets a sentence while it waits, and an empty one after. Returns the last answer, of whatever status; errors: io, cancelled, and
    /// those of the receiver.
    Expected<HttpAnswer> getPatiently(const std::function<HttpRequest()>& next, const std::function<void(const std::string&)>& tell);

private:
    struct Handle;
    tl::expected<HttpAnswer, HttpFailure> getOnce(const HttpRequest& request, const std::string& url, std::string& redirect);

    HubSettings m_settings;
    std::unique_ptr<Handle> m_handle;
    bool m_reached = false;  ///< Somebody answered before.
};

}  // namespace safequant
