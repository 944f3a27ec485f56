// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <new>

#include "core/base/progress.h"
#include "core/hub/url.h"
#include "safequant_version.h"

namespace safequant {
namespace {

constexpr int kMostRedirects = 8;
constexpr std::size_t kErrorBody = 4096;
constexpr std::size_t kMostIgnoredBody = std::size_t{1} << 20;  ///< Of an answer whose text nobody wants.

using Reach = HttpFailure::Reach;

tl::unexpected<HttpFailure> failure(Reach reach, ErrorKind kind, std::string message, const std::string& url) {
    return tl::unexpected<HttpFailure>(HttpFailure{reach, {kind, std::move(message), url}});
}

/// The state of one transfer, as the library's callbacks see it.
struct Transfer {
    CURL* curl;
    const HttpRequest& request;
    HttpAnswer answer;
    bool begun = false;
    std::size_t ignored = 0;
    std::optional<Error> refusal;

    std::string header(const char* name) const {
        curl_header* found = nullptr;
        return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "";
    }

    void readHead() {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
        answer.contentType = header("Content-Type");
        answer.contentType.erase(std::min(answer.contentType.find(';'), answer.contentType.size()));
        std::transform(answer.contentType.begin(), answer.contentType.end(), answer.contentType.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        answer.errorCode = header("X-Error-Code");
        answer.errorMessage = header("X-Error-Message");
        curl_off_t patience = 0;
        if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &patience) == CURLE_OK && patience > 0)
            answer.retryAfter = static_cast<double>(patience);
    }

    /// Once, before the first byte of the body.
    bool begin() {
        if (begun) return !refusal;
        begun = true;
        readHead();
        if (!answer.ok()) return true;
        const bool resumed = answer.status == 206;
        if (resumed && !header("Content-Range").starts_with("bytes " + std::to_string(request.from) + "-"))
            refusal = Error{ErrorKind::Io, "The server sent another part of the file than was asked for.", request.url};
        else if (auto accepted = request.begin(answer, resumed); !accepted)
            refusal = accepted.error();
        return !refusal;
    }

    bool receive(std::string_view bytes) {
        if (!begin()) return false;
        if (answer.ok()) {
            if (auto taken = request.receive(bytes); !taken) refusal = taken.error();
            return !refusal;
        }
        answer.body += bytes.substr(0, kErrorBody - std::min(kErrorBody, answer.body.size()));
        ignored += bytes.size();
        return ignored <= kMostIgnoredBody;
    }
};

std::size_t onBody(char* data, std::size_t, std::size_t count, void* transfer) {
    return static_cast<Transfer*>(transfer)->receive({data, count}) ? count : CURL_WRITEFUNC_ERROR;
}

int onProgress(void* transfer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(transfer)->request.stop.stop_requested() ? 1 : 0;
}

tl::unexpected<HttpFailure> failureOf(CURLcode code, const Transfer& transfer, const std::string& url) {
    if (transfer.refusal) return tl::unexpected<HttpFailure>(HttpFailure{Reach::Refused, *transfer.refusal});
    const auto host = Url::parse(url);
    const std::string name = host ? host->shownHost() : url;
    switch (code) {
        case CURLE_ABORTED_BY_CALLBACK: return tl::unexpected<HttpFailure>(HttpFailure{Reach::Refused, cancelledError()});
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return failure(Reach::Unreachable, ErrorKind::Io,
                           "The address of " + name + " cannot be found. Check the network, and https_proxy if it needs a proxy.", url);
        case CURLE_COULDNT_CONNECT:
            return failure(Reach::Unreachable, ErrorKind::Io,
                           "No connection to " + name + ". Check the network, and https_proxy if it needs a proxy.", url);
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
            return failure(Reach::Refused, ErrorKind::Io,
                           "The certificate of " + name + " is not trusted. If a proxy of your network signs certificates, name the file "
                           "of its authority in SSL_CERT_FILE.", url);
        case CURLE_OPERATION_TIMEDOUT:
            if (curl_off_t connected = 0; curl_easy_getinfo(transfer.curl, CURLINFO_CONNECT_TIME_T, &connected) != CURLE_OK || connected == 0)
                return failure(Reach::Unreachable, ErrorKind::Io,
                               "No connection to " + name + " in time. Check the network, and https_proxy if it needs a proxy.", url);
            return failure(Reach::Broken, ErrorKind::Io, "Nothing came from " + name + " for too long.", url);
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_SSL_CONNECT_ERROR:
            return failure(Reach::Broken, ErrorKind::Io, "The connection to " + name + " broke.", url);
        default:
            return failure(Reach::Refused, ErrorKind::Io, "The request failed: " + std::string(curl_easy_strerror(code)) + ".", url);
    }
}

bool isRedirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

bool isPassing(long status) {
    constexpr std::array kPassing{408L, 429L, 500L, 502L, 503L, 504L};
    return std::find(kPassing.begin(), kPassing.end(), status) != kPassing.end();
}

/// False when a stop was requested meanwhile.
bool waitFor(double seconds, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
    return !stop.stop_requested();
}

std::string secondsText(double seconds) { return std::to_string(static_cast<long>(std::ceil(seconds))) + " s"; }

}  // namespace

struct HttpClient::Handle {
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), &curl_easy_cleanup};
};

HttpClient::HttpClient(const HubSettings& settings) : m_settings(settings) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    m_handle = std::make_unique<Handle>();
    if (!m_handle->curl) throw std::bad_alloc();
}

HttpClient::~HttpClient() = default;

tl::expected<HttpAnswer, HttpFailure> HttpClient::getOnce(const HttpRequest& request, const std::string& url, std::string& redirect) {
    CURL* curl = m_handle->curl.get();
    // Keeps connections open, and nothing else of the request before.
    curl_easy_reset(curl);
    Transfer transfer{curl, request, {}, false, 0, {}};
    transfer.answer.url = url;
    curl_slist* lines = nullptr;
    const auto target = Url::parse(url);
    if (!m_settings.token.empty() && target && target == Url::parse(m_settings.endpoint))
        lines = curl_slist_append(lines, ("Authorization: Bearer " + m_settings.token).c_str());
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(lines, &curl_slist_free_all);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "safequant-workbench/" SAFEQUANT_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, std::lround(m_settings.connectSeconds * 1000.0));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, std::max(1L, std::lround(m_settings.stallSeconds)));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &onBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &onProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    const std::string range = std::to_string(request.from) + "-";
    if (request.from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    if (!m_settings.certificates.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, m_settings.certificates.c_str());

    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) return failureOf(code, transfer, url);
    // A body without bytes.
    if (!transfer.begin()) return tl::unexpected<HttpFailure>(HttpFailure{Reach::Refused, *transfer.refusal});
    char* place = nullptr;
    if (isRedirect(transfer.answer.status) && curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &place) == CURLE_OK && place != nullptr)
        redirect = place;
    return std::move(transfer.answer);
}

tl::expected<HttpAnswer, HttpFailure> HttpClient::get(const HttpRequest& request) {
    std::string url = request.url;
    for (int i = 0; i <= kMostRedirects; ++i) {
        if (request.stop.stop_requested()) return tl::unexpected<HttpFailure>(HttpFailure{Reach::Refused, cancelledError()});
        std::string redirect;
        auto answer = getOnce(request, url, redirect);
        if (!answer || redirect.empty()) return answer;
        const auto before = Url::parse(url), after = Url::parse(redirect);
        if (!after || (before && before->scheme == "https" && after->scheme != "https"))
            return failure(Reach::Refused, ErrorKind::Io, "The server refers to an address that is not safe to follow, " + redirect + ".", url);
        url = redirect;
    }
    return failure(Reach::Refused, ErrorKind::Io, "The server refers from address to address without an end.", request.url);
}

Expected<HttpAnswer> HttpClient::getPatiently(const std::function<HttpRequest()>& next, const std::function<void(const std::string&)>& tell) {
    const RetryPolicy& policy = m_settings.retry;
    std::uint64_t place = 0;
    double delay = policy.firstDelay;
    for (int attempt = 1;; ++attempt) {
        const HttpRequest request = next();
        if (request.from > place) {
            place = request.from;
            attempt = 1;
            delay = policy.firstDelay;
        }
        auto answer = get(request);
        const bool last = attempt >= policy.attempts;
        double wait = delay;
        std::string reason;
        if (answer) {
            m_reached = true;
            if (!isPassing(answer->status)) return std::move(*answer);
            wait = answer->retryAfter.value_or(delay);
            if (last || wait > policy.longestDelay) return std::move(*answer);
            reason = answer->status == 429 ? "The server asks for fewer requests" : "The server answers with error " + std::to_string(answer->status);
        } else {
            // Somebody who was never reached is not there; who was there before comes back.
            const Reach reach = answer.error().reach;
            if (last || reach == Reach::Refused || (reach == Reach::Unreachable && !m_reached)) return fail(std::move(answer.error().error));
            m_reached = m_reached || reach == Reach::Broken;
            reason = answer.error().error.message;
            reason.pop_back();
        }
        tell(reason + "; trying again in " + secondsText(wait) + ".");
        if (!waitFor(wait, request.stop)) return fail(cancelledError());
        tell({});
        delay = std::min(delay * 2.0, policy.longestDelay);
    }
}

}  // namespace safequant
