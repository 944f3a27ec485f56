// SPDX-License-Identifier: GPL-3.0-or-later
#include <new>

#include "core/engine/protocol/budget_messages.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/sensitivities.h"

namespace safequant {
namespace {

using nlohmann::json;

protocol::Sensitivities messageOf(const ModelSensitivities& measured, const std::string& measure) {
    protocol::Sensitivities message{measure, {kBudgetBits.begin(), kBudgetBits.end()}, {}, measured.otherBytes};
    for (const LinearSensitivity& linear : measured.linears)
        message.linears.push_back({linear.name, linear.block, static_cast<std::uint64_t>(linear.weights),
                                   {linear.bitsPerWeight.begin(), linear.bitsPerWeight.end()},
                                   {linear.relativeError.begin(), linear.relativeError.end()}});
    return message;
}

}  // namespace

Expected<json> EngineRequests::measureBudget(const json& params) {
    const auto spec = runSpecFromJson(params.value("spec", json::object()), "spec");
    const auto measure = field<std::string>(params, "measure");
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!spec) return fail(spec.error());
    if (!measure) return fail(measure.error());
    if (!ticket) return fail(ticket.error());
    const bool outputs = *measure == "outputs";
    if (!outputs && *measure != "weights")
        return fail(ErrorKind::BadInput, "There is no measure \"" + *measure + "\"; there are \"weights\" and \"outputs\".", "measure");
    const auto folder = outputs ? field<std::string>(params, "folder") : Expected<std::string>(std::string());
    if (!folder) return fail(folder.error());
    const auto stop = m_budgetTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    (outputs ? m_whatIfs : m_slow).submit([this, spec = *spec, outputs, folder = *folder, measure = *measure, ticket = *ticket, stop = *stop] {
        const Progress progress = told("budget/progress", ticket, stop);
        const auto measured = [&]() -> Expected<ModelSensitivities> {
            if (stop.stop_requested()) return fail(cancelledError());
            if (!outputs) return measureWeightErrors(spec, progress);
            const auto whatIf = whatIfOf(folder);
            if (!whatIf) return fail(whatIf.error());
            return measureOutputErrors(spec, **whatIf, progress);
        };
        json note{{"ticket", ticket}};
        try {
            auto result = measured();
            if (result) {
                note["result"] = protocol::toJson(messageOf(*result, measure));
                const std::scoped_lock lock(m_mutex);
                m_sensitivities = std::make_shared<const ModelSensitivities>(std::move(*result));
            } else {
                note["error"] = protocol::toJson(result.error());
            }
        } catch (const std::bad_alloc&) {
            note["error"] = protocol::toJson(Error{ErrorKind::OutOfMemory, "There is not enough memory to measure this model.", spec.checkpoint});
        } catch (const std::exception& error) {
            note["error"] = protocol::toJson(Error{ErrorKind::Failed, error.what(), spec.checkpoint});
        }
        m_connection.notify("budget/finished", note);
    });
    return json{{"ticket", *ticket}};
}

Expected<json> EngineRequests::solveBudgetRequest(const json& params) {
    const auto size = field<double>(params, "size_bits");
    if (!size) return fail(size.error());
    std::shared_ptr<const ModelSensitivities> measured;
    {
        const std::scoped_lock lock(m_mutex);
        measured = m_sensitivities;
    }
    if (!measured) return fail(ErrorKind::NotFound, "No sensitivities were measured yet.", "budget");
    const auto solved = solveBudget(measured->linears, *size, params.value("fused", true));
    if (!solved) return fail(solved.error());
    return protocol::toJson(protocol::BudgetSolution{solved->bits, solved->size, solved->cost, solved->bound});
}

}  // namespace safequant
