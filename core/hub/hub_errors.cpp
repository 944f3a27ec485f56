// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/hub_errors.h"

#include <cmath>

#include "core/hub/url.h"

namespace safequant {
namespace {

/// How to come by a token.
std::string tokenAdvice(const HubSettings& settings) {
    return "make a token at " + settings.endpoint + "/settings/tokens and set HF_TOKEN to it";
}

std::string tokenName(const HubSettings& settings) { return "the token of " + settings.tokenPlace; }

Error gatedError(const HubName& name, const HubSettings& settings) {
    const std::string page = hubPage(name.repository, settings);
    const std::string message =
        settings.token.empty()
            ? "\"" + name.repository + "\" is open only to those who accepted its licence: accept it at " + page + ", then " + tokenAdvice(settings) + "."
            : "\"" + name.repository + "\" is not open to " + tokenName(settings) + ": accept the licence at " + page +
                  " with the account it belongs to (some owners grant access by hand), and see that the token may read gated repositories.";
    return {ErrorKind::Failed, message, page};
}

}  // namespace

std::string hubPage(const std::string& repository, const HubSettings& settings) { return settings.endpoint + '/' + repository; }

Error unknownModelError(const HubName& name, const HubSettings& settings, const std::string& nearby) {
    const std::string readers = settings.token.empty() ? " that is open to all" : " that " + tokenName(settings) + " may read";
    return {ErrorKind::NotFound,
            settings.host() + " knows no model \"" + name.repository + "\"" + readers + nearby +
                (settings.token.empty() ? " For a private one, " + tokenAdvice(settings) + "." : ""),
            hubPage(name.repository, settings)};
}

Error pageError(const HttpAnswer& answer, const HubSettings& settings) {
    return {ErrorKind::Io, "A web page came where data was asked for: a proxy or the login of a network stands before " + settings.host() +
                               ". Log in to the network, set https_proxy, or set HF_ENDPOINT to a mirror.", answer.url};
}

Error hubError(const HttpAnswer& answer, const HubName& name, const std::string& file, const HubSettings& settings) {
    const std::string page = hubPage(name.repository, settings);
    const std::string quoted = "\"" + name.repository + "\"";
    // Hosts it refers to know nothing of licences.
    const bool byHub = Url::parse(answer.url) == Url::parse(settings.endpoint);
    if (answer.errorCode == "GatedRepo" || (byHub && answer.status == 403 && answer.errorCode.empty() && !answer.isPage()))
        return gatedError(name, settings);
    if (answer.errorCode == "RevisionNotFound")
        return {ErrorKind::NotFound, quoted + " has no revision \"" + name.revision + "\"; its page lists branches and tags.", page};
    if (answer.errorCode == "EntryNotFound")
        return {ErrorKind::NotFound, quoted + " has no file \"" + file + "\" at revision \"" + name.revision + "\".", page};
    if (byHub && answer.status == 401 && !settings.token.empty() && answer.errorCode != "RepoNotFound")
        return {ErrorKind::Failed, settings.host() + " does not accept " + tokenName(settings) + ": " + tokenAdvice(settings) + ".", page};
    if ((byHub && (answer.status == 401 || answer.status == 404)) || answer.errorCode == "RepoNotFound")
        return unknownModelError(name, settings);
    if (answer.status == 429) {
        const std::string wait = answer.retryAfter ? " in " + std::to_string(std::lround(std::ceil(*answer.retryAfter))) + " s" : " later";
        return {ErrorKind::Io, settings.host() + " answers no more requests from here for now. Try again" + wait + "; what came is kept." +
                                   (settings.token.empty() ? " With a token in HF_TOKEN it allows more." : ""), answer.url};
    }
    if (answer.isPage()) return pageError(answer, settings);
    if (answer.status >= 500)
        return {ErrorKind::Io, settings.host() + " answers with error " + std::to_string(answer.status) + " again and again. Try again later; "
                               "what came is kept.", answer.url};
    return {ErrorKind::Failed, settings.host() + " refuses the request with status " + std::to_string(answer.status) +
                                   (answer.errorMessage.empty() ? "" : " (" + answer.errorMessage + ")") + ".", answer.url};
}

}  // namespace safequant
