// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/file_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<EngineIntroduction> M>
void visitFields(V& visit, M& m) {
    visit("host", m.host);
    visit("home", m.home);
    visit("cache_folder", m.cacheFolder);
    visit("workspace", m.workspace);
    visit("cards", m.cards);
}

template <typename V, MessageOf<FileEntry> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("folder", m.folder);
    visit("bytes", m.bytes);
    visit("modified", m.modified);
}

template <typename V, MessageOf<FolderListing> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
    visit("parent", m.parent);
    visit("entries", m.entries);
    visit("more", m.more);
}

template <typename V, MessageOf<UploadState> M>
void visitFields(V& visit, M& m) {
    visit("received", m.received);
    visit("path", m.path);
}

}  // namespace

nlohmann::json toJson(const EngineIntroduction& message) {
    FieldWriter writer;
    visitFields(writer, message);
    nlohmann::json json = toJson(static_cast<const EngineInfo&>(message));
    json.update(writer.take());
    return json;
}

void fromJson(const nlohmann::json& json, EngineIntroduction& message) {
    fromJson(json, static_cast<EngineInfo&>(message));
    FieldReader reader(json);
    visitFields(reader, message);
}

SAFEQUANT_DEFINE_MESSAGE(FileEntry);
SAFEQUANT_DEFINE_MESSAGE(FolderListing);
SAFEQUANT_DEFINE_MESSAGE(UploadState);

}  // namespace safequant::protocol
