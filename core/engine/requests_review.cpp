// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/run/review.h"
#include "core/run/run_results.h"

namespace safequant {

using nlohmann::json;

Expected<json> EngineRequests::tasks(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto rates = taskRates(*folder);
    if (!rates) return fail(rates.error());
    json list = json::array();
    for (const auto& rate : *rates) list.push_back(protocol::toJson(rate));
    return list;
}

Expected<json> EngineRequests::review(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto review = readReview(*folder);
    if (!review) return fail(review.error());
    return protocol::toJson(*review);
}

Expected<json> EngineRequests::judgeAnswer(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto prompt = field<int>(params, "prompt");
    if (!prompt) return fail(prompt.error());
    const auto model = field<std::string>(params, "model");
    if (!model) return fail(model.error());
    const auto outcome = field<std::string>(params, "outcome");
    if (!outcome) return fail(outcome.error());
    const auto by = fieldOr<std::string>(params, "by", "");
    if (!by) return fail(by.error());
    // Verdicts given in quick succession are kept one after another.
    const std::scoped_lock lock(m_reviewMutex);
    const auto review = judgeByPerson(*folder, *prompt, *model, *outcome, *by);
    if (!review) return fail(review.error());
    return protocol::toJson(*review);
}

}  // namespace safequant
