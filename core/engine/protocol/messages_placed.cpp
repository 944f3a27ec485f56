// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/placed_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<PlacedBlock> M>
void visitFields(V& visit, M& m) {
    visit("model", m.model);
    visit("block", m.block);
    visit("probe", m.probe);
    visit("lda", m.lda);
    visit("pca", m.pca);
    visit("refitted", m.refitted);
    visit("logits_transferred", m.logitsTransferred);
    visit("logits_refitted", m.logitsRefitted);
}

template <typename V, MessageOf<PlacedPrompts> M>
void visitFields(V& visit, M& m) {
    visit("tokens", m.tokens);
    visit("blocks", m.blocks);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(PlacedBlock);
SAFEQUANT_DEFINE_MESSAGE(PlacedPrompts);

}  // namespace safequant::protocol
