// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/overlay_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<AccuracyDifference> M>
void visitFields(V& visit, M& m) {
    visit("value", m.value);
    visit("interval", m.interval);
    visit("p", m.p);
    visit("only_here", m.onlyHere);
    visit("only_there", m.onlyThere);
}

template <typename V, MessageOf<OverlayBlock> M>
void visitFields(V& visit, M& m) {
    visit("block", m.block);
    visit("against", m.against);
    visit("refitted", m.refitted);
    visit("transferred", m.transferred);
    visit("refitted_difference", m.refittedDifference);
    visit("transferred_difference", m.transferredDifference);
}

template <typename V, MessageOf<RunOverlay> M>
void visitFields(V& visit, M& m) {
    visit("folder", m.folder);
    visit("name", m.name);
    visit("model", m.model);
    visit("prompts", m.prompts);
    visit("blocks", m.blocks);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(AccuracyDifference);
SAFEQUANT_DEFINE_MESSAGE(OverlayBlock);
SAFEQUANT_DEFINE_MESSAGE(RunOverlay);

}  // namespace safequant::protocol
