// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/placed_prompts.h"
#include "core/run/run_overlay.h"
#include "core/run/run_signature.h"

namespace safequant {

using nlohmann::json;

namespace {

Expected<OverlaySubject> subjectOf(const json& params) {
    const auto other = field<std::string>(params, "other");
    if (!other) return fail(other.error());
    const auto model = field<std::string>(params, "model");
    if (!model) return fail(model.error());
    return OverlaySubject{*other, *model};
}

}  // namespace

Expected<json> EngineRequests::overlay(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto other = subjectOf(params);
    if (!other) return fail(other.error());
    const auto overlay = overlayRun(*folder, *other);
    if (!overlay) return fail(overlay.error());
    return protocol::toJson(*overlay);
}

Expected<json> EngineRequests::overlayProjectionRequest(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto other = subjectOf(params);
    if (!other) return fail(other.error());
    const auto block = field<int>(params, "block");
    if (!block) return fail(block.error());
    const auto kind = field<std::string>(params, "kind");
    if (!kind) return fail(kind.error());
    const auto probe = field<std::string>(params, "probe");
    if (!probe) return fail(probe.error());
    const auto projection = overlayProjection(*folder, *other, *block, *kind, *probe);
    if (!projection) return fail(projection.error());
    return protocol::toJson(*projection);
}

Expected<json> EngineRequests::place(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto texts = field<std::vector<std::string>>(params, "texts");
    if (!texts) return fail(texts.error());
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!ticket) return fail(ticket.error());
    const auto stop = m_placingTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    const auto placed = placePrompts(*folder, *texts, told("run/place-progress", *ticket, *stop));
    if (!placed) return fail(placed.error());
    return protocol::toJson(*placed);
}

Expected<json> EngineRequests::checkAgainstSignature(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto file = field<std::string>(params, "file");
    if (!file) return fail(file.error());
    const auto model = field<std::string>(params, "model");
    if (!model) return fail(model.error());
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!ticket) return fail(ticket.error());
    const auto stop = m_signatureTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    const auto report = checkRunSignature(*folder, *file, *model, told("signature/progress", *ticket, *stop));
    if (!report) return fail(report.error());
    return protocol::toJson(*report);
}

}  // namespace safequant
