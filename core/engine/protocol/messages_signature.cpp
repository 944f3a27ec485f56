// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/protocol/fields.h"
#include "core/engine/protocol/signature_messages.h"

namespace safequant::protocol {
namespace {

template <typename V, MessageOf<MeasuredValue> M>
void visitFields(V& visit, M& m) {
    visit("value", m.value);
    visit("low", m.low);
    visit("high", m.high);
}

template <typename V, MessageOf<BlockDrift> M>
void visitFields(V& visit, M& m) {
    visit("malicious", m.malicious);
    visit("benign", m.benign);
    visit("separation", m.separation);
    visit("malicious_called", m.maliciousCalled);
    visit("benign_called", m.benignCalled);
}

template <typename V, MessageOf<SignatureReport> M>
void visitFields(V& visit, M& m) {
    visit("signature_of", m.signatureOf);
    visit("model", m.model);
    visit("moved", m.moved);
    visit("separation", m.separation);
    visit("blocks", m.blocks);
    visit("harmful_score", m.harmfulScore);
}

}  // namespace

SAFEQUANT_DEFINE_MESSAGE(MeasuredValue);
SAFEQUANT_DEFINE_MESSAGE(BlockDrift);
SAFEQUANT_DEFINE_MESSAGE(SignatureReport);

}  // namespace safequant::protocol
