// SPDX-License-Identifier: GPL-3.0-or-later
#include <new>

#include "core/engine/protocol/whatif_messages.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/what_if.h"

namespace safequant {

using nlohmann::json;

Expected<json> EngineRequests::whatIf(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto block = field<int>(params, "block");
    const auto quantization = field<json>(params, "quantization");
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!folder) return fail(folder.error());
    if (!block) return fail(block.error());
    if (!quantization) return fail(quantization.error());
    if (!ticket) return fail(ticket.error());
    const auto stop = m_whatIfTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    m_whatIfs.submit([this, folder = *folder, block = *block, quantization = *quantization, ticket = *ticket, stop = *stop] {
        json note{{"ticket", ticket}};
        try {
            if (const auto tried = tryOut(folder, block, quantization, ticket, stop); !tried) note["error"] = protocol::toJson(tried.error());
        } catch (const std::bad_alloc&) {
            note["error"] = protocol::toJson(Error{ErrorKind::OutOfMemory, "There is not enough memory to try this block.", folder});
        } catch (const std::exception& error) {
            note["error"] = protocol::toJson(Error{ErrorKind::Failed, error.what(), folder});
        }
        m_connection.notify("whatif/finished", note);
    });
    return json{{"ticket", *ticket}};
}

Expected<WhatIf*> EngineRequests::whatIfOf(const std::string& folder) {
    if (m_whatIf && m_whatIf->folder() == folder) return m_whatIf.get();
    m_whatIf.reset();
    auto opened = WhatIf::open(folder);
    if (!opened) return fail(opened.error());
    m_whatIf = std::move(*opened);
    return m_whatIf.get();
}

Expected<void> EngineRequests::tryOut(const std::string& folder, int block, const json& quantization, std::int64_t ticket,
                                      const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(cancelledError());
    const auto scheme = whatIfSchemeFromJson(quantization);
    if (!scheme) return fail(scheme.error());
    const auto whatIf = whatIfOf(folder);
    if (!whatIf) return fail(whatIf.error());
    Progress progress;
    progress.stop = stop;
    progress.report = [&](std::uint64_t done, std::uint64_t total) {
        m_connection.notify("whatif/progress", protocol::toJson(protocol::WhatIfProgress{ticket, static_cast<int>(done), static_cast<int>(total)}));
    };
    if (auto ready = (*whatIf)->prepare(block, progress); !ready) return ready;
    const auto tell = [&](const protocol::WhatIfResult& result) {
        m_connection.notify("whatif/result", {{"ticket", ticket}, {"result", protocol::toJson(result)}});
    };
    const auto quick = (*whatIf)->tryScheme(*scheme, stop);
    if (!quick) return fail(quick.error());
    tell(*quick);
    const auto refined = (*whatIf)->refine(stop);
    if (!refined) return fail(refined.error());
    tell(*refined);
    return {};
}

}  // namespace safequant
