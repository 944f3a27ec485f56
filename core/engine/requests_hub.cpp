// SPDX-License-Identifier: GPL-3.0-or-later
#include <new>

#include "core/engine/protocol/hub_messages.h"
#include "core/engine/protocol/messages.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/hub/hub_download.h"

namespace safequant {

using nlohmann::json;

Expected<json> EngineRequests::planDownload(const json& params) {
    const auto text = field<std::string>(params, "name");
    const auto file = fieldOr<std::string>(params, "file", {});
    if (!text) return fail(text.error());
    if (!file) return fail(file.error());
    const auto name = HubName::parseForm(*text);
    if (!name) return fail(ErrorKind::BadInput, "Is no name of a model; give it as organisation/name.", *text);
    const auto settings = HubSettings::fromEnvironment();
    if (!settings) return fail(settings.error());
    const auto plan = planHubDownload(*name, *file, *settings, m_ending.get_token());
    if (!plan) return fail(plan.error());
    return protocol::toJson(*plan);
}

Expected<json> EngineRequests::startDownload(const json& params) {
    const auto given = field<json>(params, "plan");
    if (!given) return fail(given.error());
    auto plan = protocol::parseMessage<protocol::HubPlan>(*given);
    if (!plan) return fail(plan.error());
    const auto settings = HubSettings::fromEnvironment();
    if (!settings) return fail(settings.error());
    std::stop_token stop;
    {
        const std::scoped_lock lock(m_mutex);
        if (m_downloads.contains(plan->repository)) return fail(ErrorKind::BadInput, "This model is being downloaded already.", plan->repository);
        stop = m_downloads[plan->repository].get_token();
    }
    m_network.submit([this, plan = std::move(*plan), settings = *settings, stop] {
        json note{{"repository", plan.repository}};
        try {
            const auto outcome = downloadFromHub(plan, settings, [&](const protocol::HubProgress& progress) {
                m_connection.notify("hub/progress", {{"repository", plan.repository}, {"progress", protocol::toJson(progress)}});
            }, stop);
            if (outcome) note["result"] = protocol::toJson(*outcome);
            else note["error"] = protocol::toJson(outcome.error());
        } catch (const std::bad_alloc&) {
            note["error"] = protocol::toJson(Error{ErrorKind::OutOfMemory, "There is not enough memory for the download.", plan.repository});
        } catch (const std::exception& error) {
            note["error"] = protocol::toJson(Error{ErrorKind::Failed, error.what(), plan.repository});
        }
        {
            const std::scoped_lock lock(m_mutex);
            m_downloads.erase(plan.repository);
        }
        m_connection.notify("hub/finished", note);
    });
    return json{{"repository", given->value("repository", "")}};
}

Expected<json> EngineRequests::cancelDownload(const json& params) {
    const auto repository = field<std::string>(params, "repository");
    if (!repository) return fail(repository.error());
    const std::scoped_lock lock(m_mutex);
    const auto found = m_downloads.find(*repository);
    if (found == m_downloads.end()) return fail(ErrorKind::NotFound, "This model is not being downloaded.", *repository);
    found->second.request_stop();
    return json(nullptr);
}

}  // namespace safequant
