// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/base64.h"
#include "core/engine/engine_files.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"

namespace safequant {

using nlohmann::json;

Expected<std::string> askedWorkspace(const json& params) {
    const auto named = field<std::string>(params, "workspace");
    if (!named) return fail(named.error());
    return workspaceNamed(*named);
}

Expected<json> EngineRequests::listFiles(const json& params) {
    const auto folder = field<std::string>(params, "folder");
    if (!folder) return fail(folder.error());
    const auto endings = fieldOr<std::vector<std::string>>(params, "endings", {});
    if (!endings) return fail(endings.error());
    const auto hidden = fieldOr(params, "hidden", false);
    if (!hidden) return fail(hidden.error());
    const auto listing = listFolder(*folder, *endings, *hidden);
    if (!listing) return fail(listing.error());
    return protocol::toJson(*listing);
}

Expected<json> EngineRequests::uploadFile(const json& params) {
    const auto workspace = askedWorkspace(params);
    const auto name = field<std::string>(params, "name");
    const auto digest = field<std::string>(params, "sha256");
    const auto bytes = field<std::uint64_t>(params, "bytes");
    const auto offset = field<std::uint64_t>(params, "offset");
    const auto data = field<std::string>(params, "data");
    if (!workspace) return fail(workspace.error());
    for (const auto* text : {&name, &digest, &data})
        if (!*text) return fail(text->error());
    for (const auto* number : {&bytes, &offset})
        if (!*number) return fail(number->error());
    const auto piece = fromBase64(*data);
    if (!piece) return fail(ErrorKind::BadInput, "The piece is no base 64 text.", "data");
    const auto state = takeUpload({*workspace, *name, *digest, *bytes}, *offset, *piece);
    if (!state) return fail(state.error());
    return protocol::toJson(*state);
}

}  // namespace safequant
