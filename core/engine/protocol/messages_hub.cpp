// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/hub_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<HubFile> M>
void visitFields(V& visit, M& m) {
    visit("name", m.name);
    visit("hash", m.hash);
    visit("bytes", m.bytes);
    visit("present_bytes", m.presentBytes);
}

template <typename V, MessageOf<HubGguf> M>
void visitFields(V& visit, M& m) {
    visit("file", m.file);
    visit("bytes", m.bytes);
    visit("parts", m.parts);
}

template <typename V, MessageOf<HubPlan> M>
void visitFields(V& visit, M& m) {
    visit("repository", m.repository);
    visit("revision", m.revision);
    visit("commit", m.commit);
    visit("file", m.file);
    visit("host", m.host);
    visit("page", m.page);
    visit("license", m.license);
    visit("gated", m.gated);
    visit("has_token", m.hasToken);
    visit("cache", m.cache);
    visit("files", m.files);
    visit("ggufs", m.ggufs);
    visit("bytes", m.bytes);
    visit("present_bytes", m.presentBytes);
    visit("available_bytes", m.availableBytes);
}

template <typename V, MessageOf<HubProgress> M>
void visitFields(V& visit, M& m) {
    visit("file", m.file);
    visit("done_bytes", m.doneBytes);
    visit("total_bytes", m.totalBytes);
    visit("bytes_per_second", m.bytesPerSecond);
    visit("seconds_left", m.secondsLeft);
    visit("note", m.note);
}

template <typename V, MessageOf<HubOutcome> M>
void visitFields(V& visit, M& m) {
    visit("path", m.path);
    visit("received_bytes", m.receivedBytes);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(HubFile);
SAFEQUANT_DEFINE_MESSAGE(HubGguf);
SAFEQUANT_DEFINE_MESSAGE(HubPlan);
SAFEQUANT_DEFINE_MESSAGE(HubProgress);
SAFEQUANT_DEFINE_MESSAGE(HubOutcome);

}  // namespace safequant::protocol
