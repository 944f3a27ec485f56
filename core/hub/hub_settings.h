// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"

namespace safequant {

/// How often, and how long apart, a request is made that fails for a passing reason. Delays are seconds and double.
struct RetryPolicy {
    int attempts = 6;           ///< Without a byte between them.
    double firstDelay = 1.0;
    double longestDelay = 60.0;  ///< A server that asks for more patience gets none.
};

/// Whom to ask for models and where they go, as Hugging Face's own programs are told.
struct HubSettings {
    std::string endpoint = "https://huggingface.co";  ///< Without a slash at its end.
    std::string token;       ///< Empty: none. Sent to the endpoint alone.
    std::string tokenPlace;  ///< Where the token was found: "HF_TOKEN" or a path.
    std::string cache;       ///< See hubCacheFolder().
    std::string certificates;  ///< File of the authorities to trust; empty: the system's.
    bool offline = false;
    double connectSeconds = 15.0;  ///< Patience for a connection.
    double stallSeconds = 30.0;    ///< Patience while no byte comes.
    RetryPolicy retry;

    /// Reads HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH or HF_HOME/token, HF_HUB_OFFLINE and SSL_CERT_FILE. Error: bad_input when HF_ENDPOINT
    /// is no http address.
    static Expected<HubSettings> fromEnvironment();
    /// "huggingface.co", with the port where it is not the usual one.
    std::string host() const;
};

}  // namespace safequant
