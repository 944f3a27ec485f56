// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/base/error.h"
#include "core/base/model_path.h"
#include "core/engine/protocol/hub_messages.h"
#include "core/hub/hub_settings.h"

/// Models from the Hugging Face Hub into the local cache of Hugging Face's programs, in that cache's own layout, so that both find what the
/// other fetched: blobs named by their hash, snapshots of links to them, refs. Only what opening a model reads is fetched, and never a
/// pickle. Nothing here runs unless a user asked for it.
namespace safequant {

/// What a download would fetch. Asks the Hub, and writes nothing. `gguf` names a GGUF file of the repository; when empty, a repository of
/// several GGUF files and nothing else gives a plan without files. Errors: not_found, unsupported (formats that are not read), bad_input,
/// failed (offline, gated, a token that is not accepted), io (network), cancelled.
Expected<protocol::HubPlan> planHubDownload(const HubName& name, const std::string& gguf, const HubSettings& settings,
                                            const std::stop_token& stop);

/// Fetches what a plan lists and the cache lacks, one file after the other; every file is compared with its hash before it counts. The
/// snapshot and its name appear once all files are there. Stopped, killed or failed, it leaves what came, and the next download goes on
/// from there. Errors: those of planHubDownload, mismatch (what came is not what the Hub lists).
Expected<protocol::HubOutcome> downloadFromHub(const protocol::HubPlan& plan, const HubSettings& settings,
                                               const std::function<void(const protocol::HubProgress&)>& report, const std::stop_token& stop);

}  // namespace safequant
