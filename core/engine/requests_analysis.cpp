// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/analysis_messages.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/linear_analysis.h"
#include "core/run/probe_analysis.h"

namespace safequant {
namespace {

using nlohmann::json;

template <typename T>
Expected<json> answerOf(const Expected<T>& result) {
    if (!result) return fail(result.error());
    return protocol::toJson(*result);
}

}  // namespace

Expected<json> EngineRequests::probeWeights(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto model = field<std::string>(params, "model");
    const auto block = field<int>(params, "block");
    if (!folder) return fail(folder.error());
    if (!model) return fail(model.error());
    if (!block) return fail(block.error());
    return answerOf(readProbeWeights(*folder, *model, *block));
}

Expected<json> EngineRequests::probeSimilarity(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto model = field<std::string>(params, "model");
    if (!folder) return fail(folder.error());
    if (!model) return fail(model.error());
    return answerOf(readProbeSimilarity(*folder, *model));
}

Expected<json> EngineRequests::probeTransfer(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto model = field<std::string>(params, "model");
    if (!folder) return fail(folder.error());
    if (!model) return fail(model.error());
    return answerOf(measureProbeTransfer(*folder, *model));
}

Expected<json> EngineRequests::probeCalibration(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto block = field<int>(params, "block");
    const auto bins = field<int>(params, "bins");
    if (!folder) return fail(folder.error());
    if (!block) return fail(block.error());
    if (!bins) return fail(bins.error());
    return answerOf(measureProbeCalibration(*folder, *block, *bins));
}

Expected<json> EngineRequests::linearWeights(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto linear = field<std::string>(params, "linear");
    if (!folder) return fail(folder.error());
    if (!linear) return fail(linear.error());
    return answerOf(measureLinearWeights(*folder, *linear));
}

Expected<json> EngineRequests::linearInputs(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    const auto model = field<std::string>(params, "model");
    const auto tokens = field<int>(params, "tokens");
    const auto ticket = field<std::int64_t>(params, "ticket");
    if (!folder) return fail(folder.error());
    if (!model) return fail(model.error());
    if (!tokens) return fail(tokens.error());
    if (!ticket) return fail(ticket.error());
    const auto stop = m_inputTickets.take(*ticket);
    if (!stop) return fail(stop.error());
    m_inputs.submit([this, folder = *folder, model = *model, tokens = *tokens, ticket = *ticket, stop = *stop] {
        tellEnd("analysis/inputs-finished", {{"ticket", ticket}}, folder, [&]() -> Expected<json> {
            const auto done = measureInputs(folder, model, tokens, stop, [&](protocol::BlockInputs& inputs) {
                inputs.ticket = ticket;
                m_connection.notify("analysis/block-inputs", protocol::toJson(inputs));
            });
            if (!done) return fail(done.error());
            return json(nullptr);
        });
    });
    return json{{"ticket", *ticket}};
}

}  // namespace safequant
